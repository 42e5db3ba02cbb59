"""A direction of negative curvature at a strict saddle, found in closed form and verified before it is believed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np

from lossurf.landscape.inner_products import is_narrow
from lossurf.landscape.pair_span import PairSpan, pair_spans
from lossurf.landscape.sensitivity import Sensitivity
from lossurf.landscape.type_test import TypeTest
from lossurf.network import Layers, WhitenedNetwork, to_user
from lossurf.numerics import UNDECIDED_FACTOR, Matrix, frobenius_norm, rank_threshold
from lossurf.reduction.problem import ReducedProblem

_STEPS = tuple(2.0**-k for k in range(1, 26, 2))
"""Step lengths tried along a direction, relative to the size of the layers: the decrease is of second order, so it
shows above rounding of the loss (eps) for steps well above sqrt(eps) = 2^-26."""

_ATTEMPTS = (
    (True, True, False, None),
    (True, True, True, 2.0**10),
    (False, True, False, None),
    (True, True, True, None),
    (True, False, False, None),
    (False, False, False, None),
)
"""In which metric (the caller's or the whitened), whether the decrease must show above rounding, whether steps go as
far as the curvature needs to lower the loss by as much as T has, rather than as the layers are long (beside a layer
that is only rounding, which is read at norm 1, the direction's own length says nothing), and how many times the
caller's layers a step may then be."""

_SMALLEST_NORMAL = float(np.finfo(np.float64).smallest_normal)


@dataclass(frozen=True)
class Descent:
    """A verified direction of negative curvature."""

    span: PairSpan
    direction: Layers  # whitened coordinates
    mapped: Layers  # the same in the caller's
    curvature: float  # v^T H v / v^T v, caller's coordinates and units
    decrease: float  # L(W) - L(W + step v / ||v||), squared scale units
    step: float  # length in the caller's coordinates


def strict_saddle_descent(
    test: TypeTest, problem: ReducedProblem, rank: int, tau: float, *, least: float = 0.0
) -> Descent | None:
    """Return the steepest verified direction of negative curvature at a strict saddle.

    Parameters
    ----------
    test : TypeTest
    problem : ReducedProblem
    rank : int
        Rank of P at `tau`.
    tau : float
        Tolerance at which ranks are judged.
    least : float
        How strong the curvature must be, relative to the largest of the Hessian in this gauge; above rounding in any
        case.

    Returns
    -------
    Descent or None
        None if no candidate shows v^T H v surely < 0 and a lower loss in float64.

    Notes
    -----
    Two metrics weigh V_i against V_j: the caller's, in which curvature is reported, and, where units so far apart drown
    one of the two in rounding, the whitened one. Where neither shows a decrease that whoever evaluates it again must
    find, as beside a layer that is only rounding, curvature alone decides.
    """
    network = test.network
    threshold = largest_curvature(test.sensitivity) * least if least else 0.0
    spans = [
        (span, span.form(network), *span.lengths(network, problem)) for span in pair_spans(test, problem, rank, tau)
    ]
    spans = [entry for entry in spans if np.all(entry[3] > 0.0) and np.all(np.isfinite(entry[3]))]
    for user_metric, clear, far, longest in _ATTEMPTS:
        combined = [
            (*_least_curvature(form, gram, units if user_metric else np.ones_like(units)), span)
            for span, form, gram, units in spans
        ]
        for curvature, x, span in sorted(combined, key=lambda entry: entry[0]):
            if curvature >= 0.0:
                break
            descent = _verified(test.sensitivity, problem, span, x, threshold, clear=clear, far=far)
            limit = longest or (None if user_metric or not clear else 1.0 / _STEPS[-1])
            if descent is not None and (limit is None or _is_within(limit, descent, network, problem)):
                return descent
    return None


def _least_curvature(form: Matrix, gram: Matrix, units: Matrix) -> tuple[float, Matrix]:
    """Least eigenvalue of the form relative to lengths diag(units) gram diag(units), and the combination that has it.

    Scaled by the least unit, so that no square leaves the range of float64.
    """
    least = float(np.min(units))
    weights = least / units
    sizes, axes = np.linalg.eigh(gram)
    kept = sizes > rank_threshold(float(sizes[-1]), len(sizes))  # dependent changes add nothing
    basis = weights[:, None] * (axes[:, kept] / np.sqrt(sizes[kept]))
    values, vectors = np.linalg.eigh(basis.T @ form @ basis)
    with np.errstate(over="ignore"):
        return float(values[0]) / least / least, basis @ vectors[:, 0]


def _is_within(limit: float, descent: Descent, network: WhitenedNetwork, problem: ReducedProblem) -> bool:
    """Whether the step is at most `limit` times the caller's layers; 2^25 leaves half of their digits standing."""
    size = frobenius_norm(*to_user(network, network.layers, problem))
    return size == 0.0 or descent.step <= size * limit


def largest_curvature(sensitivity: Sensitivity) -> float:
    """Return the largest block of the Hessian in its gauge: ||A_k||^2 ||B_{k-1}||^2 or ||E_ij|| ||M_ij||.

    Within a factor of the number of blocks, 2 N^2, of its largest eigenvalue.
    """
    N, norms = sensitivity.network.depth, sensitivity.norms
    squares = norms[N + 1, 1:] * norms[1 : N + 1, 0]
    mixed = sensitivity.block_norms[1:, 1:] * norms[1 : N + 1, 1 : N + 1]
    return float(max(np.max(squares) ** 2, np.max(mixed)))


def _form_rounding(
    sensitivity: Sensitivity, layers: tuple[int, int], sizes: tuple[float, float], change: Matrix, felt: float = 0.0
) -> float:
    """Bound the rounding of v^T H v, v a change of two layers: the same whatever scale the layers share between them.

    `sizes` are the norms of V_i and V_j, or, where neither is multiplied out, the sums of those of their parts.

    ||D||^2 is off by 2 ||D|| ||dD||, with ||dD|| at most order * eps of the norms that D is multiplied from; the mixed
    term by what order * eps of every layer makes of E_ij and M_ij (theory, section 6), the backward error of a product,
    and by that of the products with the directions and their sum. A change of W_1 is handed out in the caller's
    coordinates, from where it is `felt` as a change of this size before F takes most of it away.
    """
    network, (i, j), top = sensitivity.network, layers, sensitivity.network.depth + 1
    unit = rank_threshold(1.0, sum(W.shape[1] for W in network.layers))
    upper, lower = sizes
    if j == 1:
        lower = max(lower, felt)
    of_upper, of_lower = (
        sensitivity.norm(top, k) * sensitivity.norm(k, 0) * size for k, size in ((i, upper), (j, lower))
    )
    moved = unit * (of_upper + of_lower)
    product = float(np.linalg.norm(change))
    block, link = sensitivity.block_norm(i, j), sensitivity.norm(i, j)
    mixed = sensitivity.block_change(i, j) * link + block * sensitivity.change(i, j) + block * link
    return (2.0 * product + moved) * moved + 2.0 * unit * mixed * upper * lower


def _verified(
    sensitivity: Sensitivity,
    problem: ReducedProblem,
    span: PairSpan,
    x: Matrix,
    threshold: float,
    *,
    clear: bool,
    far: bool,
) -> Descent | None:
    """Evaluate v^T H v by the full formula and the loss along the direction; None unless both fall.

    The form must be below its rounding, and v^T H v / v^T v in this gauge below -`threshold`.
    """
    network, (i, j) = sensitivity.network, span.layers
    direction, x = _near_unit_length(span.direction(network, x), x)
    moves = [V if k in (i, j) else None for k, V in enumerate(direction, 1)]
    equilibrated, felt = None, 0.0
    if j == 1:
        equilibrated = direction[0] @ problem.left_inverse
        felt = frobenius_norm(equilibrated) * float(np.max(problem.column_singular_values, initial=0.0))
    mapped = to_user(network, moves, problem, equilibrated=equilibrated)
    size = frobenius_norm(*(mapped[k - 1] for k in (i, j)))
    if not _keeps_digits([mapped[k - 1] for k in span.layers], size):
        return None
    length = frobenius_norm(direction[i - 1], direction[j - 1])
    # a margin, as whoever checks it multiplies in another order
    sure = (
        form
        for form in _forms(sensitivity, span, direction, x, felt)
        if -form.value > max(threshold * length**2, UNDECIDED_FACTOR * form.rounding)
    )
    form = next(sure, None)
    if form is None:
        return None
    reach = max(1.0, *(frobenius_norm(W) for W in network.layers)) / length
    if far:
        reach = 2.0 / sqrt(-form.value)
    with np.errstate(over="ignore", invalid="ignore"):  # a step too long for float64 lowers no loss
        found = _decrease(network, moves, _ladder(network, form.change, form.both, reach), clear=clear)
    if found is None:
        return None
    step, decrease, sign = found
    curvature = problem.scale / size * form.value * problem.scale / size
    if sign < 0.0:
        direction, mapped = (tuple(-V for V in layers) for layers in (direction, mapped))
    return Descent(span, direction, mapped, curvature, decrease, step * size)


@dataclass(frozen=True)
class _Form:
    """v^T H v, a bound of its rounding, D, and in a wide network what its two layers together make of P."""

    value: float
    rounding: float
    change: Matrix
    both: Matrix | None


def _forms(sensitivity: Sensitivity, span: PairSpan, direction: Layers, x: Matrix, felt: float) -> Iterator[_Form]:
    """Yield v^T H v in a wide network from the few changes that v combines, should these not cancel; then from v."""
    network, (i, j) = sensitivity.network, span.layers
    V_i, V_j = direction[i - 1], direction[j - 1]

    def form(change: Matrix, both: Matrix | None, sizes: tuple[float, float]) -> _Form:
        rounding = _form_rounding(sensitivity, span.layers, sizes, change, felt)
        if both is None:
            return _Form(network.curvature(direction, direction, change), rounding, change, both)
        value = float(np.vdot(change, change) + 2.0 * np.vdot(network.residual, both))
        return _Form(value, rounding, change, both)

    wide = not is_narrow(network)
    if wide:
        yield form(*span.changes_of_product(network, x), span.sizes(x))
    change = network.change_of_product([V if k in span.layers else None for k, V in enumerate(direction, 1)])
    both = network.change_of_pair(i, j, V_i, V_j) if wide else None
    yield form(change, both, (frobenius_norm(V_i), frobenius_norm(V_j)))


def _keeps_digits(changes: list[Matrix], size: float) -> bool:
    """Whether the changes of both layers are normal numbers, as they are and beside a whole direction of that `size`.

    Below these a number has fewer digits, in the end none: whoever checks the direction would find another one.
    """
    shortest = min(float(np.max(np.abs(V), initial=0.0)) for V in changes)
    return isfinite(size) and shortest >= _SMALLEST_NORMAL * max(size, 1.0)


def _near_unit_length(direction: Layers, x: Matrix) -> tuple[Layers, Matrix]:
    """Scale by a power of two, exactly, so that the squares of a short direction do not lose their digits.

    The combination x of changes that it is, too.
    """
    exponent = int(np.frexp(frobenius_norm(*direction))[1])
    return tuple(np.ldexp(V, -exponent) if np.any(V) else V for V in direction), np.ldexp(x, -exponent)


def _ladder(
    network: WhitenedNetwork, change: Matrix, both: Matrix | None, reach: float
) -> list[tuple[float, tuple[float, ...]]]:
    """Return the steps to try, in which senses; of a wide network, whose layers together make `both`, the best one.

    Two layers moved by t make of P, but for rounding, P + t D + t^2 D': along them the loss is a polynomial of degree
    4, which says where to look. What is given is evaluated there.
    """
    ladder: list[tuple[float, tuple[float, ...]]] = [(step * reach, (1.0, -1.0)) for step in _STEPS]
    if both is None:
        return ladder
    E = network.residual
    slopes = [np.vdot(E, change), 0.5 * np.vdot(change, change) + np.vdot(E, both), np.vdot(change, both)]
    coefficients, powers = np.array([*slopes, 0.5 * np.vdot(both, both)]), np.array([1, 2, 3, 4])[:, None]
    steps = np.array([sign * step for step, signs in ladder for sign in signs])
    rises = coefficients @ steps**powers
    best = float(steps[np.argmin(rises)])
    return [(abs(best), (float(np.sign(best)),))] if np.min(rises) < 0.0 else ladder


def _decrease(
    network: WhitenedNetwork,
    direction: Sequence[Matrix | None],
    ladder: list[tuple[float, tuple[float, ...]]],
    *,
    clear: bool,
) -> tuple[float, float, float] | None:
    """Largest decrease of the loss along +-direction over a ladder of steps: (step, decrease, sign).

    None where there is none or, if it must be `clear`, none above rounding of the loss.
    """
    order = sum(W.shape[1] for W in network.layers)
    rounding = rank_threshold(network.excess + 0.5 * float(np.sum(network.target**2)), 16 * order)
    best: tuple[float, float, float] | None = None
    for step, signs in ladder:
        trials = [(network.excess - network.moved(direction, sign * step).excess, sign) for sign in signs]
        decrease, sign = max(trials)
        if best is not None and decrease < best[1]:
            break
        if decrease > (rounding if clear else 0.0):
            best = (step, decrease, sign)
    return best
