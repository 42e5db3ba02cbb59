"""How many columns a terminal has: what COLUMNS says of it, else what the terminal itself says."""

from __future__ import annotations

import os
import sys
from typing import Final

_USUAL: Final = 80  # where nobody tells
_WIDEST_HELP, _NARROWEST_HELP = 100, 50  # longer lines are hard to follow, shorter ones make options a ladder
_EDGE: Final = 2  # columns that help leaves free, as click does


def said_columns() -> int | None:
    """Return what the variable COLUMNS says, if that is a number."""
    said = os.environ.get("COLUMNS", "")
    return int(said) or None if said.isascii() and said.isdigit() else None


def terminal_columns() -> int | None:
    """Return the columns of the terminal that standard output is; None where it is none."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (AttributeError, ValueError, OSError):  # closed, a stream without a number, or a file
        return None


def help_width() -> int:
    """Return the width of help, by click's rule; click itself imports shutil for it, a tenth of `lossurf --help`."""
    columns = said_columns() or terminal_columns() or _USUAL
    return max(min(columns, _WIDEST_HELP) - _EDGE, _NARROWEST_HELP)
