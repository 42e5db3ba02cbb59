"""A claim that is signed again with a field left out or of another value is refused or answered, and never crashes.

Independent channel: the fields are those of the document, walked one by one, whatever they mean.
"""

from __future__ import annotations

import copy
import json
from functools import cache
from itertools import chain, count

import frozen_certificates
import numpy as np
import pytest
import tied_certificates
from certificates import certificate_of
from decay_points import random_point
from test_decay_certificates import certified

from lossurf.certificates.stored import digest_of, read_certificate
from lossurf.certificates.verify import verify_certificate
from lossurf.errors import InputError
from lossurf.output.npz import npz_bytes
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem

VALUES = [None, -1, 0, 2, 1e300, -1e300, 5e-324, True, "x", [], {}, [[1]]]


@cache
def honest(kind):
    """A certificate of a strict saddle, or of a minimum."""
    if kind == "plain":
        Y = np.diag([2.0, 1.0])
        problem = reduced_problem(reduce_blocks([(np.eye(2), Y)], 2, 2))
        return certificate_of(problem, [np.diag([0.0, 1.0]), np.diag([0.0, 1.0]), np.zeros((2, 2))])
    if kind == "decay":
        points = (random_point(np.random.default_rng([26, seed]), 2, "plain") for seed in count())
        found = (certified(point) for point in points)
    elif kind == "tied":
        found = (stored for _, _, stored in tied_certificates.honest(range(99)))
    else:
        found = (each[-1] for each in frozen_certificates.honest(range(99)))
    return next(stored for stored in found if stored is not None and stored.claim["claim"] == "strict-saddle")


def fields(value, path=()):
    """Every field of a document; of a list its first element."""
    for key in value if isinstance(value, dict) else [0] if isinstance(value, list) and value else []:
        yield (*path, key)
        yield from fields(value[key], (*path, key))


def changed(claim, path, *value):
    """The claim with another value there, or without the field."""
    claim = copy.deepcopy(dict(claim))
    inner = claim
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value[0] if value else None
    if not value:
        del inner[path[-1]]
    return claim


@pytest.mark.parametrize("kind", ["plain", "decay", "tied", "frozen"])
def test_no_field_of_a_signed_claim_ends_in_a_crash(kind, tmp_path):
    stored = honest(kind)
    (tmp_path / "c.npz").write_bytes(npz_bytes(stored.arrays))
    values, answered = chain.from_iterable(VALUES for _ in count()), 0
    for path in fields(dict(stored.claim)):
        for value in ((), (next(values),)):
            claim = changed(stored.claim, path, *value)
            claim["digest"] = digest_of(claim, stored.arrays)
            (tmp_path / "c.json").write_text(json.dumps(claim))
            try:
                found = verify_certificate(read_certificate(tmp_path / "c.npz"))
            except InputError:
                continue
            answered += 1
            assert found.valid is all(check.ok for check in found.checks)
    assert answered > 20
