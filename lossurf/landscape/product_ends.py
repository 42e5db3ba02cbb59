"""Both ends of the Hessian's spectrum where the residual is small: by products with J J^T.

The residual adds M to J^T J. The largest eigenvalue is at most that of J J^T and ||M||, and at least x^T H x, which
one product with H tells of x = J^T w, w the vector that J J^T makes most of. The least is at least -||M||, and never
above 0 where a hidden layer k has two units: V_k = G W_k, V_{k+1} = -W_{k+1} G change the product by
-W_{k+1} G^2 W_k alone, and their form is -2 tr(G^2 S), S = W_k h_{k-1} E^T A_{k+1} W_{k+1}. At G = g g^T that is
-2 g^T S g, at G = a b^T - b a^T it is 2 (a^T S a + b^T S b): not both are positive for orthonormal a, b and g = a or b.
Where W_k^T g = 0 = W_{k+1} g, so that nothing changes, any change of that row of W_k is flat.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from lossurf.landscape.ends import End, Extremes
from lossurf.landscape.extreme_eigenvalues import extreme_eigenvalues
from lossurf.landscape.hessian_bounds import HessianBounds
from lossurf.landscape.parameter_hessian import ParameterHessian
from lossurf.landscape.product_form import ProductForm
from lossurf.landscape.top_direction import TopDirection, top_direction
from lossurf.numerics import EPS

_ADDED: Final = 0.6  # of the error that is wanted may be ||M|| where it counts on both sides,
_BETWEEN: Final = 1.5
"""And of that of one side, which is twice as wide, where a product with H gives the other: or all that is left of it
where one direction bounds the largest eigenvalue of J J^T, and no products with that need room."""
_EXCEEDED: Final = 1.05
_LOOSE: Final = 0.25  # power of the order by which the first bound of ||M|| can be above the least: of two `norm_bound`


def ends_of_products(hessian: ParameterHessian, bounds: HessianBounds, share: float) -> Extremes | None:
    """Enclose the ends by products with J J^T; None where they cost more or say too little."""
    form = ProductForm(hessian)
    if hessian.order <= form.order or not form.is_cheap or _is_large(hessian, bounds, share * bounds.trace):
        return None
    top = top_direction(*form.terms)
    wanted = share * top.quotient
    if _is_large(hessian, bounds, wanted):
        return None
    way = _Way(hessian, form, bounds, share, top)
    if bounds.mixed > _ADDED * wanted and way.certain_end(bounds.mixed) is None:
        bounds = bounds.tightened(hessian)
        way = _Way(hessian, form, bounds, share, top)
    if bounds.mixed <= _ADDED * wanted:
        found = way.added_on_both_sides()
    elif bounds.mixed <= _BETWEEN * wanted or way.certain_end(bounds.mixed) is not None:
        found = way.between()
    else:
        return None
    return found if found.largest.error <= _EXCEEDED * share * found.largest.value else None


def _is_large(hessian: ParameterHessian, bounds: HessianBounds, wanted: float) -> bool:
    """Whether ||M|| is, however little its bound is above it."""
    order = max(max(W.shape) for W in hessian.network.layers)
    return bool(bounds.mixed > order**_LOOSE * _BETWEEN * wanted)


@dataclass(frozen=True)
class _Way:
    """What the ends are computed from."""

    hessian: ParameterHessian
    form: ProductForm
    bounds: HessianBounds
    share: float
    top: TopDirection

    def added_on_both_sides(self) -> Extremes:
        """Widen the largest eigenvalue of J J^T by ||M||."""
        found = self._of_products(2.0 * self.bounds.mixed)
        return Extremes(least_end(self.hessian, self.bounds), found.widened(self.bounds.mixed).largest, found.products)

    def between(self) -> Extremes:
        """Add ||M|| on the outer side alone: a vector tells the inner one."""
        found = self._of_products(self.bounds.mixed, vector=True)
        assert found.vector is not None
        x = self.hessian.transposed_jacobian(found.vector)
        x /= np.linalg.norm(x)
        rounding = self.bounds.rounding + 4.0 * EPS * x.size * self.bounds.spectrum[1]
        inner = max(float(x @ self.hessian.apply(x)) - rounding, found.largest.inner - self.bounds.mixed)
        largest = End(inner, found.largest.outer + self.bounds.mixed, found.largest.failure)
        return Extremes(least_end(self.hessian, self.bounds), largest, found.products + 1)

    def certain_end(self, taken: float) -> End | None:
        """Enclose the largest eigenvalue of J J^T by one direction, where that leaves that much of the width wanted."""
        bounds = self.bounds
        width = 2.0 * (self.share * self.top.quotient - bounds.rounding - self._of_form - bounds.data) - taken
        if self.top.expected - self.top.quotient > width:
            return None
        end = self._top_end
        return end if end.outer - end.inner <= width else None

    @cached_property
    def _top_end(self) -> End:
        return self.top.end(*self.form.terms, self._of_form)

    @cached_property
    def _of_form(self) -> float:
        return self.hessian.unit * self.form.rounding()

    def _of_products(self, taken: float, *, vector: bool = False) -> Extremes:
        """Enclose the largest eigenvalue of J J^T, where that much of the width that is wanted is taken already."""
        end = self.certain_end(taken)
        if end is not None:
            return Extremes(End(0.0, 0.0, 0.0), end, 0, self.top.change)
        rounding = self.bounds.rounding + self._of_form
        found = extreme_eigenvalues(
            self.form.apply,
            self.form.order,
            rounding=rounding,
            share=self.share,
            bounds=(0.0, self.bounds.trace + rounding),
            allowance=rounding + self.bounds.data + 0.5 * taken,
            both=False,
            vector=vector,
        )
        return found.widened(self._of_form)


def least_end(hessian: ParameterHessian, bounds: HessianBounds) -> End:
    """Enclose the least eigenvalue between -||M|| and 0, or ||M|| where all hidden layers have one unit."""
    has_two = max((len(W) for W in hessian.network.layers[:-1]), default=1) > 1
    return End(0.0 if has_two else bounds.mixed, -bounds.mixed, 0.0)
