"""One pass over any number of rows: threads factor panels, lanes collect what they give, one tree merges the lanes.

The first panel gives the reference row that is subtracted from every sample, and its first rows the triangle in whose
coordinates ill-conditioned panels are summed. Panels are dealt out in turn to a fixed
number of lanes, which take them in order. Which thread does the work decides nothing: the result is the same to the bit
for every number of threads and every way the rows arrive in blocks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import numpy as np

from lossurf.cores import at_most, cores_at_hand
from lossurf.errors import InputError
from lossurf.numerics import EPS, Matrix, column_norms, reference_row
from lossurf.reduction.blas_threads import ONE_THREAD
from lossurf.reduction.blocks import Claim, RowSource, StreamSource
from lossurf.reduction.kernels import Kernel, NumpyKernel, Part, make_kernels
from lossurf.reduction.panels import Panel
from lossurf.reduction.triangle import Triangle
from lossurf.reduction.tuning import PanelShape, panel_shape, without_scipy

_ROWS_TO_LOOK_AT: Final = 511  # their median is 0.06 of a standard deviation off, a sixth of what is asked of it

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
    run = _Run(source, shape, dx, progress)
    with ONE_THREAD, at_most(threads):
        run.begin()
        r = np.triu(run.finish(cores_at_hand() if threads is None else threads))
        triangle = Triangle(r, run.samples, dx, dy, run.shift, column_norms(r), dtype, data_eps)
        _require_finite(triangle)
        return triangle


class _Lane:
    """What is kept of the panels that are this lane's, and how many of them that are."""

    def __init__(self) -> None:
        self.part: Part | None = None
        self.panels = 0


class _Taken(NamedTuple):
    """A panel that one worker has taken, the `number`-th of the data."""

    number: int
    panel: Panel
    claim: Claim


class _Run:
    """The state that the workers of one reduction share."""

    def __init__(self, source: RowSource, shape: PanelShape, dx: int, progress: Progress | None) -> None:
        self._source = source
        self._shape = shape
        self._dx = dx
        self._progress = progress
        self._taking = threading.Lock()
        self._first: _Taken | None = None  # until somebody works on it
        self._lanes = [_Lane() for _ in range(shape.lanes)]
        self._lane_free = threading.Condition()
        self._next_panel = 0
        self._failures: dict[int, BaseException] = {}  # by the first sample of the panel
        self._stopped = False
        self.samples = 0
        self.shift: Matrix = np.zeros(shape.n)

    def begin(self) -> None:
        """Take the first panel, and from it the reference row.

        Raises
        ------
        InputError
            If there is no sample.
        """
        self._first = self._take(self._shape.allocate(self._dx))
        if self._first is None:
            raise InputError("the data hold no sample", remedy="give at least one row of X and Y")
        _, panel, claim = self._first
        claim.load(panel)
        with np.errstate(over="ignore", invalid="ignore"):  # refused with the panel, or with the norms
            self.shift[1:] = np.concatenate([_reference(panel.X), _reference(panel.Y)])
            panel.subtract(self.shift)

    def work(self, kernel: Kernel) -> None:
        """Take panels until the rows end."""
        panel: Panel | None = None
        while not self._stopped:
            with self._taking:
                taken, self._first = self._first or self._take(panel or self._shape.allocate(self._dx)), None
            if taken is None:
                return
            panel = taken.panel
            try:
                with np.errstate(over="ignore", invalid="ignore"):  # refused here, or with the norms
                    part = self._factor(kernel, taken)
                if part.triangle is not None and not np.isfinite(part.triangle[0]).all():
                    taken.claim.inspect(panel)  # every number has a share in the row of the ones
                self._absorb(kernel, taken.number, part)
            except BaseException as error:
                self._failures[taken.claim.start] = error
                raise

    def _take(self, panel: Panel) -> _Taken | None:
        """Claim the next rows; None at their end."""
        claim = self._source.claim(panel)
        if claim is None:
            return None
        number, self._next_panel = self._next_panel, self._next_panel + 1
        self.samples += claim.rows
        if self._progress is not None:
            self._progress(self.samples)
        return _Taken(number, panel, claim)

    def finish(self, threads: int) -> Matrix:
        """Run `work` to the end in that many threads, and return the triangle of all panels.

        The caller's thread only waits, so that Ctrl-C reaches it.
        """
        shape, first = self._shape, self._first
        if first is None:
            raise AssertionError("a run is begun before it is finished")
        if without_scipy(shape, first.claim.rows):
            by_numpy = NumpyKernel()
            self.work(by_numpy)
            return self._merged(by_numpy)
        count = max(1, min(threads, shape.lanes))
        with np.errstate(over="ignore", invalid="ignore"):  # refused with the panel, or with the norms
            kernels = make_kernels(shape.n, shape.panel_width, first.panel, count)
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
        return self._merged(kernels[0])

    def _merged(self, kernel: Kernel) -> Matrix:
        """Merge the lanes pairwise, in an order that depends on nothing but their number."""
        parts = [lane.part for lane in self._lanes if lane.part is not None]
        while len(parts) > 1:
            pairs = zip(parts[::2], parts[1::2], strict=False)
            parts = [kernel.merge(first, second) for first, second in pairs] + parts[len(parts) // 2 * 2 :]
        return kernel.triangle_of(parts[0])

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

    def _factor(self, kernel: Kernel, taken: _Taken) -> Part:
        """Return what is to be kept of a panel's samples less the reference row, which the first one is already."""
        if taken.number:
            taken.claim.load(taken.panel)
            taken.panel.subtract(self.shift)
        return kernel.factor_panel(taken.panel)

    def _absorb(self, kernel: Kernel, number: int, part: Part) -> None:
        """Merge what is kept of a panel into its lane once the lane's earlier panels are in."""
        lane = self._lanes[number % len(self._lanes)]
        with self._lane_free:
            self._lane_free.wait_for(lambda: self._stopped or lane.panels == number // len(self._lanes))
            if self._stopped:
                return
        lane.part = part if lane.part is None else kernel.merge(lane.part, part)
        with self._lane_free:
            lane.panels += 1
            self._lane_free.notify_all()


def _reference(rows: Matrix) -> Matrix:
    """Return the reference row of a first panel's columns: 0 where they lie around it, which takes no subtraction.

    Within half of their median deviation, a third of the standard one of normal numbers: that adds 6 % to what rounding
    errors are a share of. Medians, as one outlier would make other measures useless.
    """
    picked = rows[np.linspace(0, len(rows) - 1, min(len(rows), _ROWS_TO_LOOK_AT)).astype(int)]
    medians = np.median(picked, axis=0)
    deviations = np.median(np.abs(picked - medians), axis=0)
    around_zero = (2.0 * np.abs(medians) <= deviations) & np.isfinite(deviations)
    return np.where(around_zero, 0.0, reference_row(rows))


def _require_finite(triangle: Triangle) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.isfinite(triangle.unshifted_norms).all()
    if not finite:
        raise InputError(
            "the data hold numbers so large that the norm of a column leaves the range of float64",
            remedy="rescale the data to unit size; the verdict does not depend on units",
        )
