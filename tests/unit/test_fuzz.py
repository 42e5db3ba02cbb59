"""A short fuzz of every reader, minimised by hypothesis; tests/tools/fuzz_readers.py runs longer."""

from __future__ import annotations

import importlib.util
import random

import fuzz_readers
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NEEDS = {
    "torch": "torch",
    "safetensors": "safetensors",
    "h5": "h5py",
    "keras": "h5py",
    "parquet": "pyarrow",
    "feather": "pyarrow",
    "arrows": "pyarrow",
}
READERS = [
    pytest.param(reader, marks=[pytest.mark.torch] if reader == "torch" else [])
    for reader in fuzz_readers.SEEDS
    if reader != "msgpack"  # which is in tests/with_jax
]


@pytest.fixture
def available(reader):
    module = NEEDS.get(reader)
    if module and importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.usefixtures("available")
def test_sound_files_are_read_and_old_failures_give_no_other_error(tmp_path, reader):
    outcomes = [fuzz_readers.read(reader, data, tmp_path) for data in fuzz_readers.seeds(reader)]
    sound = len(fuzz_readers.SEEDS[reader][1]())
    assert outcomes[:sound] == ["read"] * sound


@pytest.mark.fuzz
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.usefixtures("available")
def test_mutated_files_give_a_result_or_a_lossurf_error(tmp_path, reader):
    starts = fuzz_readers.seeds(reader)

    @settings(
        max_examples=150,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.sampled_from(starts), st.integers(0, 2**32))
    def fuzz(data, seed):
        assert fuzz_readers.read(reader, fuzz_readers.mutate(data, starts, random.Random(seed)), tmp_path)

    fuzz()
