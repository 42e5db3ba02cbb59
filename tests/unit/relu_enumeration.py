"""ReLU networks small enough to write every path and every mask down: the outside truth of the path statistics."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise, product

import numpy as np

from lossurf.nonlinear.relu.network import ReluNetwork


def random_network(widths, generator, *, bias=False) -> ReluNetwork:
    weights = tuple(generator.standard_normal((rows, cols)) for cols, rows in pairwise(widths))
    biases = tuple(generator.standard_normal(W.shape[0]) if bias else None for W in weights)
    return ReluNetwork(weights, biases)


def unit_paths(widths, start=0) -> Iterator[tuple[int, ...]]:
    """One unit of every hidden layer after `start`."""
    return product(*(range(width) for width in widths[start:]))


def _equally(_start, _path):
    return 1.0


def output_by_paths(network, x, active, weight_of_path=None):
    """f as the paper writes it: a sum over paths of input (or bias), activations and weights."""
    H = network.hidden_layers
    f = np.zeros(network.weights[-1].shape[0])
    for o in range(f.size):
        for start in range(H + 1):
            bias = network.biases[start]
            for path in unit_paths(network.hidden_widths, start):
                on = all(active[start + k][unit] for k, unit in enumerate(path)) * (weight_of_path or _equally)(
                    start, path
                )
                chain = [*path, o]
                later = np.prod([network.weights[start + 1 + k][chain[k + 1], chain[k]] for k in range(len(path))])
                source = bias[chain[0]] if bias is not None else 0.0
                if start == 0:
                    source = source + network.weights[0][chain[0]] @ x
                f[o] += on * later * source
    return f


def path_probabilities(masks) -> list[Fraction]:
    """Share of samples on which each path is active, exactly."""
    m = masks[0].shape[0]
    widths = [mask.shape[1] for mask in masks]
    return [
        Fraction(sum(all(mask[i, u] for mask, u in zip(masks, path, strict=True)) for i in range(m)), m)
        for path in unit_paths(widths)
    ]


def all_masks(widths) -> Iterator[list[tuple[bool, ...]]]:
    """Every state of all hidden units."""
    for state in product((False, True), repeat=sum(widths)):
        masks, used = [], 0
        for width in widths:
            masks.append(state[used : used + width])
            used += width
        yield masks
