"""Layers chosen by patterns. The trusted channel: the arrays that numpy stored, in the order they were chosen."""

from __future__ import annotations

import time

import numpy as np
import pytest

from lossurf.errors import InputError
from lossurf.inputs.checkpoints.open import read_checkpoint

rng = np.random.default_rng(4)
WIDTHS = [3, 5, 5, 4, 2]
NAMES = ["encoder.0", "encoder.10", "decoder.0", "decoder.2"]
WEIGHTS = {n: rng.standard_normal((b, a)) for n, a, b in zip(NAMES, WIDTHS, WIDTHS[1:], strict=False)}
BIASES = {n: rng.standard_normal(b) for n, b in zip(NAMES, WIDTHS[1:], strict=True)}
STATE = {f"{n}.weight": w for n, w in WEIGHTS.items()} | {f"{n}.bias": b for n, b in BIASES.items()}


def stored(path, **more):
    np.savez(path, **{f"model.{name}": array for name, array in reversed(STATE.items())}, **more)
    return path


@pytest.mark.parametrize(
    "layers",
    [
        ["encoder.*", "decoder.*"],
        ["model.encoder.*", "model.decoder.*"],
        ["encoder.*.weight", "decoder.*.weight"],
        ["encoder*", "decoder.0.weight", "decoder.2*"],
        ["encoder.[0-9]*", "decoder.[!1]*"],
    ],
)
def test_patterns_stand_for_layers_in_natural_order_with_their_biases(tmp_path, layers):
    checkpoint = read_checkpoint(stored(tmp_path / "c.npz", head=np.zeros((7, 7))), 3, 2, layers=layers)
    assert checkpoint.layer_names == tuple(f"model.{name}.weight" for name in NAMES)
    assert all(np.array_equal(a, WEIGHTS[n]) for a, n in zip(checkpoint.weights, NAMES, strict=True))
    assert all(np.array_equal(a, BIASES[n]) for a, n in zip(checkpoint.biases, NAMES, strict=True))


def refusal(path, *layers):
    with pytest.raises(InputError) as caught:
        read_checkpoint(path, 3, 2, layers=layers)
    return caught.value


def test_a_pattern_that_matches_no_weight_names_what_there_is(tmp_path):
    path = stored(tmp_path / "c.npz")
    for pattern in ("encode.*", "*.bias", "Encoder.*"):
        error = refusal(path, pattern)
        assert f"no weight matrix matches {pattern!r}" in error.what
        assert "model.decoder.2.weight" in error.remedy
        assert "bias" not in error.remedy


def test_what_a_pattern_matches_is_all_of_the_network(tmp_path):
    more = {"encoder.1.running_mean": np.zeros(5), "encoder.conv.weight": np.zeros((2, 2, 3, 3))}
    for name, array in more.items():
        path = stored(tmp_path / "c.npz", **{name: array})
        assert repr(name) in refusal(path, "encoder.*", "decoder.*").what
        assert read_checkpoint(path, 3, 2, layers=["encoder.?.weight", "encoder.10", "decoder.*"]).weights


def test_a_layer_is_listed_once(tmp_path):
    assert "'model.encoder.0.weight' is listed twice" in str(refusal(stored(tmp_path / "c.npz"), "encoder.0", "*"))


def test_a_name_is_taken_before_a_pattern(tmp_path):
    product = np.linalg.multi_dot([WEIGHTS[name] for name in reversed(NAMES)])
    np.savez(tmp_path / "c.npz", **{"W[0]": product, "W0": np.zeros((2, 3))})
    assert np.array_equal(read_checkpoint(tmp_path / "c.npz", 3, 2, layers=["W[0]"]).weights[0], product)


@pytest.mark.parametrize("part", ["7", "_"])
def test_names_of_tens_of_thousands_of_characters_are_names_and_no_more_work_than_that(tmp_path, part):
    long, began = part * 30_000 + "7", time.process_time()
    np.savez(tmp_path / "c.npz", **{f"{long}.weight": np.ones((2, 3)), f"x{long}": np.zeros(2)})
    with pytest.raises(InputError, match="name that tells nothing"):
        read_checkpoint(tmp_path / "c.npz", 3, 2)
    assert time.process_time() - began < 20.0  # a square of the length takes minutes
