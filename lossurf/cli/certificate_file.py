"""What `classify --certificate` writes: the matrices as .npz, and the claim about them as JSON beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lossurf.cli.output_file import write_file

if TYPE_CHECKING:
    from lossurf.api.certificate import Evidence


def write_certificate(path: Path, evidence: Evidence) -> None:
    """Write a certificate: first the matrices, then the claim that makes it one."""
    from lossurf.output.npz import npz_bytes
    from lossurf.report.document import make_document
    from lossurf.report.json_text import render
    from lossurf.report.render import Style

    document = evidence.signed(make_document("certificate", evidence))
    write_file(path, npz_bytes(evidence.arrays))
    write_file(evidence.claim_path(path), render(document, Style()).encode())
