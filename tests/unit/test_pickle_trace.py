"""Where an object lies in a pickle. The trusted channel: the nested value that was pickled, and the keys to it."""

from __future__ import annotations

import argparse
import collections
import fractions
import pickle
import time

import pytest

from lossurf.inputs.checkpoints.pickle_trace import trace

NAMED = argparse.Namespace(lr=0.1, names=["a", "b"])
FRACTION = fractions.Fraction(2, 3)
OBJECT, OTHER = "argparse.Namespace", "fractions.Fraction"
VALUES = {
    "itself": (NAMED, ()),
    "a key": ({"a": 1, "args": NAMED}, ("args",)),
    "below a key": ({"a": {"x": 1}, "b": {"c": {"d": NAMED}}}, ("b", "c", "d")),
    "a list": ({"a": [1, 2, NAMED]}, ("a", "2")),
    "a long list": ({"a": [*range(2000), NAMED]}, ("a", "2000")),
    "many keys": ({**{str(i): i for i in range(3000)}, "last": NAMED}, ("last",)),
    "in a pair": ({"a": (1, NAMED)}, ("a",)),
    "an ordered dict": (collections.OrderedDict(a=1, b=NAMED), ("b",)),
    "in another object": ({"x": argparse.Namespace(inner=1)}, ("x",)),
    "twice": ({"first": NAMED, "second": NAMED}, ("first",)),
    "after strings told again": ({"key": "key", "other": {"key": NAMED}}, ("other", "key")),
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("case", VALUES)
def test_the_keys_on_the_way(protocol, case):
    value, path = VALUES[case]
    found = trace(pickle.dumps(value, protocol), OBJECT)
    assert found is not None
    assert found.path == path
    assert found.arrays == 0


@pytest.mark.parametrize("protocol", range(6))
def test_another_object_is_not_the_one(protocol):
    data = pickle.dumps({"a": FRACTION, "b": {"c": NAMED}}, protocol)
    assert trace(data, OBJECT).path == ("b", "c")
    assert trace(data, OTHER).path == ("a",)
    assert trace(data, "fractions.Other") is None


def test_of_several_pickles_the_one_that_holds_it():
    data = pickle.dumps(1) + pickle.dumps("two") + pickle.dumps({"x": NAMED}) + b"numbers that are none"
    assert trace(data, OBJECT).path == ("x",)


class Stored:
    """Pickles an array as PyTorch does: by a name, the numbers elsewhere."""

    def __init__(self, name: str) -> None:
        self.name = name


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return ("storage", value.name) if isinstance(value, Stored) else None


def test_arrays_outside_are_counted_where_they_are(tmp_path):
    value = {"model": {"a": Stored("0"), "b": Stored("1")}, "best": Stored("2"), "args": NAMED}
    with (tmp_path / "p").open("wb") as file:
        Pickler(file, 2).dump(value)
    found = trace((tmp_path / "p").read_bytes(), OBJECT)
    assert {key: part.arrays for key, part in found.keys.items()} == {"model": 2, "best": 1, "args": 0}
    assert found.arrays == 3
    assert set(found.keys["model"].keys) == {"a", "b"}


def test_nothing_is_run(tmp_path):
    mark = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return (open, (str(mark), "w"))

    data = pickle.dumps({"e": Evil(), "n": NAMED})
    assert trace(data, OBJECT).path == ("n",)
    assert not mark.exists()


def test_damage_is_no_crash():
    data = pickle.dumps({"a": {"b": NAMED}, "c": [1, 2.5, None, True, b"x", 10**30]}, 4)
    for cut in range(len(data)):
        trace(data[:cut], OBJECT)
    for place in range(len(data)):
        for flip in (0xFF, 0x01, 0x80):
            trace(data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :], OBJECT)
    for strange in (
        b"",
        b".",
        b"0.",
        b"}u.",
        b"(((((.",
        b"h\x01.",
        b"\x93.",
        b"s.",
        b"R.",
        b"t." * 9,
        b"I" + b"9" * 5000,
    ):
        assert trace(strange, OBJECT) is None


def test_hostile_pickles_end_soon():
    ran = time.monotonic()
    doubling = b"]q\x00" + b"(h\x00h\x00lq\x00" * 50_000 + b"."  # as many references as 2**50000
    trace(doubling, OBJECT)
    deep = b"}" + b"X\x01\x00\x00\x00k}" * 50_000 + b"cargparse\nNamespace\n" + b"s" * 50_000 + b"."
    trace(deep, OBJECT)
    trace(b"N0" * 200_000 + b".", OBJECT)
    assert time.monotonic() - ran < 60
