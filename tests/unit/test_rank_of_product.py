"""rank(P) of networks far above their targets. The trusted channel: a product has no larger rank than its factors."""

from __future__ import annotations

import numpy as np
import pytest

import lossurf

rng = np.random.default_rng(17)
X, Y = rng.standard_normal((40, 4)), rng.standard_normal((40, 3))


@pytest.mark.parametrize("size", [1e-8, 1e-10, 1e-12, 1e-14])
@pytest.mark.parametrize("shapes", [[(1, 4), (3, 1)], [(2, 4), (3, 2)], [(5, 4), (1, 5), (3, 1)], [(3, 4), (3, 3)]])
def test_it_is_no_larger_than_the_narrowest_layer_however_far_the_network_is_above(size, shapes, tmp_path):
    narrowest = min(rows for rows, _ in shapes)
    data = lossurf.Data(X, size * Y)
    for _ in range(5):
        layers = {f"{k}.weight": rng.standard_normal(shape) for k, shape in enumerate(shapes)}
        assert lossurf.classify(layers, data).rank == narrowest  # random layers have the full one
        lossurf.certify(layers, data).save(tmp_path / "c.npz")
        found = lossurf.verify(tmp_path / "c.npz", data)
        assert found.valid, [check for check in found.checks if not check.ok]
