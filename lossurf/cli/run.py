"""The checkpoints of one training run, read and classified one by one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lossurf.cli.loading import CheckpointSource, LoadedData, Unreadable
from lossurf.cli.reporting import Reporter
from lossurf.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from lossurf.inputs.checkpoints.checkpoint import Checkpoint
    from lossurf.landscape.views.trajectory import Follower, Level, Visit
    from lossurf.reduction.problem import ReducedProblem


class RunReader:
    """Reads checkpoints as one run: the first decides the network, and with it the levels."""

    def __init__(
        self, data: LoadedData, source: CheckpointSource, *, tolerance: float | None, max_memory: int | None
    ) -> None:
        self._data, self._source = data, source
        self._tolerance, self._max_memory = tolerance, max_memory
        self._first: Checkpoint | None = None
        self._follower: Follower | None = None
        self.problem: ReducedProblem | None = None
        self.levels: tuple[Level, ...] = ()

    def visit(self, path: Path) -> Visit:
        """Read and classify the next checkpoint."""
        from lossurf.api import classify_problem

        checkpoint = self._source.read(path, self._data, self._max_memory)
        follower = self._begin(checkpoint)
        assert self.problem is not None
        classification = classify_problem(checkpoint, self.problem, tolerance=self._tolerance)
        return follower.visit(classification)

    def visit_or_refuse(self, path: Path) -> Visit | Unreadable:
        """Read and classify the next checkpoint, or say why it cannot be."""
        try:
            return self.visit(path)
        except (InputError, MissingExtraError) as error:
            return Unreadable(str(path), error)

    def visits_while_written(self, paths: Iterator[Path], report: Reporter) -> Iterator[Visit | Unreadable]:
        """Yield visits, passing over files that are not whole yet; those that still are not come at the end."""
        broken: dict[Path, Unreadable] = {}
        for path in paths:
            visit = self.visit_or_refuse(path)
            if isinstance(visit, Unreadable):  # perhaps in the middle of being written: it will change and come again
                report.say(f"passed over for now: {visit.error}")
                broken[path] = visit
                continue
            broken.pop(path, None)
            yield visit
        yield from broken.values()

    def _begin(self, checkpoint: Checkpoint) -> Follower:
        from lossurf.landscape.views.trajectory import Follower, levels

        if self._first is None or self._follower is None:
            self._first = checkpoint
            self.problem = self._data.problem(bias=checkpoint.has_bias)
            widths = [checkpoint.weights[0].shape[1], *(W.shape[0] for W in checkpoint.weights)]
            self.levels = levels(self.problem, min(widths))
            self._follower = Follower(self.levels)
        shapes = [[W.shape for W in c.weights] for c in (self._first, checkpoint)]
        if shapes[0] != shapes[1] or self._first.has_bias != checkpoint.has_bias:
            raise InputError(
                f"its network differs from that of {self._first.name}, with which the run began",
                where=checkpoint.name,
                remedy="name the checkpoints of one run only",
            )
        return self._follower
