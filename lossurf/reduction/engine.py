"""One pass over any number of rows: threads factor panels, lanes collect triangles, one tree merges the lanes.

The first panel gives the reference row that is subtracted from every sample. Panels are dealt out in turn to a fixed
number of lanes, which take them in order. Which thread does the work decides nothing: the result is the same to the bit
for every number of threads and every way the rows arrive in blocks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from lossurf.cores import cores_at_hand
from lossurf.errors import InputError
from lossurf.numerics import EPS, Matrix, column_norms, reference_row
from lossurf.reduction.blas_threads import ONE_THREAD
from lossurf.reduction.blocks import Claim, RowSource, StreamSource
from lossurf.reduction.kernels import Kernel, NumpyKernel
from lossurf.reduction.panels import make_kernel
from lossurf.reduction.triangle import Triangle
from lossurf.reduction.tuning import PanelShape, panel_shape, warm_up_panels

Progress = Callable[[int], None]
"""Called with the number of samples taken so far, from any thread but never from two at once."""

_STOP_WITHIN: Final = 0.8  # seconds that an interrupted run waits for its workers; Ctrl-C is promised within a second


def reduce_blocks(
    blocks: Iterable[tuple[Matrix, Matrix]],
    dx: int,
    dy: int,
    *,
    dtype: str = "float64",
    data_eps: float = EPS,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Triangle:
    """Reduce blocks of samples to one triangle, in one pass.

    Parameters
    ----------
    blocks : iterable of (X, Y)
        Finite float64 arrays of shapes (rows, dx) and (rows, dy), rows in any number. A block is copied before the next
        is asked for, so their memory may be reused.
    dx, dy : int
        Columns of X and Y.
    dtype, data_eps
        Recorded in the result.
    threads : int, optional
        Workers, by default the cores at hand (at most the lanes, 8 up to 1536 columns). Does not change the result.
    progress : callable, optional
        Told how many samples have been taken.

    Returns
    -------
    Triangle

    Raises
    ------
    InputError
        If there is no sample, a block cannot be read, or numbers are so large that a column's norm overflows.

    Notes
    -----
    Unconditionally stable: R is the exact factor of shifted data moved by a small multiple of n * eps, columnwise
    (Demmel, Grigori, Hoemmen & Langou 2012, "Communication-optimal parallel and sequential QR", section 4). Without the
    shift a column of mean 1e9 and unit spread would lose nine digits of what centring leaves.
    Peak memory is that of the lanes' triangles and one panel a thread, whatever the number of samples.
    """
    source = StreamSource(blocks)
    return reduce_source(source, dx, dy, dtype=dtype, data_eps=data_eps, threads=threads, progress=progress)


def reduce_source(
    source: RowSource,
    dx: int,
    dy: int,
    *,
    dtype: str = "float64",
    data_eps: float = EPS,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Triangle:
    """Reduce a source of rows; see `reduce_blocks`."""
    shape = panel_shape(1 + dx + dy)
    run = _Run(source, shape, progress)
    with ONE_THREAD:
        if run.work(NumpyKernel(), limit=warm_up_panels(shape)):
            run.work_in_threads(cores_at_hand() if threads is None else threads)
        if run.samples == 0:
            raise InputError("the data hold no sample", remedy="give at least one row of X and Y")
        r = np.triu(run.merged())
        triangle = Triangle(r, run.samples, dx, dy, run.shift, column_norms(r), dtype, data_eps)
        _require_finite(triangle)
        return triangle


class _Lane:
    """The triangle of the panels that are this lane's, and how many of them it holds."""

    def __init__(self) -> None:
        self.r: Matrix | None = None
        self.panels = 0


class _Run:
    """The state that the workers of one reduction share."""

    def __init__(self, source: RowSource, shape: PanelShape, progress: Progress | None) -> None:
        self._source = source
        self._shape = shape
        self._progress = progress
        self._taking = threading.Lock()
        self._lanes = [_Lane() for _ in range(shape.lanes)]
        self._lane_free = threading.Condition()
        self._next_panel = 0
        self._failures: dict[int, BaseException] = {}  # by the first sample of the panel
        self._stopped = False
        self.samples = 0
        self.shift: Matrix = np.zeros(shape.n)  # set by the first panel, before any thread is started

    def work(self, kernel: Kernel, limit: int | None = None) -> bool:
        """Take panels until the rows end (False) or `limit` panels were taken (True)."""
        panel = self._shape.allocate()
        while limit is None or self._next_panel < limit:
            with self._taking:
                if self._stopped:
                    return False
                claim = self._source.claim(panel)
                if claim is None:
                    return False
                number, self._next_panel = self._next_panel, self._next_panel + 1
                self.samples += claim.rows
                if self._progress is not None:
                    self._progress(self.samples)
            try:
                with np.errstate(over="ignore", invalid="ignore"):  # refused here, or with the norms
                    r = self._factor(kernel, panel, claim, first=number == 0)
                if not np.isfinite(r[0]).all():  # every number has a share in the row of the ones
                    claim.inspect(panel)
                self._absorb(kernel, number, r)
            except BaseException as error:
                self._failures[claim.start] = error
                raise
        return True

    def work_in_threads(self, threads: int) -> None:
        """Run `work` to the end in that many threads; the caller's thread only waits, so that Ctrl-C reaches it."""
        shape, start = self._shape, self._lanes[0].r
        kernels = [make_kernel(shape.n, shape.panel_width, start) for _ in range(max(1, min(threads, shape.lanes)))]
        workers = [threading.Thread(target=self._work_safely, args=(kernel,), daemon=True) for kernel in kernels]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        finally:
            self._stop()
            deadline = time.monotonic() + _STOP_WITHIN
            for worker in workers:
                if worker.ident is not None:
                    worker.join(max(0.0, deadline - time.monotonic()))
        if self._failures:  # the one that a single thread would have met
            raise self._failures[min(self._failures)]

    def merged(self) -> Matrix:
        """Merge the lanes pairwise, in an order that depends on nothing but their number."""
        kernel: Kernel = NumpyKernel()
        if self._next_panel > self._shape.lanes:
            kernel = make_kernel(self._shape.n, self._shape.panel_width)
        triangles = [lane.r for lane in self._lanes if lane.r is not None]
        while len(triangles) > 1:
            pairs = zip(triangles[::2], triangles[1::2], strict=False)
            odd = triangles[len(triangles) // 2 * 2 :]
            triangles = [kernel.merge_triangles(upper, lower) for upper, lower in pairs] + odd
        return triangles[0]

    def _work_safely(self, kernel: Kernel) -> None:
        try:
            with ONE_THREAD:
                self.work(kernel)
        except BaseException as error:  # noqa: BLE001 - carried over to the caller's thread, which raises it
            self._failures.setdefault(self.samples, error)  # met while taking rows, so after all that were taken
            self._stop()

    def _stop(self) -> None:
        with self._lane_free:
            self._stopped = True
            self._lane_free.notify_all()

    def _factor(self, kernel: Kernel, panel: Matrix, claim: Claim, *, first: bool) -> Matrix:
        """Return the triangle of a panel's samples less the reference row, which the first panel gives."""
        claim.load(panel)
        rows = panel[: claim.rows, 1:]
        if first:
            self.shift[1:] = reference_row(rows)
        rows -= self.shift[1:]
        return kernel.factor_panel(self._shape.complete(panel, claim.rows))

    def _absorb(self, kernel: Kernel, number: int, r: Matrix) -> None:
        """Merge a panel's triangle into its lane once the lane's earlier panels are in."""
        lane = self._lanes[number % len(self._lanes)]
        with self._lane_free:
            self._lane_free.wait_for(lambda: self._stopped or lane.panels == number // len(self._lanes))
            if self._stopped:
                return
        lane.r = r if lane.r is None else kernel.merge_triangles(lane.r, r)
        with self._lane_free:
            lane.panels += 1
            self._lane_free.notify_all()


def _require_finite(triangle: Triangle) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.isfinite(triangle.unshifted_norms).all()
    if not finite:
        raise InputError(
            "the data hold numbers so large that the norm of a column leaves the range of float64",
            remedy="rescale the data to unit size; the verdict does not depend on units",
        )
