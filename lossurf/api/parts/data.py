"""The noun of questions about data, for the command line; it starts without what reads networks."""

from __future__ import annotations

from pathlib import Path

from lossurf.data import Data
from lossurf.inputs.tables.dataset import Dataset

__all__ = ["Data", "Dataset", "is_summary_file"]


def is_summary_file(path: Path) -> bool:
    """Tell whether a path names a summary; a file that cannot be read is none, and opening it says why."""
    from lossurf.inputs.tables import summary

    return summary.is_summary_file(path)
