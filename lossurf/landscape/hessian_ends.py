"""Both ends of the Hessian's spectrum by products of it with vectors, in the bases where they are cheapest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

from lossurf.landscape.compressed_hessian import CompressedHessian
from lossurf.landscape.ends import End, Extremes
from lossurf.landscape.extreme_eigenvalues import extreme_eigenvalues
from lossurf.landscape.hessian_bounds import HessianBounds
from lossurf.landscape.parameter_hessian import ParameterHessian
from lossurf.landscape.split_ends import SplitNetwork, split_ends
from lossurf.landscape.split_least import split_least
from lossurf.landscape.triangular_bases import keeps_apart, rank_and_samples

_NEGLIGIBLE: Final = 1e-2
_COMPRESSED: Final = 0.1  # of the error that is wanted may be what is left out of the factors
_SMALLEST: Final = 24  # order of h_{N-1} below which a change of bases costs as much as all products
_LOW_RANK: Final = 0.75  # of that order: above it only triangles are left to gain,
_LARGE: Final = 256  # which pay for the change of bases from here on
_WORTH: Final = 0.75  # of the multiplications, where the change of bases costs as much as four products


@dataclass(frozen=True)
class HessianEnds:
    """What the Hessian's spectrum is enclosed from, without blocks so small that leaving them out changes nothing.

    Attributes
    ----------
    hessian : ParameterHessian
    bounds : HessianBounds
    share : float
        Wanted error, relative to the spectral radius.
    """

    hessian: ParameterHessian
    bounds: HessianBounds
    share: float

    @cached_property
    def _without(self) -> frozenset[int]:
        return negligible(self.bounds, _NEGLIGIBLE * self.share, self.hessian.network.depth)

    @cached_property
    def _compressed(self) -> CompressedHessian | None:
        return compress(self.hessian, self.bounds, _COMPRESSED * self.share, self._without)

    @cached_property
    def _split(self) -> tuple[SplitNetwork, float] | None:
        """Return the parts of H where it falls apart in the bases of the compressed one, and what they leave out."""
        compressed = self._compressed
        if compressed is None or any(self.hessian.network.biased):
            return None
        network = SplitNetwork.of(compressed.turned, compressed.most)
        return None if network is None else (network, self._left_out(compressed.share + network.share))

    def _left_out(self, share: float) -> float:
        return self.bounds.of_layers(self._without) + self.bounds.changed(share, self.hessian.unit)

    @property
    def _rounded(self) -> float:
        """Bound what the parts of H are rounded by.

        They are products of the same factors as the dense Hessian, or of those with vectors: twice what those round.
        """
        return 2.0 * (self.bounds.rounding + self.bounds.assembly)

    def extremes(self) -> Extremes:
        """Enclose both ends: from the parts of H, or by the Lanczos method in the bases where products are cheapest."""
        if self._split is not None:
            network, left_out = self._split
            room = self.bounds.rounding + self.bounds.data + left_out + self._rounded
            found = split_ends(network, self.share, room, self._rounded)
            if found is not None:
                return found.widened(left_out)
        compressed = self._compressed
        left_out = self._left_out(0.0 if compressed is None else compressed.share)
        ends = extreme_eigenvalues(
            partial(self.hessian.apply, without=self._without) if compressed is None else compressed.apply,
            self.hessian.order if compressed is None else compressed.order,
            rounding=self.bounds.rounding,
            share=self.share,
            bounds=self.bounds.spectrum,
            allowance=self.bounds.rounding + self.bounds.data + left_out,
        )
        ends = ends.with_zero() if compressed is not None and compressed.has_idle else ends
        return ends.widened(left_out)

    def least_of_parts(self) -> tuple[End, int] | None:
        """Enclose the least eigenvalue that is not zero, of so many; None where H does not fall apart."""
        if self._split is None:
            return None
        network, left_out = self._split
        found = split_least(network, self._rounded)
        if found is None:
            return None
        least, count = found
        return End(least.inner + left_out, least.outer - left_out, 0.0), count


def compress(
    hessian: ParameterHessian, bounds: HessianBounds, share: float, without: frozenset[int]
) -> CompressedHessian | None:
    """Look for bases in which a product costs less, and changes the eigenvalues by at most that share of the radius."""
    network = hessian.network
    if network.depth < 2 or not bounds.least_radius > 0.0:
        return None
    order, apart = min(network.nodes[-2].shape), keeps_apart(network)
    if order < _SMALLEST and not apart:
        return None
    most = share * bounds.least_radius * hessian.unit / bounds.rounding
    rank, samples = rank_and_samples(network, most)
    if rank > _LOW_RANK * order and order < _LARGE and not apart:
        return None
    found = CompressedHessian(hessian, rank, samples, most, without)
    return found if found.share <= 2.0 * most and (apart or found.cost() <= _WORTH) else None


def negligible(bounds: HessianBounds, share: float, depth: int) -> frozenset[int]:
    """Return the layers whose blocks by the residual are all small beside the largest of them."""
    sizes = {layer: bounds.of_layers([layer]) for layer in range(2, depth + 1)}
    return frozenset(layer for layer, size in sizes.items() if size <= share * bounds.mixed / depth)
