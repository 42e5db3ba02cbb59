"""The two ends of a spectrum, each between an inner bound, which is certain, and an outer one."""

from __future__ import annotations

from dataclasses import dataclass

from lossurf.numerics import EPS, Matrix


@dataclass(frozen=True)
class End:
    """An extreme eigenvalue lies between `inner`, certain, and `outer`, but for a probability of `failure`."""

    inner: float
    outer: float
    failure: float

    @property
    def value(self) -> float:
        """The middle."""
        return self.inner + 0.5 * (self.outer - self.inner)

    @property
    def error(self) -> float:
        """Half the width, and what the middle is rounded by."""
        return 0.5 * abs(self.outer - self.inner) + EPS * max(abs(self.inner), abs(self.outer))

    def within(self, bound: float) -> End:
        """Take a certain outer bound in place of one that is farther out."""
        beyond = self.outer > bound if self.outer >= self.inner else self.outer < bound
        return End(self.inner, bound, 0.0) if beyond else self


@dataclass(frozen=True)
class Extremes:
    """The ends of a spectrum, how many products with the operator they took, and a vector near the largest's."""

    smallest: End
    largest: End
    products: int
    vector: Matrix | None = None

    def widened(self, by: float) -> Extremes:
        """Take them for those of an operator that is within `by` of this one (Weyl)."""
        low, high = self.smallest, self.largest
        smallest = End(low.inner + by, low.outer - by, low.failure)
        largest = End(high.inner - by, high.outer + by, high.failure)
        return Extremes(smallest, largest, self.products, self.vector)

    def with_zero(self) -> Extremes:
        """Take 0 for an eigenvalue beside them."""
        low, high = self.smallest, self.largest
        smallest = End(min(low.inner, 0.0), min(low.outer, 0.0), low.failure)
        largest = End(max(high.inner, 0.0), max(high.outer, 0.0), high.failure)
        return Extremes(smallest, largest, self.products, self.vector)
