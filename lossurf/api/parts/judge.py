"""What is asked of every network alike: under which loss, at which tolerance, and what goes with what."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from lossurf.api.parts.other_loss import prepared_loss
from lossurf.api.parts.penalty import penalty_of, require_penalty
from lossurf.data import Data
from lossurf.errors import InputError, UsageError
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network
from lossurf.landscape.curvature import DEFAULT_SHARE, with_curvature
from lossurf.landscape.lemmas.study import study
from lossurf.landscape.verdict import Classification
from lossurf.losses.facts import LossFacts
from lossurf.reduction.blas_threads import ONE_THREAD
from lossurf.regularised.verdict import WeightDecay
from lossurf.words import DECAY_VERDICTS, LOSS_VERDICTS, PLAIN_VERDICTS, TIED_VERDICTS, LossName, Verdict

if TYPE_CHECKING:
    from lossurf.losses.data import LossData

_SMALL: Final = 256
"""Units up to which threads of BLAS save no time: they wait for each other, and beside a training run for a core."""


@dataclass(frozen=True)
class Judge:
    """What is asked of every checkpoint, and the data it is asked about."""

    given: Data
    loss: str = "squared"
    delta: float | None = None
    tolerance: float | None = None
    expect: Sequence[str] = ()
    lemmas: bool = False
    curvature: bool | float = False
    index: bool = False
    descents: bool = False
    weight_decay: float | None = None
    reduction: str = "mean"
    tied: bool = False
    frozen: Sequence[str] = ()
    _other: LossData | None = field(init=False)

    def __post_init__(self) -> None:
        if self.tolerance is not None and not 0.0 < self.tolerance < 1.0:
            raise UsageError(
                f"the tolerance {self.tolerance:g} is not between 0 and 1",
                remedy="give a relative change such as 1e-8",
            )
        if self.curvature is not True and self.curvature is not False and not 0.0 < self.curvature < 1.0:
            raise UsageError(
                f"the error {self.curvature:g} of the curvature is not between 0 and 1",
                remedy="give a share of the largest one, such as 0.02",
            )
        if self.loss != "squared" and self.lemmas:
            raise UsageError(
                "the lemmas are about the squared loss", where="--lemmas", remedy="leave out --lemmas or the loss"
            )
        if (self.loss != "squared" or self.weight_decay is not None) and self.curvature is not False:
            raise UsageError(
                "the curvature is that of the squared loss alone",
                where="--curvature",
                remedy="leave out --curvature, or the loss and the weight decay",
            )
        require_penalty(self.given, self.weight_decay, self.reduction, self.loss, lemmas=self.lemmas)
        if self.tied:
            self._require_tied_alone()
        if self.frozen:
            self._require_frozen_alone()
        require_verdicts(self.expect, decays=self.weight_decay is not None, tied=self.tied, loss=self.loss)
        if self.curvature is not False:
            self.given.adjustments.refuse_outputs("the curvature is that of the stored parameters and has no meaning")
        object.__setattr__(self, "_other", prepared_loss(self.given, self.loss, self.delta))

    def _require_tied_alone(self) -> None:
        """Refuse what a tied autoencoder has no theory of, and data that are not an autoencoder's."""
        from lossurf.tied.network import require_autoencoder

        self._require_alone("a tied autoencoder is", "--tied", {"--descents": self.descents})
        require_autoencoder(self.given)

    def _require_frozen_alone(self) -> None:
        """Refuse what is about all layers of a network, and names that are one string."""
        if isinstance(self.frozen, str):
            raise UsageError(
                "the frozen layers are a sequence of names", where="frozen", remedy=f"give ({self.frozen!r},)"
            )
        self._require_alone("frozen layers are", "--frozen", {"--tied": self.tied})

    def _require_alone(self, what: str, asked: str, others: dict[str, bool]) -> None:
        """Refuse what only the plain network under the squared loss has, and `others`, beside an option."""
        refused = {
            "--loss": self.loss != LossName.SQUARED,
            "--weight-decay": self.weight_decay is not None,
            "--lemmas": self.lemmas,
            "--curvature": self.curvature is not False,
            **others,
        }
        for option, given in refused.items():
            if given:
                raise UsageError(
                    f"{what} judged under the squared loss alone, without {option}",
                    where=asked,
                    remedy="leave out one of the two",
                )

    @property
    def data(self) -> Data:
        """The data with Y as the loss takes it."""
        return self.given if self._other is None else self._other.data

    @property
    def penalty(self) -> WeightDecay | None:
        """The weight decay in units of the half sum of squares; None without."""
        return None if self.weight_decay is None else penalty_of(self.data, self.weight_decay, self.reduction)

    def __call__(self, checkpoint: Checkpoint) -> Classification:
        """Classify one network."""
        try:
            with _threads_for(checkpoint):
                result = self._judged(self.given.seen(checkpoint))
        except InputError as error:
            if error.where == "checkpoint":  # said of weights, which do not know their file
                error.where = checkpoint.name
            raise
        if not self.expect:
            return result
        expected = tuple(map(Verdict, self.expect))
        return replace(result, expected=expected, ok=result.verdict in expected)

    def _judged(self, checkpoint: Checkpoint) -> Classification:
        if self.frozen:
            from lossurf.landscape.frozen import classify_frozen

            return classify_frozen(
                checkpoint,
                self.data,
                self.frozen,
                tolerance=self.tolerance,
                index=self.index,
                descents=self.descents,
            )
        problem = self.data.problem(bias=checkpoint.has_bias and not self.tied)
        if self.tied:
            from lossurf.tied.classify import classify_tied

            result = classify_tied(checkpoint, problem, tolerance=self.tolerance)
        elif (penalty := self.penalty) is not None:
            from lossurf.regularised.classify import classify_with_decay

            result = classify_with_decay(checkpoint, problem, penalty.lambda_, tolerance=self.tolerance)
        elif self._other is None:
            result = classify_network(
                checkpoint,
                problem,
                tolerance=self.tolerance,
                count=self.curvature is not False,
                index=self.index,
                descents=self.descents,
            )
        else:
            from lossurf.losses.classify import classify_under_loss

            loss_study = self._other.study(bias=checkpoint.has_bias)
            result = classify_under_loss(loss_study, checkpoint, problem, tolerance=self.tolerance)
        if self.curvature is not False:
            share = DEFAULT_SHARE if self.curvature is True else self.curvature
            result = with_curvature(result, checkpoint, problem, share)
        if self.lemmas:
            of_lemmas, of_theorems = study(checkpoint.weights, problem, result.tolerance)
            result = replace(result, lemmas=of_lemmas, theorems=of_theorems)
        return result

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed in reading the data."""
        return (*self.given.notes, *(() if self._other is None else self._other.notes))

    def loss_facts(self, *, bias: bool) -> LossFacts | None:
        """Return what is known of the data under another loss; None under the squared one."""
        if self._other is None:
            return None
        from lossurf.losses.data import loss_facts

        return loss_facts(self._other, bias=bias)

    def centres(self, checkpoint: Checkpoint) -> bool:
        """Whether the last trained layer has a bias, so that the problem is the centred one."""
        layers = zip(checkpoint.layer_names, checkpoint.biases, strict=True)
        trained = [bias for name, bias in layers if name not in self.frozen]
        return bool(trained) and trained[-1] is not None


def _threads_for(checkpoint: Checkpoint) -> AbstractContextManager[object]:
    """Hold BLAS at one thread while a small network is judged."""
    return ONE_THREAD if max(max(W.shape) for W in checkpoint.weights) <= _SMALL else nullcontext()


def require_verdicts(
    expect: Sequence[str], *, decays: bool = False, tied: bool = False, loss: str = LossName.SQUARED
) -> None:
    """Refuse to expect what no point of a loss is.

    Raises
    ------
    UsageError
    """
    known: tuple[Verdict, ...] = PLAIN_VERDICTS
    of = "of the squared loss without weight decay"
    if tied:
        known, of = TIED_VERDICTS, "of a tied autoencoder"
    elif decays:
        known, of = DECAY_VERDICTS, "with weight decay"
    elif loss != LossName.SQUARED:
        known, of = LOSS_VERDICTS, f"of the {loss} loss"
    for name in expect:
        if name not in known:
            what = f"no verdict {of}" if name in tuple(Verdict) else "not a verdict"
            raise UsageError(f"'{name}' is {what}", where="--expect", remedy=f"use one of {', '.join(map(str, known))}")
