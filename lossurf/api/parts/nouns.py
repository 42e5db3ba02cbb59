"""What questions are about: data, networks, and the files of networks."""

from __future__ import annotations

from lossurf.data import Data
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.checkpoints.files import CheckpointFiles
from lossurf.inputs.tables.dataset import Dataset

__all__ = ["Checkpoint", "CheckpointFiles", "Data", "Dataset"]
