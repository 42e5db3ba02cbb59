"""The options that ask for the Hessian's extreme eigenvalues."""

from __future__ import annotations

from functools import wraps
from typing import Any

import click

from lossurf.cli.options import Function, require_number
from lossurf.errors import ExitCode, UsageError


def curvature_options(function: Function) -> Function:
    """Give a command `curvature`: False, True, or the error that is wanted."""

    @click.option(
        "--curvature",
        is_flag=True,
        help="Also enclose the Hessian's extreme eigenvalues, with the largest stable step of gradient descent.",
    )
    @click.option(
        "--curvature-error",
        type=click.FloatRange(min=0.0, max=1.0, min_open=True, max_open=True),
        callback=require_number,
        metavar="SHARE",
        help="With --curvature: their error, as a share of the spectral radius. Default: 0.02.",
    )
    @wraps(function)
    def with_curvature(*, curvature: bool, curvature_error: float | None, **options: Any) -> ExitCode:
        if curvature_error is not None and not curvature:
            raise UsageError("no curvature is asked for", where="--curvature-error", remedy="add --curvature")
        code: ExitCode = function(curvature=curvature_error or curvature, **options)
        return code

    return with_curvature
