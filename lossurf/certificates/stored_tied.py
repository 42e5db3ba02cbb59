"""The form of a written claim about a tied autoencoder: the fields and the matrices that only it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lossurf.certificates.form import COUNT, NUMBER, require_kind
from lossurf.inputs.faults import fault
from lossurf.numerics import Matrix

_SIGNS: Final = ("negative", "zero", "positive")


def require_tied(claim: Mapping[str, Any], where: str) -> None:
    """Refuse fields of a tied autoencoder that are missing or of another kind, and a claim about more than one matrix.

    Raises
    ------
    InputError
    """
    tied = claim["tied"]
    if not isinstance(tied, dict):
        raise fault("not-a-certificate", where, key="tied", kind="an object")
    if len(claim["layers"]) != 1:
        raise fault("not-a-certificate", where, key="layers", kind="the one matrix")
    beside = (claim.get("lambda"), claim.get("frozen"), (claim["data"].get("adjusted") or {}).get("output_weights"))
    if any(other is not None for other in beside):
        kind = "alone, without weight decay, frozen layers or weights of outputs"
        raise fault("not-a-certificate", where, key="tied", kind=kind)
    require_kind(tied, "unseen_inputs", COUNT, where)
    critical = claim["claim"] != "not-critical"
    _require_list(tied, "eigenvalues", COUNT, where)
    _require_list(tied, "idle_weights", NUMBER, where)
    if critical or tied.get("carried") is not None:
        _require_list(tied, "carried", COUNT, where)
        if len(tied["carried"]) != len(tied["eigenvalues"]):
            raise fault("not-a-certificate", where, key="carried", kind="one number for each eigenvalue")
    counts = ("idle_units", "symmetries") if critical else ()
    signs = _SIGNS if any(tied.get(key) is not None for key in _SIGNS) else ()
    for key in (*counts, *signs):
        require_kind(tied, key, COUNT, where)


def _require_list(tied: Mapping[str, Any], key: str, kind: str, where: str) -> None:
    found = tied.get(key)
    if not isinstance(found, list):
        raise fault("not-a-certificate", where, key=key, kind=f"a list, of {kind} each")
    for position, number in enumerate(found, 1):
        require_kind({f"{key} {position}": number}, f"{key} {position}", kind, where)


def require_tied_arrays(claim: Mapping[str, Any], arrays: Mapping[str, Matrix], where: str) -> None:
    """Refuse matrices that are missing, of no tied autoencoder, or of shapes that do not fit.

    Raises
    ------
    InputError
    """
    wanted = ["W1", "R11", "Q", "U"]
    wanted += ["N1"] if claim["claim"] != "not-critical" else []
    wanted += ["V1"] if claim["claim"] == "strict-saddle" else []
    for name in wanted:
        if name not in arrays:
            raise fault("certificate-array", where, name=name, reason="it is missing")
    units, dx = arrays["W1"].shape
    rank = len(arrays["R11"])
    shapes = dict.fromkeys(("W1", "N1", "V1"), (units, dx))
    shapes |= {"R11": (rank, dx), "Q": (dx, dx), "U": (units, units)}
    for name, array in arrays.items():
        if array.shape != shapes.get(name) or 0 in (units, dx):
            reason = f"its shape {array.shape} is none of a tied autoencoder's"
            raise fault("certificate-array", where, name=name, reason=reason)
