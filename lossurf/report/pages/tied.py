"""What the report of `classify` says of a tied autoencoder."""

from __future__ import annotations

from typing import Any

from lossurf.report.page import Text
from lossurf.report.text import count, number, percent

_SHOWN = 8  # weights of idle units


def tied_numbers(result: dict[str, Any]) -> list[tuple[str, Text]]:
    """Say in numbers where the matrix of a tied autoencoder is."""
    tied = result["tied"]
    share = "" if result["relative_gap"] is None else f", {percent(result['relative_gap'])} of what can be gained"
    items: list[tuple[str, Text]] = [
        ("Loss", f"{number(result['loss'])} = 1/2 ||W^T W X - X||^2, mean squared error {number(result['mse'])}"),
        ("Optimal loss L*", _optimum(result)),
        ("Gap", f"{number(result['gap'])}{share}"),
        ("Gradient measure", f"{number(result['gradient'])} at tolerance {number(result['tolerance'])}"),
        ("Rank of W", f"{result['rank']} of at most {result['rank_max']}{_carried(result['eigen_indices'])}"),
    ]
    if result["nearest"] is not None:
        items.append(("Nearest point", f"an exact {result['verdict']}, {number(result['nearest']['distance'])} away"))
    if tied["idle_units"]:
        items.append(("Idle units", _idle(tied)))
    if result["inertia"] is not None:
        items.append(("Directions", _directions(result["inertia"], tied["symmetries"])))
    return items


def _optimum(result: dict[str, Any]) -> str:
    error = number(result["tied"]["optimal_loss_error"])
    return f"{number(result['optimal_loss'])}, to {error}: half the sum of the eigenvalues of X X^T left out"


def _carried(indices: list[int] | None) -> str:
    return "" if indices is None else f", eigenvectors {{{', '.join(map(str, indices))}}} of X X^T"


def _idle(tied: dict[str, Any]) -> str:
    if not tied["unseen_inputs"]:
        return f"{tied['idle_units']}"
    weights = tied["idle_weights"]
    more = f" and {len(weights) - _SHOWN} more" if len(weights) > _SHOWN else ""
    shown = ", ".join(map(number, weights[:_SHOWN]))
    lacking = count(tied["unseen_inputs"], "direction")
    return f"{tied['idle_units']}, with weights {shown}{more} on the {lacking} that X lacks; held from 1.41421 on"


def _directions(inertia: dict[str, Any], symmetries: int) -> str:
    down = f"{count(inertia['negative'], 'independent way')} down" if inertia["negative"] else "none down"
    turning = f" ({symmetries} turn hidden units)" if symmetries else ""
    return f"{down}, {inertia['zero']} flat{turning}, {inertia['positive']} up"
