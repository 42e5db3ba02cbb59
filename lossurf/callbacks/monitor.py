"""A network judged every few steps of its training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from lossurf.api.parts.judge import Judge
from lossurf.api.parts.steps import Following, RunHead, Step
from lossurf.data import Data
from lossurf.errors import OutputError, UsageError
from lossurf.inputs.checkpoints.checkpoint import require_output_bias
from lossurf.inputs.checkpoints.open import Network, as_checkpoint
from lossurf.inputs.checkpoints.roles import Orientation
from lossurf.landscape.verdict import Classification
from lossurf.report.document import plain
from lossurf.report.run import head_line, line_of


@dataclass(frozen=True)
class Observation:
    """A network at one step of its training.

    Attributes
    ----------
    step : int
    visit : Step
        What `classify` says of it, the level that it rests on, and the drift of its balance.
    """

    step: int
    visit: Step

    @property
    def classification(self) -> Classification:
        """What `classify` says of it."""
        return self.visit.classification

    def scalars(self) -> dict[str, float]:
        """Return what a logger draws: what there is of loss, gap, gradient, rank, levels, Morse index and curvature."""
        found = self.classification
        values = {
            "loss": found.loss,
            "gap": found.gap,
            "relative_gap": found.relative_gap,
            "gradient": found.gradient,
            "rank": found.rank,
            "on_level": self.visit.on_level,
            "nearest_level": found.plateau_rank,
            "index": None if found.inertia is None else found.inertia.negative,
            "curvature": None if found.curvature is None else found.curvature.largest,
        }
        return {f"lossurf/{name}": float(value) for name, value in values.items() if value is not None}


class Monitor:
    """Judges a network every few steps, writes what it finds, and says when to stop.

    Parameters
    ----------
    data : Data
        What the loss is about: the training data, or those that are to be judged on.
    every : int
        Steps from one judgement to the next.
    path : path, optional
        File of JSON lines, begun anew: one that says what the run is about, then one a judgement, in the form of
        `lossurf watch --format jsonl`. `lossurf watch FILE` reads it.
    stop_at : str or sequence of str
        Verdicts at which `should_stop` becomes true.
    loggers : sequence
        A TensorBoard SummaryWriter, a run of Weights & Biases or Trackio, or the module mlflow: whatever has
        `add_scalar`, `log_metrics` or `log`.
    tolerance : float, optional
        As in `lossurf.classify`.
    curvature : bool or float
        As in `lossurf.classify`: also enclose the Hessian's extreme eigenvalues, which takes longer.
    layers, orientation
        As in `lossurf.classify`.
    network : callable, optional
        Returns the linear network of the model, where it is a part of it.

    Attributes
    ----------
    observations : list of Observation
    should_stop : bool
        Whether a verdict of `stop_at` was reached.

    Raises
    ------
    UsageError
        If `every` is below 1, or `stop_at` names no verdict.
    OutputError
        If the file cannot be written.
    """

    def __init__(
        self,
        data: Data,
        *,
        every: int = 1,
        path: str | PathLike[str] | None = None,
        stop_at: str | Sequence[str] = (),
        loggers: Iterable[Any] = (),
        tolerance: float | None = None,
        curvature: bool | float = False,
        layers: Sequence[str] | None = None,
        orientation: Orientation | None = None,
        network: Callable[[Any], Network] | None = None,
    ) -> None:
        if every < 1:
            raise UsageError(f"every {every} steps is no pace", where="every", remedy="give a whole number from 1")
        self.observations: list[Observation] = []
        self.should_stop = False
        self._every = every
        self._stop_at = (stop_at,) if isinstance(stop_at, str) else tuple(stop_at)
        self._judge = Judge(data, tolerance=tolerance, curvature=curvature, expect=self._stop_at)
        self._reading: dict[str, Any] = {"layers": layers, "orientation": orientation}
        self._network = network or (lambda model: model)
        self._loggers = tuple(loggers)
        self._following = Following(self._judge)
        self._lines = None if path is None else _Lines(Path(path))

    def step(self, model: Any, step: int) -> Observation | None:
        """Judge the model at a step; None at the steps between.

        Parameters
        ----------
        model : Any
            What `lossurf.classify` takes as weights.
        step : int
            Steps of training so far.

        Raises
        ------
        InputError
            As `lossurf.classify`.
        """
        if step % self._every:
            return None
        data = self._judge.data
        checkpoint = as_checkpoint(self._network(model), data.dx, data.dy, **self._reading)
        require_output_bias(checkpoint)
        observation = Observation(step, self._following.step(checkpoint))
        self.observations.append(observation)
        self.should_stop |= bool(self._stop_at) and observation.classification.ok
        if self._lines is not None and self._following.head is not None:
            self._lines.add(observation, self._following.head)
        for logger in self._loggers:
            log_scalars(logger, observation.scalars(), step)
        return observation


def log_scalars(logger: Any, scalars: dict[str, float], step: int) -> None:
    """Hand numbers to a logger, by whichever of the three common calls it has.

    Raises
    ------
    UsageError
        If it has none of them.
    """
    if hasattr(logger, "add_scalar"):  # TensorBoard
        for name, value in scalars.items():
            logger.add_scalar(name, value, step)
    elif hasattr(logger, "log_metrics"):  # MLflow, and the loggers of Lightning
        logger.log_metrics(scalars, step=step)
    elif hasattr(logger, "log"):  # Weights & Biases, Trackio
        logger.log(scalars, step=step)
    else:
        raise UsageError(
            f"a {type(logger).__name__} takes no numbers",
            where="loggers",
            remedy="give a SummaryWriter, a run of wandb or trackio, or the module mlflow",
        )


class _Lines:
    """JSON lines, each written whole and let go, so that a run that is killed leaves all of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun = False
        self._write("w", "")

    def add(self, observation: Observation, head: RunHead) -> None:
        """Write a judgement in the form of `lossurf watch --format jsonl`, below what the run is about."""
        line = {**plain(observation.visit), "checkpoint": f"step {observation.step}"}
        self._write("a", ("" if self._begun else head_line(head)) + line_of(line, "jsonl"))
        self._begun = True

    def _write(self, mode: str, text: str) -> None:
        try:
            with self._path.open(mode, encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise OutputError(
                f"the file cannot be written: {error.strerror}",
                where=str(self._path),
                remedy="name a file in a directory that exists",
            ) from error
