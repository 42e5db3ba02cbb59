"""Where values on a grid reach a height, as closed outlines: marching squares with linear interpolation.

Lorensen & Cline 1987, in two dimensions. A ring of cells that lie below every height is laid around the grid, so that
every outline is closed; where four corners leave two ways of joining, the mean of the corners decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

Point = tuple[float, float]
_At = Callable[[int, int], float | None]
_Edge = tuple[int, int, int]  # row and column of its first corner in the ringed grid, 0: along the row, 1: up

_SIDES: Final = {  # corners at or above the height (bits: lower left, lower right, upper right, upper left) -> the
    # sides that the outline enters and leaves by, the high ground to its left: 0 lower, 1 right, 2 upper, 3 left
    1: ((0, 3),),
    2: ((1, 0),),
    3: ((1, 3),),
    4: ((2, 1),),
    6: ((2, 0),),
    7: ((2, 3),),
    8: ((3, 2),),
    9: ((0, 2),),
    11: ((1, 2),),
    12: ((3, 1),),
    13: ((0, 1),),
    14: ((3, 0),),
}
_APART: Final = {5: ((0, 3), (2, 1)), 10: ((1, 0), (3, 2))}  # two corners, each cut off by itself
_JOINED: Final = {5: ((0, 1), (2, 3)), 10: ((1, 2), (3, 0))}  # two corners, and the middle between them


def outlines(values: Sequence[Sequence[float]], height: float) -> list[list[Point]]:
    """Return the outlines of the region where values are at or above a height.

    Parameters
    ----------
    values : sequence of sequences of float
        Row j, column i: the value at the point (i, j).
    height : float

    Returns
    -------
    list of list of (float, float)
        Closed: the last point of each joins the first. Filled by the even-odd rule they are the region.
    """
    rows, columns = len(values), len(values[0])

    def at(row: int, column: int) -> float | None:
        inside = 0 < row <= rows and 0 < column <= columns
        return values[row - 1][column - 1] if inside else None  # None: the ring, below every height

    after = _joints(at, rows, columns, height)
    found = []
    while after:
        first, edge = after.popitem()
        loop = [first]
        while edge != first:
            loop.append(edge)
            edge = after.pop(edge)
        found.append([_crossing(at, edge, height) for edge in loop])
    return found


def on_rim(one: Point, other: Point, last: tuple[int, int]) -> bool:
    """Tell whether the way between two points of an outline follows an edge of the grid, whose last point is given."""
    return any(one[k] == other[k] and one[k] in (0, last[k]) for k in (0, 1))


def _joints(at: _At, rows: int, columns: int, height: float) -> dict[_Edge, _Edge]:
    """Return for every edge that an outline crosses the edge that it crosses next."""
    after: dict[_Edge, _Edge] = {}
    for row in range(rows + 1):
        for column in range(columns + 1):
            corners = [at(row, column), at(row, column + 1), at(row + 1, column + 1), at(row + 1, column)]
            form = sum(1 << bit for bit, value in enumerate(corners) if value is not None and value >= height)
            for enters, leaves in _ways(form, corners, height):
                after[_edge(row, column, enters)] = _edge(row, column, leaves)
    return after


def _ways(form: int, corners: list[float | None], height: float) -> tuple[tuple[int, int], ...]:
    if form not in _APART:
        return _SIDES.get(form, ())
    known = [value for value in corners if value is not None]
    joined = len(known) == 4 and sum(known) / 4.0 >= height
    return _JOINED[form] if joined else _APART[form]


def _edge(row: int, column: int, side: int) -> _Edge:
    return ((row, column, 0), (row, column + 1, 1), (row + 1, column, 0), (row, column, 1))[side]


def _crossing(at: _At, edge: _Edge, height: float) -> Point:
    """Return where an outline crosses an edge; on the ring, at the corner of the grid itself."""
    row, column, upwards = edge
    end = (row + 1, column) if upwards else (row, column + 1)
    low, high = at(row, column), at(*end)
    on_ring = 1.0 if low is None else 0.0
    share = on_ring if low is None or high is None else (height - low) / (high - low)
    return (column - 1 + (0.0 if upwards else share), row - 1 + (share if upwards else 0.0))
