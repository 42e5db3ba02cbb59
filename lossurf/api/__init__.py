"""The functions behind every command: arrays in, frozen results out; one file for each question.

Each is imported when it is first asked for: `check` starts without what `classify` needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lossurf.api.auditing import audit, audit_problem
    from lossurf.api.checking import CheckResult, check, check_problem
    from lossurf.api.classifying import classify, classify_problem
    from lossurf.api.constructing import construct
    from lossurf.api.escaping import escape
    from lossurf.api.facts import DataFacts, NetworkFacts, data_facts, network_facts
    from lossurf.api.losses import LossFacts, classify_loss, loss_data, loss_facts
    from lossurf.api.measuring import ReluResult, relu, relu_dataset
    from lossurf.api.trapping import spurious
    from lossurf.landscape.points.audit import Audit
    from lossurf.landscape.points.construct import Construction
    from lossurf.landscape.points.escape import Escape
    from lossurf.landscape.verdict import Classification
    from lossurf.nonlinear.spurious.decide import SpuriousResult
    from lossurf.theory.explanation import Explanation
    from lossurf.theory.explanations import explain

__all__ = [
    "Audit",
    "CheckResult",
    "Classification",
    "Construction",
    "DataFacts",
    "Escape",
    "Explanation",
    "LossFacts",
    "NetworkFacts",
    "ReluResult",
    "SpuriousResult",
    "audit",
    "audit_problem",
    "check",
    "check_problem",
    "classify",
    "classify_loss",
    "classify_problem",
    "construct",
    "data_facts",
    "escape",
    "explain",
    "loss_data",
    "loss_facts",
    "network_facts",
    "relu",
    "relu_dataset",
    "spurious",
]

_HOMES = {
    "lossurf.api.auditing": ("Audit", "audit", "audit_problem"),
    "lossurf.api.checking": ("CheckResult", "check", "check_problem"),
    "lossurf.api.classifying": ("Classification", "classify", "classify_problem"),
    "lossurf.api.constructing": ("Construction", "construct"),
    "lossurf.api.escaping": ("Escape", "escape"),
    "lossurf.api.facts": ("DataFacts", "NetworkFacts", "data_facts", "network_facts"),
    "lossurf.api.losses": ("LossFacts", "classify_loss", "loss_data", "loss_facts"),
    "lossurf.api.measuring": ("ReluResult", "relu", "relu_dataset"),
    "lossurf.api.trapping": ("SpuriousResult", "spurious"),
    "lossurf.theory.explanation": ("Explanation",),
    "lossurf.theory.explanations": ("explain",),
}


def __getattr__(name: str) -> object:
    """Import the file that a name lives in."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'lossurf.api' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
