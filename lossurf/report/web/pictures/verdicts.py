"""What `classify` says of checkpoints, drawn: how far a verdict carries, which ways lead down, index against loss."""

from __future__ import annotations

from typing import Any, Final

from lossurf.report.document import Document
from lossurf.report.page import Tone
from lossurf.report.pages.classify import TONE_BY_VERDICT
from lossurf.report.text import number
from lossurf.report.unreadable import is_unreadable
from lossurf.report.web.chart import (
    BOTTOM,
    HEIGHT,
    LEFT,
    TOP,
    WIDTH,
    Chart,
    Picture,
    below,
    legend_of,
    painted,
    text,
)
from lossurf.report.web.elements import Element, element
from lossurf.report.web.scales import Scale, spanning, spanning_decades

_STRIP: Final = 118.0  # height of the picture of a range
_LEAST_TAU: Final = 1e-17  # below the rounding of float64 every tolerance says the same
_LEAST_SHARE: Final = 1e-16  # of the gain: what is left below is rounding, and 0 has no logarithm
_LETTER: Final = 7.0
_GROUNDS: Final = {Tone.GOOD: "#CFE5DC", Tone.BAD: "#F3D9CC", Tone.UNSURE: "#F3E6C4", Tone.PLAIN: "#ECECEC"}
_WAYS: Final = {"down": "#D55E00", "flat": "#D5D5D5", "up": "#0072B2"}


def of_classify(document: Document) -> list[Picture]:
    """Return the error bar of one checkpoint's verdict, or the scatters of many."""
    results = [result for result in document["results"] if not is_unreadable(result)]
    if document.get("other_loss") or not results:
        return []
    if len(document["results"]) == 1:
        return [*_range(results[0]), *_signature(results[0].get("inertia"))]
    return [*_gaps(results), *_indices(results)]


def of_construct(document: Document) -> list[Picture]:
    """Return the tolerances for which what was written is what it is said to be."""
    return _range({**document, "neighbours": [None, None], "tolerance": None})


def _range(result: dict[str, Any]) -> list[Picture]:
    """Draw the verdict as a function of the tolerance: a step function, of which the result tells three steps."""
    low, high, tolerance = result["stable_from"], result["stable_to"], result["tolerance"]
    if result["verdict"] == "undetermined" or low is None:
        return []
    told = [value for value in (low, high, tolerance) if value]
    x = spanning_decades([*told, 1.0, max(min(told, default=1e-14) / 100.0, _LEAST_TAU)], 12.0, WIDTH - 12.0)
    ends = x(low) if low > 0.0 else x.start, x.end if high is None else x(high)
    below_it, above_it = result["neighbours"]
    parts = _band(*ends, result["verdict"], here=True)
    parts += _band(x.start, ends[0], below_it, here=False) if low > 0.0 else []
    parts += _band(ends[1], x.end, above_it, here=False) if high is not None else []
    parts += [] if tolerance is None else _at(x, tolerance)
    parts += below(x, 72.0, "tolerance: relative change of the layers that counts as none", x.ticks(7))
    upper = "" if high is None else f" to {number(high)}"
    said = f"The verdict is {result['verdict']} for every tolerance from {number(low)}{upper}."
    return [Picture("How far the verdict carries", said, tuple(parts), height=_STRIP)]


def _at(x: Scale, tolerance: float) -> list[Element]:
    """Return the line of the tolerance that decided, with its number on the side that has room."""
    place = x(tolerance)
    left = place > WIDTH * 0.6
    said = text(
        f"tolerance {tolerance:.3g}", place + (-5.0 if left else 5.0), 20.0, "name", anchor="end" if left else "start"
    )
    stretches = ((10.0, 44.0), (62.0, 72.0))  # the word between them stays legible
    return [*(element("line", x1=place, x2=place, y1=a, y2=b, **painted("limit")) for a, b in stretches), said]


def _band(start: float, end: float, verdict: str | None, *, here: bool) -> list[Element]:
    """Return a stretch of tolerances with its verdict, where the word has room."""
    tooltip = element("title", verdict) if verdict else None
    tone = TONE_BY_VERDICT[verdict] if here and verdict else Tone.PLAIN
    look, fill = (f"here {tone}", _GROUNDS[tone]) if here else ("other", "#ECECEC")
    width = max(end - start, 1.0)
    parts = [element("rect", tooltip, x=start, y=34.0, width=width, height=38.0, class_=look, fill=fill)]
    if verdict and width > _LETTER * len(verdict):
        parts.append(text(verdict, start + width / 2.0, 57.0, "name", anchor="middle"))
    return parts


def _signature(inertia: dict[str, Any] | None) -> list[Picture]:
    """Draw how many independent directions lead down, are flat to second order, and lead up."""
    if inertia is None:
        return []
    counts = {"down": inertia["negative"], "flat": inertia["zero"], "up": inertia["positive"]}
    scale = (WIDTH - 24.0) / max(sum(counts.values()), 1)
    parts, place = [], 12.0
    for name, amount in counts.items():
        parts.append(_way(name, x=place, y=12.0, width=amount * scale, height=26.0))
        place += amount * scale
    legend = tuple((_way(name, x=-7.0, y=-7.0, width=14.0, height=14.0), f"{counts[name]} {name}") for name in counts)
    told = ", ".join(f"{amount} {name}" for name, amount in counts.items())
    said = f"Of {sum(counts.values())} independent directions lead: {told}."
    return [Picture("Which ways the Hessian's directions lead", said, tuple(parts), legend, height=46.0)]


def _way(name: str, **place: float) -> Element:
    return element("rect", class_=f"way {name}", fill=_WAYS[name], **place)


def _gaps(results: list[dict[str, Any]]) -> list[Picture]:
    """Draw what is left of the gain against the gradient measure, both by decades: the best are low and to the left."""
    shown = [result for result in results if result["relative_gap"] is not None and result["gradient"] > 0.0]
    if not shown:
        return []
    gaps = [max(result["relative_gap"], _LEAST_SHARE) for result in shown]
    x = spanning_decades([result["gradient"] for result in shown], LEFT, WIDTH - 16.0)
    chart = Chart(x, spanning_decades([*gaps, 1.0], HEIGHT - BOTTOM, TOP))
    parts = chart.frame("gradient measure", "share of the gain that is left")
    for gap, result in zip(gaps, shown, strict=True):
        said = f"{result['checkpoint']}: {result['verdict']}, gap {number(result['relative_gap'])}"
        parts.append(chart.mark(result["verdict"], result["gradient"], gap, said))
    said = f"{len(shown)} checkpoints by what is left to gain and by how far from critical they are."
    return [Picture("How far down, and how close to rest", said, tuple(parts), _legend(shown))]


def _indices(results: list[dict[str, Any]]) -> list[Picture]:
    """Draw the number of independent ways down against the loss, for what is critical."""
    shown = [result for result in results if result.get("inertia") is not None]
    if not shown:
        return []
    most = max(result["inertia"]["negative"] for result in shown)
    losses = [result["loss"] for result in shown]
    x = spanning([*losses, shown[0]["optimal_loss"]], LEFT, WIDTH - 16.0, margin=0.08)
    chart = Chart(x, Scale(-0.35, most + 0.5, HEIGHT - BOTTOM, TOP, whole=True))
    parts = chart.frame("loss", "independent ways down (the Morse index)")
    for result in shown:
        said = f"{result['checkpoint']}: {result['verdict']}, {result['inertia']['negative']} ways down"
        parts.append(chart.mark(result["verdict"], result["loss"], result["inertia"]["negative"], said))
    said = f"{len(shown)} critical checkpoints; the most ways down is {most}."
    return [Picture("Index against loss", said, tuple(parts), _legend(shown))]


def _legend(results: list[dict[str, Any]]) -> tuple[tuple[Element, str], ...]:
    return legend_of({result["verdict"] for result in results})
