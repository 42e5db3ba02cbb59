"""The nouns of questions about networks, for the command line: one network, and files of several."""

from __future__ import annotations

from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.checkpoints.files import CheckpointFiles

__all__ = ["Checkpoint", "CheckpointFiles"]
