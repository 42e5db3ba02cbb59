"""Numbers and user text as a reader sees them."""

from __future__ import annotations

import re
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
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else repr(c)[1:-1] for c in text)


def span(least: int, most: int | None) -> str:
    """Return a range of whole numbers; without an upper end, from where it goes."""
    if most is None:
        return f"{least} or more"
    return str(least) if least == most else f"{least} to {most}"


_WORD: Final = r"""(?:'[^']*'|"[^"]*"|[^\s'"])+"""  # as a shell splits a line
_PART: Final = re.compile(rf"--?[a-z][a-z-]* (?!-){_WORD}|{_WORD}")  # an option goes with its value
_GOES_ON: Final = " \\"


def command_lines(command: str, width: int) -> list[str]:
    """Return a command in lines that a shell still reads as one, broken before a word where it is too long."""
    if len(command) <= width:
        return [command]
    lines, line = [], ""
    for part in _PART.findall(command):
        if line and len(line) + len(f" {part}{_GOES_ON}") > width:
            lines.append(line + _GOES_ON)
            line = f"    {part}"
        else:
            line = f"{line} {part}" if line else part
    return [*lines, line]
