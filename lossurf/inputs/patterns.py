"""Patterns of file names: read so that a search takes no longer than looking through the directories it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lossurf.inputs.faults import fault
from lossurf.inputs.files import exists

_RECURSIVE: Final = "**"
_MOST_RECURSIVE: Final = 2  # each further one multiplies the time by the depth of the tree: 200 would never end


def bounded_pattern(pattern: str) -> str:
    """Return a pattern that matches the same files and looks at no directory again and again.

    `**/**` is `**`, and two stars beside other characters are one, as the shell reads them.

    Raises
    ------
    InputError
        If `**` stands in more than two places, or the pattern holds a null character.
    """
    if "\0" in pattern:
        raise fault("not-readable", name=pattern, reason="its name holds a null character")
    kept: list[str] = []
    for part in pattern.split("/"):
        if part == _RECURSIVE:
            if kept[-1:] != [_RECURSIVE]:
                kept.append(part)
        else:
            kept.append(re.sub(r"\*{2,}", "*", part))
    if kept.count(_RECURSIVE) > _MOST_RECURSIVE:
        raise fault("deep-pattern", pattern=f"{pattern:.60}", most=_MOST_RECURSIVE)
    return "/".join(kept)


def matching_paths(pattern: Path) -> Iterator[Path]:
    """Yield the paths that match, in no order; directories that may not be looked into hold none.

    Raises
    ------
    InputError
        As `bounded_pattern`, and if the directories cannot be read or are nested without end.
    """
    bounded = Path(bounded_pattern(pattern.as_posix()))
    try:
        yield from Path(bounded.anchor or ".").glob(str(bounded.relative_to(bounded.anchor)))
    except (OSError, ValueError, RecursionError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise fault("not-readable", name=str(pattern), reason=reason) from None


def is_wild(path: Path) -> bool:
    """Tell whether a path is a pattern and not the name of something that exists."""
    return any(character in str(path) for character in "*?[") and not exists(path)
