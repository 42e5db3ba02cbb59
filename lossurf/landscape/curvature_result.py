"""What is said about the steepness of a point: extreme curvatures, the steps they allow, and how long things take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lossurf.fields import Count, Magnitude, Share
from lossurf.landscape.flattest import Flattest
from lossurf.words import Reduction

Method = Literal["dense", "product-form", "lanczos"]


@dataclass(frozen=True)
class Leaving:
    """How long gradient descent stays at a strict saddle once it is off by rounding.

    Attributes
    ----------
    eps : float
        Relative spacing of the coarsest stored precision: the share of the way that rounding is.
    steps : float
        ln(1 / eps) / (step |smallest|) at the largest stable step, along the steepest direction.
    """

    eps: Magnitude
    steps: Magnitude


@dataclass(frozen=True)
class AtMinimum:
    """What decides how fast gradient descent converges at a minimum, across its flat directions.

    Attributes
    ----------
    least_nonzero, least_nonzero_error : float
        Of as many eigenvalues as lead up. Certain: of a large network between a bound from all of its layers and the
        curvature along one direction, which are the same where the layers are balanced.
    condition : float
        largest / least_nonzero.
    rate : float
        (condition - 1) / (condition + 1): what a step of the best length, 2 / (largest + least_nonzero), leaves of the
        distance.
    """

    least_nonzero: Magnitude
    least_nonzero_error: Magnitude
    condition: Magnitude
    rate: Magnitude


@dataclass(frozen=True)
class Curvature:
    """Extreme eigenvalues of the Hessian of 1/2 ||W_N ... W_1 X - Y||_F^2 over the stored weights and biases.

    Attributes
    ----------
    largest, largest_error, smallest, smallest_error : float
        The eigenvalue is within its error of the value; of the Lanczos method that is the middle of what is proved.
        Errors of rounding, of the data and of the method are all in it.
    failure : float
        Probability, over the random start of the Lanczos method, that one of the two is farther out; 0 where
        everything is certain.
    method : {"dense", "product-form", "lanczos"}
        How they were found: from all of the Hessian's eigenvalues, or those of J J^T where the residual is zero; or by
        products with vectors, at most one of them where norms of the layers are bounds that a direction reaches, and
        none where the Hessian falls apart into forms of the order of the rank.
    products : int
        How many products with a vector were taken: of the Hessian, or of J J^T where the residual's part in the Hessian
        is within the error.
    step : dict of Reduction to float or None
        2 / largest for the loss as 1/2 ||.||^2 ("half-sum"), ||.||^2 ("sum") and ||.||^2 / (m dy) ("mean"): the largest
        step at which gradient descent is stable there. None where no direction leads up.
    leaving : Leaving or None
        How long a strict saddle holds gradient descent.
    minimum : AtMinimum or None
        At a global minimum, where every eigenvalue was computed, the layers can change the outputs every way, or the
        Hessian falls apart.
    flattest : Flattest or None
        At a global minimum: how steep it is beside the flattest.
    """

    largest: float
    largest_error: Magnitude
    smallest: float
    smallest_error: Magnitude
    failure: Share
    method: Method
    products: Count
    step: Mapping[Reduction, float | None]
    leaving: Leaving | None = None
    minimum: AtMinimum | None = None
    flattest: Flattest | None = None
