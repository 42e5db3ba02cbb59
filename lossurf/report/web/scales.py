"""From numbers to places on a drawing, with ticks at round numbers. Plain floats: a page needs no library to draw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import Final

FAR: Final = 30.0
"""Positive numbers that span more than this factor are drawn on a logarithmic scale."""

_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_SUPERSCRIPT: Final = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SUBSCRIPT: Final = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_LOW, _HIGH = 0.01, 1000.0  # what is read more easily in digits than as a power of ten
_SMALLEST: Final = 1e-307  # of float64's ordinary numbers
_LEAST: Final = 1e-300  # differences below keep too few digits for an axis


@dataclass(frozen=True)
class Scale:
    """An axis: numbers from `low` to `high` lie between the places `start` and `end`, evenly or by their logarithms.

    A `whole` one counts: its ticks are whole numbers.
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False
    whole: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of a number; what lies beyond the axis stays at its end."""
        low, high, at = (self._measure(number) for number in (self.low, self.high, value))
        share = (at - low) / (high - low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def labels(self, most: int = 6) -> list[tuple[float, str]]:
        """Return ticks with what they are called: on a logarithmic axis that goes far, powers of ten throughout."""
        found = self.ticks(most)
        powers = self.logarithmic and not all(_LOW <= value <= _HIGH for value in found)
        return [(value, power_text(value) if powers else tick_text(value)) for value in found]

    def _measure(self, value: float) -> float:
        return log10(max(value, _LEAST)) if self.logarithmic else value

    def ticks(self, most: int = 6) -> list[float]:
        """Return round numbers within the axis, at most `most`, or its ends where there are none."""
        found = _log_ticks(self.low, self.high, most) if self.logarithmic else _even_ticks(self.low, self.high, most)
        return [value for value in found if self.low <= value <= self.high and not (self.whole and value % 1.0)] or [
            self.low,
            self.high,
        ]


def spanning(values: Iterable[float], start: float, end: float, *, margin: float = 0.06, zero: bool = False) -> Scale:
    """Return an even axis that shows all numbers with a margin at both ends; with `zero` it begins there."""
    shown = [value for value in values if isfinite(value)]
    low, high = (min(shown), max(shown)) if shown else (0.0, 1.0)
    room = margin * ((high - low) or abs(high) or 1.0)
    return Scale(0.0 if zero and low >= 0.0 else low - room, high + max(room, _LEAST), start, end)


def spanning_decades(values: Iterable[float], start: float, end: float) -> Scale:
    """Return a logarithmic axis that shows all positive numbers, with half a decade's quarter at both ends."""
    shown = [value for value in values if isfinite(value) and value > 0.0] or [1.0]
    room = 10.0 ** max(0.12, 0.05 * log10(max(shown) / min(shown)) if min(shown) > _LEAST else 0.12)
    return Scale(max(min(shown) / room, _LEAST), max(shown) * room, start, end, logarithmic=True)


def tick_text(value: float) -> str:
    """Return a number as a tick's label: short, thousands apart, very large and small ones with a power of ten."""
    if value == 0.0:
        return "0"
    if 1e-4 <= abs(value) < 1e6:
        text = f"{value:,.10g}" if abs(value) >= 1e4 else f"{value:.10g}"
        return text.replace(",", "\u2009").replace("-", "\u2212")
    return power_text(value)


def power_text(value: float) -> str:
    """Return a number with its power of ten: 10⁻⁶, 2.5·10⁸, and 1 for 10⁰."""
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    digits = mantissa.rstrip("0").rstrip(".").replace("-", "\u2212")
    if int(exponent) == 0:
        return digits
    power = f"10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    return power if digits == "1" else f"{digits}·{power}"


def level_text(rank: int | str) -> str:
    """Return the name of a level: L₂, or L* for rank "*"."""
    return "L*" if rank == "*" else f"L{str(rank).translate(_SUBSCRIPT)}"


def _even_ticks(low: float, high: float, most: int) -> list[float]:
    step = _round_step((high - low) / most)
    first, count = floor(low / step), int((high - low) / step) + 3
    return [
        round((first + k) * step, 12 - floor(log10(step))) if step < 1e12 else (first + k) * step for k in range(count)
    ]


def _round_step(least: float) -> float:
    size = 10.0 ** floor(log10(max(least, _SMALLEST)))
    return next((step * size for step in _STEPS if step * size >= least * (1.0 - 1e-9)), 10.0 * size)


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Return powers of ten, every one, second, third ...; where there are fewer than three, 2 and 5 times them too."""
    decades = range(floor(log10(low)), floor(log10(high)) + 2)
    inside = [k for k in decades if low <= 10.0**k <= high]
    if len(inside) < 3:
        return [step * 10.0**k for k in decades for step in (1.0, 2.0, 5.0)]
    stride = -(-len(inside) // most)
    return [10.0**k for k in inside if k % stride == 0]
