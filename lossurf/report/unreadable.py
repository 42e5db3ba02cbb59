"""What a document says of a file that could not be used: the error in its three parts."""

from __future__ import annotations

from typing import Any

from lossurf.errors import LossurfError


def error_fields(error: LossurfError) -> dict[str, Any]:
    """Return an error as a document holds it: what, where (or None) and remedy."""
    return {"what": error.what, "where": error.where, "remedy": error.remedy}


def unreadable_result(checkpoint: str, error: LossurfError) -> dict[str, Any]:
    """Return the result of a checkpoint that was refused, which stands beside those of the others."""
    return {"checkpoint": checkpoint, "error": error_fields(error)}


def is_unreadable(result: dict[str, Any]) -> bool:
    """Tell whether a result is that of a checkpoint that was refused."""
    return "error" in result


def error_text(error: dict[str, Any]) -> str:
    """Return an error in one line."""
    place = f" ({error['where']})" if error["where"] else ""
    return f"{error['what']}{place}; {error['remedy']}"
