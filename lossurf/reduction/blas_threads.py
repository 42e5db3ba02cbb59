"""Hold BLAS at one thread while workers of our own run: two layers of threads fight for the same cores."""

from __future__ import annotations

import ctypes
import re
import sys
import threading
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, NamedTuple, Self

_SYMBOLS: Final = (  # (set, get): OpenBLAS of numpy's and scipy's wheels, OpenBLAS by itself, MKL, BLIS
    ("scipy_openblas_set_num_threads64_", "scipy_openblas_get_num_threads64_"),
    ("scipy_openblas_set_num_threads", "scipy_openblas_get_num_threads"),
    ("openblas_set_num_threads64_", "openblas_get_num_threads64_"),
    ("openblas_set_num_threads", "openblas_get_num_threads"),
    ("MKL_Set_Num_Threads", "MKL_Get_Max_Threads"),
    ("bli_thread_set_num_threads", "bli_thread_get_num_threads"),
)
_LIBRARY: Final = re.compile(r"^lib.*(blas|mkl_rt|blis)|^mkl_rt", re.IGNORECASE)  # not Python's own extension modules


class _ThreadCount(NamedTuple):
    """One loaded BLAS library's number of threads."""

    get: Callable[[], int]
    set: Callable[[int], None]


class SingleThreadHold:
    """While anybody is inside, every BLAS this process has loaded runs on one thread; the last one out restores them.

    Entered by the workers too: one that is still inside a BLAS call when its caller was interrupted must not see the
    number of threads change under it. Entering again takes in libraries that were loaded since. A BLAS without a known
    switch (Accelerate, static builds) is left alone, which costs speed and nothing else.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: dict[str, tuple[_ThreadCount, int]] = {}

    def __enter__(self) -> Self:
        with self._lock:
            self._inside += 1
            for path in _loaded_blas_libraries():
                count = None if path in self._before else _thread_count(path)
                if count is not None:
                    self._before[path] = count, count.get()
                    count.set(1)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            while self._before and not self._inside:
                count, before = self._before.popitem()[1]
                count.set(before)


ONE_THREAD: Final = SingleThreadHold()
"""What everybody enters: of two holds that overlap the second would restore the one thread that the first had set."""


def look_again() -> None:
    """Look for libraries anew the next time: one may have come without a module."""
    _loaded_with.cache_clear()


def _loaded_blas_libraries() -> list[str]:
    return _loaded_with(len(sys.modules))


@lru_cache(maxsize=1)
def _loaded_with(_modules: int) -> list[str]:
    """Return the libraries that came with that many modules: while no other is imported none is looked for again.

    Looking takes longer than most small reductions. One that is loaded without a module is missed until the next comes,
    or somebody says `look_again`.
    """
    maps = Path("/proc/self/maps")
    if maps.exists():
        paths = {line.split(maxsplit=5)[-1] for line in maps.read_text(errors="replace").splitlines() if ".so" in line}
    else:
        paths = {str(path) for path in _bundled_libraries()}
    return sorted(path for path in paths if _LIBRARY.match(Path(path).name))


def _bundled_libraries() -> Iterator[Path]:
    """Yield the libraries shipped inside the wheels of the packages already imported (macOS, Windows)."""
    for package in ("numpy", "scipy"):
        module = sys.modules.get(package)
        if module is None or module.__file__ is None:
            continue
        home = Path(module.__file__).parent
        for folder in (home / ".dylibs", home.with_name(f"{package}.libs")):
            yield from folder.glob("*blas*")


@cache
def _thread_count(path: str) -> _ThreadCount | None:
    try:
        library = ctypes.CDLL(path)
    except OSError:
        return None
    for setter, getter in _SYMBOLS:
        if hasattr(library, setter) and hasattr(library, getter):
            set_count, get_count = library[setter], library[getter]
            set_count.argtypes, set_count.restype = [ctypes.c_int], None
            get_count.argtypes, get_count.restype = [], ctypes.c_int
            return _ThreadCount(get_count, set_count)
    return None
