"""Decide whether a trained linear network is at the best point its data allows, or stuck, and at what kind of point.

The functions of the command line, for Python: they take arrays with samples as rows and return frozen results.
"""

from __future__ import annotations

from lossurf._version import __version__

TYPE_CHECKING = False  # what type checkers take as true; importing it would be the longest part of an import of lossurf
if TYPE_CHECKING:
    from lossurf.api import (
        Audit,
        CheckResult,
        Classification,
        Construction,
        Escape,
        Explanation,
        ReluResult,
        SpuriousResult,
        audit,
        check,
        classify,
        classify_loss,
        construct,
        escape,
        explain,
        relu,
        spurious,
    )

__all__ = [
    "Audit",
    "CheckResult",
    "Classification",
    "Construction",
    "Escape",
    "Explanation",
    "ReluResult",
    "SpuriousResult",
    "__version__",
    "audit",
    "check",
    "classify",
    "classify_loss",
    "construct",
    "escape",
    "explain",
    "relu",
    "spurious",
]


def __getattr__(name: str) -> object:
    """Import the numerical parts on first use, so that `lossurf --help` needs none of them."""
    if name in __all__:
        from lossurf import api

        return getattr(api, name)
    raise AttributeError(f"module 'lossurf' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
