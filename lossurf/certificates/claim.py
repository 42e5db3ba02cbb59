"""A stored claim, and what every check of it needs: network, loss, gradient, and the bounds on their rounding."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from lossurf.certificates.plain_network import PlainNetwork, norm, singular_values
from lossurf.certificates.rounding import LARGEST_MEASURE, TWICE, Rounding, error_of_means, is_rounding_of_means
from lossurf.certificates.stored import StoredCertificate, total_weight
from lossurf.certificates.tolerance import stored_tolerance
from lossurf.numerics import EPS, Matrix, rank_threshold

_WIDE: Final = 96
_NORMS_OF_WIDE: Final = 0.05
"""Spectral norms of matrices of that order or more are found by an iteration that ends at a per cent, and measures and
thresholds are ratios and products of up to five of them: they are claimed to no more than that. What follows from them
is decided by their values here."""


@dataclass(frozen=True)
class MeanResidual:
    """The mean residual of a network with an output bias, in units of the scale.

    Attributes
    ----------
    norm : float
    measure : float
        It over its first-order change per relative change of the layers and biases.
    terms : float
        Norm of the sizes of its terms.
    uncertain : float
        How far off the measure may be: the rounding of the means over that change.
    """

    norm: float = 0.0
    measure: float = 0.0
    terms: float = 0.0
    uncertain: float = 0.0


class Claim:
    """A stored claim with what every check of it needs.

    Parameters
    ----------
    stored : StoredCertificate
    turned : float
        Sine of the angle by which rounding turns the outputs that are seen; 0 where all are.
    """

    def __init__(self, stored: StoredCertificate, *, turned: float = 0.0) -> None:
        self.stored, self.said, self.turned = stored, stored.claim, turned
        self.weights, self.R11, self.T = stored.listed("W"), stored.arrays["R11"], stored.arrays["T"]
        self.tau, self.default_tau = float(self.said["tolerance"]), stored_tolerance(self.said["layers"])
        self.s = singular_values(self.T)
        largest, rest = float(np.max(self.s, initial=0.0)), float(self.said["residual_loss"])
        self.scale = largest or sqrt(2.0 * max(rest, 0.0)) or 1.0
        self.mean = self._mean_residual() if "mean_x" in stored.arrays else MeanResidual()
        self.mean_norm, self.mean_measure = self.mean.norm, self.mean.measure
        self.networks = self._networks()
        self.gradient = max(self.network.gradient(), self.mean_measure)
        self.unit = max(float(np.sum(self.T**2)), self.scale * self.scale)  # of loss
        self.rank_max = min(self.R11.shape[1], *(len(W) for W in self.weights))
        self.rounding = Rounding(self.weights, self.R11, self.T, self.scale)
        # of a ratio of norms of products of N layers, what it is a ratio of being good to the unit of rounding
        self.relative = TWICE * TWICE * self.network.depth * self.rounding.unit
        widths = sorted([self.R11.shape[0], *(len(W) for W in self.weights)])
        self.norms_known_to = _NORMS_OF_WIDE if widths[-2] >= _WIDE else 0.0
        # the first layer's share: it is brought to its length by a norm that is known to the unit of rounding times
        # what it was before R11 took most of it away
        self.first = self.network.taken

    def _networks(self) -> list[PlainNetwork]:
        """In the gauge whose gradient is the one claimed: the product of a nearly zero one leaves the choice.

        The other follows where its gradient is as near to the one claimed, but for rounding.
        """
        balanced = PlainNetwork(self.weights, self.R11, self.T, self.scale)
        if not balanced.fixes_no_scale():
            return [balanced]
        stored = PlainNetwork(self.weights, self.R11, self.T, self.scale, as_stored=True)
        claimed = float(self.said["gradient"])
        off = [abs(max(network.gradient(), self.mean_measure) - claimed) for network in (balanced, stored)]
        both = [stored, balanced] if off[1] < off[0] else [balanced, stored]
        return both if abs(off[1] - off[0]) <= balanced.depth * sum(self.T.shape) * EPS else both[:1]

    @property
    def network(self) -> PlainNetwork:
        """The layers in that gauge."""
        return self.networks[0]

    def _mean_residual(self) -> MeanResidual:
        """Of sqrt(m) (P mean_x + b_eff - mean_y), over the scale; of measure 0 where the claim takes it for rounding.

        It may be that where it is within the rounding of the means: of their sums, a share of Y, and of themselves.
        """
        arrays, root = self.stored.arrays, sqrt(total_weight(self.said["data"]))
        mean, change = root * arrays["mean_x"], 0.0
        terms, mean_y = np.abs(mean), root * arrays["mean_y"]
        for k, W in enumerate(self.weights, 1):
            shift = root * arrays.get(f"b{k}", np.zeros(len(W)))
            moved = float(np.linalg.norm(np.abs(W) @ np.abs(mean)) + np.linalg.norm(shift))
            mean, change = W @ mean + shift, change * norm(W) + moved
            terms = np.abs(W) @ terms + np.abs(shift)
        size = float(np.linalg.norm(mean - mean_y)) / self.scale
        length = float(np.linalg.norm((terms + np.abs(mean_y)) / self.scale))
        change /= self.scale
        error = self._error_of_means(float(np.linalg.norm(mean_y / self.scale)))
        error = max(error, rank_threshold(change, sum(W.shape[1] for W in self.weights)))
        measure = min(size / change if change else np.inf if size else 0.0, LARGEST_MEASURE)
        claimed = float(self.said["gradient"])
        is_rounding = is_rounding_of_means(size, error, measure, claimed, self.tau)
        uncertain = min(error / change, measure) if change else 0.0  # where nothing moves it, it is 0 or infinite
        return MeanResidual(size, 0.0 if is_rounding else measure, length, 0.0 if is_rounding else uncertain)

    def _error_of_means(self, mean_y: float) -> float:
        rest = sqrt(2.0 * max(float(self.said["residual_loss"]), 0.0)) / self.scale
        spread = float(np.linalg.norm(np.append(self.s / self.scale, rest)))
        return error_of_means(spread + mean_y, self.R11, self.T, self.said["data"], turned=self.turned)

    @property
    def read(self) -> list[Matrix]:
        """The weights with zeros for the layers that are nothing but rounding, as a point is read."""
        pairs = zip(self.weights, self.network.layers, strict=True)
        return [W if layer.any() else np.zeros_like(W) for W, layer in pairs]

    def loss(self, rank: int) -> float:
        """Least loss of a product of that rank, from the singular values of T."""
        return float(self.said["residual_loss"]) + 0.5 * float(np.sum(self.s[rank:] ** 2))

    @property
    def rise(self) -> float:
        """L - L*, in units of loss, without the rounding of their difference."""
        return self.rise_above(self.rank_max)

    def rise_above(self, rank: int) -> float:
        """L - L_rank, in units of loss."""
        return (self.excess - 0.5 * float(np.sum(self.s[rank:] ** 2))) / self.unit

    @property
    def excess(self) -> float:
        """L without the residual loss."""
        return 0.5 * self.scale * self.scale * (float(np.sum(self.network.E**2)) + self.mean_norm * self.mean_norm)

    @property
    def sizes(self) -> dict[str, int]:
        """Columns of the data, and how many of X are independent."""
        return {"dx": self.R11.shape[1], "dy": len(self.T), "rank_x": len(self.R11)}

    @property
    def rounding_of_rise(self) -> float:
        """Of `rise`: of L, of the singular values of T that L* consists of, and of two sums of squares of T's size."""
        of_level = self.rounding.level(self.s[self.rank_max :])
        return (self.loss_rounding + of_level) * self.scale * self.scale / self.unit + self.rounding.own

    @property
    def loss_rounding(self) -> float:
        """Of `excess`, in squared scale units: of the residual and of the mean residual, each from its own terms."""
        rounding = self.rounding
        of_mean = rounding.square(self.mean_norm, rounding.unit * self.mean.terms)
        return rounding.square(float(np.linalg.norm(self.network.E)), rounding.residual) + of_mean
