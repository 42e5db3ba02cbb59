"""The steps of a run: one network followed through its checkpoints, and what its lines are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Protocol

from lossurf.api.parts.judge import Judge
from lossurf.data import Data, DataFacts
from lossurf.errors import InputError
from lossurf.fields import limited
from lossurf.landscape.balance import Balance
from lossurf.landscape.views.trajectory import Follower, Level, Visit, levels

if TYPE_CHECKING:
    from lossurf.inputs.checkpoints.checkpoint import Checkpoint


@dataclass(frozen=True)
class Step(Visit):
    """One checkpoint of a run: what `classify` says of it, where it rests, and how far its balance has drifted.

    Attributes
    ----------
    drift : tuple of float or None
        At every hidden layer, the norm of what its balance has changed by since the first checkpoint of the run, which
        gradient flow would leave at 0; None where it leaves the range of float64.
    run : str or None
        The run that it is of, where several are compared.
    """

    drift: tuple[float | None, ...]
    run: str | None = None


@dataclass(frozen=True)
class RunHead:
    """What the steps of a run are about: the first of the JSON lines that a monitor writes.

    Attributes
    ----------
    data : DataFacts
    levels : tuple of Level
        What the run can wait on, descending.
    notes : tuple of str
        What was assumed in reading the data.
    """

    data: DataFacts
    levels: Annotated[tuple[Level, ...], limited(minItems=1)]
    notes: tuple[str, ...] = ()


class Course(Protocol):
    """A run as far as it has been followed.

    Attributes
    ----------
    name : str or None
        None where it is the only one.
    head : RunHead or None
        None before its first step.
    steps : list of Step
    """

    name: str | None
    head: RunHead | None
    steps: list[Step]


Admit = Callable[[RunHead], None]
"""Refuses a run that does not go with the others, by raising InputError."""


class Following:
    """One network followed through its checkpoints, a `Course`: the first decides shapes, levels and balance."""

    def __init__(self, judge: Judge, *, name: str | None = None, admit: Admit = lambda _: None) -> None:
        self.name = name
        self.head: RunHead | None = None
        self.steps: list[Step] = []
        self._judge = judge
        self._admit = admit
        self._first: Checkpoint | None = None
        self._balance: Balance | None = None
        self._follower: Follower | None = None

    @property
    def data(self) -> Data:
        """What the loss is about."""
        return self._judge.data

    def step(self, checkpoint: Checkpoint) -> Step:
        """Classify the next checkpoint.

        Raises
        ------
        InputError
            If it is another network than the first.
        """
        follower = self._begin(checkpoint)
        visit = follower.visit(self._judge(checkpoint))
        balance = Balance(checkpoint.weights, checkpoint.biases)
        if self._balance is None:
            self._balance = balance
        drift = balance.drift(self._balance)
        step = Step(visit.classification, visit.on_level, visit.for_checkpoints, drift, self.name)
        self.steps.append(step)
        return step

    def _begin(self, checkpoint: Checkpoint) -> Follower:
        if self._first is None or self._follower is None:
            self.head = self._head(checkpoint)
            self._first, self._follower = checkpoint, Follower(self.head.levels)
        first = self._first
        shapes = [[W.shape for W in c.weights] for c in (first, checkpoint)]
        if shapes[0] != shapes[1] or first.has_bias != checkpoint.has_bias:
            raise InputError(
                f"its network differs from that of {first.name}, with which the run began",
                where=checkpoint.name,
                remedy="name the checkpoints of one run only, or say --runs where each directory holds one",
            )
        return self._follower

    def _head(self, checkpoint: Checkpoint) -> RunHead:
        data, bias = self._judge.data, checkpoint.has_bias
        widths = [checkpoint.weights[0].shape[1], *(W.shape[0] for W in checkpoint.weights)]
        head = RunHead(data.facts(bias=bias), self._levels(widths, bias=bias), data.notes)
        self._admit(head)
        return head

    def _levels(self, widths: Sequence[int], *, bias: bool) -> tuple[Level, ...]:
        problem, penalty = self._judge.data.problem(bias=bias), self._judge.penalty
        if penalty is None:
            return levels(problem, min(widths))
        from lossurf.regularised.levels import levels_with_decay

        return levels_with_decay(problem, penalty.lambda_, widths)


def refuse_unlike(first: RunHead, other: RunHead, *, by_levels: bool) -> None:
    """Refuse a run on other data than the first one's, which the levels tell where they are the data's alone.

    Raises
    ------
    InputError
    """
    one, two = first.data, other.data
    same = (one.samples, one.dx, one.dy, one.bias) == (two.samples, two.dx, two.dy, two.bias)
    if same and (not by_levels or _agree(*([level.loss for level in head.levels] for head in (first, other)))):
        return
    raise InputError(
        "the run is about other data than the first run: its samples, columns, output bias or levels differ",
        remedy="compare runs on the same data",
    )


_SAME = 1e-6
"""Of L_0: far above the rounding in which two machines' sums of squares differ, far below what other data do."""


def _agree(one: Iterable[float], two: Iterable[float]) -> bool:
    """Whether the levels that both have are the same: a wider network has further ones."""
    pairs = list(zip(one, two, strict=False))
    return all(abs(a - b) <= _SAME * pairs[0][0] for a, b in pairs)
