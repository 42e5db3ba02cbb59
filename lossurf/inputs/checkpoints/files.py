"""Which checkpoint files are meant, and how their layers are to be understood."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final

from lossurf.errors import UsageError
from lossurf.inputs.checkpoints.checkpoint import Checkpoint, require_output_bias
from lossurf.inputs.checkpoints.lora import AdapterChoice
from lossurf.inputs.checkpoints.open import read_checkpoint
from lossurf.inputs.checkpoints.roles import Orientation
from lossurf.inputs.order import natural_key
from lossurf.inputs.patterns import is_wild, matching_paths

_TOLD: Final = ".jsonl"


def is_told(path: Path) -> bool:
    """Tell whether a path names a whole run in a monitor's JSON lines, and no checkpoint."""
    return path.suffix.lower() == _TOLD


@dataclass(frozen=True)
class CheckpointFiles:
    """Files of trained networks.

    Attributes
    ----------
    paths : tuple of Path
        Files, or patterns such as run/*.npz.
    layers : tuple of str or None
        Names of the layers' weights, first to last, or patterns; None for all that the file holds.
    orientation : {"out-in", "in-out"} or None
        Axes of the stored weights; None for what shapes and names tell.
    module : str or None
        Of a LoRA adapter, where it has several.
    scale : float or None
        Of a LoRA adapter; None for that of its configuration.
    max_memory : int, str or None
        Bytes that may be taken, or a size such as "4G".
    """

    paths: tuple[Path, ...]
    layers: tuple[str, ...] | None = None
    orientation: Orientation | None = None
    module: str | None = None
    scale: float | None = None
    max_memory: int | str | None = None

    @classmethod
    def of(cls, files: Files) -> CheckpointFiles:
        """Return files as they are, or those of a path, a pattern, or several of them."""
        if isinstance(files, CheckpointFiles):
            return files
        paths = [files] if isinstance(files, str | PathLike) else files
        return cls(tuple(map(Path, paths)))

    @property
    def are_told(self) -> bool:
        """Whether they are runs in JSON lines, all of them."""
        return all(map(is_told, self.paths))

    def found(self) -> Iterator[Path]:
        """Yield the files; a pattern that names no file stands for its matches, in natural order."""
        for path in self.paths:
            matches = matching_paths(path) if is_wild(path) else ()
            yield from sorted(matches, key=lambda match: natural_key(str(match))) or [path]

    def read(
        self, path: Path, dx: int, dy: int, *, linear: bool = True, tied: bool = False, frozen: bool = False
    ) -> Checkpoint:
        """Read one of them; a linear network with biases must have one on its output, if not tied or partly frozen.

        Raises
        ------
        InputError
            As `read_checkpoint` and `require_output_bias`.
        """
        checkpoint = read_checkpoint(
            path,
            dx,
            dy,
            layers=self.layers,
            orientation=self.orientation,
            adapter=AdapterChoice(self.module, self.scale) if linear else None,
            max_memory=self.max_memory,
            linear=linear,
            tied=tied,
        )
        if linear and not tied and not frozen:
            require_output_bias(checkpoint)
        return checkpoint

    def read_one(self, dx: int, dy: int, *, linear: bool = True, frozen: bool = False) -> Checkpoint:
        """Read the only one, as `read` does.

        Raises
        ------
        UsageError
            If a pattern names several.
        """
        paths = list(self.found())
        if len(paths) > 1:
            raise UsageError(
                f"'{self.paths[0]}' matches {len(paths)} files and one checkpoint is wanted", remedy="name one of them"
            )
        return self.read(paths[0], dx, dy, linear=linear, frozen=frozen)


Files = CheckpointFiles | str | PathLike[str] | Sequence[str | PathLike[str]]
"""What questions about several checkpoints take."""
