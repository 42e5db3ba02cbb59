"""A written certificate: an .npz of matrices and the claim about them in a JSON file of the same name beside it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np

from lossurf.certificates.form import COUNT, NUMBER, TEXT, require_kind
from lossurf.certificates.shapes import require_frozen, require_network
from lossurf.certificates.stored_tied import require_tied, require_tied_arrays
from lossurf.inputs.faults import fault
from lossurf.inputs.files import file_size, open_binary
from lossurf.inputs.memory import memory_limit, require_memory
from lossurf.inputs.npz import NpzMember, npz_file
from lossurf.numerics import Matrix
from lossurf.words import CLAIMED, DECAY_VERDICTS, PLAIN_VERDICTS, TIED_VERDICTS

_MAJOR: Final = "1."
_LARGEST: Final = 1 << 24  # a staircase of a thousand layers takes a tenth of this
_NAME: Final = re.compile(r"[WVNDSABbc][1-9]\d{0,4}|R11|T|D|Q|U|mean_x|mean_y")
_VECTORS: Final = re.compile(r"[bc]\d+|mean_[xy]")

_FIELDS: Final[dict[str, str]] = {
    "tolerance": NUMBER,
    "gradient": NUMBER,
    "loss": NUMBER,
    "optimal_loss": NUMBER,
    "residual_loss": NUMBER,
    "rank": COUNT,
    "rank_max": COUNT,
    "claim": TEXT,
    "kind": TEXT,
    "checkpoint": TEXT,
    "digest": TEXT,
}
_OPTIONAL: Final[dict[str, str]] = {
    "curvature": NUMBER,
    "loss_decrease": NUMBER,
    "step": NUMBER,
    "next_level": NUMBER,
    "lambda": NUMBER,
}


@dataclass(frozen=True)
class StoredCertificate:
    """What was written.

    Attributes
    ----------
    name : str
        Where it was read from.
    claim : mapping
        The JSON document.
    arrays : mapping of str to ndarray
        W1..WN, R11, T and what else the claim is about; finite float64.
    depth : int
        Number of layers N, frozen ones too.
    """

    name: str
    claim: Mapping[str, Any]
    arrays: Mapping[str, Matrix]
    depth: int

    def listed(self, letter: str) -> list[Matrix]:
        """W_1..W_N, the direction V_1..V_N, many directions D_1..D_N or the nearest critical point N_1..N_N."""
        return [self.arrays[f"{letter}{k}"] for k in range(1, self.depth + 1)]

    @property
    def intact(self) -> bool:
        """Whether the digest is that of the claim and the arrays."""
        return bool(self.claim["digest"] == digest_of(self.claim, self.arrays))


def is_tied(claim: Mapping[str, Any]) -> bool:
    """Say whether a claim is about a tied autoencoder, whose Y is X and whose decoder is its one matrix transposed."""
    return claim.get("tied") is not None


def is_weighted(data: Mapping[str, Any]) -> bool:
    """Say whether samples are counted by weights."""
    return (data.get("adjusted") or {}).get("total_weight") is not None


def total_weight(data: Mapping[str, Any]) -> float:
    """Return the sum of squares of the ones beside the samples: their number, or the sum of their weights."""
    return float(data["adjusted"]["total_weight"] if is_weighted(data) else data["samples"])


def output_weights(data: Mapping[str, Any]) -> Sequence[float] | None:
    """Return the weights of the outputs, whose roots the last layer was multiplied by; None where there are none."""
    found: Sequence[float] | None = (data.get("adjusted") or {}).get("output_weights")
    return found


def held_layers(claim: Mapping[str, Any]) -> list[bool]:
    """Say of every layer whether it is frozen."""
    return [layer.get("name") in (claim.get("frozen") or ()) for layer in claim["layers"]]


def claim_path(path: Path) -> Path:
    """Return where the claim about an .npz of matrices is written."""
    return path.with_suffix(".json")


def digest_of(claim: Mapping[str, Any], arrays: Mapping[str, Matrix]) -> str:
    """Return the SHA-256 digest of a claim, without its digest, and of its arrays: of every bit that was written."""
    said = {key: value for key, value in claim.items() if key != "digest"}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":"), allow_nan=False).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name], dtype="<f8")
        digest.update(f"{name} {array.shape}".encode())
        digest.update(array.tobytes())
    return f"sha256:{digest.hexdigest()}"


def read_certificate(path: Path, *, max_memory: int | str | None = None) -> StoredCertificate:
    """Read a certificate, given either of its two files.

    Parameters
    ----------
    path : Path
        The .npz or the .json.
    max_memory : int or str, optional
        Bytes that may be taken, or a size such as "4G".

    Returns
    -------
    StoredCertificate

    Raises
    ------
    InputError
        If a file is missing or damaged, or its fields or arrays are not those of a certificate. Whether the claim is
        true is not asked here.
    """
    limit = memory_limit(max_memory)
    file_size(path)  # first: "" and "/" have no name to change
    matrices, said = path.with_suffix(".npz"), claim_path(path)
    claim = read_claim(said)
    members = npz_file(matrices)
    require_memory(str(matrices), 2 * sum(member.entry.file_size for member in members.values()), limit)
    arrays = {name: _array(member, limit, str(matrices)) for name, member in members.items()}
    depth = len(claim["layers"])
    if is_tied(claim):
        require_tied_arrays(claim, arrays, str(matrices))
    elif claim.get("frozen") is None:
        require_network(arrays, depth, str(matrices))
    else:
        require_frozen(held_layers(claim), arrays, str(matrices))
    _require_nearest(claim, arrays, str(matrices))
    weights = output_weights(claim["data"])
    if weights is not None and len(weights) != len(arrays[f"W{depth}"]):
        raise fault("not-a-certificate", str(said), key="output_weights", kind="one number for each output")
    return StoredCertificate(str(path), claim, arrays, depth)


def read_claim(path: Path) -> dict[str, Any]:
    """Read the claim alone, whose fields are those of a certificate.

    Raises
    ------
    InputError
    """
    size = file_size(path)
    require_memory(str(path), size, _LARGEST)
    try:
        with open_binary(path) as file:
            claim = json.loads(file.read(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise fault("damaged", name=str(path), format="JSON", reason=reason) from None
    if not isinstance(claim, dict):
        raise fault("not-a-certificate", str(path), key="the document", kind="an object")
    _require_fields(claim, str(path))
    return claim


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number of JSON")


def _require_fields(claim: dict[str, Any], where: str) -> None:
    version = claim.get("format_version")
    if not isinstance(version, str) or not version.startswith(_MAJOR):
        raise fault("certificate-version", where, version=version)
    for key, kind in _FIELDS.items():
        require_kind(claim, key, kind, where)
    for key, kind in _OPTIONAL.items():
        if claim.get(key) is not None:
            require_kind(claim, key, kind, where)
    if claim["claim"] not in CLAIMED:
        raise fault("not-a-certificate", where, key="claim", kind=f"one of {', '.join(CLAIMED)}")
    if not isinstance(claim.get("data"), dict):
        raise fault("not-a-certificate", where, key="data", kind="an object")
    require_kind(claim["data"], "samples", COUNT, where)
    _require_adjusted(claim["data"].get("adjusted"), where)
    _require_layers(claim, where)
    _require_held(claim, where)
    if claim.get("pair") is not None:
        _require_pair(claim["pair"], _trained(claim), where)
    _require_stairs(claim, where)
    _require_distance(claim, where)
    _require_index(claim, where)
    _require_claimed(claim, where)
    if is_tied(claim):
        require_tied(claim, where)


def _require_adjusted(adjusted: object, where: str) -> None:
    """Refuse weights that are no positive numbers."""
    if adjusted is None:
        return
    if not isinstance(adjusted, dict):
        raise fault("not-a-certificate", where, key="adjusted", kind="an object")
    weights = adjusted.get("output_weights")
    if weights is not None and not isinstance(weights, list):
        raise fault("not-a-certificate", where, key="output_weights", kind="a list of numbers")
    numbers = {f"output weight {k}": weight for k, weight in enumerate(weights or (), 1)}
    if adjusted.get("total_weight") is not None:
        numbers["total_weight"] = adjusted["total_weight"]
    for key, number in numbers.items():
        require_kind(numbers, key, NUMBER, where)
        if number <= 0.0:
            raise fault("not-a-certificate", where, key=key, kind="above 0")


def _require_claimed(claim: dict[str, Any], where: str) -> None:
    """Refuse a verdict that belongs to another loss, or a direction that is not told."""
    decayed, tied = claim.get("lambda") is not None, is_tied(claim)
    known = DECAY_VERDICTS if decayed else TIED_VERDICTS if tied else PLAIN_VERDICTS
    if claim["claim"] not in known:
        raise fault("not-a-certificate", where, key="claim", kind=f"one of {', '.join(known)}")
    told = ("step", "curvature") if decayed or tied else ("step", "pair")
    if claim["claim"] == "strict-saddle" and any(claim.get(key) is None for key in told):
        raise fault("not-a-certificate", where, key=" and ".join(told), kind="there")


def _require_layers(claim: dict[str, Any], where: str) -> None:
    layers = claim.get("layers")
    if not isinstance(layers, list) or not layers or not all(isinstance(layer, dict) for layer in layers):
        raise fault("not-a-certificate", where, key="layers", kind="a list of objects")
    for layer in layers:
        require_kind(layer, "norm", NUMBER, where)


def _require_held(claim: dict[str, Any], where: str) -> None:
    """Refuse frozen layers that are none of the network's or all of them, or stand beside a weight decay."""
    frozen = claim.get("frozen")
    if frozen is None:
        return
    names = [layer.get("name") for layer in claim["layers"]]
    if not isinstance(frozen, list) or not frozen or not all(isinstance(name, str) for name in (*frozen, *names)):
        raise fault("not-a-certificate", where, key="frozen", kind="a list of names of layers")
    if not set(frozen) < set(names) or len(set(frozen)) < len(frozen) or len(set(names)) < len(names):
        raise fault("not-a-certificate", where, key="frozen", kind="names of some of the layers")
    if claim.get("lambda") is not None:
        raise fault("not-a-certificate", where, key="frozen", kind="left out with weight decay")


def _trained(claim: Mapping[str, Any]) -> int:
    return held_layers(claim).count(False)


def _require_stairs(claim: dict[str, Any], where: str) -> None:
    stairs = claim.get("staircase")
    if not isinstance(stairs, list) or not all(isinstance(stair, dict) for stair in stairs):
        raise fault("not-a-certificate", where, key="staircase", kind="a list of objects")
    for stair in stairs:
        _require_pair(stair.get("layers"), _trained(claim), where)
        for key in ("value", "threshold"):
            require_kind(stair, key, NUMBER, where)
        if stair.get("factor") not in ("residual", "product"):
            raise fault("not-a-certificate", where, key="factor", kind="'residual' or 'product'")


def _require_distance(claim: dict[str, Any], where: str) -> None:
    nearest = claim.get("nearest")
    if nearest is None:
        return
    if not isinstance(nearest, dict):
        raise fault("not-a-certificate", where, key="nearest", kind="an object")
    for key in ("distance", "gradient"):
        require_kind(nearest, key, NUMBER, where)


def _require_index(claim: dict[str, Any], where: str) -> None:
    index = claim.get("index")
    if index is None:
        return
    if not isinstance(index, dict) or not isinstance(index.get("ranks"), list):
        raise fault("not-a-certificate", where, key="index", kind="an object with a list of ranks")
    require_kind(index, "negative", COUNT, where)
    require_kind(index, "resolution", NUMBER, where)
    for rank in index["ranks"]:
        if not isinstance(rank, dict):
            raise fault("not-a-certificate", where, key="ranks", kind="a list of objects")
        _require_pair(rank.get("layers"), _trained(claim), where)
        require_kind(rank, "rank", COUNT, where)
        if rank.get("margin") is not None:
            require_kind(rank, "margin", NUMBER, where)
        if rank.get("factor") not in ("residual", "product"):
            raise fault("not-a-certificate", where, key="factor", kind="'residual' or 'product'")


def _require_pair(pair: object, depth: int, where: str) -> None:
    if not isinstance(pair, list) or len(pair) != 2 or not all(type(k) is int and 1 <= k <= depth for k in pair):
        raise fault("not-a-certificate", where, key="a pair of layers", kind=f"two numbers from 1 to {depth}")


def _array(member: NpzMember, limit: int, where: str) -> Matrix:
    if not _NAME.fullmatch(member.name):
        raise fault("certificate-array", where, name=member.name, reason="no certificate holds an array of that name")
    header = member.header(limit)
    dimensions = 1 if _VECTORS.fullmatch(member.name) else 2
    if header.dtype != np.float64 or len(header.shape) != dimensions:
        reason = f"it has type {header.dtype} and shape {header.shape}"
        raise fault("certificate-array", where, name=member.name, reason=reason)
    array: Matrix = member.array(limit)
    if not np.isfinite(array).all():
        raise fault("certificate-array", where, name=member.name, reason="it holds a number that is not finite")
    return array


def _require_nearest(claim: Mapping[str, Any], arrays: Mapping[str, Matrix], where: str) -> None:
    """Refuse a nearest critical point that is spoken of and not there, or there and not spoken of."""
    if (claim.get("nearest") is not None) != ("N1" in arrays):
        raise fault("certificate-array", where, name="N1", reason="it goes with the claim's key 'nearest'")
