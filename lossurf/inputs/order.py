"""The order of names that people count with: step-9 before step-10."""

from __future__ import annotations

import re


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts layer 2 before layer 10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if _is_number(part) else (1, 0, part) for part in parts if part]


def _is_number(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) < 1000  # Python refuses to read very long ones
