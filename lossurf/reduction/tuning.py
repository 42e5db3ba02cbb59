"""Sizes that only speed depends on, each with the measurement it comes from (tests/benchmarks measures them again)."""

from __future__ import annotations

from typing import Final, NamedTuple

from lossurf.errors import InputError
from lossurf.reduction.panels import Panel

LANES: Final = 8
"""Sums of Gram matrices kept side by side, and the most threads that can work, for up to `_FEW_COLUMNS`. A function of
the columns alone, so that the number of threads changes no bit; eight sums of 300 columns, of two parts, are 12 MB."""

_FEW_COLUMNS: Final = 1536  # eight sums take 300 MB here, and would take gigabytes at several thousand columns
_MANY_COLUMNS: Final = 4096  # two sums and two panels take 1.1 GB here; panels are no longer than they must be

_BYTES_WITHOUT_SCIPY: Final = 8 * 2**20
"""Data up to here are factored by numpy in the calling thread: to load scipy's routines and start threads takes 0.02 s,
what numpy takes longer for 10 MB of 20 columns."""


class PanelShape(NamedTuple):
    """A panel of `rows` rows and n columns, factored with LAPACK's inner block size `panel_width`."""

    n: int
    rows: int
    panel_width: int
    lanes: int = LANES

    def allocate(self, dx: int) -> Panel:
        """Return a panel for dx inputs and n - 1 - dx outputs."""
        try:
            return Panel(self.rows, dx, self.n - 1 - dx)
        except (MemoryError, ValueError) as error:
            gigabytes = 8e-9 * self.n * (self.rows + 2 * self.lanes * self.n)
            raise InputError(
                f"a triangular factor of {self.n} columns needs about {gigabytes:.3g} GB of memory",
                remedy="reduce the number of columns of X and Y",
            ) from error


def panel_shape(n: int) -> PanelShape:
    """Choose panel sizes for n columns.

    Measured for 20, 40, 80, 288 and 1088 columns. What is done once a panel (one Cholesky factorisation, one addition,
    and 0.2 ms of the interpreter) is a twentieth or less of the time from these lengths on up to 300 columns, and a
    tenth at 1088. Two threads stay within 120 MB up to 288 columns. At few columns it is threads that wait for the
    interpreter: panels of a quarter of the length took a third longer at 20, those of half and twice it within a tenth.
    """
    if n <= 48:
        return PanelShape(n, 32_768, 8)
    if n <= 320:
        return PanelShape(n, 8192, 24 if n <= 160 else 32)
    lengths = 2 if n <= _MANY_COLUMNS else 1
    rows = max(6144 if n <= _FEW_COLUMNS else 0, -(-lengths * n // 1024) * 1024)
    return PanelShape(n, rows, 32 if n <= 768 else 48, LANES if n <= _FEW_COLUMNS else 2)


def without_scipy(shape: PanelShape, rows: int) -> bool:
    """Tell whether data of which the first panel holds that many rows are left to numpy."""
    return rows < shape.rows and 8 * shape.n * rows <= _BYTES_WITHOUT_SCIPY


def rows_to_start(n: int) -> int:
    """Return how many rows of a first panel give the triangle in whose coordinates later ones may be factored.

    Twice the columns: singular values of rows drawn alike differ by a factor of 6 then. Of few columns 512, as samples
    that are not drawn at random take more.
    """
    return max(2 * n, 512)
