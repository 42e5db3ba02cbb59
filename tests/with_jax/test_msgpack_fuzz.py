"""A short fuzz of the reader of .msgpack, as tests/unit/test_fuzz.py does for the others."""

from __future__ import annotations

import random

import fuzz_readers
import pytest

pytest.importorskip("flax")


def test_mutated_files_give_a_result_or_a_lossurf_error(tmp_path):
    [sound] = fuzz_readers.seeds("msgpack")
    assert fuzz_readers.read("msgpack", sound, tmp_path) == "read"
    for seed in range(150):
        changed = fuzz_readers.mutate(sound, [sound], random.Random(seed))
        assert fuzz_readers.read("msgpack", changed, tmp_path) in ("read", "refused")
