"""The chapter of the manual that helps with an error, told by the room of the package that it comes from."""

from __future__ import annotations

from typing import Final

from lossurf.errors import LossurfError

CHAPTERS: Final = {
    "lossurf.inputs.tables": "data",
    "lossurf.inputs.checkpoints": "checkpoints",
    "lossurf.inputs.config": "ci",
    "lossurf.cli.config": "ci",
    "lossurf.reduction": "big-data",
    "lossurf.losses": "losses",
    "lossurf.nonlinear": "relu",
}
"""Rooms and modules, each with the chapter that tells what it expects."""


def remedy_of(error: LossurfError) -> str:
    """Return what to do next about an error, with the chapter to read."""
    chapter = chapter_of(error)
    return error.remedy + (f"; see 'lossurf help {chapter}'" if chapter else "")


def chapter_of(error: BaseException) -> str | None:
    """Return the chapter for the innermost room that an error passed on its way."""
    import traceback

    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        name = f"{frame.f_globals.get('__name__', '')}."
        for room, chapter in CHAPTERS.items():
            if name.startswith(f"{room}."):
                return chapter
    return None
