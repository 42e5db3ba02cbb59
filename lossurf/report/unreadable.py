"""What a document says of a file that could not be used: the error in its three parts."""

from __future__ import annotations

from typing import Any


def is_unreadable(result: dict[str, Any]) -> bool:
    """Tell whether a result is that of a checkpoint that was refused."""
    return "error" in result


def error_text(error: dict[str, Any]) -> str:
    """Return an error in one line."""
    place = f" ({error['where']})" if error["where"] else ""
    return f"{error['what']}{place}; {error['remedy']}"
