"""What one cell of a text table holds: a number, a word for a missing one, or something that has to be refused."""

from __future__ import annotations

import re
from typing import Final

EXPONENT: Final = r"([eEdD][+-]?\d+)?"  # Fortran writes double precision as 1.0D+00
FLOAT: Final = re.compile(rf"[+-]?(\d+\.?\d*|\.\d+){EXPONENT}", re.ASCII)  # float() takes 1_0 and other scripts' digits
_NUMBER: Final = re.compile(rf"[+-]?(\d+([.,]\d*)?|[.,]\d+){EXPONENT}", re.ASCII)
_NON_FINITE: Final = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_NOT_A_NUMBER_OF_OLD_C: Final = r"[+-]?1\.#(ind|qnan|snan|inf)\d*"
_SPREADSHEET_ERROR: Final = r"#(n/a( n/a)?|na|nv|div/0!?|value!|wert!|ref!|bezug!|name\?|num!|zahl!|null!|spill!|calc!)"
_MISSING: Final = re.compile(
    rf"|na|n/a|n\.a\.|nat|null|none|nil|missing|-+|\?+|\.+|\*+|<na>|<null>|\\n|{_SPREADSHEET_ERROR}"
    rf"|{_NOT_A_NUMBER_OF_OLD_C}",
    re.IGNORECASE,
)
_ERROR_FIRST: Final = re.compile(rf"\s*{_SPREADSHEET_ERROR}\s*([,;|\t ]|$)", re.IGNORECASE)
_LOGICAL: Final = {"true": 1.0, "false": 0.0}


def is_comment(line: str) -> bool:
    """Tell whether a line is a comment: it begins with # or, as MATLAB writes it, %; spreadsheets' #N/A is a cell."""
    start = line.lstrip()[:1]
    return start == "%" or (start == "#" and not _ERROR_FIRST.match(line))


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number, with a decimal point or comma."""
    return _NUMBER.fullmatch(cell) is not None


def is_fraction(cell: str, *, comma: bool) -> bool:
    """Tell whether a cell is a number with a decimal mark, which no name is."""
    return is_number(cell) and ("." in cell or (comma and "," in cell))


def is_missing(cell: str) -> bool:
    """Tell whether a cell stands for a missing value."""
    return _MISSING.fullmatch(cell) is not None


def is_value(cell: str) -> bool:
    """Tell whether a cell is what a column of numbers holds, finite, missing, logical or not."""
    return is_number(cell) or is_missing(cell) or cell.lower() in _LOGICAL or is_non_finite(cell)


def is_non_finite(cell: str) -> bool:
    """Tell whether a cell is a word for NaN or infinity."""
    return _NON_FINITE.fullmatch(cell) is not None


def to_float(text: str) -> float | None:
    """Return the number that a cell with a decimal point is, finite or not in float64; None where it is none."""
    if not FLOAT.fullmatch(text):
        return None
    return float(text.replace("d", "e").replace("D", "e"))


def logical(cell: str) -> float | None:
    """Return 1 for TRUE and 0 for FALSE in any case; None for everything else."""
    return _LOGICAL.get(cell.lower())
