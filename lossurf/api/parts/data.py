"""The noun of questions about data, for the command line; it starts without what reads networks."""

from __future__ import annotations

from lossurf.data import Data
from lossurf.inputs.tables.dataset import Dataset
from lossurf.inputs.tables.summary import is_summary_file

__all__ = ["Data", "Dataset", "is_summary_file"]
