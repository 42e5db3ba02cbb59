"""A run as a monitor of `lossurf.callbacks` tells it: a file of JSON lines that may still be growing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from lossurf.api.parts.read_back import UnlikeError, read_back
from lossurf.api.parts.steps import Admit, RunHead, Step
from lossurf.errors import InputError
from lossurf.inputs.files import file_size, open_binary
from lossurf.landscape.views.trajectory import Follower
from lossurf.report.document import FORMAT_VERSION

_LONGEST: Final = 1 << 24  # bytes of a line: a thousand layers take a hundredth of this
_MAJOR: Final = FORMAT_VERSION.split(".")[0]


class Told:
    """A run in JSON lines, a `Course`: the first line is its head, every further one a step."""

    def __init__(self, path: Path, *, name: str | None = None, admit: Admit = lambda _: None) -> None:
        self.name = name
        self.head: RunHead | None = None
        self.steps: list[Step] = []
        self._path = path
        self._admit = admit
        self._follower: Follower | None = None
        self._place = 0  # bytes that were read
        self._line = 0  # lines that were read

    def more(self, *, growing: bool = False) -> Iterator[Step]:
        """Yield the steps of the lines that are new; a line counts as read once its step was taken.

        Parameters
        ----------
        growing : bool
            More may come: the file may be empty yet, and a line that has no end is left for later.

        Raises
        ------
        InputError
            If the file cannot be read, or a line is not one that a monitor writes.
        """
        if growing and _is_empty(self._path):
            return
        if file_size(self._path) < self._place:
            raise InputError(
                "the file was begun anew while it was read", where=str(self._path), remedy="watch it again"
            )
        with open_binary(self._path) as file:
            file.seek(self._place)
            for line in self._lines(file, growing=growing):
                yield from self._take(line)
            left = file_size(self._path) - self._place
        if left and not growing and self.head is not None:
            note = f"{self._path}: the last line is not whole and is left out"
            self.head = replace(self.head, notes=(*self.head.notes, note))

    def _lines(self, file: BinaryIO, *, growing: bool) -> Iterator[bytes]:
        """Yield lines; the last one counts where it is whole, as every line was written at once."""
        while line := file.readline(_LONGEST + 1):
            ended = line.endswith(b"\n")
            if len(line) > _LONGEST:
                raise self._fault(f"the line is longer than {_LONGEST} bytes")
            if not ended and (growing or not _is_whole(line)):
                return
            self._place += len(line)
            self._line += 1
            yield line

    def _take(self, line: bytes) -> list[Step]:
        """Read a line: the head, which is no step, or a step."""
        told = self._object(line)
        try:
            return [] if self._begins(told) else [self._step(told)]
        except UnlikeError as error:
            raise self._fault(f"the line is not one that a monitor writes: {error}") from None

    def _begins(self, told: dict[str, Any]) -> bool:
        """Take the head; False where there was one already."""
        if self.head is not None:
            return False
        if "levels" not in told:
            raise InputError(
                "the first line does not say what data and levels the run is about, as a monitor's file does",
                where=f"{self._path}, line {self._line}",
                remedy="write it with lossurf.callbacks.Monitor of this version, or watch the checkpoints themselves",
            )
        head = read_back(RunHead, told)
        heights = [level.loss for level in head.levels]
        if not heights or any(low >= high for high, low in pairwise(heights)):
            raise UnlikeError("levels do not descend")
        try:
            self._admit(head)
        except InputError as error:
            raise InputError(error.what, where=str(self._path), remedy=error.remedy) from None
        self.head, self._follower = head, Follower(head.levels)
        return True

    def _step(self, told: dict[str, Any]) -> Step:
        assert self._follower is not None
        step = read_back(Step, told)
        visit = self._follower.visit(step.classification)  # its place among the levels, whatever the line says of it
        step = replace(step, on_level=visit.on_level, for_checkpoints=visit.for_checkpoints, run=self.name)
        self.steps.append(step)
        return step

    def _object(self, line: bytes) -> dict[str, Any]:
        try:
            told = json.loads(line, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise self._fault("the line is no JSON") from None
        if not isinstance(told, dict) or told.get("command") != "watch":
            raise self._fault("the line is not one that a monitor writes: it says nothing of a run")
        if str(told.get("format_version")).split(".")[0] != _MAJOR:
            raise self._fault(f"the line has the format {told.get('format_version')!r:.20}, not {_MAJOR}")
        return told

    def _fault(self, what: str) -> InputError:
        return InputError(
            what, where=f"{self._path}, line {self._line}", remedy="give a file that lossurf.callbacks.Monitor wrote"
        )


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return True


def _is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
