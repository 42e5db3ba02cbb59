"""`classify`: what kind of point a network is at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from numpy.typing import ArrayLike

from lossurf.api.parts.judge import Judge
from lossurf.api.parts.result import Drawn
from lossurf.api.parts.unreadable import REFUSED, Unreadable
from lossurf.data import Data, DataFacts, as_data
from lossurf.fields import limited
from lossurf.inputs.checkpoints.checkpoint import Checkpoint, require_output_bias
from lossurf.inputs.checkpoints.files import CheckpointFiles, Files
from lossurf.inputs.checkpoints.open import Network, as_checkpoint
from lossurf.inputs.checkpoints.roles import Orientation
from lossurf.inputs.tables.data import Samples
from lossurf.landscape.verdict import Classification
from lossurf.losses.facts import LossFacts
from lossurf.regularised.verdict import WeightDecay
from lossurf.report.document import Document


@dataclass(frozen=True)
class ClassifyResult(Drawn):
    """The verdicts on several checkpoints.

    Attributes
    ----------
    data : DataFacts
        Centred where the last checkpoint has an output bias.
    results : tuple of Classification or Unreadable
        One a checkpoint, in the order of their names.
    ok : bool
        Whether all were read and have a verdict that was asked for.
    other_loss : LossFacts or None
        None under the squared loss.
    weight_decay : WeightDecay or None
        None without.
    notes : tuple of str
        What was assumed in reading the data.
    last : Checkpoint or None
        The last one that was judged.
    """

    command: ClassVar[str] = "classify"

    data: DataFacts
    results: Annotated[tuple[Classification | Unreadable, ...], limited(minItems=1)]
    ok: bool
    other_loss: LossFacts | None = None
    weight_decay: WeightDecay | None = None
    notes: tuple[str, ...] = ()
    last: Checkpoint | None = field(default=None, repr=False)

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """The checkpoints that were refused."""
        return tuple(result for result in self.results if isinstance(result, Unreadable))


@dataclass(frozen=True)
class PointResult(Classification, Drawn):
    """The verdict on one network, with its error bar.

    Attributes
    ----------
    of : ClassifyResult or None
        The document of this verdict alone.
    """

    command: ClassVar[str] = "classify"

    of: ClassifyResult | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> Document:
        """Return the document that `classify --format json` writes of this network alone."""
        assert self.of is not None
        return self.of.to_dict()


def classify(
    weights: Network,
    X: ArrayLike | Data,
    Y: ArrayLike | None = None,
    *,
    biases: Sequence[ArrayLike | None] | None = None,
    layers: Sequence[str] | None = None,
    orientation: Orientation | None = None,
    tolerance: float | None = None,
    expect: Sequence[str] = (),
    lemmas: bool = False,
    curvature: bool | float = False,
    loss: str = "squared",
    delta: float | None = None,
    weight_decay: float | None = None,
    reduction: str = "mean",
    tied: bool = False,
    frozen: Sequence[str] = (),
    samples: Samples = "rows",
) -> PointResult:
    """Decide what kind of point of the loss a linear network is at, with a certificate.

    Parameters
    ----------
    weights : sequence of array_like, mapping of str to array_like, path, model, or Checkpoint
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}): each (outputs, inputs), first layer first; or a state dict, such as
        `model.state_dict()`, with its biases; a checkpoint file; a PyTorch module, Keras model or Flax state; a fitted
        PCA, TruncatedSVD, PLSRegression, LinearRegression, Ridge or MLPRegressor of scikit-learn.
    X : array_like, shape (m, dx), or Data
    Y : array_like, shape (m, dy) or (m,)
        Left out where X is a Data, and with `tied`. For "softmax" and "logistic" one-hot columns, shares, or one column
        of labels.
    biases : sequence of array_like or None, optional
        One for each layer, None where it has none. With one on the output the problem is that of centred X and Y.
    layers : sequence of str, optional
        Of a state dict or a file: names of the weights to use, first layer first.
    orientation : {"out-in", "in-out"}, optional
        Axes of the weights; told from shapes and names by default, and (out, in) in a sequence.
    tolerance : float, optional
        tau, the relative change of every layer that decides what counts as zero; by default from the weights' dtypes.
    expect : sequence of str
        Verdicts asked for; the result's `ok` says whether the verdict is one of them.
    lemmas : bool
        Also hold the paper's lemmas and the theorems against the network; under the squared loss only.
    curvature : bool or float
        Also enclose the extreme eigenvalues of the Hessian in the network's own parameters, at any point, and say which
        steps of gradient descent they allow: to 0.02 of the spectral radius, or to the share that is given. Under the
        squared loss only.
    loss : {"squared", "huber", "logcosh", "logistic", "softmax"}
        What the network was trained on, summed over the samples.
    delta : float, optional
        Where Huber's loss becomes linear, in units of Y; 1 by default.
    weight_decay : float, optional
        As the optimizer was given it; the loss is then the squared one with this penalty on every weight and no bias.
    reduction : {"mean", "sum", "half-sum"}
        What the optimizer's loss makes of the squares: their mean over all entries, their sum, or half of it.
    tied : bool
        The network is W^T W, a tied autoencoder: `weights` is the one matrix W (k, dx), as [W], or W and W^T, without
        biases, and the loss 1/2 ||W^T W X - X||_F^2.
    frozen : sequence of str
        Names of the layers that are not trained, such as ("W1", "W2"): what kind of point the others are at. Under the
        squared loss only.
    samples : {"rows", "columns"}
        Which axis of X and Y counts samples.

    Returns
    -------
    PointResult
        A `Classification` that can show itself.

    Raises
    ------
    InputError
        If arrays are not finite real numbers, the layers do not chain from dx to dy, an inner layer has a bias and the
        output has none, targets do not suit the loss, or the loss leaves the range of float64; if a frozen layer is
        none of the network's, all are frozen, or their product is zero.
    UsageError
        If the tolerance or the error of the curvature is not between 0 and 1, `expect` names no verdict of this loss,
        the loss is unknown, lemmas, curvature or a weight decay are asked for under another loss than the squared one,
        or the weight decay is not a positive number; if a tied autoencoder or frozen layers are asked about with any of
        these, or Y of a tied autoencoder is not X.

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
    >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
    >>> weights = [np.zeros((1, 2)), np.zeros((2, 1))]
    >>> result = lossurf.classify(weights, X, Y)
    >>> print(result.verdict, result.inertia.negative)
    strict-saddle 2
    """
    given = as_data(X, X if tied and Y is None and not isinstance(X, Data) else Y, samples=samples)
    judge = Judge(
        given,
        loss,
        delta,
        tolerance=tolerance,
        expect=expect,
        lemmas=lemmas,
        curvature=curvature,
        weight_decay=weight_decay,
        reduction=reduction,
        tied=tied,
        frozen=frozen,
    )
    checkpoint = as_checkpoint(
        weights, judge.data.dx, judge.data.dy, biases=biases, layers=layers, orientation=orientation, tied=tied
    )
    if not tied and not frozen:
        require_output_bias(checkpoint)
    found = judge(checkpoint)
    return PointResult(**vars(found), of=_gathered(judge, [found], checkpoint))


def classify_files(
    files: Files,
    data: Data,
    *,
    tolerance: float | None = None,
    expect: Sequence[str] = (),
    lemmas: bool = False,
    curvature: bool | float = False,
    index: bool = False,
    descents: bool = False,
    loss: str = "squared",
    delta: float | None = None,
    weight_decay: float | None = None,
    reduction: str = "mean",
    tied: bool = False,
    frozen: Sequence[str] = (),
    progress: Callable[[str, float], None] | None = None,
) -> ClassifyResult:
    """Classify checkpoint files one by one; one that cannot be judged is told as such beside the others.

    Parameters
    ----------
    files : path, pattern such as "run/*.npz", sequence of these, or CheckpointFiles
    data : Data
    tolerance, expect, lemmas, curvature, loss, delta, weight_decay, reduction, tied, frozen
        As in `classify`.
    index, descents : bool
        What a strict saddle's certificate is to hold, as in `lossurf.landscape.classify.classify_network`.
    progress : callable, optional
        Called with "checkpoints" and the share of them that is judged.

    Returns
    -------
    ClassifyResult

    Raises
    ------
    InputError
        If the data cannot be read, or targets do not suit the loss.
    UsageError
        As `classify`.

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
    >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     np.savez(Path(folder) / "zero.npz", W1=np.zeros((2, 2)), W2=np.zeros((2, 2)))
    ...     result = lossurf.classify_files(f"{folder}/*.npz", lossurf.Data(X, Y))
    >>> print([str(found.verdict) for found in result.results])
    ['strict-saddle']
    """
    judge = Judge(
        data,
        loss,
        delta,
        tolerance=tolerance,
        expect=expect,
        lemmas=lemmas,
        curvature=curvature,
        index=index,
        descents=descents,
        weight_decay=weight_decay,
        reduction=reduction,
        tied=tied,
        frozen=frozen,
    )
    results: list[Classification | Unreadable] = []
    last: Checkpoint | None = None
    chosen = CheckpointFiles.of(files)
    found = list(chosen.found())
    for path in found:
        if progress is not None:
            progress("checkpoints", len(results) / len(found))
        try:
            checkpoint = chosen.read(path, judge.data.dx, judge.data.dy, tied=tied, frozen=bool(frozen))
            results.append(judge(checkpoint))
            last = checkpoint
        except REFUSED as error:
            results.append(Unreadable.of(str(path), error))
    return _gathered(judge, results, last)


def _gathered(judge: Judge, results: Sequence[Classification | Unreadable], last: Checkpoint | None) -> ClassifyResult:
    """Gather the results on networks, the last of which is given."""
    bias = last is not None and judge.centres(last)
    return ClassifyResult(
        data=judge.data.facts(bias=bias),
        results=tuple(results),
        ok=all(not isinstance(result, Unreadable) and result.ok for result in results),
        other_loss=judge.loss_facts(bias=bias),
        weight_decay=judge.penalty,
        notes=judge.notes,
        last=last,
    )


def classify_loss(
    weights: Network,
    X: ArrayLike | Data,
    Y: ArrayLike | None,
    loss: str,
    *,
    delta: float | None = None,
    biases: Sequence[ArrayLike | None] | None = None,
    tolerance: float | None = None,
    samples: Samples = "rows",
) -> PointResult:
    """Decide what kind of point of a convex loss a linear network is at: `classify` with `loss`, under its first name.

    Parameters, results and errors are those of `classify`.
    """
    return classify(weights, X, Y, biases=biases, loss=loss, delta=delta, tolerance=tolerance, samples=samples)


DOCUMENT = ClassifyResult
