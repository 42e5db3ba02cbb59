"""Reading ahead in threads: the order, the errors and the end are those of reading without."""

from __future__ import annotations

import platform
import threading
import time

import pytest
from process import python

from lossurf.inputs.tables import ahead


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


FAULTS = """
import resource, numpy as np
from lossurf.inputs.tables.ahead import each_ahead
{first}
blocks = [np.ones(1 << 18) for _ in range(4)]
del blocks
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    blocks = [np.ones(1 << 18) for _ in range(4)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about glibc's malloc")
def test_freed_memory_is_not_given_back_while_tables_are_read():
    """20 times 8 MB are 40960 pages."""
    faults = [int(python("-c", FAULTS.format(first=first)).stdout) for first in ("", "list(each_ahead((), abs))")]
    assert faults[0] > 20_000
    assert faults[1] < 2_000
