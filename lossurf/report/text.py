"""Numbers and user text as a reader sees them."""

from __future__ import annotations

from typing import Any, Final

from lossurf.sizes import size_text

__all__ = ["count", "estimate", "number", "percent", "printable", "size_text"]

_WHOLE: Final = 1.0 - 1e-14  # a share of two losses' differences has that much rounding, which is no shortfall


def number(value: Any) -> str:
    """Return a number with 6 significant digits, an integer whole, a missing one as "-"."""
    if value is None:
        return "-"
    if isinstance(value, (bool, int, str)):
        return str(value)
    return f"{value:.6g}"


_CERTAIN: Final = 5e-7  # half a unit of the sixth digit: what `number` shows is then right to the last digit


def estimate(value: float, error: float | None) -> str:
    """Return a number, with its error bar where that leaves fewer than six digits certain."""
    if error is None or error <= _CERTAIN * abs(value):
        return number(value)
    return f"{number(value)} ± {error:.2g}"


def percent(value: float | None) -> str:
    """Return a share as a percentage with 6 significant digits; what is not quite all of it never reads as 100."""
    if value is None:
        return "-"
    text = f"{100.0 * value:.6g}"
    return ">99.9999 %" if text == "100" and value < _WHOLE else f"{text} %"


def count(amount: int, noun: str) -> str:
    """Return "1 sample", "20 samples"."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"


def printable(text: str) -> str:
    """Return user text with control characters shown instead of obeyed by the terminal."""
    return "".join(c if c.isprintable() else " " if c.isspace() else repr(c)[1:-1] for c in text)
