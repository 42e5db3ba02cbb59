"""Changes of data that their triangle follows exactly: weights, a base to subtract, maps, rows of ridge.

Weights of samples change the rows, so they are taken while the rows are read; everything else is a linear map of the
columns of [1 X Y], or more rows, and needs no sample. Every bound on rounding keeps the size of what was subtracted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from lossurf.numerics import Matrix, column_norms, reference_row
from lossurf.reduction.engine import Progress, reduce_blocks
from lossurf.reduction.triangle import Triangle, factor_with_zeros, merge

Blocks = Iterable[tuple[Matrix, Matrix]]


def reduce_weighted(
    blocks: Callable[[], Blocks],
    roots: Matrix,
    dx: int,
    dy: int,
    *,
    dtype: str,
    data_eps: float,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Triangle:
    """Reduce rows sqrt(w) [1 x y]: the weighted data, whose means are weighted means.

    Parameters
    ----------
    blocks : callable
        Gives the samples, X (rows, dx) and Y (rows, dy), unweighted.
    roots : ndarray, shape (m,)
        sqrt(w) of every sample.
    dx, dy, dtype, data_eps, threads, progress
        As in `reduce_blocks`.

    Returns
    -------
    Triangle
        Of samples less a reference, so that a large mean costs no digits.

    Raises
    ------
    InputError
        As `reduce_blocks`.
    """
    reference = np.zeros(dx + dy)

    def rows() -> Iterator[tuple[Matrix, Matrix]]:
        start = 0
        for X, Y in blocks():
            if start == 0:
                reference[:] = reference_row(np.hstack([X, Y]))
            s = roots[start : start + len(X), None]
            start += len(X)
            with np.errstate(over="ignore"):  # what leaves the range is refused by the engine
                yield np.hstack([s, s * (X - reference[:dx])]), s * (Y - reference[dx:])

    found = reduce_blocks(rows(), dx + 1, dy, dtype=dtype, data_eps=data_eps, threads=threads, progress=progress)
    return Triangle(
        r=factor_with_zeros(found.unshifted[:, 1:]),
        samples=found.samples,
        dx=dx,
        dy=dy,
        shift=np.append(0.0, reference),
        norms=found.unshifted_norms[1:],
        dtype=dtype,
        data_eps=data_eps,
        rows=int(np.count_nonzero(roots)),
    )


def without_outputs(triangle: Triangle, weight: Matrix, bias: Matrix | None) -> Triangle:
    """Return the triangle of [1 X, Y - X W^T - 1 b^T].

    Parameters
    ----------
    triangle : Triangle
    weight : ndarray, shape (dy, dx)
        W, the base.
    bias : ndarray, shape (dy,), or None
    """
    x, y = _sides(triangle)
    r, shift, norms, stored = triangle.r.copy(), triangle.shift.copy(), triangle.norms.copy(), triangle.stored.copy()
    r[:, y] -= r[:, x] @ weight.T
    # a long double where the machine has one: the shift may be all that is left of large means
    exact = shift[y].astype(np.longdouble) - weight.astype(np.longdouble) @ shift[x].astype(np.longdouble)
    shift[y] = exact if bias is None else exact - bias
    norms[y] += np.abs(weight) @ norms[x]
    stored[y] += np.abs(weight) @ stored[x]
    if bias is not None:
        stored[y] += np.abs(bias * triangle.r[0, 0])
    return replace(triangle, r=r, shift=shift, norms=norms, stored_norms=stored)


def without_predictions(triangle: Triangle, dy: int) -> Triangle:
    """Return the triangle of [1 X Y - B] from that of [1 X Y B], whose last dy columns are the predictions B."""
    first = 1 + triangle.dx
    kept, taken = slice(first, first + dy), slice(first + dy, None)

    def difference(row: Matrix) -> Matrix:
        return np.concatenate([row[..., :first], row[..., kept] - row[..., taken]], axis=-1)

    def both(sizes: Matrix) -> Matrix:
        return np.append(sizes[:first], sizes[kept] + sizes[taken])

    return replace(
        triangle,
        r=factor_with_zeros(difference(triangle.r)),
        dy=dy,
        shift=difference(triangle.shift),
        norms=both(triangle.norms),
        stored_norms=both(triangle.stored),
    )


def with_outputs_scaled(triangle: Triangle, roots: Matrix) -> Triangle:
    """Return the triangle with every output times its root, shape (dy,): that of sqrt(v)."""
    scale = np.append(np.ones(1 + triangle.dx), roots)
    return replace(
        triangle,
        r=triangle.r * scale,
        shift=triangle.shift * scale,
        norms=triangle.norms * scale,
        stored_norms=triangle.stored * scale,
    )


def with_ridge(triangle: Triangle, root: float, columns: int) -> Triangle:
    """Return the triangle with a row root * e_j for each of the first columns of X, with zeros for the ones and Y."""
    penalty = np.zeros((columns, triangle.r.shape[1]))
    penalty[:, 1 : 1 + columns] = root * np.eye(columns)
    added = column_norms(penalty)
    return replace(
        triangle,
        r=factor_with_zeros(merge(triangle.r, penalty)),
        norms=np.hypot(triangle.norms, added),
        rows=triangle.factored_rows + columns,
        stored_norms=triangle.stored,  # the penalty is exact
    )


def product_of(layers: Sequence[Matrix]) -> tuple[Matrix, Matrix]:
    """Return W_k ... W_1, and the product of their absolute values, which its rounding is a share of."""
    return reduce(_after, layers), reduce(_after, map(np.abs, layers))


def _after(below: Matrix, above: Matrix) -> Matrix:
    return above @ below


def carried(layers: Sequence[Matrix], biases: Sequence[Matrix | None], start: Matrix) -> Matrix:
    """Return what some layers with biases make of an input, shape (d_0,), rounded once where a long double is at hand.

    Large means may cancel in it, and only their difference is left.
    """
    found = start.astype(np.longdouble)
    for W, bias in zip(layers, biases, strict=True):
        found = W.astype(np.longdouble) @ found + (0.0 if bias is None else bias)
    return found.astype(np.float64)


def with_inputs_mapped(triangle: Triangle, layers: Sequence[Matrix], biases: Sequence[Matrix | None]) -> Triangle:
    """Return the triangle of [1 X' Y], X' what frozen layers make of X.

    Parameters
    ----------
    triangle : Triangle
    layers : sequence of ndarray
        W_1 (d_1, dx), ..., W_k (d_k, d_{k-1}).
    biases : sequence of ndarray or None
        b_j (d_j,).
    """
    (F, rounded), (x, y) = product_of(layers), _sides(triangle)
    d, own = len(F), carried(layers, biases, np.zeros(triangle.dx))
    columns = _kept(triangle, d, triangle.dy)
    sizes = columns.copy()
    columns[x, 1 : 1 + d], sizes[x, 1 : 1 + d] = F.T, rounded.T
    columns[y, 1 + d :] = sizes[y, 1 + d :] = np.eye(triangle.dy)
    shift = np.concatenate([triangle.shift[:1], carried(layers, biases, triangle.shift[x]), triangle.shift[y]])
    stored = triangle.stored @ sizes
    stored[1 : 1 + d] += np.abs(own * triangle.r[0, 0])
    return _mapped(triangle, d, (columns, sizes), shift, stored)


def with_outputs_mapped(triangle: Triangle, basis: Matrix) -> Triangle:
    """Return the triangle of [1 X Y U]: coordinates of the outputs in the columns of U, shape (dy, rho)."""
    columns, (x, y) = _kept(triangle, triangle.dx, basis.shape[1]), _sides(triangle)
    columns[x, x], columns[y, y.start :] = np.eye(triangle.dx), basis
    sizes, shift = np.abs(columns), np.append(triangle.shift[: y.start], carried([basis.T], [None], triangle.shift[y]))
    return _mapped(triangle, triangle.dx, (columns, sizes), shift, triangle.stored @ sizes)


def _kept(triangle: Triangle, dx: int, dy: int) -> Matrix:
    """Return a map of the columns to 1 + dx + dy others that keeps the ones, and nothing else yet."""
    columns = np.zeros((1 + triangle.dx + triangle.dy, 1 + dx + dy))
    columns[0, 0] = 1.0
    return columns


def _mapped(triangle: Triangle, dx: int, columns: tuple[Matrix, Matrix], shift: Matrix, stored: Matrix) -> Triangle:
    """Return the triangle of [1 X Y] times a map of its columns, given with what bounds the map's rounding.

    The bound n eps of the new triangle has to cover the n there was, and as many terms of every sum.
    """
    of, sizes = columns
    old, new = of.shape
    return replace(
        triangle,
        r=factor_with_zeros(triangle.r @ of),
        dx=dx,
        dy=new - 1 - dx,
        shift=shift,
        norms=max(1.0, 2.0 * old / new) * (triangle.norms @ sizes),
        rows=triangle.factored_rows,
        stored_norms=stored,
    )


def _sides(triangle: Triangle) -> tuple[slice, slice]:
    first = 1 + triangle.dx
    return slice(1, first), slice(first, None)
