"""Checkpoints of JAX (extra `flax`): flax's .msgpack files and the directories that orbax writes."""

from __future__ import annotations

import gc
import logging
import math
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lossurf.errors import LossurfError, MissingExtraError
from lossurf.inputs.checkpoints.nested import state_dict
from lossurf.inputs.checkpoints.tensors import Tensor, TensorFile
from lossurf.inputs.faults import fault, listing, place
from lossurf.inputs.files import exists, file_size, open_binary
from lossurf.inputs.memory import require_memory
from lossurf.inputs.order import natural_key
from lossurf.inputs.recipes import python_line

_METADATA: Final = "_METADATA"  # in the directory of every tree of arrays
_SAVE: Final = (
    'd = {k: d[k] for k in ("params", "batch_stats") if k in d} or d; '
    'numpy.savez(OUT, **{k: numpy.array(v, "f4" if str(v.dtype) == "bfloat16" else None) '
    'for k, v in flax.traverse_util.flatten_dict(d, sep=".").items() if hasattr(v, "shape")})'
)
_MSGPACK: Final = f'import flax, numpy; d = flax.serialization.msgpack_restore(open(FILE, "rb").read()); {_SAVE}'
_ORBAX: Final = (
    "import flax, numpy, os, orbax.checkpoint; "
    f"d = orbax.checkpoint.PyTreeCheckpointer().restore(os.path.abspath(FILE)); {_SAVE}"
)


def read_msgpack(path: Path, limit: int) -> TensorFile:
    """Read what flax.serialization.to_bytes wrote.

    Parameters
    ----------
    path : Path
    limit : int
        Bytes of memory that may be taken.

    Returns
    -------
    TensorFile

    Raises
    ------
    InputError
        If the file is damaged, too large, or holds no arrays by name.
    MissingExtraError
        If flax is not installed.
    """
    require_memory(str(path), 3 * file_size(path), limit)  # the bytes, the unpacker's copy, and the arrays
    try:
        from flax.serialization import msgpack_restore
    except ImportError:
        raise _missing(path, _MSGPACK, "flax") from None
    with open_binary(path) as file:
        data = file.read()
    return _file(_told(lambda: msgpack_restore(data), path, "msgpack"), str(path))


def orbax_item(path: Path) -> Path | None:
    """Return the directory of a tree of arrays that orbax wrote, which may be one below; None if it is another's.

    Raises
    ------
    InputError
        If there are several to choose from.
    """
    if exists(path / _METADATA):
        return path
    try:
        below = sorted((item for item in path.iterdir() if item.is_dir()), key=lambda item: natural_key(item.name))
        steps = [step for step in below if step.name.isdecimal() and any(step.glob(f"*/{_METADATA}"))]
    except OSError:
        return None
    items = [item for item in below if exists(item / _METADATA)]
    found = items or steps
    if len(found) > 1:
        names = listing(item.name for item in found)
        raise fault(
            "orbax-several", name=str(path), kind="items" if items else "steps", names=names, last=str(found[-1])
        )
    return items[0] if items else orbax_item(steps[0]) if steps else None


def read_orbax(path: Path, limit: int) -> TensorFile:
    """Read a tree of arrays that orbax wrote.

    Parameters
    ----------
    path : Path
        As `orbax_item` gives it.
    limit : int
        Bytes of memory that may be taken.

    Returns
    -------
    TensorFile

    Raises
    ------
    InputError
        If it is damaged, too large, or holds no arrays by name.
    MissingExtraError
        If orbax is not installed.
    """
    try:
        import jax
        import orbax.checkpoint as orbax
    except ImportError:
        raise _missing(path, _ORBAX, "orbax") from None

    def read() -> Any:
        with orbax.PyTreeCheckpointer() as checkpointer:
            facts = checkpointer.metadata(path.absolute())
            tree = getattr(facts, "item_metadata", facts)
            tree = getattr(tree, "tree", tree)
            needed = sum(8 * math.prod(getattr(leaf, "shape", None) or ()) for leaf in jax.tree.leaves(tree))
            require_memory(str(path), 2 * needed, limit)
            arguments = jax.tree.map(lambda _: orbax.RestoreArgs(restore_type=np.ndarray), tree)
            return checkpointer.restore(path.absolute(), restore_args=arguments)

    return _file(_told(read, path, "orbax"), str(path))


def _missing(path: Path, code: str, package: str) -> MissingExtraError:
    line = python_line(path, code, ".npz")
    return MissingExtraError("flax", needed_for=f"reading {str(path)!r}", otherwise=f"where {package} is, run: {line}")


def _told(read: Callable[[], Any], path: Path, kind: str) -> Any:
    """Call a library, and turn every way it fails on damaged files into one message, its own words left unheard."""
    logs = [logging.getLogger(name) for name in ("absl", "asyncio")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.CRITICAL + 1)
    hook = sys.unraisablehook
    sys.unraisablehook = hook if isinstance(hook, _WithoutLateCallbacks) else _WithoutLateCallbacks(hook)
    reason = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on devices the arrays were on
            return read()
    except LossurfError:
        raise
    except Exception as error:  # noqa: BLE001  # damaged bytes lead the unpackers into any kind of error
        reason = (str(error) or type(error).__name__).strip().partition("\n")[0][:200]
    finally:
        if reason:
            gc.collect()  # tasks that the failure left behind complain as they go, threads even later
        else:
            sys.unraisablehook = hook
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)
    raise fault("damaged", name=str(path), format=kind, reason=reason)


@dataclass(frozen=True)
class _WithoutLateCallbacks:
    """A hook that leaves out complaints of threads that were still reading when a read failed: nobody waits."""

    hook: Callable[[Any], Any]

    def __call__(self, unraisable: Any) -> None:
        error = unraisable.exc_value
        if not (isinstance(error, RuntimeError) and str(error) == "Event loop is closed"):
            self.hook(unraisable)


def _file(tree: Any, name: str) -> TensorFile:
    if not isinstance(tree, Mapping):
        raise fault("no-tensors", name, found=f"a {type(tree).__name__}")
    found, notes = state_dict(tree, name)
    tensors = tuple(_tensor(key.removesuffix(".value"), value, name) for key, value in found)  # nnx's leaves
    if not any(tensor.shape for tensor in tensors):
        raise fault("no-tensors", name, found=f"the keys {listing(tree)}" if tree else "nothing")
    return TensorFile(name, tensors, notes)


def _tensor(name: str, value: Any, file: str) -> Tensor:
    if not isinstance(value, np.ndarray):
        return Tensor(name, (), type(value).__name__, lambda: np.array(None))
    dtype = value.dtype.name

    def load() -> NDArray[Any]:
        if dtype == "bfloat16":
            return value.astype(np.float32)  # exact: it is the upper half of one
        if value.dtype.kind == "V":
            raise fault("tensor-kind", place(file, layer=name), kind=f"stored as {dtype}")
        return value

    return Tensor(name, value.shape, dtype, load)
