"""A ReLU network with its activations taken out: masks of active units, masked forward passes, masked maps.

Samples are rows. On sample i the network is the affine map J_i of the weights masked by the units that are active
there: f(x_i) = J_i [x_i; 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lossurf.errors import InputError
from lossurf.numerics import Matrix

_MAP_NUMBERS = 2**22  # numbers in the maps averaged at a time: 32 MB
_LARGEST_SQUARABLE = 1e150  # its square, times a million samples and outputs, is finite

Masks = tuple[NDArray[np.bool_], ...]  # one (samples, d_k) array for each hidden layer


@dataclass(frozen=True)
class ReluNetwork:
    """W_N relu(... relu(W_1 x + b_1) ...) + b_N.

    Attributes
    ----------
    weights : tuple of ndarray
        Shapes (d_k, d_{k-1}), first to last; they chain.
    biases : tuple of (ndarray or None)
        Shapes (d_k,), one for each layer.
    """

    weights: tuple[Matrix, ...]
    biases: tuple[Matrix | None, ...]

    @property
    def hidden_layers(self) -> int:
        """H, the number of layers followed by a ReLU."""
        return len(self.weights) - 1

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """(d_1, ..., d_H)."""
        return tuple(W.shape[0] for W in self.weights[:-1])

    @property
    def has_bias(self) -> bool:
        """Whether any layer has a bias that is not all zero."""
        return any(bias is not None and bool(np.any(bias)) for bias in self.biases)

    def forward(self, X: Matrix) -> tuple[Matrix, Masks]:
        """Return the outputs (samples, dy) and which units are active, meaning a positive pre-activation.

        Raises
        ------
        InputError
            If a pre-activation leaves the range of float64.
        """
        masks: list[NDArray[np.bool_]] = []
        h = X
        with np.errstate(over="ignore", invalid="ignore"):  # reported below, once, with its remedy
            for W, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
                pre = affine(h, W, bias)
                masks.append(pre > 0.0)
                h = pre * masks[-1]
            outputs = affine(h, self.weights[-1], self.biases[-1])
        require_squarable(float(np.max(np.abs(outputs), initial=0.0)))
        return outputs, tuple(masks)

    def masked_forward(self, X: Matrix, masks: Masks) -> Matrix:
        """Return J(masks_i) [x_i; 1] for every row i, shape (samples, dy): activations given, not computed from x."""
        h = X
        for W, bias, mask in zip(self.weights, self.biases, masks, strict=False):
            h = affine(h, W, bias) * mask
        return affine(h, self.weights[-1], self.biases[-1])

    def masked_maps(self, masks: Masks) -> Matrix:
        """Return every J_i, shape (samples, dy, dx + 1); the last column is what the biases give."""
        samples = masks[0].shape[0] if masks else 1
        W_out = self.weights[-1]
        J = np.broadcast_to(W_out, (samples, *W_out.shape))
        constant = np.zeros((samples, W_out.shape[0])) + _vector(self.biases[-1], W_out.shape[0])
        for k in range(self.hidden_layers - 1, -1, -1):
            J = J * masks[k][:, None, :]
            constant += J @ _vector(self.biases[k], J.shape[2])
            J = J @ self.weights[k]
        return np.concatenate([J, constant[:, :, None]], axis=2)

    def average_map(self, masks: Masks) -> Matrix:
        """Return Jbar, the mean of the J_i, shape (dy, dx + 1), with a bounded number of them in memory."""
        samples = masks[0].shape[0] if masks else 1
        widest = max(W.shape[1] for W in self.weights) + 1
        rows = max(1, _MAP_NUMBERS // (self.weights[-1].shape[0] * widest))
        total = np.zeros((self.weights[-1].shape[0], self.weights[0].shape[1] + 1))
        for start in range(0, samples, rows):
            total += self.masked_maps(tuple(mask[start : start + rows] for mask in masks)).sum(axis=0)
        return total / samples

    def start_layer_maps(self) -> Matrix:
        """Return the linear network split by where its paths start, shape (N, dy, dx + 1); H = N - 1.

        Entry 0 holds the paths from the input and from b_1, entry s those from b_{s+1}: with all units active the
        network is their sum, and with paths from start s active with probability rho_s its mean is the sum of rho_s
        times entry s.
        """
        dy, dx = self.weights[-1].shape[0], self.weights[0].shape[1]
        maps = np.zeros((len(self.weights), dy, dx + 1))
        A = np.eye(dy)
        for k in range(self.hidden_layers, -1, -1):
            maps[k, :, -1] = A @ _vector(self.biases[k], A.shape[1])
            A = A @ self.weights[k]
        maps[0, :, :-1] = A
        return maps


def affine(h: Matrix, W: Matrix, bias: Matrix | None) -> Matrix:
    """Return h W^T + b, rows are samples."""
    product = h @ W.T
    return product if bias is None else product + bias


def with_constant(X: Matrix) -> Matrix:
    """Return the rows [x 1]."""
    return np.hstack([X, np.ones((X.shape[0], 1))])


def _vector(bias: Matrix | None, size: int) -> Matrix:
    return np.zeros(size) if bias is None else bias


def require_squarable(size: float) -> None:
    """Raise an InputError unless outputs of this size have finite squares."""
    if not size < _LARGEST_SQUARABLE:  # false for NaN too
        raise InputError(
            "the squares of the network's outputs on this data leave the range of float64",
            where="checkpoint",
            remedy="check that the data are scaled as in training, or rescale X and the first layer together",
        )
