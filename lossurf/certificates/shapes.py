"""Whether a certificate has the arrays that its claim is about, in shapes that make its products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lossurf.errors import InputError
from lossurf.inputs.faults import fault
from lossurf.numerics import Matrix


def require_network(
    arrays: Mapping[str, Matrix], depth: int, where: str, *, weights: str = "W", biases: str = "b"
) -> None:
    """Refuse arrays that are missing, or whose shapes do not make the products that the claim is about.

    Parameters
    ----------
    arrays : mapping of str to ndarray
    depth : int
        Number of layers.
    where : str
        The file.
    weights, biases : str
        First letters of the layers' names and of their biases'.

    Raises
    ------
    InputError
    """
    wanted = [f"{weights}{k}" for k in range(1, depth + 1)] + ["R11", "T"]
    directions = [f"V{k}" for k in range(1, depth + 1)]
    nearest = [f"N{k}" for k in range(1, depth + 1)]
    descents = [f"D{k}" for k in range(1, depth + 1)]
    for names in (directions, nearest, descents):
        wanted += names if any(name in arrays for name in names) else []
    biased = "mean_x" in arrays or "mean_y" in arrays
    wanted += ["mean_x", "mean_y", f"{biases}{depth}"] if biased else []
    for name in wanted:
        if name not in arrays:
            raise fault("certificate-array", where, name=name, reason="it is missing")
    (rank, dx), dy = arrays["R11"].shape, arrays["T"].shape[0]
    widths = [dx, *(arrays[f"{weights}{k}"].shape[0] for k in range(1, depth + 1))]
    shapes: dict[str, tuple[int, ...]] = {
        f"{letter}{k + 1}": (widths[k + 1], widths[k]) for k in range(depth) for letter in (weights, "V", "N")
    }
    count = len(arrays.get("D1", ()))
    shapes |= {f"D{k + 1}": (count, widths[k + 1] * widths[k]) for k in range(depth)}
    shapes |= {
        "T": (dy, rank),
        "D": (dy, rank),
        "mean_x": (dx,),
        "mean_y": (dy,),
        **{f"{biases}{k}": (widths[k],) for k in range(1, depth + 1)},
    }
    for name, array in arrays.items():
        if name != "R11":
            _require_shape(name, array, shapes.get(name), where)
    if widths[-1] != dy or 0 in widths:
        raise _misfit("T", arrays["T"], where)


def require_frozen(held: Sequence[bool], arrays: Mapping[str, Matrix], where: str) -> None:
    """Refuse arrays of a claim about trained layers that are missing, or do not fit the frozen ones beside them.

    Parameters
    ----------
    held : sequence of bool
        Of every layer whether it is frozen; not of all.
    arrays : mapping of str to ndarray
    where : str
        The file.

    Raises
    ------
    InputError
    """
    trained = [k for k, is_held in enumerate(held, 1) if not is_held]
    stored = {name: array for name, array in arrays.items() if name[0] in "WbAB"}
    seen = {name: array for name, array in arrays.items() if name not in stored}
    require_network(seen, len(trained), where, weights="S", biases="c")
    for name in (f"W{k}" for k in range(1, len(held) + 1)):
        if name not in arrays:
            raise fault("certificate-array", where, name=name, reason="it is missing")
    widths = [arrays["W1"].shape[1], *(len(arrays[f"W{k}"]) for k in range(1, len(held) + 1))]
    shapes: dict[str, tuple[int, ...]] = {f"W{k}": (widths[k], widths[k - 1]) for k in range(1, len(widths))}
    shapes |= {f"b{k}": (widths[k],) for k in range(1, len(widths))}
    for i, (k, following) in enumerate(zip(trained, [*trained[1:], len(held) + 1], strict=True), 1):
        rows = len(arrays[f"S{i}"])
        if following == k + 1:  # no block in between: as it is stored
            shapes[f"W{k}"] = (rows, shapes[f"W{k}"][1])
            continue
        shapes |= {f"A{i}": (rows, widths[k]), f"B{i + 1}": (widths[following - 1], rows)}
        for name in (f"A{i}", f"B{i + 1}"):
            if name not in arrays:
                raise fault("certificate-array", where, name=name, reason="it is missing")
    for name, array in stored.items():
        _require_shape(name, array, shapes.get(name), where)
    if 0 in widths or arrays["S1"].shape[1] != widths[trained[0] - 1]:
        raise _misfit("S1", arrays["S1"], where)


def _require_shape(name: str, array: Matrix, shape: tuple[int, ...] | None, where: str) -> None:
    if array.shape != shape:
        raise _misfit(name, array, where)


def _misfit(name: str, array: Matrix, where: str) -> InputError:
    return fault("certificate-array", where, name=name, reason=f"its shape {array.shape} does not fit the others")
