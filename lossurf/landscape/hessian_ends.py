"""Both ends of the Hessian's spectrum by products of it with vectors, in the bases where they are cheapest."""

from __future__ import annotations

from functools import partial
from typing import Final

from lossurf.landscape.compressed_hessian import CompressedHessian
from lossurf.landscape.ends import Extremes
from lossurf.landscape.extreme_eigenvalues import extreme_eigenvalues
from lossurf.landscape.hessian_bounds import HessianBounds
from lossurf.landscape.parameter_hessian import ParameterHessian
from lossurf.landscape.split_ends import SplitNetwork, split_ends
from lossurf.landscape.triangular_bases import rank_and_samples

_NEGLIGIBLE: Final = 1e-2
_COMPRESSED: Final = 0.1  # of the error that is wanted may be what is left out of the factors
_SMALLEST: Final = 48  # order of h_{N-1} below which a product costs calls, and not multiplications
_LOW_RANK: Final = 0.75  # of that order: above it only triangles are left to gain,
_LARGE: Final = 256  # which pay for the change of bases from here on
_WORTH: Final = 0.75  # of the multiplications, where the change of bases costs as much as four products


def ends_of_hessian(hessian: ParameterHessian, bounds: HessianBounds, share: float) -> Extremes:
    """Enclose the ends by the Lanczos method on H, but for blocks so small that leaving them out changes nothing."""
    without = negligible(bounds, _NEGLIGIBLE * share, hessian.network.depth)
    compressed = compress(hessian, bounds, _COMPRESSED * share, without)
    left_out = bounds.of_layers(without)
    if compressed is not None:
        split = _split_ends(hessian, bounds, compressed, share, left_out)
        if split is not None:
            return split
        left_out += bounds.changed(compressed.share, hessian.unit)
    found = extreme_eigenvalues(
        partial(hessian.apply, without=without) if compressed is None else compressed.apply,
        hessian.order if compressed is None else compressed.order,
        rounding=bounds.rounding,
        share=share,
        bounds=bounds.spectrum,
        allowance=bounds.rounding + bounds.data + left_out,
    )
    found = found.with_zero() if compressed is not None and compressed.has_idle else found
    return found.widened(left_out)


def _split_ends(
    hessian: ParameterHessian, bounds: HessianBounds, compressed: CompressedHessian, share: float, left_out: float
) -> Extremes | None:
    """Enclose the ends without H where it falls apart in the bases of the compressed one.

    Its parts are products of the same factors as the dense Hessian, or of those with vectors: twice what those round.
    """
    network = None
    if not any(hessian.network.biased):
        network = SplitNetwork.of(compressed.turned, compressed.most)
    if network is None:
        return None
    left_out += bounds.changed(compressed.share + network.share, hessian.unit)
    rounded = 2.0 * (bounds.rounding + bounds.assembly)
    found = split_ends(network, share, bounds.rounding + bounds.data + left_out + rounded, rounded)
    return None if found is None else found.widened(left_out)


def compress(
    hessian: ParameterHessian, bounds: HessianBounds, share: float, without: frozenset[int]
) -> CompressedHessian | None:
    """Look for bases in which a product costs less, and changes the eigenvalues by at most that share of the radius."""
    order = min(hessian.network.nodes[-2].shape)
    if order < _SMALLEST or hessian.network.depth < 2 or not bounds.least_radius > 0.0:
        return None
    most = share * bounds.least_radius * hessian.unit / bounds.rounding
    rank, samples = rank_and_samples(hessian.network, most)
    if rank > _LOW_RANK * order and order < _LARGE:
        return None
    found = CompressedHessian(hessian, rank, samples, most, without)
    return found if found.share <= 2.0 * most and found.cost() <= _WORTH else None


def negligible(bounds: HessianBounds, share: float, depth: int) -> frozenset[int]:
    """Return the layers whose blocks by the residual are all small beside the largest of them."""
    sizes = {layer: bounds.of_layers([layer]) for layer in range(2, depth + 1)}
    return frozenset(layer for layer, size in sizes.items() if size <= share * bounds.mixed / depth)
