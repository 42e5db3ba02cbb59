"""Reading ahead in threads: the order, the errors and the end are those of reading without."""

from __future__ import annotations

import os
import platform
import threading
import time

import numpy as np
import pytest
from process import python

import lossurf
from lossurf.cores import at_most, cores_at_hand
from lossurf.inputs.tables import ahead, fast_text


@pytest.fixture(params=[1, 2, 8])
def cores(request, monkeypatch):
    monkeypatch.setattr(ahead, "cores_at_hand", lambda: request.param)
    return request.param


def slow_square(n):
    time.sleep(0.002 * (n % 3))  # later items are done before earlier ones
    return n * n


@pytest.mark.parametrize("count", [0, 1, 2, 3, 20])
def test_every_item_comes_once_in_order_with_what_was_read_of_it(cores, count):  # noqa: ARG001
    assert list(ahead.each_ahead(range(count), slow_square)) == [(n, n * n) for n in range(count)]


def test_some_are_read_beside_each_other_and_no_more_than_a_few_in_advance(cores):
    asked, names = [], set()

    def items():
        for n in range(30):
            asked.append(n)
            yield n

    def read(n):
        names.add(threading.current_thread().name)
        return n

    for n, _ in ahead.each_ahead(items(), read):
        assert len(asked) - n <= 1 + min(cores, 4)
    assert (len(names) > 1) == (cores > 1)


def test_an_error_comes_where_its_item_would_have(cores):  # noqa: ARG001
    def read(n):
        if n == 5:
            raise ValueError("five")
        return n

    seen = []
    with pytest.raises(ValueError, match="five"):
        for n, _ in ahead.each_ahead(range(9), read):
            seen.append(n)
    assert seen == [0, 1, 2, 3, 4]


def test_a_reader_that_is_left_leaves_no_thread(cores):  # noqa: ARG001
    closed = []

    def items():
        try:
            yield from range(1, 100)
        finally:
            closed.append(True)

    given = items()
    for reading in (ahead.each_ahead(given, slow_square), ahead.one_ahead(items())):
        next(reading)
        next(reading)
        reading.close()
    assert closed == [True]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lossurf-reading")]


def test_one_ahead_gives_what_the_generator_gives_and_its_error(cores):  # noqa: ARG001
    def items():
        yield from (1, 2, 3)
        raise OSError("gone")

    seen = []
    with pytest.raises(OSError, match="gone"):
        seen.extend(ahead.one_ahead(items()))
    assert seen == [1, 2, 3]
    assert list(ahead.one_ahead(n for n in (4, 5))) == [4, 5]
    assert list(ahead.one_ahead(n for n in ())) == []


@pytest.fixture
def three_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 1, 2}, raising=False)


@pytest.mark.usefixtures("three_cores")
def test_the_least_of_all_bounds_holds_until_its_work_is_done():
    assert cores_at_hand() == 3
    first, second = at_most(2), at_most(1)
    with at_most(None), at_most(8):
        first.__enter__()
        assert cores_at_hand() == 2
        second.__enter__()
        first.__exit__(None, None, None)  # not in the order in which they began
        assert cores_at_hand() == 1
        second.__exit__(None, None, None)
        assert cores_at_hand() == 3
    with pytest.raises(KeyError), at_most(1):
        raise KeyError
    assert cores_at_hand() == 3


@pytest.mark.usefixtures("three_cores")
@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize(("threads", "beside"), [(1, False), (2, True), (None, True)])
def test_the_threads_of_a_reduction_are_those_of_its_reading_too(tmp_path, monkeypatch, threads, beside, weights):
    names = set()

    def reader(piece, delimiter, width):
        names.add(threading.current_thread().name)
        return fast_text.READERS["numpy"](piece, delimiter, width)

    monkeypatch.setattr(fast_text, "fastest_reader", lambda: reader)
    monkeypatch.setattr(fast_text, "WORTH_IT", 0)
    monkeypatch.setattr(fast_text, "PIECE", 4096)
    table = np.random.default_rng(0).uniform(1.0, 2.0, (3000, 4))
    np.savetxt(tmp_path / "t.csv", table, delimiter=",", header="a,b,w,y", comments="")
    data = lossurf.Data.open(tmp_path / "t.csv", target=("y",), sample_weights=weights)
    names.clear()  # weights are read at once
    assert data.reduce(threads=threads).samples == 3000
    assert any(name.startswith("lossurf-reading") for name in names) == beside


FAULTS = """
import resource, numpy as np
from lossurf.inputs.tables.ahead import each_ahead
list(each_ahead((), abs))
def taken_and_freed():
    [np.ones(1 << 18) for _ in range(4)]
taken_and_freed()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    taken_and_freed()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about glibc's malloc")
def test_freed_memory_is_not_given_back_while_tables_are_read():
    """20 times 8 MB are 40960 pages."""
    assert int(python("-c", FAULTS).stdout) < 2_000
