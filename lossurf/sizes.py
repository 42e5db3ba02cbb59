"""Sizes in bytes, as people write and read them."""

from __future__ import annotations

import re

from lossurf.errors import UsageError

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def parse_size(text: str) -> int:
    """Read a size such as 500M, 4G, 4GiB or 1000000 as bytes (powers of 1024).

    Raises
    ------
    UsageError
        If it is not a positive size.
    """
    found = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*([kmgt]?)(?:i?b)?\s*", text, re.IGNORECASE | re.ASCII)
    size = int(float(found[1]) * _UNITS[found[2].lower()]) if found else 0
    if size <= 0:
        raise UsageError(f"{text!r} is not a size", where="--max-memory", remedy="give a size such as 500M or 4G")
    return size


def size_text(count: float) -> str:
    """Write a number of bytes for people: 1536 is "1.5 KiB"."""
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} PiB"
