"""The result of classifying one checkpoint: its verdict and everything a reader needs to judge it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from lossurf.fields import INFINITE, Count, Indices, Magnitude, Size, Unbounded, limited
from lossurf.inputs.checkpoints.checkpoint import LayerFacts
from lossurf.landscape.curvature_result import Curvature
from lossurf.numerics import Matrix
from lossurf.theory.theorems import TheoremFinding
from lossurf.words import PLAIN_VERDICTS, CertificateKind, Status, Verdict

PlainVerdict = Annotated[Verdict, limited(enum=[*PLAIN_VERDICTS])]
"""A verdict about a loss without weight decay."""


@dataclass(frozen=True)
class Stair:
    """One pair of layers i > j at a bad saddle and why it gives no negative curvature.

    Attributes
    ----------
    layers : (int, int)
        The pair, from 1.
    factor : {"residual", "product"}
        Which vanishes: "residual" where E_ij = 0, "product" where rank(M_ij) = r.
    value : float
        The norm or singular value that vanishes.
    threshold : float
        What counts as zero at the verdict's tolerance.
    """

    layers: tuple[Size, Size]
    factor: Literal["residual", "product"]
    value: Magnitude
    threshold: Magnitude


@dataclass(frozen=True)
class RankFinding:
    """A rank that the Morse index follows from.

    Attributes
    ----------
    layers : (int, int)
        i, j.
    factor : {"residual", "product"}
        "product": of W_i ... W_j; "residual": of E_ij.
    rank : int
        At the verdict's tolerance.
    margin : float or None
        How far from the verdict's tolerance the nearest one is at which it changes, as a ratio above 1; None: none is.
    """

    layers: tuple[Size, Size]
    factor: Literal["residual", "product"]
    rank: Count
    margin: float | None


@dataclass(frozen=True)
class IndexEvidence:
    """What a Morse index follows from (theory, section 10).

    Attributes
    ----------
    negative : int
        The Morse index.
    resolution : float
        Singular values of T, ||T|| = 1, closer than this count as one.
    ranks : tuple of RankFinding
        Of every product of layers in a row, and of every block of the residual.
    directions : tuple of ndarray or None
        For every layer (negative, rows * columns), orthonormal together: the form is negative definite on them.
    """

    negative: Count
    resolution: Magnitude
    ranks: tuple[RankFinding, ...]
    directions: tuple[Matrix, ...] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Certificate:
    """Evidence that a third party can check (theory, section 5).

    Attributes
    ----------
    kind : CertificateKind
    margin : float or None
        How far the deciding quantity is from its threshold, as a ratio above 1.
    curvature : float or None
        v^T H v / v^T v in the user's coordinates along `direction`, for strict saddles.
    loss_decrease : float or None
        L(W) - L(W + s v), positive, at the `step` s along `direction` that was evaluated.
    step : float or None
        s.
    layers : (int, int) or None
        The pair i > j (1-based) that the direction moves.
    direction : tuple of ndarray or None
        v, one array per layer, shapes of the layers, unit Frobenius norm together.
    staircase : tuple of Stair
    next_level : float or None
        The next critical value above the optimal loss, for global minima.
    index : IndexEvidence or None
        For strict saddles: why as many directions lead down as are said to.
    """

    kind: CertificateKind
    margin: Unbounded | None = None
    curvature: Unbounded | None = None
    loss_decrease: Unbounded | None = None
    step: Unbounded | None = None
    layers: tuple[Size, Size] | None = None
    direction: tuple[Matrix, ...] | None = field(default=None, repr=False)
    staircase: tuple[Stair, ...] = ()
    next_level: Unbounded | None = None
    index: IndexEvidence | None = field(default=None, repr=False)


@dataclass(frozen=True)
class LemmaFinding:
    """One lemma held against one checkpoint.

    Attributes
    ----------
    id : str
        Of `theory.lemma_texts.LEMMAS`.
    layer : int or None
        The k of a statement that is made for each k.
    status : Status
        `undecided` where the answer changes within a factor 3 of the tolerance.
    residual : float
        Size of what the lemma says is zero, in units where ||T||_2 = 1; of two alternatives, the one nearer to holding.
    threshold : float
        What counts as zero.
    meaning : str
        What that says about this checkpoint.
    """

    id: str
    layer: Annotated[int, limited(minimum=2)] | None
    status: Status
    residual: Annotated[float, limited(minimum=0), INFINITE]
    threshold: Annotated[float, limited(minimum=0), INFINITE]
    meaning: str


@dataclass(frozen=True)
class Shadow:
    """The explicit critical point beside stored weights W that a verdict speaks of (theory, end of section 6a).

    Attributes
    ----------
    distance : float
        max_k ||W'_k - W_k||_F / ||W_k||_F; a layer that is zero stays zero.
    gradient : float
        The criticality measure of W' (theory, section 6): rounding.
    layers : tuple of ndarray
        W'_1..W'_N, of the shapes of the weights.
    """

    distance: Magnitude
    gradient: Magnitude
    layers: tuple[Matrix, ...] = field(repr=False)


@dataclass(frozen=True)
class Inertia:
    """Signs of the eigenvalues of the Hessian over a checkpoint's own parameters (theory, section 10).

    Attributes
    ----------
    negative : int
        The Morse index: how many independent ways lead down.
    zero, positive : int
        Flat directions, and those that lead up.
    stable_from, stable_to : float, float or None
        Tolerances between which these stay; None: no upper end.
    """

    negative: Count
    zero: Count
    positive: Count
    stable_from: Magnitude
    stable_to: Magnitude | None


@dataclass(frozen=True)
class LowerPoint:
    """A network of the same widths with a lower loss.

    Attributes
    ----------
    loss : float
        With its penalty.
    rank : int
        Of its product.
    layers : tuple of ndarray
        Shapes of the weights.
    """

    loss: Magnitude
    rank: Count
    layers: tuple[Matrix, ...] = field(repr=False)


@dataclass(frozen=True)
class DecayFacts:
    """What only a loss with weight decay, 1/2 ||P X - Y||^2 + 1/2 lam sum ||W_k||^2, has.

    Attributes
    ----------
    squared_loss, penalty : float
        The two parts of the loss.
    imbalance : float
        The tolerance at which the layers share their singular values, as at every critical point.
    singular_values : tuple of float
        Those that the layers of the nearest critical point share, in units of the weights; none without hidden layers.
    symmetries : int or None
        How many of the inertia's zeros are rotations of hidden units.
    lower : LowerPoint or None
        For a local minimum: a lower point that was found.
    dual : ndarray or None, shape (dy, rank_x)
        Evidence of the lower bound for one hidden layer or none, in units of Y.
    """

    squared_loss: Magnitude
    penalty: Magnitude
    imbalance: Magnitude
    singular_values: tuple[Magnitude, ...]
    symmetries: Count | None
    lower: LowerPoint | None
    dual: Matrix | None = field(default=None, repr=False)


@dataclass(frozen=True)
class TiedFacts:
    """What only a tied autoencoder, 1/2 ||W^T W X - X||^2, has.

    Attributes
    ----------
    optimal_loss_error : float
        Bound of the error of `optimal_loss`.
    unseen_inputs : int
        Directions of the inputs that X does not have: its inputs less its rank.
    idle_units : int or None
        Hidden units that carry no eigenvector of X X^T; None where the verdict names no kind of critical point.
    idle_weights : tuple of float
        Singular values of the idle units' weights on unseen inputs, descending, one for each idle unit: from sqrt 2 on
        a unit does not leave its place.
    symmetries : int or None
        How many of the inertia's zeros are rotations of hidden units.
    """

    optimal_loss_error: Magnitude
    unseen_inputs: Count
    idle_units: Count | None
    idle_weights: tuple[Magnitude, ...]
    symmetries: Count | None


@dataclass(frozen=True)
class Classification:
    """The verdict on one checkpoint, with its error bar.

    Attributes
    ----------
    checkpoint : str
        The file, or "weights" for arrays.
    layers : tuple of LayerFacts
    verdict : Verdict
    reason : str
        The verdict's ground in words.
    loss, mse : float
        L(W) = 1/2 ||W_N ... W_1 X - Y||_F^2, with weight decay its penalty as well, and the mean squared error; of a
        tied autoencoder 1/2 ||W^T W X - X||_F^2.
    optimal_loss : float
        L* for these widths; with weight decay the best lower bound of the loss, which is the least loss at a global
        minimum and for one hidden layer that is wide enough.
    gap, relative_gap : float
        L - L*, and that divided by L_0 - L* (None where nothing can be gained).
    gradient : float
        The criticality measure of theory section 6: critical at tolerances above it.
    tolerance : float
        tau, the relative change of every layer that decides what counts as zero.
    stable_from, stable_to : float, float or None
        The verdict holds for every tolerance in this range; None: no upper end.
    neighbours : (str or None, str or None)
        The verdicts just below and just above that range.
    rank, rank_max : int
        Numerical rank r of P X, and min(d_0, ..., d_N).
    eigen_indices : tuple of int or None
        1-based indices of the eigenvectors of Sigma (tied: of X X^T) that P carries; None where ties leave them open or
        W is not critical.
    plateau_rank : int or None
        The k whose L_k is nearest to the loss.
    plateau_distance : float or None
        |L - L_k| for that k.
    nearest_levels : (float or None, float or None)
        The nearest critical values at or below and above the loss.
    certificate : Certificate or None
    nearest : Shadow or None
        An exactly critical point of that kind beside the weights, and how far it is; None where the verdict names no
        kind of critical point, or none was built (a layer is rounding of a zero, say).
    inertia : Inertia or None
        How many independent ways lead down, are flat, and lead up; None where the verdict names no kind of critical
        point, where the tolerance leaves the counts open, and for very large networks.
    balance : tuple of float or None
        ||W_{k+1}^T W_{k+1} - W_k W_k^T - b_k b_k^T||_F at every hidden layer k, which gradient flow keeps as it was at
        the start; None where it leaves the range of float64.
    curvature : Curvature or None
        The Hessian's extreme eigenvalues and the steps they allow; None where not asked for, or where the layers are of
        sizes too far apart.
    notes : tuple of str
        What was assumed in reading the checkpoint, and what was raised or lowered in judging it.
    gap_bound : float or None
        With weight decay: no network of this depth has a regularised loss lower by more than this.
    decay : DecayFacts or None
        What only a loss with weight decay has; None without.
    tied : TiedFacts or None
        What only a tied autoencoder has; None for weights that are free.
    frozen : tuple of str or None
        Names of the layers that are not trained; ranks, distances and the tolerance are then those of the others as
        the loss sees them, losses those of the whole network, the inertia that of the trained parameters. None without.
    lemmas : tuple of LemmaFinding or None
        The paper's lemmas on this checkpoint; None where not asked for.
    theorems : tuple of TheoremFinding or None
        The theorems held against the data, these widths and this checkpoint; None where not asked for.
    expected : tuple of str or None
        The verdicts asked for.
    ok : bool
        Whether the verdict is among them (True where nothing was asked).
    """

    checkpoint: str
    layers: Annotated[tuple[LayerFacts, ...], limited(minItems=1)]
    verdict: Verdict
    reason: str
    loss: Magnitude
    mse: Magnitude
    optimal_loss: Magnitude
    gap: float
    relative_gap: float | None
    gradient: Magnitude
    tolerance: Magnitude
    stable_from: Magnitude
    stable_to: float | None
    neighbours: tuple[str | None, str | None]
    rank: Count
    rank_max: Size
    eigen_indices: Indices | None
    plateau_rank: int | None
    plateau_distance: float | None
    nearest_levels: tuple[float | None, float | None]
    certificate: Certificate | None
    nearest: Shadow | None = None
    inertia: Inertia | None = None
    balance: tuple[float | None, ...] = ()
    curvature: Curvature | None = None
    notes: tuple[str, ...] = ()
    gap_bound: Magnitude | None = None
    decay: DecayFacts | None = None
    tied: TiedFacts | None = None
    frozen: tuple[str, ...] | None = None
    lemmas: tuple[LemmaFinding, ...] | None = None
    theorems: tuple[TheoremFinding, ...] | None = None
    expected: tuple[Verdict, ...] | None = None
    ok: bool = True
