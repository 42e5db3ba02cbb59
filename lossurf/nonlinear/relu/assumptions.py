"""The assumptions of Corollary 3.2, decided three-valued from their measured effects (Kawaguchi 2016, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from lossurf.fields import Unbounded, limited
from lossurf.nonlinear.relu.decomposition import Decomposition
from lossurf.nonlinear.relu.estimates import Estimate
from lossurf.nonlinear.relu.independence import MaskShuffle, UnitDependence
from lossurf.words import Status

NEGLIGIBLE: Final = 0.10
"""An effect of at most a tenth of what it is compared with (mean path probability, norm of the outputs) counts as
absent: an order of magnitude below what the assumption is about."""

LEVEL: Final = 0.05
"""Family-wise level of the two independence tests together, the customary one."""


@dataclass(frozen=True)
class Assumption:
    """One assumption decided: its measured effect against `NEGLIGIBLE`, and the ground in words.

    Attributes
    ----------
    id : str
        Of `lossurf explain`.
    status : Status
        Decided by the interval of the measured effect.
    value : float or None
        The effect.
    threshold : float
        What it is held against.
    detail : str
        What was measured, in words.
    """

    id: Annotated[str, limited(enum=["a1p-m", "a5u-m", "reduction"])]
    status: Status
    value: Unbounded | None
    threshold: float
    detail: str


def decide(
    path_cv: Estimate, parts: Decomposition, shuffle: MaskShuffle, dependence: UnitDependence, *, literal: bool
) -> tuple[Assumption, ...]:
    """Decide the three assumptions from their measured effects and the two tests.

    An assumption holds if the whole interval of its effect is at most `NEGLIGIBLE` and fails if the whole interval is
    above; A5u-m fails only if a test rejects independence as well. Not rejecting is never `holds`.
    """
    p_value = combined_p_value(shuffle, dependence)
    rejected = p_value is not None and p_value <= LEVEL
    independent = Status.HOLDS if literal else parts.delta5.within(NEGLIGIBLE)
    if independent is Status.FAILS and not rejected:
        independent = Status.UNDECIDED
    return (
        _assumption("a1p-m", path_cv.within(NEGLIGIBLE), path_cv, "coefficient of variation of path probabilities"),
        _assumption("a5u-m", independent, parts.delta5, "||f - Jbar X|| / ||f||", _tests_say(p_value, rejected)),
        _assumption("reduction", parts.eta.within(NEGLIGIBLE), parts.eta, "||f - rho P X|| / ||f||"),
    )


def combined_p_value(shuffle: MaskShuffle, dependence: UnitDependence) -> float | None:
    """Return the Bonferroni-adjusted p-value of the two tests together; None where neither could be made."""
    p_values = [p for p in (shuffle.p_value, dependence.p_value) if p is not None]
    return min(1.0, len(p_values) * min(p_values)) if p_values else None


def _assumption(identifier: str, status: Status, effect: Estimate, what: str, also: str = "") -> Assumption:
    ending = f"; {also}" if also else ""
    if effect.value is None:
        return Assumption(identifier, status, None, NEGLIGIBLE, f"{what} is not defined on this data{ending}")
    low, high = effect.interval or (effect.value, effect.value)
    measured = f"{effect.value:.3g} ({low:.3g} to {high:.3g}), holds up to {NEGLIGIBLE}"
    return Assumption(identifier, status, effect.value, NEGLIGIBLE, f"{what} = {measured}{ending}")


def _tests_say(p_value: float | None, rejected: bool) -> str:
    if p_value is None:
        return "no unit could be tested for independence"
    return f"independence {'rejected' if rejected else 'not rejected'}, p = {p_value:.3g}"
