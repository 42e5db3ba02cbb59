"""`classify`: what kind of point a network is at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from lossurf.api.reducing import reduced
from lossurf.errors import UsageError
from lossurf.inputs.checkpoints.checkpoint import Checkpoint, as_checkpoint, require_output_bias
from lossurf.inputs.tables.data import Samples, as_dataset
from lossurf.landscape.classify import classify_network
from lossurf.landscape.lemmas.study import study
from lossurf.landscape.verdict import Classification
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import Verdict

if TYPE_CHECKING:
    from lossurf.losses.classify import LossStudy


def classify(
    weights: Sequence[ArrayLike] | Mapping[str, ArrayLike],
    X: ArrayLike,
    Y: ArrayLike,
    *,
    biases: Sequence[ArrayLike | None] | None = None,
    tolerance: float | None = None,
    expect: Sequence[str] = (),
    lemmas: bool = False,
    samples: Samples = "rows",
) -> Classification:
    """Decide what kind of point of the squared loss a linear network is at, with a certificate.

    Parameters
    ----------
    weights : sequence of array_like, or mapping of str to array_like
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}): each (outputs, inputs), first layer first; or a state dict, such as
        `model.state_dict()`, with its biases.
    X : array_like, shape (m, dx)
    Y : array_like, shape (m, dy) or (m,)
    biases : sequence of array_like or None, optional
        One for each layer, None where it has none. With one on the output the problem is that of centred X and Y.
    tolerance : float, optional
        tau, the relative change of every layer that decides what counts as zero; by default from the weights' dtypes.
    expect : sequence of str
        Verdicts asked for; the result's `ok` says whether the verdict is one of them.
    lemmas : bool
        Also hold the paper's lemmas and the theorems against the network.
    samples : {"rows", "columns"}
        Which axis of X and Y counts samples.

    Returns
    -------
    Classification

    Raises
    ------
    InputError
        If arrays are not finite real numbers, the layers do not chain from dx to dy, an inner layer has a bias and the
        output has none, or the loss leaves the range of float64.
    UsageError
        If the tolerance is not between 0 and 1, or `expect` names no verdict.
    """
    data = as_dataset(X, Y, samples=samples)
    checkpoint = as_checkpoint(weights, data.dx, data.dy, biases=biases)
    require_output_bias(checkpoint)
    problem = reduced(data, bias=checkpoint.has_bias)
    return classify_problem(checkpoint, problem, tolerance=tolerance, expect=expect, lemmas=lemmas)


def classify_problem(
    checkpoint: Checkpoint,
    problem: ReducedProblem,
    *,
    tolerance: float | None = None,
    expect: Sequence[str] = (),
    lemmas: bool = False,
    other_loss: LossStudy | None = None,
) -> Classification:
    """Classify a network on a reduced problem; `classify` for data that were reduced before.

    Parameters
    ----------
    checkpoint : Checkpoint
    problem : ReducedProblem
        Centred (`bias=True`) exactly when the network has an output bias.
    tolerance : float, optional
        As for `lossurf.landscape.classify.classify_network`.
    expect : sequence of str
        Verdicts asked for; the result's `ok` says whether the verdict is one of them.
    lemmas : bool
        Also hold the paper's lemmas and the theorems against the network.
    other_loss : LossStudy, optional
        The data under another loss than the squared one.

    Returns
    -------
    Classification

    Raises
    ------
    UsageError
        If the tolerance is not between 0 and 1, `expect` names no verdict, or lemmas are asked for under another loss.
    InputError
        If the loss leaves the range of float64.
    """
    if tolerance is not None and not 0.0 < tolerance < 1.0:
        raise UsageError(
            f"the tolerance {tolerance:g} is not between 0 and 1", remedy="give a relative change such as 1e-8"
        )
    if other_loss is not None and lemmas:
        raise UsageError("the lemmas are about the squared loss", where="lemmas", remedy="leave out lemmas or the loss")
    decide = classify_network if other_loss is None else _under(other_loss)
    result = decide(checkpoint, problem, tolerance=tolerance)
    if lemmas:
        of_lemmas, of_theorems = study(checkpoint.weights, problem, result.tolerance)
        result = replace(result, lemmas=of_lemmas, theorems=of_theorems)
    if not expect:
        return result
    expected = tuple(str(_known_verdict(name)) for name in expect)
    return replace(result, expected=expected, ok=str(result.verdict) in expected)


def _under(other_loss: LossStudy) -> Callable[..., Classification]:
    from lossurf.losses.classify import classify_under_loss

    return partial(classify_under_loss, other_loss)


def _known_verdict(name: str) -> Verdict:
    try:
        return Verdict(name)
    except ValueError:
        raise UsageError(
            f"'{name}' is not a verdict", remedy=f"use one of {', '.join(str(verdict) for verdict in Verdict)}"
        ) from None
