"""`lossurf relu`: how far a trained ReLU checkpoint is from the assumptions of Corollary 3.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lossurf.cli.loading import load_data
from lossurf.cli.options import Command, DataSource, checkpoint_argument, data_option, report_options, words_of
from lossurf.cli.progress import shown_progress
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode
from lossurf.words import Status

if TYPE_CHECKING:
    from lossurf.api.parts.networks import CheckpointFiles


@click.command(
    "relu",
    cls=Command,
    examples=(
        "lossurf relu sample_data/digits/relu.npz --data sample_data/digits",
        "lossurf relu sample_data/digits/relu.npz --data sample_data/digits --expect fails --seed 1 --format json",
    ),
)
@checkpoint_argument
@data_option
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", default=0, help="Seed of every random draw. Default: 0."
)
@click.option(
    "--expect",
    "expected_status",  # its own name: `expect` in the configuration holds verdicts of classify
    multiple=True,
    type=words_of(Status),
    help="Exit with 1 unless the overall status is this; repeat it for any of several.",
)
@report_options
def command(
    checkpoints: CheckpointFiles, source: DataSource, seed: int, expected_status: tuple[str, ...], report: Reporter
) -> ExitCode:
    """Measure how far the ReLU network CHECKPOINT is from the assumptions that make it a linear one (Corollary 3.2).

    Every layer but the last is followed by a ReLU. Each assumption holds, fails or is undecided by the interval of its
    measured effect; one that merely was not rejected never holds. The exit code is 0 whatever is found, unless --expect
    asks for something else.
    """
    from lossurf.api.relu import relu
    from lossurf.report.document import make_document

    data = load_data(source, report)
    checkpoint = checkpoints.read_one(data.dx, data.dy, linear=False)
    with shown_progress(report, "measurements") as progress:
        result = relu(checkpoint, data, seed=seed, expect=expected_status, progress=progress)
    return report(make_document("relu", result), ok=result.ok)
