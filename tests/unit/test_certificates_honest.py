"""No honest certificate is refused, with its data or without; nor is one accepted for other data.

Trusted channel: the certificates are what `classify` writes about points whose kind is known by construction, and
`verify` shares nothing with it; numbers that both must agree on are computed by each from the same matrices.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from certificates import SUBJECTS, honest, written_by

from lossurf.certificates.against_data import data_checks
from lossurf.certificates.verify import verify_certificate

SLICE = 8 * len(SUBJECTS)


def refused(seeds):
    """What was refused, and how many of each claim were asked."""
    asked, found = Counter(), []
    for seed, subject, stored in honest(seeds):
        asked[stored.claim["claim"]] += 1
        checks = (*verify_certificate(stored).checks, *data_checks(stored, subject.rows(), eps=subject.eps))
        found += [(seed, subject.name, subject.dtype, check) for check in checks if not check.ok]
    return asked, found


def test_no_honest_certificate_is_refused():
    asked, found = refused(range(SLICE))
    assert not found
    assert sum(asked.values()) > 0.9 * SLICE
    assert len(asked) == 4


@pytest.mark.parametrize("seed", [1891, 5747, 10398, 2532, 3850, 6330, 3978, 4398, 20384])
def test_what_a_long_campaign_found_refused(seed):
    # 1891, 5747: a curvature within the rounding of whoever computes it again from the stored direction;
    # 10398: a first layer that sees nothing of X but 1e-14 of itself, whose length is known to one digit
    # 2532, 3850, 6330: directions of the index that lead down in whitened coordinates, while as stored the form is
    # far smaller than its terms, which a first layer takes back that X hardly sees
    # 3978: margins of the index in the other of two gauges, which have the same gradient
    # 20384: layers that are nothing but rounding and count as zeros, as without them the loss falls by another size
    # 4398: two equal singular values of T, of which the product of half-precision layers carries a combination
    assert not refused(range(seed, seed + 1))[1]


@pytest.mark.slow
def test_no_honest_certificate_of_ten_thousand_is_refused():
    asked, found = refused(range(1000, 12000))
    assert not found
    assert sum(asked.values()) >= 10_000


def test_no_other_data_pass_for_those_of_a_certificate():
    for seed, subject, stored in honest(range(4 * len(SUBJECTS))):
        rng = np.random.default_rng([5, seed])
        (ones, X, Y), *rest = subject.rows(cut=len(subject.X.T))
        assert not rest
        sizes = [np.abs(array).max(axis=0) for array in (X, Y)]
        others = {
            "unrelated": [size * rng.standard_normal(array.shape) for array, size in zip((X, Y), sizes, strict=True)],
            "unrelated Y": [X, sizes[1] * rng.standard_normal(Y.shape)],
            "tiny": [1e-170 * rng.standard_normal(X.shape), Y],
            "tiny of both": [1e-170 * rng.standard_normal(X.shape), 1e-170 * rng.standard_normal(Y.shape)],
            "nothing": [0.0 * X, 0.0 * Y],
            "X in other units": [1.001 * X, Y],
            "Y in other units": [X, 1.001 * Y],
            "Y of other samples": [X, Y[::-1]],
        }
        for name, (other_X, other_Y) in others.items():
            same = np.array_equal(other_X, X) and np.array_equal(other_Y, Y)
            checks = data_checks(stored, [(ones, other_X, other_Y)], eps=subject.eps)
            assert same or not all(check.ok for check in checks), (seed, subject.name, name)


@pytest.mark.parametrize("mean", [0.0, 1e6, 1e9])
def test_a_summary_of_the_data_is_held_against_a_certificate_as_the_data_are(mean):
    # a triangular factor of the data about a shift; the sums of its rows are those of the samples
    rng = np.random.default_rng(6)
    subject = SUBJECTS["with-biases"](rng)
    X, Y = (subject.rows(cut=len(subject.X.T))[0][k] + mean for k in (1, 2))
    subject = replace(subject, X=X.T, Y=Y.T)
    stored = written_by(subject)
    shift = np.rint(np.concatenate([X[0], Y[0]]))
    R = np.linalg.qr(np.column_stack([np.ones(len(X)), np.column_stack([X, Y]) - shift]), mode="r")
    rows = [(R[:, 0], R[:, 1 : 1 + X.shape[1]], R[:, 1 + X.shape[1] :])]
    assert all(check.ok for check in data_checks(stored, rows, shift=shift))
    changed = shift + np.eye(len(shift))[0] * 1e-3 * X.std()
    assert not all(check.ok for check in data_checks(stored, rows, shift=changed))
