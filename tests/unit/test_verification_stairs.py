"""The staircase of a bad saddle: each stair is what is said of it, and together they cover every pair of layers.

Independent channel: diagonal layers, and which layers a product has.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from certificates import certificate_of, signed

from lossurf.certificates.claim import Claim
from lossurf.certificates.verify import verify_certificate
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem


def certificate(weights, Y):
    """A certificate as it is written, on X = I."""
    return certificate_of(reduced_problem(reduce_blocks([(np.eye(len(Y)), Y)], len(Y), Y.shape[1])), weights)


def failed(stored):
    return {check.id for check in verify_certificate(stored).checks if not check.ok}


def bad(**changes):
    """Three layers diag(., 0): a bad saddle for T = diag(2, 1), with a claim that was changed and signed again."""
    stored = certificate([np.diag([2.0, 0.0]), np.diag([1.0, 0.0]), np.diag([1.0, 0.0])], np.diag([2.0, 1.0]))
    assert stored.claim["claim"] == "bad-saddle"
    return signed(stored, **changes)


def test_what_is_said_of_a_stair_is_what_it_is():
    stairs = bad().claim["staircase"]
    assert failed(bad()) == set()
    for index, stair in enumerate(stairs):
        assert stair["threshold"] > 0.0
        for key in ("value", "threshold"):
            for part in (0.02, -0.02):
                other = {**stair, key: stair[key] + part * stair["threshold"]}
                assert failed(bad(staircase=[*stairs[:index], other, *stairs[index + 1 :]])) == {"staircase"}, (
                    key,
                    part,
                )
            close = {**stair, key: stair[key] * (1.0 + 1e-15)}
            assert failed(bad(staircase=[*stairs[:index], close, *stairs[index + 1 :]])) == set()


def test_a_stair_that_does_not_vanish_is_none_however_truly_it_is_described():
    # between neighbours M_21 is the identity, whose second singular value is 1 whatever the layers are
    stairs = bad().claim["staircase"]
    more = {"factor": "product", "layers": [2, 1], "value": 1.0, "threshold": 0.0}
    assert failed(bad(staircase=[*stairs, more])) == {"staircase"}


def test_stairs_cover_the_pairs_whose_factors_contain_theirs():
    # four layers diag(., 0): each E_ij but the outermost is zero, and each product of one layer or more has rank 1
    rank_1 = np.diag([1.0, 0.0])
    stored = certificate([np.diag([2.0, 0.0]), rank_1, rank_1, rank_1], np.diag([2.0, 1.0]))
    assert stored.claim["claim"] == "bad-saddle"
    network = Claim(stored).network
    true = [("residual", i, j) for i, j in ((2, 1), (3, 1), (3, 2), (4, 2), (4, 3))]
    true += [("product", i, j) for i, j in ((3, 1), (4, 1), (4, 2))]
    changes = [network.residual_change(i, j) if factor == "residual" else network.change(i, j) for factor, i, j in true]
    stairs = [
        {"factor": factor, "layers": [i, j], "value": 0.0, "threshold": stored.claim["tolerance"] * change}
        for (factor, i, j), change in zip(true, changes, strict=True)
    ]

    def within(i, j):  # of M_ij
        return set(range(j + 1, i))

    def outside(i, j):  # of E_ij
        return {*range(i + 1, 5), *range(1, j)}

    def follows(i, j, factor, p, q):
        return outside(p, q) <= outside(i, j) if factor == "residual" else within(p, q) <= within(i, j)

    covers = 0
    for chosen in (set(of) for count in range(4) for of in combinations(range(len(true)), count)):
        pairs = ((i, j) for i in range(2, 5) for j in range(1, i))
        covered = all(any(follows(i, j, *true[k]) for k in chosen) for i, j in pairs)
        covers += covered
        fails = failed(signed(stored, staircase=[stairs[k] for k in sorted(chosen)]))
        assert fails == (set() if covered else {"staircase-covers"}), [true[k] for k in chosen]
    assert covers


@pytest.mark.parametrize("factor", ["residual", "product"])
@pytest.mark.parametrize("layers", [[1, 1], [2, 2], [3, 3], [1, 2], [1, 3]])
def test_a_stair_between_a_layer_and_itself_or_an_outer_one_is_none(factor, layers):
    more = {"factor": factor, "layers": layers, "value": 0.0, "threshold": 0.0}
    assert failed(bad(staircase=[*bad().claim["staircase"], more])) == {"staircase"}
