"""From the triangle to whitened coordinates: which columns are factored, their rank, and T beside what is left of Y."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lossurf.decompositions import largest_singular_value, svd
from lossurf.errors import InputError
from lossurf.numerics import Matrix, column_norms, numerical_rank
from lossurf.reduction.precision import Precision, column_errors, relative_input_error
from lossurf.reduction.triangle import Triangle, factor_with_zeros

_SMALLEST_SQUARABLE = 1e-146  # its square times eps is still a normal float64 (2.2e-308)
_LARGEST_SQUARABLE = 1e153  # its square, and a hundred times that, is still finite (1.8e308)
_SMALLEST_FACTORABLE = 1e-300  # Householder's products are rounded to 5e-324, which is far below eps times this


class Columns(NamedTuple):
    """The columns of [X Y] to whiten: their factor, and their errors.

    Attributes
    ----------
    block : ndarray, shape (dx + dy, dx + dy)
        Upper triangular: of centred columns with a bias, or with an intercept among X's columns.
    lead : ndarray, shape (dx + dy,), or None
        With an intercept the columns' components along the ones, which then are a direction of X's row space:
        [lead; block] is the factor of the whole columns, with no large mean mixed into what is left of it.
    intercept : int or None
        Index of the first column of X that is one value other than 0.
    order : int
        n of the triangular factor.
    rounding, uncertain : ndarray, shape (dx + dy,)
        Errors of the columns of `block` (`column_errors`).
    lead_rounding : ndarray, shape (dx + dy,)
        Rounding errors of the whole columns, means included.
    rank_bounds : tuple of int
        Most that rank(X) and rank(Y) can be whatever the numbers are.
    """

    block: Matrix
    lead: Matrix | None
    intercept: int | None
    order: int
    rounding: Matrix
    uncertain: Matrix
    lead_rounding: Matrix
    rank_bounds: tuple[int, int]


def choose_columns(triangle: Triangle, *, bias: bool) -> Columns:
    """Choose what is whitened: centred columns, the ones beside centred columns, or the columns as they are."""
    dx, order = triangle.dx, 1 + triangle.dx + triangle.dy
    shifted, whole = triangle.norms[1:], triangle.unshifted_norms[1:]
    constant = (shifted == 0.0) & (whole > 0.0)
    intercept = None if bias or not constant[:dx].any() else int(np.argmax(constant[:dx]))
    centred = bias or intercept is not None
    block = triangle.r[1:, 1:] if centred else factor_with_zeros(triangle.unshifted[:, 1:])
    factored, stored = shifted if centred else whole, triangle.stored[1:]
    rounding, uncertain = column_errors(factored, stored, order, triangle.data_eps)
    return Columns(
        block=block,
        lead=None if intercept is None else triangle.means[1:],
        intercept=intercept,
        order=order,
        rounding=rounding,
        uncertain=uncertain,
        lead_rounding=column_errors(whole, stored, order, triangle.data_eps)[0],
        rank_bounds=_rank_bounds(shifted > 0.0, constant & (not bias), triangle.factored_rows - bias, dx),
    )


def _rank_bounds(varying: NDArray[np.bool_], constant: NDArray[np.bool_], free: int, dx: int) -> tuple[int, int]:
    """Count the columns of X and of Y that can be independent: all constant ones are multiples of one."""
    x, y = (int(np.count_nonzero(varying[part])) + bool(constant[part].any()) for part in (slice(dx), slice(dx, None)))
    return min(x, free), min(y, free)


class Whitened(NamedTuple):
    """F, T and what is left of Y, in units of the data (theory, section 2).

    Attributes
    ----------
    input_norms, output_norms : ndarray, shapes (dx,), (dy,)
        Of the columns; that of an input is 0 where nothing but error is left of it.
    singular_values : ndarray, shape (dx,)
        Of the equilibrated X, descending.
    whitening : ndarray, shape (dx, rho)
        F = diag(input_norms) @ whitening. With an intercept F = [lead F_c], F_c that of the centred columns: taking a
        multiple of the intercept from a column is an invertible change of the first layer, which, unlike a change of
        units, takes a large mean out of X's condition.
    left_inverse : ndarray, shape (rho, dx)
        Of `whitening`.
    target : ndarray, shape (dy, rho)
        T.
    outside : ndarray
        Components of Y outside X's row space, in any order.
    output_factor : ndarray, shape (rows, dy)
        Y's columns in an orthonormal basis.
    precision : Precision
    """

    input_norms: Matrix
    output_norms: Matrix
    singular_values: Matrix
    whitening: Matrix
    left_inverse: Matrix
    target: Matrix
    outside: Matrix
    output_factor: Matrix
    precision: Precision


def whiten_columns(columns: Columns, dx: int) -> Whitened:
    """Equilibrate, decide the rank of X, and split Y.

    Raises
    ------
    InputError
        If Y is so large or small that its squares leave the range of float64, or a column of X so small that it has
        no precision left.
    """
    block = columns.block
    norms = column_norms(block)
    _require_factorable(norms[:dx])
    require_squarable(norms[dx:], "Y")
    seen = norms > columns.rounding + columns.uncertain  # of any other column all that is left is error
    input_norms, output_norms = np.where(seen, norms, 0.0)[:dx], norms[dx:]
    r11 = np.divide(block[:dx, :dx], input_norms, out=np.zeros((dx, dx)), where=input_norms > 0.0)
    r12, lost = block[:dx, dx:] * seen[dx:], block[:dx, dx:] * ~seen[dx:]  # no T of an unseen output, all its loss
    s, vt, rotated = _decomposed(r11, r12)
    error = relative_input_error(input_norms, columns.rounding[:dx], columns.uncertain[:dx], float(s[0]))
    most = columns.rank_bounds[0] - (columns.lead is not None)
    rho = min(numerical_rank(s, error * float(s[0])), most)
    of_target = columns.rounding if columns.lead is None else columns.lead_rounding
    found = Whitened(
        input_norms=input_norms,
        output_norms=output_norms,
        singular_values=s,
        whitening=vt[:rho].T * s[:rho],
        left_inverse=vt[:rho] / s[:rho, None],
        target=rotated[:rho].T,
        outside=np.concatenate([rotated[rho:].ravel(), lost.ravel(), block[dx:, dx:].ravel()]),
        output_factor=block[:, dx:],
        precision=Precision(
            input_error=error,
            target_errors=(of_target + columns.uncertain)[dx:],
            residual_errors=(columns.rounding + columns.uncertain)[dx:],
            coefficient_norm=float(np.linalg.norm(rotated[:rho] / s[:rho, None])),
            largest=float(s[0]),
            condition=float(s[0] / s[rho - 1]) if rho else 1.0,
        ),
    )
    return found if columns.lead is None else _with_intercept(found, columns, dx)


def _decomposed(r11: Matrix, r12: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Return singular values (n,) and right singular vectors (rows) of r11 = U S V^T, and U^T r12.

    Rows and columns of zeros, of fewer samples than columns or of constant columns, are left out of the work: 5,000
    columns of 30 samples are a matter of 30 rows. Only as many vectors are given as values can be other than zero.
    """
    rows, columns = r11.any(axis=1), r11.any(axis=0)
    count, width = int(np.count_nonzero(rows)), int(np.count_nonzero(columns))
    core = r11 if count == width == len(r11) else r11[np.ix_(rows, columns)]
    u, found, right = svd(core, full_matrices=count >= width)
    s, vt = np.zeros(len(r11)), np.zeros((len(right), len(r11)))
    s[: len(found)], vt[:, columns] = found, right
    return s, vt, np.concatenate([u.T @ r12[rows], r12[~rows]])


def _with_intercept(centred: Whitened, columns: Columns, dx: int) -> Whitened:
    """Put the ones beside the centred columns."""
    assert columns.lead is not None
    assert columns.intercept is not None
    lead_x, lead_y, c = columns.lead[:dx], columns.lead[dx:], centred.input_norms
    norms, output_norms = np.hypot(c, np.abs(lead_x)), np.hypot(centred.output_norms, np.abs(lead_y))
    _require_factorable(norms)
    require_squarable(output_norms, "Y")
    share, lead_share = (np.divide(part, norms, out=np.zeros(dx), where=norms > 0.0) for part in (c, lead_x))
    whitening = np.column_stack([lead_share, share[:, None] * centred.whitening])
    inverse_share = np.divide(1.0, share, out=np.zeros(dx), where=share > 0.0)
    of_centred = centred.left_inverse * inverse_share
    of_ones = np.zeros(dx)
    of_ones[columns.intercept] = 1.0 / lead_share[columns.intercept]  # that row of F is zero but for the ones
    left_inverse = np.vstack([of_ones, of_centred - np.outer(of_centred @ lead_share, of_ones)])
    values = np.sort(np.append(centred.singular_values[:-1], 1.0))[::-1]  # the intercept's own centred column is zero
    return Whitened(
        input_norms=norms,
        output_norms=output_norms,
        singular_values=values * (largest_singular_value(whitening) / values[0]),
        whitening=whitening,
        left_inverse=left_inverse,
        target=np.column_stack([lead_y, centred.target]),
        outside=centred.outside,
        output_factor=np.vstack([lead_y, centred.output_factor]),
        precision=centred.precision,
    )


def _require_factorable(input_norms: Matrix) -> None:
    for column, size in enumerate(input_norms, start=1):
        if 0.0 < size < _SMALLEST_FACTORABLE:
            raise InputError(
                f"column {column} of X is so small (norm {size:.3g}) that float64 has no precision left for it",
                where="X",
                remedy="rescale that column to unit size; the verdict does not depend on units",
            )


def require_squarable(norms: Matrix, name: str) -> None:
    """Refuse a matrix (X or Y, by `name`) whose column norms have squares outside the range of float64."""
    size = float(np.max(norms, initial=0.0))
    if size > 0.0 and not _SMALLEST_SQUARABLE < size < _LARGEST_SQUARABLE:
        word = "large" if size > 1.0 else "small"
        raise InputError(
            f"{name} is so {word} (column norm {size:.3g}) that its squared loss leaves the range of float64",
            where=name,
            remedy=f"rescale {name} to unit size; the verdict does not depend on units",
        )
