"""Reading in threads beside the one that asks, in order and a few pieces in advance.

Readers hold the interpreter's lock for a part of their time only: while one piece is being factored, others are read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar

from lossurf.cores import cores_at_hand
from lossurf.heap import keep_heap

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_MOST_THREADS: Final = 4  # what each is reading is in memory
_FIRST: Final = 2  # read where they are asked: a header, and the first piece, with the imports of a reader

Item = TypeVar("Item")
Found = TypeVar("Found")


def each_ahead(
    items: Iterable[Item], read: Callable[[Item], Found], *, most: int = _MOST_THREADS
) -> Iterator[tuple[Item, Found]]:
    """Yield items in order, each with what is read of it, in as many threads as there are cores, `most` at most."""
    keep_heap()
    threads, pool = min(cores_at_hand(), most), None
    waiting: deque[tuple[Item, Future[Found]]] = deque()
    try:
        for index, item in enumerate(items):
            if threads == 1 or index < _FIRST:
                yield item, read(item)
                continue
            pool = pool or _pool(threads)
            waiting.append((item, pool.submit(read, item)))
            if len(waiting) > threads:
                first, found = waiting.popleft()
                yield first, found.result()
        for item, found in waiting:
            yield item, found.result()
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def one_ahead(items: Generator[Item, None, None]) -> Iterator[Item]:
    """Yield what a generator gives, each asked for in a thread of its own while the one before is used."""
    keep_heap()
    if cores_at_hand() == 1:
        yield from items
        return
    pool = _pool(1)
    try:
        asked = pool.submit(next, items, None)
        while (item := asked.result()) is not None:
            asked = pool.submit(next, items, None)
            yield item
    finally:
        pool.shutdown()
        items.close()


def _pool(threads: int) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(threads, thread_name_prefix="lossurf-reading")
