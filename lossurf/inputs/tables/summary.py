"""A saved summary of data: the triangular factor with what is needed to interpret it, in an .npz of its own kind.

An .npz with four arrays: `lossurf_triangle`, float64 (n, n), `lossurf_shift` and `lossurf_norms`, float64 (n,), and
`lossurf_summary`, the bytes of a JSON object that holds the format version, the facts and a SHA-256 checksum of all.
Version 1 had neither shift nor norms: its data were factored as they were.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lossurf.errors import InputError
from lossurf.inputs.faults import fault
from lossurf.inputs.memory import require_memory
from lossurf.numerics import Matrix, column_norms

if TYPE_CHECKING:
    from lossurf.inputs.npz import NpzMember

SUMMARY_VERSION: Final = "2.0"
"""Facts are added freely; one is renamed or removed only with a new major version. 2.0: the data are shifted, which a
reader of version 1 would not put back."""

_TRIANGLE, _SHIFT, _NORMS, _FACTS = "lossurf_triangle", "lossurf_shift", "lossurf_norms", "lossurf_summary"
_ARRAYS: Final = {"1": {_TRIANGLE, _FACTS}, "2": {_TRIANGLE, _SHIFT, _NORMS, _FACTS}}  # by major version
_LARGEST_FACTS: Final = 1 << 26  # a million column names of 64 bytes


@dataclass(frozen=True)
class Summary:
    """What a summary file holds.

    Attributes
    ----------
    triangle : ndarray of float64, shape (n, n), n = 1 + dx + dy
        R of the QR factorisation of [1 X^T Y^T] - 1 shift, upper triangular.
    shift, norms : ndarray of float64, shape (n,)
        What was subtracted from every sample, and the norms of the columns that were factored, as in `Triangle`.
    samples, dx, dy : int
    dtype : str
        The coarser of the two stored number types.
    data_eps : float
        Relative precision of the stored numbers.
    x, y : str
        Where X and Y came from.
    x_names, y_names : tuple of str, or None
        Column names.
    """

    triangle: Matrix
    shift: Matrix
    norms: Matrix
    samples: int
    dx: int
    dy: int
    dtype: str
    data_eps: float
    x: str
    y: str
    x_names: tuple[str, ...] | None = None
    y_names: tuple[str, ...] | None = None

    def select(self, inputs: tuple[int, ...]) -> Summary:
        """Keep these columns of X, counted from 0: columns of a triangular factor are factored again, exactly."""
        kept = [0, *(1 + index for index in inputs), *range(1 + self.dx, len(self.triangle))]
        triangle = np.asarray(np.linalg.qr(self.triangle[:, kept], mode="r"))
        names = self.x_names and tuple(self.x_names[index] for index in inputs)
        return replace(
            self,
            triangle=triangle,
            shift=self.shift[kept],
            norms=self.norms[kept],
            dx=len(inputs),
            x_names=names,
        )


def summary_bytes(summary: Summary) -> bytes:
    """Return the bytes of a summary file: the same for the same summary."""
    arrays = [np.ascontiguousarray(part, dtype="<f8") for part in (summary.triangle, summary.shift, summary.norms)]
    facts = {name: getattr(summary, name) for name in _FIELDS}
    facts = {"format_version": SUMMARY_VERSION, **facts}
    facts["sha256"] = _checksum(arrays, facts)
    import json

    text = json.dumps(facts, allow_nan=False).encode()
    file = io.BytesIO()
    np.savez(
        file,
        lossurf_triangle=arrays[0],
        lossurf_shift=arrays[1],
        lossurf_norms=arrays[2],
        lossurf_summary=np.frombuffer(text, np.uint8),
    )
    return file.getvalue()


def is_summary(members: Mapping[str, NpzMember]) -> bool:
    """Tell whether an archive's arrays are those of a summary."""
    return _FACTS in members


def is_summary_file(path: Path) -> bool:
    """Tell whether a path names a summary; a file that cannot be read is none, and opening it says why."""
    from lossurf.inputs.npz import npz_file

    try:
        return path.name.lower().endswith(".npz") and is_summary(npz_file(path))
    except InputError:
        return False


def read_summary(members: Mapping[str, NpzMember], where: str, limit: int) -> Summary:
    """Read and check a summary.

    Parameters
    ----------
    members : mapping of str to NpzMember
        The archive's arrays.
    where : str
        The place for messages.
    limit : int
        Bytes of memory that may be taken.

    Returns
    -------
    Summary

    Raises
    ------
    InputError
        If it was written by a later version, or is damaged.
    """
    facts = _facts(members[_FACTS], where, limit)
    version = facts.get("format_version")
    expected = _ARRAYS.get(version.partition(".")[0]) if isinstance(version, str) else None
    if expected is None:
        raise fault("summary-version", where, version=version, known=SUMMARY_VERSION)
    if set(members) != expected:
        raise _damaged(where, "its arrays are not those of a summary")
    for name, kinds in _FIELDS.items():
        if name not in facts or not isinstance(facts[name], kinds) or isinstance(facts[name], bool):
            raise _damaged(where, f"{name} is missing or of the wrong kind")
    n = 1 + facts["dx"] + facts["dy"]
    arrays = [_triangle(members[_TRIANGLE], n, where, limit)]
    arrays += [_vector(members[name], n, where, limit) for name in (_SHIFT, _NORMS) if name in expected]
    checksum = facts.pop("sha256", None)
    if not _agrees(checksum, arrays, facts):
        raise _damaged(where, "its checksum does not agree with its content")
    facts = {name: facts[name] for name in _FIELDS}
    for names in ("x_names", "y_names"):
        facts[names] = None if facts[names] is None else tuple(str(name) for name in facts[names])
    if len(arrays) == 1:  # version 1: nothing was subtracted, and the columns were factored as they were
        arrays += [np.zeros(n), column_norms(arrays[0])]
    return Summary(arrays[0], arrays[1], arrays[2], **facts)


_FIELDS: Final[dict[str, tuple[type, ...]]] = {
    "samples": (int,),
    "dx": (int,),
    "dy": (int,),
    "dtype": (str,),
    "data_eps": (float,),
    "x": (str,),
    "y": (str,),
    "x_names": (list, tuple, type(None)),
    "y_names": (list, tuple, type(None)),
}


def _checksum(arrays: Sequence[Matrix], facts: Mapping[str, Any]) -> str:
    import hashlib
    import json

    text = json.dumps(facts, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode() + b"\0" + b"".join(array.tobytes() for array in arrays)).hexdigest()


def _agrees(checksum: object, arrays: Sequence[Matrix], facts: Mapping[str, Any]) -> bool:
    try:
        return checksum == _checksum(arrays, facts)
    except ValueError:  # a fact that is infinite or NaN, which no summary is written with
        return False


def _facts(member: NpzMember, where: str, limit: int) -> dict[str, Any]:
    import json

    require_memory("the summary's description", member.entry.file_size, min(limit, _LARGEST_FACTS), where)
    array = member.array(limit)
    try:
        facts = json.loads(array.tobytes().decode()) if array.dtype == np.uint8 else None
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise _damaged(where, "its description cannot be read")
    return facts


def _triangle(member: NpzMember, n: int, where: str, limit: int) -> Matrix:
    array = member.array(limit)
    if array.dtype != np.float64 or array.shape != (n, n) or n < 3:
        raise _damaged(where, f"its triangle is not a float64 array of shape ({n}, {n})")
    triangle = np.ascontiguousarray(array)
    if not np.isfinite(triangle).all() or np.tril(triangle, -1).any():
        raise _damaged(where, "its triangle is not upper triangular and finite")
    return triangle


def _vector(member: NpzMember, n: int, where: str, limit: int) -> Matrix:
    array = member.array(limit)
    if array.dtype != np.float64 or array.shape != (n,) or not np.isfinite(array).all():
        raise _damaged(where, f"one of its vectors is not a finite float64 array of shape ({n},)")
    return np.ascontiguousarray(array)


def _damaged(where: str, reason: str) -> InputError:
    return fault("damaged", name=where, format="summary", reason=reason)
