"""Decide whether a trained linear network is at the best point its data allows, or stuck, and at what kind of point.

The functions of the command line, for Python: they take arrays with samples as rows and return frozen results.
"""

from __future__ import annotations

from lossurf._version import __version__

TYPE_CHECKING = False  # what type checkers take as true; importing it would be the longest part of an import of lossurf
if TYPE_CHECKING:
    from lossurf.api import plot
    from lossurf.api.audit import AuditResult, audit
    from lossurf.api.certificate import Evidence, certify
    from lossurf.api.check import CheckResult, check
    from lossurf.api.classify import ClassifyResult, PointResult, classify, classify_files, classify_loss
    from lossurf.api.construct import Construction, construct
    from lossurf.api.escape import EscapeResult, escape
    from lossurf.api.explain import ExplainResult, explain
    from lossurf.api.reduce import reduce
    from lossurf.api.relu import ReluResult, relu
    from lossurf.api.spurious import SpuriousResult, spurious
    from lossurf.api.verify import VerifyResult, verify
    from lossurf.api.watch import WatchResult, watch
    from lossurf.data import Data
    from lossurf.errors import InputError, LossurfError, MissingExtraError, OutputError, UsageError
    from lossurf.inputs.checkpoints.checkpoint import Checkpoint
    from lossurf.landscape.points.audit import Audit
    from lossurf.landscape.points.escape import Escape
    from lossurf.landscape.verdict import Classification
    from lossurf.theory.explanation import Explanation

    read = Data.open

_HOMES = {
    "lossurf.api.audit": ("AuditResult", "audit"),
    "lossurf.api.certificate": ("Evidence", "certify"),
    "lossurf.api.check": ("CheckResult", "check"),
    "lossurf.api.classify": ("ClassifyResult", "PointResult", "classify", "classify_files", "classify_loss"),
    "lossurf.api.construct": ("Construction", "construct"),
    "lossurf.api.escape": ("EscapeResult", "escape"),
    "lossurf.api.explain": ("ExplainResult", "explain"),
    "lossurf.api.reduce": ("reduce",),
    "lossurf.api.relu": ("ReluResult", "relu"),
    "lossurf.api.spurious": ("SpuriousResult", "spurious"),
    "lossurf.api.verify": ("VerifyResult", "verify"),
    "lossurf.api.watch": ("WatchResult", "watch"),
    "lossurf.data": ("Data",),
    "lossurf.errors": ("InputError", "LossurfError", "MissingExtraError", "OutputError", "UsageError"),
    "lossurf.inputs.checkpoints.checkpoint": ("Checkpoint",),
    "lossurf.landscape.points.audit": ("Audit",),
    "lossurf.landscape.points.escape": ("Escape",),
    "lossurf.landscape.verdict": ("Classification",),
    "lossurf.theory.explanation": ("Explanation",),
}

__all__ = [
    "Audit",
    "AuditResult",
    "CheckResult",
    "Checkpoint",
    "Classification",
    "ClassifyResult",
    "Construction",
    "Data",
    "Escape",
    "EscapeResult",
    "Evidence",
    "ExplainResult",
    "Explanation",
    "InputError",
    "LossurfError",
    "MissingExtraError",
    "OutputError",
    "PointResult",
    "ReluResult",
    "SpuriousResult",
    "UsageError",
    "VerifyResult",
    "WatchResult",
    "__version__",
    "audit",
    "certify",
    "check",
    "classify",
    "classify_files",
    "classify_loss",
    "construct",
    "escape",
    "explain",
    "plot",
    "read",
    "reduce",
    "relu",
    "spurious",
    "verify",
    "watch",
]


def __getattr__(name: str) -> object:
    """Import the numerical parts on first use, so that `lossurf --help` needs none of them."""
    from importlib import import_module

    if name == "read":
        from lossurf.data import Data

        return Data.open
    if name == "plot":
        return import_module("lossurf.api.plot")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'lossurf' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
