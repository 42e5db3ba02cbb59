"""Both ends of the Hessian's spectrum where the residual is small: by products with J J^T.

The residual adds M to J^T J. The largest eigenvalue is at most that of J J^T and ||M||, and at least x^T H x, which one
product with H tells of x = J^T w, w the Ritz vector of J J^T. The least is at least -||M||, and never above 0 where a
hidden layer k has two units: V_k = G W_k, V_{k+1} = -W_{k+1} G change the product by -W_{k+1} G^2 W_k alone, and their
form is -2 tr(G^2 S), S = W_k h_{k-1} E^T A_{k+1} W_{k+1}. At G = g g^T that is -2 g^T S g, at G = a b^T - b a^T it is
2 (a^T S a + b^T S b): not both are positive for orthonormal a, b and g = a or b. Where W_k^T g = 0 = W_{k+1} g, so that
nothing changes, any change of that row of W_k is flat.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lossurf.landscape.extreme_eigenvalues import End, Extremes, extreme_eigenvalues
from lossurf.landscape.hessian_bounds import HessianBounds
from lossurf.landscape.parameter_hessian import ParameterHessian
from lossurf.landscape.product_form import ProductForm
from lossurf.numerics import EPS

_ADDED: Final = 0.6  # of the error that is wanted may be ||M|| where it counts on both sides,
_BETWEEN: Final = 1.5  # and of that of one side, which is twice as wide, where a product with H gives the other
_EXCEEDED: Final = 1.05
_LOOSE: Final = 8.0  # how far above the least bound of ||M|| that is computed the first one can be at 1,000 units


def ends_of_products(hessian: ParameterHessian, bounds: HessianBounds, share: float) -> Extremes | None:
    """Enclose the ends by products with J J^T; None where they cost more or say too little."""
    form = ProductForm(hessian)
    wanted = share * bounds.trace
    if hessian.order <= form.order or not form.is_cheap or bounds.mixed > _LOOSE * _BETWEEN * wanted:
        return None
    wanted = share * some_curvature(form)
    if bounds.mixed > _LOOSE * _BETWEEN * wanted:
        return None
    if bounds.mixed > _ADDED * wanted:
        bounds = bounds.tightened(hessian)
    if bounds.mixed <= _ADDED * wanted:
        return _added_on_both_sides(hessian, form, bounds, share)
    found = _between(hessian, form, bounds, share) if bounds.mixed <= _BETWEEN * wanted else None
    return found if found is not None and found.largest.error <= _EXCEEDED * share * found.largest.value else None


def some_curvature(form: ProductForm) -> float:
    """Return a lower bound, to rounding, of the largest eigenvalue of J J^T: what it makes of what it makes of h_N."""
    once = form.apply(form.output)
    size = float(np.linalg.norm(once))
    return float(np.linalg.norm(form.apply(once / size))) if size > 0.0 else 0.0


def _added_on_both_sides(hessian: ParameterHessian, form: ProductForm, bounds: HessianBounds, share: float) -> Extremes:
    found, rounding = _of_products(hessian, form, bounds, share, 2.0 * bounds.mixed)
    least = _least(hessian, bounds)
    return Extremes(least, found.widened(bounds.mixed + rounding).largest, found.products)


def _between(hessian: ParameterHessian, form: ProductForm, bounds: HessianBounds, share: float) -> Extremes:
    found, rounding = _of_products(hessian, form, bounds, share, bounds.mixed, vector=True)
    assert found.vector is not None
    x = hessian.transposed_jacobian(found.vector)
    x /= np.linalg.norm(x)
    form_at = float(x @ hessian.apply(x)) - bounds.rounding - 4.0 * EPS * x.size * bounds.spectrum[1]
    high = found.largest
    outer = high.outer + bounds.mixed + rounding
    largest = End(max(form_at, high.inner - bounds.mixed - rounding), outer, high.failure)
    return Extremes(_least(hessian, bounds), largest, found.products + 1)


def _of_products(
    hessian: ParameterHessian,
    form: ProductForm,
    bounds: HessianBounds,
    share: float,
    taken: float,
    *,
    vector: bool = False,
) -> tuple[Extremes, float]:
    """Run the Lanczos method on J J^T, of which as much of the width that is wanted is taken by what it leaves out."""
    of_form = hessian.unit * form.rounding()
    rounding = bounds.rounding + of_form
    found = extreme_eigenvalues(
        form.apply,
        form.order,
        rounding=rounding,
        share=share,
        bounds=(0.0, bounds.trace + rounding),
        allowance=rounding + bounds.data + 0.5 * taken,
        both=False,
        vector=vector,
    )
    return found, of_form


def _least(hessian: ParameterHessian, bounds: HessianBounds) -> End:
    """Enclose the least eigenvalue between -||M|| and 0, or ||M|| where all hidden layers have one unit."""
    has_two = max((len(W) for W in hessian.network.layers[:-1]), default=1) > 1
    return End(0.0 if has_two else bounds.mixed, -bounds.mixed, 0.0)
