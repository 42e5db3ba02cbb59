"""How steep a point is: the Hessian's extreme eigenvalues in the checkpoint's own parameters, and the steps they allow.

Six ways, the first that fits: the dense Hessian of a small network; where the residual is zero the spectrum of
sum_k (A_k A_k^T) x (B_{k-1} X X^T B_{k-1}^T), a matrix of order dy dx (theory, section 10); where the residual is so
small that its part is within the error norms of the layers that one direction reaches (`top_direction`), or the
Lanczos method on that; where H falls apart matrices of the order of the rank (`split_ends`); and the Lanczos method on
the Hessian. Lanczos methods are certain on the inner side of each eigenvalue, and on the outer but for a stated
probability (`extreme_eigenvalues`); the others are certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, ldexp, log
from typing import Final

import numpy as np

from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.curvature_result import AtMinimum, Curvature, Leaving, Method
from lossurf.landscape.ends import End, Extremes
from lossurf.landscape.flattest import flattest_minimum
from lossurf.landscape.hessian_bounds import hessian_bounds
from lossurf.landscape.hessian_ends import HessianEnds
from lossurf.landscape.least_nonzero import least_eigenvalue
from lossurf.landscape.node_network import OutOfRangeError, node_network
from lossurf.landscape.parameter_hessian import ParameterHessian
from lossurf.landscape.product_ends import ends_of_products
from lossurf.landscape.product_form import ProductForm
from lossurf.landscape.verdict import Classification, Inertia
from lossurf.numerics import EPS, Matrix, data_eps, rank_threshold
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import Reduction, Verdict

DEFAULT_SHARE: Final = 0.02
"""Error of either eigenvalue as a share of the spectral radius: a learning rate is not known better than that."""

_EXCEEDED: Final = 1.1  # the radius is known no better than the error asks for
_DENSE_ORDER: Final = 800  # a tenth of a second, and 5 MB
_PRODUCT_ORDER: Final = 1200  # a third of a second, and 12 MB: only asked for where the residual is zero

_NO_LEAST: Final = (
    "the least eigenvalue that is not zero is not known: it is within rounding of 0, or the network is large and its "
    "layers leave some directions of the outputs out, which is followed for inputs like white ones or an autoencoder's"
)


def with_curvature(
    result: Classification, checkpoint: Checkpoint, problem: ReducedProblem, share: float
) -> Classification:
    """Add the curvature to what is said of a checkpoint, and a note where it falls short of what was asked for."""
    found = find_curvature(
        checkpoint.weights,
        checkpoint.biases,
        problem,
        share=share,
        verdict=result.verdict,
        inertia=result.inertia,
        dtypes=checkpoint.dtypes,
    )
    if found is None:
        note = "no curvature: the layers are of sizes too far apart for the Hessian's entries in float64"
        return replace(result, notes=(*result.notes, note))
    if found.method == "lanczos" and found.minimum is None and result.verdict is Verdict.GLOBAL_MINIMUM:
        result = replace(result, notes=(*result.notes, _NO_LEAST))
    radius = max(abs(found.largest), abs(found.smallest))
    error = max(found.largest_error, found.smallest_error)
    if error <= _EXCEEDED * share * radius:
        return replace(result, curvature=found)
    note = f"the curvature is known to {error / radius if radius else 1.0:.2g} of its size, not to {share:g}"
    return replace(result, curvature=found, notes=(*result.notes, note))


def find_curvature(
    weights: Sequence[Matrix],
    biases: Sequence[Matrix | None] | None,
    problem: ReducedProblem,
    *,
    share: float = DEFAULT_SHARE,
    verdict: Verdict | None = None,
    inertia: Inertia | None = None,
    dtypes: Sequence[str] = (),
) -> Curvature | None:
    """Enclose the extreme eigenvalues of the Hessian at any point, critical or not.

    Parameters
    ----------
    weights : sequence of ndarray
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}) as stored, finite float64.
    biases : sequence of ndarray or None, or None
        b_k (d_k,); counted as parameters where they are.
    problem : ReducedProblem
        Centred exactly when the network has an output bias.
    share : float
        Wanted error of either, relative to the spectral radius.
    verdict : Verdict, optional
        What kind of point it is, for `leaving`, `minimum` and `flattest`.
    inertia : Inertia, optional
        How many eigenvalues are not zero at a minimum.
    dtypes : sequence of str
        Of the stored layers, for `leaving`.

    Returns
    -------
    Curvature or None
        None where the layers are of sizes so far apart that the Hessian's entries leave the range of float64. Errors
        above `share` where the data are not known well enough.
    """
    with np.errstate(all="ignore"):  # what leaves the range of float64 is asked for below
        try:
            network = node_network(weights, [None] * len(weights) if biases is None else biases, problem)
            hessian = ParameterHessian(network)
            bounds = hessian_bounds(hessian)
            ways = HessianEnds(hessian, bounds, share)
            found = _spectrum(ways)
        except (OutOfRangeError, np.linalg.LinAlgError):
            return None
    ends, exponent = found.extremes, hessian.exponent
    error = bounds.data + (bounds.rounding if found.eigenvalues is None else bounds.assembly)
    numbers = [ends.largest.value, ends.largest.error + error, ends.smallest.value, ends.smallest.error + error]
    scaled = [_scaled(number, exponent) for number in numbers]
    if not all(map(isfinite, scaled)):
        return None
    largest, largest_error, smallest, smallest_error = scaled
    result = Curvature(
        largest=largest,
        largest_error=largest_error,
        smallest=smallest,
        smallest_error=smallest_error,
        failure=ends.largest.failure + ends.smallest.failure,
        method=found.method,
        products=ends.products,
        step=_steps(largest, problem),
    )
    if verdict is Verdict.STRICT_SADDLE:
        return replace(result, leaving=_leaving(result, dtypes))
    if verdict is not Verdict.GLOBAL_MINIMUM:
        return result
    return replace(
        result,
        minimum=_at_minimum(result, _least_nonzero(ways, found, inertia), exponent, error),
        flattest=flattest_minimum(weights, problem, largest),
    )


@dataclass(frozen=True)
class _Spectrum:
    """The ends, over 2^exponent, without rounding of the Hessian itself; every eigenvalue where they are known."""

    extremes: Extremes
    method: Method
    eigenvalues: Matrix | None = None  # ascending


def _spectrum(ways: HessianEnds) -> _Spectrum:
    hessian, bounds, share, flat = ways.hessian, ways.bounds, ways.share, ways.hessian.network.flat
    if hessian.order <= _DENSE_ORDER:
        values = _eigenvalues(hessian.dense())
        return _certain("dense", values, _solver_error(values), flat)
    form = ProductForm(hessian)
    # J J^T has an eigenvalue of at least its trace over its order
    if bounds.mixed <= 1e-3 * share * bounds.trace / form.order and form.order <= min(_PRODUCT_ORDER, hessian.order):
        values = _eigenvalues(form.dense())
        with_kernel = np.append(0.0, values) if hessian.order > form.order else values
        return _certain("product-form", with_kernel, _solver_error(values) + bounds.mixed, flat)
    ends = ends_of_products(hessian, bounds, share) or ways.extremes()
    return _Spectrum(ends.with_zero() if flat else ends, "lanczos")


def _eigenvalues(matrix: Matrix) -> Matrix:
    return np.asarray(np.linalg.eigvalsh(matrix), dtype=np.float64)


def _solver_error(values: Matrix) -> float:
    """Bound the backward error of the symmetric eigenvalue problem: a small multiple of n eps ||H||, measured at 0.1.

    Anderson et al. 1999, LAPACK Users' Guide, section 4.7.
    """
    return 4.0 * rank_threshold(float(np.max(np.abs(values), initial=0.0)), values.size)


def _certain(method: Method, values: Matrix, error: float, flat: int) -> _Spectrum:
    low, high = float(values.min(initial=inf)), float(values.max(initial=-inf))
    ends = Extremes(End(low + error, low - error, 0.0), End(high - error, high + error, 0.0), 0)
    every = np.sort(np.append(values, np.zeros(flat)))
    return _Spectrum(ends.with_zero() if flat else ends, method, every)


def _scaled(value: float, exponent: int) -> float:
    try:
        return ldexp(value, exponent)
    except OverflowError:
        return inf


def _steps(largest: float, problem: ReducedProblem) -> dict[Reduction, float | None]:
    """2 over the largest eigenvalue for every scaling of the loss."""
    scales = {name: 2.0 * name.half_sum(problem.samples, problem.dy) for name in Reduction}
    steps = {name: scale / largest if largest > 0.0 else inf for name, scale in scales.items()}
    return {name: step if isfinite(step) else None for name, step in steps.items()}


def _leaving(found: Curvature, dtypes: Sequence[str]) -> Leaving | None:
    if not (found.smallest + found.smallest_error < 0.0 < found.largest):
        return None
    eps = max((_spacing(name) for name in dtypes), default=EPS)
    return Leaving(eps, -log(eps) * found.largest / (2.0 * -found.smallest))


def _spacing(name: str) -> float:
    if name == "bfloat16":
        return 2.0**-7
    try:
        return data_eps(name)
    except TypeError:
        return EPS


def _least_nonzero(ways: HessianEnds, found: _Spectrum, inertia: Inertia | None) -> End | None:
    """Enclose the eigenvalue that the count of ascending directions names, over 2^exponent and but for `mixed`.

    Where they were not all computed it is the least of J J^T if there are as many as that has, or of the parts of H
    where it falls apart.
    """
    if inertia is None:
        return None
    values = found.eigenvalues
    if values is not None:
        return _surely(float(values[-inertia.positive]), values) if 0 < inertia.positive <= values.size else None
    form, mixed = ProductForm(ways.hessian), ways.bounds.mixed
    try:
        with np.errstate(all="ignore"):
            if inertia.positive == form.order:
                least = least_eigenvalue(*form.terms, ways.hessian.unit * form.rounding())
                return End(least.inner + mixed, least.outer - mixed, 0.0)
            split = ways.least_of_parts()
    except np.linalg.LinAlgError:
        return None
    return split[0] if split is not None and split[1] == inertia.positive else None


def _surely(value: float, values: Matrix) -> End:
    error = _solver_error(values)
    return End(value + error, value - error, 0.0)


def _at_minimum(found: Curvature, least: End | None, exponent: int, error: float) -> AtMinimum | None:
    if least is None or not least.value > least.error + error:
        return None
    value, within = _scaled(least.value, exponent), _scaled(least.error + error, exponent)
    condition = found.largest / value
    return AtMinimum(value, within, condition, (condition - 1.0) / (condition + 1.0))
