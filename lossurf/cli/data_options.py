"""The options that say where the data are, and what a command is handed for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import click

from lossurf.cli.again import weaker_places
from lossurf.cli.headings import Heading, option_under, with_options

if TYPE_CHECKING:
    from lossurf.api.parts.data import Data

Function = Callable[..., Any]


class DataSource(NamedTuple):
    """Where the data are, as the options say it."""

    path: Path | None
    x: Path | None
    y: Path | None
    target: tuple[str, ...]
    samples: Literal["rows", "columns"]
    columns: tuple[str, ...]
    drop: tuple[str, ...]
    row_names: tuple[str, ...]
    no_index: bool
    autoencoder: bool
    max_memory: str | None
    standardize: bool
    intercept: bool
    sample_weights: str | None = None
    output_weights: str | None = None
    base: Path | None = None
    base_layer: str | None = None
    residual: bool = False
    ridge: float | None = None

    def place(self) -> dict[str, Any]:
        """Return the arguments of `Data.open`."""
        place = self._asdict()
        place["index"] = place.pop("row_names")  # a tuple has a method of that name
        return place

    def open(self) -> Data:
        """Open the data; nothing but the header is read yet, unless the columns are to be standardised."""
        from lossurf.api.parts.data import Data

        return Data.open(**self.place())

    @property
    def named(self) -> bool:
        """Whether the options name any data."""
        return any(place is not None for place in (self.path, self.x, self.y)) or self.autoencoder


_FILE = click.Path(path_type=Path)

_option = option_under(Heading.DATA)
_DATA_OPTIONS = (
    _option("--x", type=_FILE, help="File of X, with --y."),
    _option("--y", type=_FILE, help="File of Y, with --x."),
    _option("--target", multiple=True, metavar="COLUMN", help="Column of one table that is Y: name or number from 1."),
    _option("--columns", multiple=True, metavar="COLUMN", help="Use only these columns as X."),
    _option("--drop", multiple=True, metavar="COLUMN", help="Leave out this column."),
    _option(
        "--index",
        multiple=True,
        metavar="COLUMN",
        help="Column of row names in X and Y, which is no data; x:1 is one of X alone.",
    ),
    _option("--no-index", is_flag=True, help="Read a first column that has no name or counts rows as data."),
    _option("--autoencoder", is_flag=True, help="Y is X: DATA, or --x, names one array or table for both."),
    _option(
        "--samples", type=click.Choice(["rows", "columns"]), default="rows", help="Where samples lie. Default: rows."
    ),
    _option("--standardize", is_flag=True, help="Bring X's columns to mean 0 and standard deviation 1."),
    _option("--intercept", is_flag=True, help="Add a column of ones to X, after any --standardize."),
    _option(
        "--sample-weights",
        metavar="COLUMN|FILE",
        help="Weights of the samples: a column of the table or of X, which is then left out of X, or a file.",
    ),
    _option(
        "--output-weights",
        metavar="V,...|FILE",
        help="Weights of the outputs: one number above 0 for each column of Y, or a file of them.",
    ),
    _option(
        "--base",
        type=_FILE,
        metavar="FILE",
        help="Frozen part that the network is added to: a weight (dy, dx), or its predictions (samples, dy).",
    ),
    _option("--base-layer", metavar="NAME", help="Name of that weight, where its file holds several."),
    _option("--residual", is_flag=True, help="The network is added to its input: the base is the identity."),
    _option(
        "--ridge",
        type=float,
        metavar="R",
        help="The loss has 1/2 R ||P||^2 beside, P the product of the layers without an --intercept column.",
    ),
    _option(
        "--max-memory",
        metavar="SIZE",
        help="Refuse what would need more memory, such as 500M or 4G.",
    ),
)


def data_argument(function: Function) -> Function:
    """Add the argument DATA and its options, handed on as `source`."""
    return click.argument("data", required=False, type=_FILE, envvar="LOSSURF_DATA")(_collect_source(function))


def data_arguments(function: Function) -> Function:
    """Add the argument DATA... and the options of data; `sources` holds one source for each DATA, or the default."""

    @wraps(function)
    def for_each(*args: Any, source: DataSource, paths: tuple[Path, ...], **kwargs: Any) -> Any:
        sources = tuple(source._replace(path=path) for path in paths) or (source,)
        return function(*args, sources=sources, **kwargs)

    inner = _collect_source(for_each)

    @wraps(inner)
    def collected(*args: Any, data: tuple[Path, ...], **kwargs: Any) -> Any:
        return inner(*args, data=data[0] if data else None, paths=data, **kwargs)

    return click.argument("data", nargs=-1, type=_FILE, metavar="[DATA]...", envvar="LOSSURF_DATA")(collected)


def data_option(function: Function) -> Function:
    """Add `--data` and its options, handed on as `source`, to a command whose argument is something else."""
    return _option("--data", type=_FILE, help="Data: a directory, .npz, or one table with --target. Default: ./data.")(
        _collect_source(function)
    )


def _collect_source(function: Function) -> Function:
    @wraps(function)
    @click.pass_context
    def collected(ctx: click.Context, /, *args: Any, **kwargs: Any) -> Any:
        found = {name: kwargs.pop(name) for name in ("data", "x", "y")}
        found |= dict.fromkeys(weaker_places(ctx) & found.keys())
        kwargs["row_names"] = kwargs.pop("index")  # a tuple has a method of that name
        rest = {name: kwargs.pop(name) for name in DataSource._fields[3:]}
        source = DataSource(found["data"], found["x"], found["y"], **rest)
        return function(*args, source=source, **kwargs)

    return with_options(collected, _DATA_OPTIONS)
