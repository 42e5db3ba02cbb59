"""Nested mappings of arrays. The trusted channel: the arrays that were put in, by their places."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

from lossurf.errors import InputError
from lossurf.inputs.checkpoints.nested import flat, state_dict
from lossurf.inputs.checkpoints.open import as_checkpoint

rng = np.random.default_rng(8)
W1, W2 = rng.standard_normal((4, 3)), rng.standard_normal((2, 4))
B1, B2 = rng.standard_normal(4), rng.standard_normal(2)
FLAT = {"0.weight": W1, "0.bias": B1, "2.weight": W2, "2.bias": B2}
NESTED = {"0": {"weight": W1, "bias": B1}, "2": {"weight": W2, "bias": B2}}
KERNELS = {"Dense_0": {"kernel": W1.T, "bias": B1}, "Dense_1": {"kernel": W2.T, "bias": B2}}

STATES = {
    "flat": (FLAT, 0),
    "nested": (NESTED, 0),
    "ordered": (OrderedDict(NESTED), 0),
    "under model": ({"model": FLAT}, 0),
    "under model, nested": ({"model": NESTED}, 0),
    "among other things": ({"epoch": 3, "state_dict": NESTED, "optimizer": {"state": {0: {"step": 1}}}}, 1),
    "beside a number that is an array": ({"model": NESTED, "step": np.array(3)}, 1),
    "under two names": ({"state_dict": {"model": NESTED}}, 0),
    "under a name of one's own": ({"my_network": NESTED}, 0),
    "flax": ({"params": KERNELS}, 0),
    "flax with its optimiser": ({"params": KERNELS, "step": 7, "opt_state": {"0": {"mu": KERNELS}}}, 1),
    "deep": ({"a": {"b": {"c": {"d": NESTED}}}}, 0),
}


@pytest.mark.parametrize("case", STATES)
def test_every_nesting_is_the_same_network(case):
    values, notes = STATES[case]
    checkpoint = as_checkpoint(values, 3, 2)
    assert [np.array_equal(w, v) for w, v in zip(checkpoint.weights, (W1, W2), strict=True)] == [True, True]
    assert [np.array_equal(b, v) for b, v in zip(checkpoint.biases, (B1, B2), strict=True)] == [True, True]
    assert len([note for note in checkpoint.notes if "not read: " in note]) == notes


def test_names_are_the_keys_on_the_way():
    assert as_checkpoint({"model": NESTED}, 3, 2).layer_names == ("0.weight", "2.weight")
    assert as_checkpoint({"mine": NESTED}, 3, 2).layer_names == ("mine.0.weight", "mine.2.weight")


def test_lists_of_arrays_and_of_layers():
    assert [name for name, _ in flat({"w": [W1, W2]})] == ["w.0", "w.1"]
    assert [name for name, _ in flat({"layers": [{"weight": W1}, {"weight": W2}]})] == [
        "layers.0.weight",
        "layers.1.weight",
    ]
    assert [name for name, _ in flat({"p": [(W1, B1), (W2, B2)]})] == ["p.0.0", "p.0.1", "p.1.0", "p.1.1"]
    assert np.array_equal(as_checkpoint({"w": [W1, W2]}, 3, 2).weights[1], W2)


def test_a_matrix_written_as_lists_stays_one():
    checkpoint = as_checkpoint({"W1": W1.tolist(), "W2": [row.tolist() for row in W2]}, 3, 2)
    assert np.array_equal(checkpoint.weights[0], W1)
    assert len(list(flat({"W": [np.zeros(3), np.ones(3)]}))) == 1  # rows


def test_statistics_beside_the_parameters_are_part_of_the_network():
    values = {"params": KERNELS, "batch_stats": {"BatchNorm_0": {"mean": B1, "var": B1}}}
    with pytest.raises(InputError, match="belongs to a normalisation"):
        as_checkpoint(values, 3, 2)
    found, notes = state_dict(values | {"opt_state": {}}, "c")
    assert "batch_stats.BatchNorm_0.mean" in dict(found)
    assert notes == ("c: read from its 'params'; not read: opt_state",)


def test_a_mapping_in_itself_ends():
    values = {"0": {"weight": W1}}
    values["self"] = values
    with pytest.raises(InputError):
        as_checkpoint(values, 3, 2)
