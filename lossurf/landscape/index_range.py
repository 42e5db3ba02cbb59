"""Which Morse indices the critical points of one level can have, given the widths: between which tails move it.

The index is the number of inversions, which the level fixes, and a part that the tails make (theory, section 10). With
r carried eigenvectors the tails have h_k = d_k - r dimensions at hidden node k, and G, what is left out of T, rank g.
Zero tails give nothing for N >= 3 layers. Tails in the bases of G let each of its g directions be seen from node f on
towards the output, and up to node c - 1 from the input, 1 <= c < f <= N (f <= c would be no critical point); that takes
one of h_k at the nodes from f on and below c. An interval of nodes [s, t] of the rest then adds
#{f <= t + 1, c >= s}, more the longer it is, so that the rest is best cut into the runs of its level sets, and
#{(p, p'): f_p <= c_p'} is added once. The largest sum over all choices of (c, f) is the most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement
from math import comb
from typing import Final, NamedTuple

_MOST_CHOICES: Final = 20_000  # a tenth of a second a level

Sight = tuple[int, int]  # c, f of a direction of G


class IndexRange(NamedTuple):
    """The least Morse index of a level, which is proved, and the largest.

    Attributes
    ----------
    least : int
    most : int or None
    proved : bool
        Whether no critical point of the level has a larger one than `most`; otherwise it is the largest found.
    """

    least: int
    most: int | None
    proved: bool


def index_range(hidden: Sequence[int], left_out: int, inversions: int) -> IndexRange:
    """Return the least Morse index of a level, and the largest that tails in the bases of G give.

    Parameters
    ----------
    hidden : sequence of int
        d_k - r of the hidden layers.
    left_out : int
        g, the eigenvalues of Sigma that are not zero and not carried.
    inversions : int
        Pairs of a carried and a larger left-out eigenvalue.

    Returns
    -------
    IndexRange
        Without a largest where there are more than 20,000 ways to choose. It is proved where there is no choice: one
        hidden layer, each idle unit of which can grow along each left-out direction; a layer without idle units, past
        which tails change nothing to second order; or nothing left out, so that they change nothing at all.
    """
    depth = len(hidden) + 1
    if not (hidden and min(hidden) and left_out):
        return IndexRange(inversions, inversions, proved=True)
    if depth == 2:
        only = inversions + hidden[0] * left_out
        return IndexRange(only, only, proved=True)
    sights = [(c, f) for f in range(2, depth + 1) for c in range(1, f)]
    if comb(len(sights) + left_out - 1, left_out) > _MOST_CHOICES:
        return IndexRange(inversions, None, proved=False)
    choices = combinations_with_replacement(sights, left_out)
    most = max(_of_tails(choice, hidden) for choice in choices)
    return IndexRange(inversions, inversions + most, proved=False)


def _of_tails(choice: Sequence[Sight], hidden: Sequence[int]) -> int:
    """Negative squares of tails with this choice; 0 where they need more units than there are."""
    rest = [height - sum((c > k) + (f <= k) for c, f in choice) for k, height in enumerate(hidden, start=1)]
    if min(rest) < 0:
        return 0
    pairs = sum(f <= c for _, f in choice for c, _ in choice)
    return pairs + sum(sum(f <= t + 1 and c >= s for c, f in choice) for s, t in _runs(rest))


def _runs(heights: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the runs of consecutive nodes, counted from 1, of every level set."""
    for level in range(1, max(heights) + 1):
        start = None
        for node, height in enumerate([*heights, 0], start=1):
            if height >= level and start is None:
                start = node
            elif height < level and start is not None:
                yield start, node - 1
                start = None
