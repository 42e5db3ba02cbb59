"""Why a file of PyTorch is not loaded: the object that only unpickling could make, where it lies, and what to do."""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Final

from lossurf.errors import InputError
from lossurf.inputs.archives import open_archive
from lossurf.inputs.checkpoints.nested import WRAPPERS
from lossurf.inputs.checkpoints.pickle_trace import Traced, trace
from lossurf.inputs.faults import fault
from lossurf.inputs.files import open_binary
from lossurf.inputs.npz import reading
from lossurf.inputs.recipes import filled, flattening, python_line

_LARGEST_TRACED: Final = 1 << 26  # bytes of a pickle, without the arrays, that are looked through for an object
_LOADED: Final = "torch.load(FILE, weights_only=False)"
_TENSORS: Final = "{k: v for k, v in OBJECT.items() if isinstance(v, torch.Tensor)}"
_MODULES: Final = (
    '{f"{n}.{k}": v for n, m in OBJECT.items() if isinstance(m, torch.nn.Module) for k, v in m.state_dict().items()}'
)


def unpickling_refusal(path: Path, message: str) -> InputError:
    """Build the error for a file that weights_only=True refuses, from what PyTorch says of it."""
    named = re.search(r"GLOBAL (\S+) was not", message)
    if named is None:
        reason = message.partition("WeightsUnpickler error: ")[2].partition("\n")[0].strip()[:120]
        return fault("pickled", str(path), reason=f" ({reason})" if reason else "")
    traced = trace(_pickle(path), named[1])
    at = f" under the key {'.'.join(traced.path)!r}" if traced is not None and traced.path else ""
    advice, line = _remedy(path, named[1], traced)
    return fault("pickled-object", str(path), object=named[1], at=at, advice=advice, line=line)


def script_refusal(path: Path) -> InputError:
    """Build the error for a file of torch.jit.save, which holds a program beside the weights."""
    code = "import torch; torch.save(torch.jit.load(FILE).state_dict(), OUT)"
    return fault("torchscript", str(path), line=python_line(path, code, "-state.pt"))


def _pickle(path: Path) -> bytes:
    """Return the bytes of the pickle in the archive, or those an older file begins with."""
    if not zipfile.is_zipfile(path):
        with open_binary(path) as file:
            return file.read(_LARGEST_TRACED)
    with reading(str(path), "PyTorch"), open_archive(str(path), path) as archive:
        name = next((name for name in archive.namelist() if name.endswith("data.pkl")), None)
        if name is None:
            return b""
        with archive.open(name) as entry:
            return entry.read(_LARGEST_TRACED)


def _remedy(path: Path, named: str, traced: Traced | None) -> tuple[str, str]:
    """Return where the line is to be run, and the line."""
    if traced is not None and not traced.arrays:  # the arrays are numpy's, in the pickle itself
        key = next((key for key in WRAPPERS if key in traced.keys and traced.keys[key].keys), None)
        held = _LOADED if key is None else f"{_LOADED}[{_quoted(key)}]"
        code, out = f"import numpy, torch; d = {held}; {flattening()}", "-flat.npz"
    else:
        code, out = f"import torch; torch.save({_expression(traced)}, OUT)", "-state.pt"
    module = named.partition(".")[0]
    if module == "__main__":
        return f"in the program that defines {named.partition('.')[2]}, run", filled(path, code, out)
    known = module in sys.stdlib_module_names or module in ("numpy", "torch")
    can = "" if known else f" and {module!r} can be imported"
    return f"where the file is your own{can}, run", python_line(path, code, out)


def _expression(traced: Traced | None) -> str:
    """Return Python that makes of the loaded file a mapping of its tensors alone."""
    if traced is None or not traced.keys:
        return f"{_LOADED}.state_dict()"
    key, below = _network(traced)
    if key is None:
        modules = [part for part in traced.keys.values() if part.arrays and part.path == ()]
        return (_MODULES if modules else _TENSORS).replace("OBJECT", _LOADED)
    held = f"{_LOADED}[{_quoted(key)}]"
    if below.path is None:
        return held
    return f"{held}.state_dict()" if below.path == () else _TENSORS.replace("OBJECT", held)


def _network(traced: Traced) -> tuple[str | None, Traced]:
    """Find the key that holds the network; None if the keys are those of tensors, or of several modules."""
    holding = {key: part for key, part in traced.keys.items() if part.arrays and (part.keys or part.path == ())}
    for key in WRAPPERS:
        if key in holding:
            return key, holding[key]
    tensors = [key for key, part in traced.keys.items() if part.arrays and key not in holding]
    if len(holding) == 1 and not tensors:
        return next(iter(holding.items()))
    return None, traced


def _quoted(key: str) -> str:
    """Return a key as Python spells it, with none of the words that stand for files."""
    return re.sub(r"\b[FOC](?=ILE\b|UT\b|SV\b)", lambda letter: f"\\u{ord(letter[0]):04x}", json.dumps(key))
