"""`check`: what data allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from numpy.typing import ArrayLike

from lossurf.api.parts.other_loss import prepared_loss
from lossurf.api.parts.penalty import penalty_of, require_penalty
from lossurf.api.parts.result import Drawn
from lossurf.api.parts.widths import NetworkFacts, fitting_widths, network_facts
from lossurf.data import Data, DataFacts, as_data
from lossurf.errors import UsageError
from lossurf.fields import Magnitude, array, limited
from lossurf.inputs.tables.data import Samples
from lossurf.losses.facts import LossFacts
from lossurf.numerics import Matrix
from lossurf.regularised.study import DecayOptimum, study_decay
from lossurf.regularised.verdict import WeightDecay
from lossurf.theory.conditions import check_conditions
from lossurf.theory.hypotheses import Condition, Finding, check_hypotheses, overall
from lossurf.theory.registry import advice, evaluate
from lossurf.theory.samples import SampleFacts, sample_facts
from lossurf.theory.theorems import TheoremFinding
from lossurf.words import Status


@dataclass(frozen=True)
class CheckResult(Drawn):
    """What the data allow.

    Attributes
    ----------
    data : DataFacts
    hypotheses : tuple of Finding
    eigenvalues : ndarray, shape (dy,)
        Of Sigma = Y X^T (X X^T)^+ X Y^T, descending; squared units of Y times samples.
    eigenvalues_error : ndarray, shape (dy,)
        Bounds of the errors of `eigenvalues`, of rounding and of the stored precision together, at the rank of X that
        `data.rank_x` gives.
    loss_by_rank : ndarray, shape (min(dx, dy) + 1,)
        L_k, the least 1/2 ||P X - Y||_F^2 over products P of rank at most k.
    loss_by_rank_error : ndarray, shape (min(dx, dy) + 1,)
        Bounds of the errors of `loss_by_rank`, as `eigenvalues_error`.
    network : NetworkFacts or None
        None where no widths were given.
    optimal_loss : float
        L*, at the network's rank_max; at full rank without a network.
    optimal_loss_error : float
        Bound of the error of `optimal_loss`.
    optimal_mse : float
        2 L* / (m dy).
    theorems : tuple of TheoremFinding
    status : Status
        `holds` only where every hypothesis holds; under another loss that of `other_loss`.
    conditions : tuple of Finding
        The further hypotheses of single theorems.
    advice : tuple of str
        What still holds, and what to change, where Theorem 2.3 does not speak.
    other_loss : LossFacts or None
        None under the squared loss.
    weight_decay : WeightDecay or None
        None without.
    regularised : DecayOptimum or None
        With weight decay, what one hidden layer reaches.
    notes : tuple of str
        What was assumed in reading the data.
    """

    command: ClassVar[str] = "check"

    data: DataFacts
    hypotheses: Annotated[tuple[Finding, ...], limited(minItems=4)]
    eigenvalues: Annotated[Matrix, array(1, minimum=0)]
    eigenvalues_error: Annotated[Matrix, array(1, minimum=0)]
    loss_by_rank: Annotated[Matrix, array(1, least=2, minimum=0)]
    loss_by_rank_error: Annotated[Matrix, array(1, least=2, minimum=0)]
    network: NetworkFacts | None
    optimal_loss: Magnitude
    optimal_loss_error: Magnitude
    optimal_mse: Magnitude
    theorems: tuple[TheoremFinding, ...]
    status: Status
    conditions: tuple[Condition, ...] = ()
    advice: tuple[str, ...] = ()
    other_loss: LossFacts | None = None
    weight_decay: WeightDecay | None = None
    regularised: DecayOptimum | None = None
    notes: tuple[str, ...] = ()


def check(
    X: ArrayLike | Data,
    Y: ArrayLike | None = None,
    widths: Sequence[int] | None = None,
    *,
    bias: bool = False,
    loss: str = "squared",
    delta: float | None = None,
    weight_decay: float | None = None,
    reduction: str = "mean",
    samples: Samples = "rows",
) -> CheckResult:
    """Check what data allow a deep linear network.

    Parameters
    ----------
    X : array_like, shape (m, dx), or Data
    Y : array_like, shape (m, dy) or (m,)
        Real numbers, any units; float32 and half precision widen the thresholds. Left out where X is a Data.
    widths : sequence of int, optional
        (dx, hidden widths, dy) of a network, for its optimal loss and the theorems that depend on widths.
    bias : bool
        The network has a bias on its output: X and Y are centred.
    loss : {"squared", "huber", "logcosh", "logistic", "softmax"}
        What is summed over the samples.
    delta : float, optional
        Where Huber's loss becomes linear, in units of Y; 1 by default.
    weight_decay : float, optional
        As the optimizer was given it: also tell the least loss with this penalty of one hidden layer.
    reduction : {"mean", "sum", "half-sum"}
        What the optimizer's loss makes of the squares: their mean over all entries, their sum, or half of it.
    samples : {"rows", "columns"}
        Which axis counts samples.

    Returns
    -------
    CheckResult
        With the loss L(W) = 1/2 ||W_N ... W_1 X - Y||_F^2 in squared units of Y times samples.

    Raises
    ------
    InputError
        If the arrays are not finite real numbers or do not go together, their squares leave the range of float64, or
        targets do not suit the loss.
    UsageError
        If the widths do not begin with dx and end with dy, or the loss is unknown.

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
    >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
    >>> result = lossurf.check(X, Y, widths=[2, 1, 2])
    >>> print(result.status, result.network.rank_max, round(result.optimal_loss, 4))
    holds 1 0.2872
    """
    data = as_data(X, Y, samples=samples)
    require_penalty(data, weight_decay, reduction, loss)
    other = prepared_loss(data, loss, delta)
    if weight_decay is not None:
        result = _check(data, widths, bias, sample_facts(data))
        penalty = penalty_of(data, weight_decay, reduction)
        assert penalty is not None
        found = _one_hidden_layer(data, penalty, result.network, bias=bias)
        return replace(result, weight_decay=penalty, regularised=found)
    if other is None:
        return _check(data, widths, bias, sample_facts(data))
    from lossurf.losses.data import loss_facts

    facts = loss_facts(other, widths, bias=bias)
    result = _check(other.data, widths, bias, None)
    return replace(result, status=facts.status, other_loss=facts, notes=(*data.notes, *other.notes))


def _one_hidden_layer(data: Data, penalty: WeightDecay, network: NetworkFacts | None, *, bias: bool) -> DecayOptimum:
    if network is not None and network.hidden_layers != 1:
        raise UsageError(
            "the least loss with weight decay is known for one hidden layer",
            where="--widths",
            remedy="give one hidden width, or leave out --widths; `classify --weight-decay` takes any depth",
        )
    found = study_decay(data.problem(bias=bias), penalty.lambda_)
    if network is not None and network.widths[1] < found.rank:
        raise UsageError(
            f"the least loss with this weight decay needs {found.rank} hidden units, and the layer has "
            f"{network.widths[1]}: its least loss is not known",
            where="--widths",
            remedy="widen the layer, or leave out --widths for a bound that holds for every width",
        )
    return found


def _check(data: Data, widths: Sequence[int] | None, bias: bool, facts: SampleFacts | None) -> CheckResult:
    problem = data.problem(bias=bias)
    network = None if widths is None else network_facts(fitting_widths(widths, data))
    findings = check_hypotheses(problem)
    conditions = check_conditions(problem, None if network is None else network.widths, samples=facts)
    theorems = evaluate(findings + conditions)
    losses = problem.loss_by_rank
    best = losses.size - 1 if network is None else min(network.rank_max, losses.size - 1)
    optimal_loss = float(losses[best])
    return CheckResult(
        data=data.facts(bias=bias),
        hypotheses=findings,
        eigenvalues=problem.eigenvalues,
        eigenvalues_error=problem.eigenvalues_error,
        loss_by_rank=losses,
        loss_by_rank_error=problem.loss_by_rank_error,
        network=network,
        optimal_loss=optimal_loss,
        optimal_loss_error=float(problem.loss_by_rank_error[best]),
        optimal_mse=2.0 * optimal_loss / (problem.samples * problem.dy),
        theorems=theorems,
        status=overall([finding.status for finding in findings]),
        conditions=conditions,
        advice=advice(theorems),
        notes=data.notes,
    )


DOCUMENT = CheckResult
