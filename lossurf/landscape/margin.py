"""Whether a verdict stands clear of the tolerances at which it would be another (theory, section 6)."""

from __future__ import annotations

from lossurf.numerics import STABILITY_FACTOR
from lossurf.words import Verdict


def contested(
    verdict: Verdict, below: tuple[float, Verdict | None], above: tuple[float, Verdict | None], tau: float
) -> str | None:
    """Say which other verdict lies within STABILITY_FACTOR of a tolerance; None where none does.

    Parameters
    ----------
    verdict : Verdict
        At `tau`.
    below, above : (float, Verdict or None)
        The ends of its range, and the verdicts beyond them.
    tau : float
    """
    for end, neighbour in (below, above):
        if neighbour is not None and 1.0 / STABILITY_FACTOR < end / tau < STABILITY_FACTOR:
            return (
                f"{verdict} at this tolerance but {neighbour} on the other side of {end:.3g}, "
                f"within a factor {STABILITY_FACTOR:g}"
            )
    return None
