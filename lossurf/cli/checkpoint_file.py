"""Checkpoints that a command writes: always .npz, under the names and in the orientation of the checkpoint it read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lossurf.cli.output_file import OUTPUT_FILE, write_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lossurf.inputs.checkpoints.checkpoint import Checkpoint


def require_npz(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """Refuse a file to write whose name does not say what it will be."""
    if value is not None and value.suffix.lower() != ".npz":
        raise click.BadParameter(f"'{value}' does not end in .npz, the format that is written", ctx, param)
    return value


def output_option(*, required: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option -o, the checkpoint to write."""
    return click.option(
        "-o",
        "--output",
        required=required,
        type=OUTPUT_FILE,
        callback=require_npz,
        metavar="FILE",
        help="Checkpoint to write, an .npz.",
    )


def named_arrays(
    weights: Sequence[NDArray[Any]],
    biases: Sequence[NDArray[Any] | None],
    dtypes: Sequence[str],
    like: Checkpoint | None = None,
) -> dict[str, NDArray[Any]]:
    """Name the arrays of a network as those of `like`, or W1..WN and b1..bN, in their stored precision."""
    names = like.layer_names if like else [f"W{k}" for k in range(1, len(weights) + 1)]
    stored = [W.astype(dtype) for W, dtype in zip(weights, dtypes, strict=True)]
    arrays = {name: W.T if like and like.orientation == "in-out" else W for name, W in zip(names, stored, strict=True)}
    bias_names = (like.bias_names if like else ()) or [f"b{k}" for k in range(1, len(weights) + 1)]
    for name, bias, dtype in zip(bias_names, biases, dtypes, strict=True):
        if bias is not None and name is not None:
            arrays[name] = bias.astype(dtype)
    return arrays


def write_checkpoint(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a checkpoint, whole or not at all."""
    from lossurf.report.npz import npz_bytes

    write_file(path, npz_bytes(arrays))
