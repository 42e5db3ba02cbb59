"""Why a cell of a text table is no number: asked of the first that is none, and not before."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from lossurf.inputs.tables.cells import is_missing, is_non_finite, is_number

_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(([,.'\u2019 \u00a0\u202f])\d{3}(\2\d{3})*)([.,]\d+)?", re.ASCII)
_DATE: Final = re.compile(
    r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?([T ].*)?"
    r"|\d{1,2}([-/.])\d{1,2}\3\d{2,4}( .*)?"
    r"|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}"
    r"|\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp][Mm])?",
    re.ASCII,
)
_WITH_UNIT: Final = re.compile(r"[$\u20ac\u00a3\u00a5]\s?[+-]?[\d.,]+|[+-]?[\d.,]+\s?[%$\u20ac\u00a3\u00a5]")


def is_grouped(cell: str) -> bool:
    """Tell whether a cell has separators between groups of three digits."""
    return _GROUPED.fullmatch(cell) is not None


def _has_other_minus(cell: str) -> bool:
    return "\u2212" in cell and is_number(cell.replace("\u2212", "-"))


def _has_comment(cell: str) -> bool:
    return "#" in cell and is_number(cell.partition("#")[0].strip())


_REFUSALS: Final[tuple[tuple[Callable[[str], object], str], ...]] = (
    (is_missing, "missing-cell"),
    (is_non_finite, "non-finite-cell"),
    (is_grouped, "grouped-cell"),
    (_DATE.fullmatch, "date-cell"),
    (_WITH_UNIT.fullmatch, "unit-cell"),
    (_has_other_minus, "minus-cell"),
    (_has_comment, "comment-cell"),
)


def refusal(cell: str) -> str:
    """Return the catalogue's name for what is wrong with a cell that holds no number."""
    return next((name for is_so, name in _REFUSALS if is_so(cell)), "text-cell")
