"""What the reports of `check` and `classify` say of weight decay."""

from __future__ import annotations

from typing import Any

from lossurf.report.page import Facts, Text
from lossurf.report.text import number

_SHOWN = 8  # singular values


def penalty_facts(penalty: dict[str, Any]) -> tuple[str, Text]:
    """Say what was asked and the penalty that follows."""
    given = f"{number(penalty['wd'])} on the {penalty['reduction']} of squares"
    return "Weight decay", f"{given}: lambda {number(penalty['lambda'])} beside 1/2 sum"


def optimum_facts(found: dict[str, Any]) -> Facts:
    """Say what one hidden layer reaches with this weight decay."""
    survive = f"{found['rank']}: {_listed(found['singular_values'])}" if found["rank"] else "none: zero is best"
    return Facts(
        (
            ("lambda", f"{number(found['lambda'])}; nothing is better than zero from {number(found['lambda_max'])} on"),
            ("Least loss", f"{number(found['optimal_loss'])}, to {number(found['duality_gap'])} by the dual bound"),
            ("Singular values", survive),
        ),
        "With weight decay, one hidden layer",
    )


def decay_numbers(result: dict[str, Any]) -> list[tuple[str, Text]]:
    """Say in numbers where a checkpoint is under a loss with weight decay."""
    decay = result["decay"]
    items: list[tuple[str, Text]] = [
        (
            "Loss",
            f"{number(result['loss'])} = {number(decay['squared_loss'])} + penalty {number(decay['penalty'])}",
        ),
        (
            "Gap at most",
            f"{number(result['gap_bound'])}: no network has a lower loss than {number(result['optimal_loss'])}",
        ),
        (
            "Gradient measure",
            f"{number(result['gradient'])} at tolerance {number(result['tolerance'])}",
        ),
        ("Mean squared error", number(result["mse"])),
        ("Imbalance", number(decay["imbalance"])),
        ("Rank", f"{result['rank']} of at most {result['rank_max']}"),
    ]
    if decay["singular_values"]:
        items.append(("Layers share", f"singular values {_listed(decay['singular_values'])}"))
    if result["nearest"] is not None:
        items.append(("Nearest point", f"an exact {result['verdict']}, {number(result['nearest']['distance'])} away"))
    if result["inertia"] is not None:
        items.append(("Directions", _directions(result["inertia"], decay["symmetries"] or 0)))
    if decay["lower"] is not None:
        lower = decay["lower"]
        items.append(("Lower point", f"loss {number(lower['loss'])} at rank {lower['rank']}, found by descent"))
    return items


def _directions(inertia: dict[str, Any], symmetries: int) -> str:
    down = f"{inertia['negative']} down" if inertia["negative"] else "none down"
    turning = f" ({symmetries} turn hidden units)" if symmetries else ""
    return f"{down}, {inertia['zero']} flat{turning}, {inertia['positive']} up"


def _listed(values: list[float]) -> str:
    more = len(values) - _SHOWN
    return ", ".join(map(number, values[:_SHOWN])) + (f" and {more} more" if more > 0 else "")
