"""How steep a point is, in the words of a report."""

from __future__ import annotations

from typing import Any

from lossurf.report.page import Text
from lossurf.report.text import number


def curvature_items(found: dict[str, Any]) -> tuple[tuple[str, Text], ...]:
    """Return the lines about the Hessian's extreme eigenvalues and what follows from them."""
    items: list[tuple[str, Text]] = [
        ("Largest curvature", _ranged(found["largest"], found["largest_error"])),
        ("Smallest curvature", _ranged(found["smallest"], found["smallest_error"])),
        ("Proved", _proof(found)),
    ]
    if found["step"]["mean"] is not None:
        steps = ", ".join(f"{number(found['step'][name])} ({name})" for name in ("mean", "sum", "half-sum"))
        items.append(("Largest stable step", steps))
    leaving, minimum, flattest = found["leaving"], found["minimum"], found["flattest"]
    if leaving is not None:
        off = f"off by {number(leaving['eps'])}"
        items.append(("Time to leave", f"{number(leaving['steps'])} of the largest stable steps, once {off}"))
    if minimum is not None:
        least = _ranged(minimum["least_nonzero"], minimum["least_nonzero_error"])
        items.append(("Least not zero", f"{least}, condition {number(minimum['condition'])}"))
        items.append(("Linear rate", f"{number(minimum['rate'])} a step of the best length"))
    if flattest is not None:
        items.append(("Flattest minimum", _flattest(flattest)))
    return tuple(items)


def _ranged(value: float, error: float) -> str:
    return f"{number(value)} +- {number(error)}"


_BY_NORMS = "norms of all layers, which one direction reaches"


def _proof(found: dict[str, Any]) -> str:
    ways = {
        "dense": "the whole spectrum was computed",
        "product-form": "the spectrum of the products, the residual being zero",
        "lanczos": f"{found['products']} products with vectors",
    }
    chance = found["failure"]
    sure = "certain" if chance == 0.0 else f"but for a chance of {number(chance)} over the random start"
    by_norms = found["method"] == "lanczos" and found["products"] <= 1 and chance == 0.0
    way = _BY_NORMS if by_norms else ways[found["method"]]
    return f"{way}; {sure}"


_REACHED = {
    "holds": "",
    "undecided": "reached where the inputs are white, which rounding leaves undecided",
    "fails": "which need not be reached on these inputs",
}
_HELD = {
    "holds": "",
    "undecided": "if the widths let least squares be reached, which the data's error leaves undecided",
}


def _flattest(flattest: dict[str, Any]) -> str:
    ratio, sharpness = number(flattest["ratio"]), number(flattest["sharpness"])
    said = f"this one is {ratio} times as sharp as the least possible, {sharpness}"
    return ", ".join(part for part in (said, _REACHED[flattest["white"]], _HELD[flattest["fits"]]) if part)
