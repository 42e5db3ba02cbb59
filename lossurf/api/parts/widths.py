"""The widths of a network: what follows from them, and the refusal of those that do not fit the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lossurf.data import Data
from lossurf.errors import UsageError
from lossurf.fields import Count, Size, Widths


@dataclass(frozen=True)
class NetworkFacts:
    """A network of given widths.

    Attributes
    ----------
    widths : tuple of int
        (dx, hidden widths, dy).
    hidden_layers : int
        H.
    p : int or None
        The smallest hidden width; None without a hidden layer.
    rank_max : int
        min(d_0, ..., d_N), the highest rank that the product can have.
    """

    widths: Widths
    hidden_layers: Count
    p: int | None
    rank_max: Size


def network_facts(widths: tuple[int, ...]) -> NetworkFacts:
    """Derive H, p and rank_max from (dx, hidden widths, dy)."""
    hidden = widths[1:-1]
    return NetworkFacts(widths, len(hidden), min(hidden, default=None), min(widths))


def fitting_widths(widths: Sequence[int], data: Data) -> tuple[int, ...]:
    """Return widths that lead from dx to dy.

    Raises
    ------
    UsageError
        If they do not.
    """
    if len(widths) < 2 or min(widths) < 1 or (widths[0], widths[-1]) != (data.dx, data.dy):
        given = ",".join(map(str, widths))
        raise UsageError(
            f"the widths {given} do not lead from dx = {data.dx} to dy = {data.dy}",
            remedy=f"give all of them, such as {data.dx},4,{data.dy}",
        )
    return tuple(widths)
