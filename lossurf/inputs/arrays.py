"""Arrays of any number type to finite float64, with the place of the first number that is not one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from lossurf.errors import InputError
from lossurf.inputs.faults import count, fault, place
from lossurf.numerics import Matrix

_REFUSED: Final = {
    "O": "object-array",
    "c": "complex-array",
    "U": "text-array",
    "S": "text-array",
    "T": "text-array",
    "V": "structured-array",
    "M": "date-array",
    "m": "date-array",
}
LARGEST_EXACT_INTEGER: Final = 2**53
"""Beyond it float64 does not hold every integer."""

LAYER: Final = "the layer"
"""What weights are called in messages, where data are X and Y."""

ROUNDED_INTEGERS: Final = "{name}: integers beyond 2**53 were rounded to float64, a relative change of at most 1.1e-16"
ROUNDED_LONGDOUBLE: Final = "{name}: {dtype} numbers were rounded to float64"


class MatrixSource(Protocol):
    """Rows of numbers from somewhere: what every reader of data gives."""

    ndim: int  # 1 for a vector, which is read as one column
    rows: int | None  # None where only reading to the end tells
    notes: list[str]

    @property
    def dtype(self) -> str:
        """Name of the stored number type."""
        ...

    @property
    def name(self) -> str:
        """Where the numbers come from."""
        ...

    @property
    def width(self) -> int:
        """Number of columns."""
        ...

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Names of the columns."""
        ...

    def blocks(self, rows: int) -> Iterator[Matrix]:
        """Yield finite float64 blocks of exactly `rows` rows, the last one shorter."""
        ...

    def select(self, indices: tuple[int, ...]) -> MatrixSource:
        """Keep these columns, counted from 0."""
        ...

    def transposed(self, limit: int) -> MatrixSource:
        """Exchange rows and columns, taking at most `limit` bytes of memory."""
        ...


def require_numeric(dtype: DTypeLike, where: str | None) -> None:
    """Refuse arrays that are not integers, booleans or real floating-point numbers.

    Raises
    ------
    InputError
    """
    kind = np.dtype(dtype)
    if kind.kind in _REFUSED:
        raise fault(_REFUSED[kind.kind], where, dtype=str(kind))


def require_dimensions(shape: tuple[int, ...], letter: str, where: str | None) -> None:
    """Require a matrix, or for Y a vector (one output), with at least one sample and one column.

    Raises
    ------
    InputError
    """
    if len(shape) == 1 and letter == "X":
        remedy = "reshape it: X.reshape(-1, 1) is one input, X.reshape(1, -1) is one sample"
        raise fault("dimensions", where, letter=letter, ndim=count(1, "dimension"), shape=shape, remedy=remedy)
    if len(shape) not in (1, 2):
        remedy = "give a two-dimensional array, one sample a row"
        raise fault("dimensions", where, letter=letter, ndim=count(len(shape), "dimension"), shape=shape, remedy=remedy)
    if shape[0] == 0:
        raise fault("no-samples", where, letter=letter, shape=shape)
    if len(shape) == 2 and shape[1] == 0:
        raise fault("no-columns", where, letter=letter, shape=shape)


def coarser(first: str, second: str) -> str:
    """Return the floating-point dtype name of lower precision; integers and booleans count as float64."""
    return min((_float_name(name) for name in (first, second)), key=lambda name: _PRECISION.get(name, 53))


_PRECISION: Final = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 53}


def _float_name(name: str) -> str:
    return name if name in _PRECISION else "float64"


def to_float64(
    array: NDArray[Any],
    letter: str,
    where: str,
    *,
    first_row: int = 0,
    columns: tuple[str, ...] | None = None,
) -> Matrix:
    """Convert numbers to float64 and require every one to be finite.

    Parameters
    ----------
    array : ndarray, shape (rows, width), of integers, booleans or real floating-point numbers
    letter : str
        What the array is called in a message.
    where : str
        The file or argument it came from.
    first_row : int
        Rows before this block, so that the message counts from the start.
    columns : tuple of str, optional
        Names of the columns.

    Returns
    -------
    ndarray of float64, C order, shape (rows, width)

    Raises
    ------
    InputError
        At the first number that is not finite, or is not in float64; rows and columns are counted from 1.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # a long double beyond float64 is refused below, by name
        numbers = np.ascontiguousarray(array, dtype=np.float64)
    finite = np.isfinite(numbers)
    if not finite.all():
        row, column = (int(index) for index in np.argwhere(~finite)[0])
        name = f"{column + 1} ({columns[column]})" if columns else column + 1
        raise _not_finite(array[row, column], letter, place(where, row=first_row + row + 1, column=name))
    return numbers


def _not_finite(value: np.generic, letter: str, spot: str) -> InputError:
    if np.isfinite(value):
        return fault("beyond-float64", spot, value=str(value))
    if letter == "Y" and np.isnan(value):
        return fault("missing-target", spot, letter=letter)
    identifier = "layer-not-finite" if letter == LAYER else "not-finite"
    return fault(identifier, spot, letter=letter, value="NaN" if np.isnan(value) else "infinity")


def as_numbers(array: ArrayLike, letter: str) -> NDArray[Any]:
    """Turn an array-like into an array of numbers, refusing ragged lists, masks, objects, text and complex numbers.

    A PyTorch tensor is taken off its device and graph; NumPy has no bfloat16, so those become float32.

    Raises
    ------
    InputError
    """
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise fault("masked", letter, letter=letter)
    value: Any = array
    try:
        if hasattr(value, "detach") and hasattr(value, "cpu"):
            value = value.detach().cpu()
            value = value.float() if str(value.dtype) == "torch.bfloat16" else value
        numbers = np.asarray(value)
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        raise fault("not-an-array", letter, letter=letter, reason=reason) from None
    if numbers.dtype.kind == "O" and numbers.ndim == 0:
        raise fault("not-an-array", letter, letter=letter, reason=f"it is a {type(array).__name__}")
    require_numeric(numbers.dtype, letter)
    return numbers


def rounding_note(array: NDArray[Any], name: str) -> str | None:
    """Say what reading as float64 changed: long doubles always, integers beyond 2**53 where there are any.

    Such a rounding is within the backward error of everything computed afterwards, so it is no reason to refuse.
    """
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        return ROUNDED_LONGDOUBLE.format(name=name, dtype=array.dtype.name)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and array.size:
        extremes = (int(array.min()), int(array.max()))
        if max(-extremes[0], extremes[1]) > LARGEST_EXACT_INTEGER:
            return ROUNDED_INTEGERS.format(name=name)
    return None


def remember(notes: list[str], note: str | None) -> None:
    """Add a note once."""
    if note is not None and note not in notes:
        notes.append(note)


def rechunk(pieces: Iterable[Matrix], rows: int) -> Iterator[Matrix]:
    """Cut and join pieces into blocks of exactly `rows` rows, the last one shorter."""
    held: list[Matrix] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += piece.shape[0]
        while count >= rows:
            joined = np.concatenate(held) if len(held) > 1 else held[0]
            yield joined[:rows]
            held = [joined[rows:]]
            count -= rows
    if count:
        yield np.concatenate(held) if len(held) > 1 else held[0]


class ArraySource:
    """Numbers that are in memory already."""

    def __init__(
        self,
        array: NDArray[Any],
        letter: str,
        name: str,
        columns: tuple[str, ...] | None = None,
        ndim: int | None = None,
    ) -> None:
        self.array = array
        self.letter = letter
        self.name = name
        self.rows: int | None = array.shape[0]
        self.width = array.shape[1]
        self.ndim = array.ndim if ndim is None else ndim
        self.dtype = array.dtype.name
        self.columns = columns
        self.notes: list[str] = []

    def blocks(self, rows: int) -> Iterator[Matrix]:
        """Yield finite float64 blocks of exactly `rows` rows, the last one shorter."""
        for start in range(0, self.array.shape[0], rows):
            block = self.array[start : start + rows]
            remember(self.notes, rounding_note(block, self.name))
            yield to_float64(block, self.letter, self.name, first_row=start, columns=self.columns)

    def select(self, indices: tuple[int, ...]) -> ArraySource:
        """Keep these columns, counted from 0."""
        names = tuple(self.columns[i] for i in indices) if self.columns else None
        return ArraySource(self.array[:, list(indices)], self.letter, self.name, names, self.ndim)

    def transposed(self, limit: int) -> ArraySource:  # noqa: ARG002 - a view takes no memory
        """Exchange rows and columns."""
        return ArraySource(self.array.T, self.letter, self.name, None, self.ndim)
