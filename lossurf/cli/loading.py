"""From what the options name to what the analysis takes: data reduced once, checkpoints read one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from lossurf.cli.options import DataSource
from lossurf.cli.reading import show_reading
from lossurf.cli.reporting import Reporter
from lossurf.errors import LossurfError, UsageError

if TYPE_CHECKING:
    from lossurf.inputs.checkpoints.checkpoint import Checkpoint
    from lossurf.inputs.tables.dataset import Dataset
    from lossurf.reduction.problem import ReducedProblem
    from lossurf.reduction.triangle import Triangle


_MANY_COLUMNS = 2000  # a dense singular value decomposition of so many takes half a minute on two cores


@dataclass(frozen=True)
class LoadedData:
    """Data that were read and reduced; `problem` is their analysis with and without centring."""

    dataset: Dataset
    triangle: Triangle
    _problems: dict[bool, ReducedProblem] = field(default_factory=dict, repr=False)

    def problem(self, *, bias: bool) -> ReducedProblem:
        """Return the reduced problem, centred for networks with an output bias; each is made once."""
        if bias not in self._problems:
            from lossurf.reduction.problem import reduced_problem

            self._problems[bias] = reduced_problem(self.triangle, bias=bias)
        return self._problems[bias]


def load_data(source: DataSource, report: Reporter) -> LoadedData:
    """Read the data and reduce them; what was assumed in reading is said on standard error."""
    from lossurf.reduction.data import reduce_data

    dataset = source.open()
    _tell_work(dataset, report)
    with show_reading(dataset, report) as progress:
        triangle = reduce_data(dataset, progress=progress)
    for note in dataset.notes:
        report.note(note)
    return LoadedData(dataset, triangle)


def _tell_work(dataset: Dataset, report: Reporter) -> None:
    """Say beforehand that an analysis takes minutes: its time is set by the columns, which no progress shows."""
    columns = dataset.dx + dataset.dy
    if columns > _MANY_COLUMNS and (dataset.samples is None or dataset.samples > _MANY_COLUMNS):
        report.say(
            f"the analysis of {columns} columns takes minutes, eight times as long for twice as many: "
            "--columns and --drop select some"
        )


class Unreadable(NamedTuple):
    """A checkpoint that was refused, and why."""

    checkpoint: str
    error: LossurfError


class CheckpointSource(NamedTuple):
    """Which checkpoints, and how their layers are to be understood."""

    paths: tuple[Path, ...]
    layers: tuple[str, ...] | None
    orientation: Literal["out-in", "in-out"] | None
    module: str | None = None
    scale: float | None = None

    def read(self, path: Path, data: LoadedData, max_memory: int | None, *, linear: bool = True) -> Checkpoint:
        """Read one checkpoint; a linear one with biases must have one on its output."""
        from lossurf.inputs.checkpoints.checkpoint import read_checkpoint, require_output_bias
        from lossurf.inputs.checkpoints.lora import AdapterChoice

        checkpoint = read_checkpoint(
            path,
            data.dataset.dx,
            data.dataset.dy,
            layers=self.layers,
            orientation=self.orientation,
            adapter=AdapterChoice(self.module, self.scale) if linear else None,
            max_memory=max_memory,
            linear=linear,
        )
        if linear:
            require_output_bias(checkpoint)
        return checkpoint

    def read_one(self, data: LoadedData, max_memory: int | None, *, linear: bool = True) -> Checkpoint:
        """Read the only checkpoint."""
        paths = list(expand_globs(self.paths))
        if len(paths) > 1:
            raise UsageError(
                f"'{self.paths[0]}' matches {len(paths)} files and one checkpoint is wanted", remedy="name one of them"
            )
        return self.read(paths[0], data, max_memory, linear=linear)


def expand_globs(paths: Sequence[Path]) -> Iterator[Path]:
    """Replace patterns that name no file, such as a quoted argument, by their matches in natural order."""
    from lossurf.inputs.order import natural_key
    from lossurf.inputs.patterns import is_wild, matching_paths

    for path in paths:
        matches = matching_paths(path) if is_wild(path) else ()
        yield from sorted(matches, key=lambda match: natural_key(str(match))) or [path]
