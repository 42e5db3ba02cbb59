"""What `classify --certificate` writes: the matrices as .npz, and the claim about them as JSON beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lossurf.cli.output_file import write_file

if TYPE_CHECKING:
    from lossurf.api import Classification, DataFacts
    from lossurf.inputs.checkpoints.checkpoint import Checkpoint
    from lossurf.reduction.problem import ReducedProblem


def write_certificate(
    path: Path, result: Classification, problem: ReducedProblem, checkpoint: Checkpoint, data: DataFacts
) -> bool:
    """Write a certificate; False, and nothing written, where the verdict claims nothing."""
    from lossurf.certificates.stored import claim_path, digest_of
    from lossurf.landscape.evidence import evidence_arrays, evidence_claim
    from lossurf.report.document import make_document
    from lossurf.report.json_text import render
    from lossurf.report.npz import npz_bytes
    from lossurf.report.render import Style

    claim = evidence_claim(result, problem, checkpoint.weights)
    if claim is None:
        return False
    arrays = evidence_arrays(result, problem, checkpoint.weights, checkpoint.biases)
    document = make_document("certificate", claim, data=data)
    document["digest"] = digest_of(document, arrays)
    write_file(path, npz_bytes(arrays))
    write_file(claim_path(path), render(document, Style()).encode())
    return True
