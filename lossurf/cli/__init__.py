"""The command line: it parses, calls, renders and turns results into exits; the only place that imports click.

A command is one file here, `cli/NAME.py`, whose click command is called `command`, and one line in `COMMANDS`. It is
imported only when it is run, and imports numpy and the analysis only inside its function.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from lossurf._version import __version__
from lossurf.cli.boundary import run
from lossurf.cli.command import common_options
from lossurf.cli.group import LazyGroup

COMMANDS = {
    "check": "What the data allow: hypotheses, spectrum, best loss for every rank.",
    "classify": "What kind of point each checkpoint is at, with a certificate.",
    "construct": "Write a checkpoint of a given kind on the data.",
    "escape": "From a saddle to a checkpoint of lower loss.",
    "verify": "Derive again what a written certificate claims.",
    "spurious": "ReLU-like networks: a spurious local minimum on the data, and a better point.",
    "relu": "How far a trained ReLU checkpoint is from the assumptions of Corollary 3.2.",
    "reduce": "Data of any size as one small file that every command takes as DATA.",
    "audit": "Theorem 2.3 and Corollary 2.4 shown on the data, level by level.",
    "watch": "A training run followed from its checkpoints.",
    "plot": "Pictures of the spectrum, the critical levels and the loss around a checkpoint.",
    "demo": "The first commands shown on data that come with lossurf.",
    "explain": "Any hypothesis, theorem, lemma, verdict or exit code in plain words.",
    "ci": "The file with which GitHub, GitLab, pre-commit or Jenkins judges checkpoints.",
    "schema": "The JSON Schema of a document.",
    "help": "The manual, a chapter at a time.",
}
"""Every command with its one line in `lossurf --help`, in the order of a first use."""

_OBJECTS_OF_A_START = 100_000  # imports make so many objects that live to the end: nothing among them can be collected
_SPIN_OF_BLAS = "20"  # logarithm of a number of cycles, half a millisecond; OpenBLAS's own, 28, is a tenth of a second


@click.group(
    cls=LazyGroup,
    summaries=COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 holds, 1 does not, 2 usage or input error, 70 a bug in lossurf, 130 interrupted.",
)
@click.version_option(__version__, "-V", "--version", message="lossurf %(version)s")
@common_options
@click.pass_context
def group(ctx: click.Context) -> None:
    """Tell whether a trained linear network is at the best point its data allows, or stuck, and at what kind of point.

    Every option can also be set by an environment variable, LOSSURF_OPTION, and in lossurf.yaml or pyproject.toml.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process with its exit code."""
    gc.set_threshold(_OBJECTS_OF_A_START)
    # OpenBLAS's threads begin with numpy's import, without work, and take a core each for as long as they spin
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", _SPIN_OF_BLAS)
    code = run(group, sys.argv[1:] if argv is None else argv)
    gc.freeze()  # the process ends: the interpreter's last collections, a sixth of a small check, would find nothing
    sys.exit(code)
