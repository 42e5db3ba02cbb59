"""What `classify --certificate` writes: the matrices as .npz, and the claim about them as JSON beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lossurf.cli.output_file import write_file

if TYPE_CHECKING:
    from lossurf.api.certificate import Evidence


def write_certificate(path: Path, evidence: Evidence) -> None:
    """Write a certificate: first the matrices, then the claim that makes it one."""
    for file, content in evidence.files(path):
        write_file(file, content)
