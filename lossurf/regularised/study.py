"""What data allow one hidden layer with weight decay: the least loss, and the decay from which on zero is best."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

from lossurf.fields import Count, Magnitude
from lossurf.reduction.problem import ReducedProblem


@dataclass(frozen=True)
class DecayOptimum:
    """The least loss with weight decay of one hidden layer that is wide enough.

    Attributes
    ----------
    lambda_ : float
        lam of 1/2 ||P X - Y||^2 + 1/2 lam (||W_1||^2 + ||W_2||^2).
    lambda_max : float
        The least lam at which no network is better than zero: ||Y X^T||_2.
    optimal_loss : float
        The least loss.
    duality_gap : float
        No network has a loss lower than `optimal_loss` by more than this.
    rank : int
        Of the best product: hidden units beyond it are idle.
    singular_values : tuple of float
        Of the best product, descending: those that survive.
    """

    lambda_: Magnitude
    lambda_max: Magnitude
    optimal_loss: Magnitude
    duality_gap: Magnitude
    rank: Count
    singular_values: tuple[Magnitude, ...]


def study_decay(problem: ReducedProblem, decay: float) -> DecayOptimum:
    """Minimise over all networks of one hidden layer.

    Parameters
    ----------
    problem : ReducedProblem
        Centred for a network with an output bias, which is not decayed.
    decay : float
        lam > 0.

    Returns
    -------
    DecayOptimum

    Notes
    -----
    1/2 (||W_1||^2 + ||W_2||^2) is at least the nuclear norm of W_2 W_1, and equal to it for balanced layers (Srebro,
    Rennie & Jaakkola 2005).
    """
    # scipy comes with these, and a check without weight decay starts without it
    from lossurf.regularised.bounds import largest_useful_decay
    from lossurf.regularised.proximal import nuclear_minimum
    from lossurf.regularised.scaled import scaled_problem

    scaled = scaled_problem(problem, decay, 2)
    found = nuclear_minimum(scaled)
    of_product = 2.0 * scaled.unit  # a product of two layers, in the logarithm
    rounding = scaled.rounding(scaled.zero_loss + found.loss)
    return DecayOptimum(
        lambda_=decay,
        lambda_max=largest_useful_decay(scaled) * exp(2.0 * (log(scaled.loss_unit) - scaled.unit)),
        optimal_loss=scaled.in_data_units(found.loss),
        duality_gap=scaled.loss_unit**2 * (found.gap + rounding),
        rank=found.rank,
        singular_values=tuple((found.singular_values * exp(of_product)).tolist()),
    )
