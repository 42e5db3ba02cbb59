"""How the fields of a result stand in its document: a result is a frozen dataclass, and its document its fields.

A field that is left out of the repr (large arrays) is left out of the document too; one that is `merged` has its own
fields stand in its place. What an annotation cannot say, such as a number's least value, is a `Form` in it, in the
keywords of JSON Schema, from which `api.parts.schema` derives the form of the document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Final

_MERGED: Final = "merged"


def merged(*, without: Iterable[str] = ()) -> Mapping[str, frozenset[str]]:
    """Return the metadata of a field whose own fields, but for some, stand in its place."""
    return {_MERGED: frozenset(without)}


def left_out(of: Field[Any]) -> frozenset[str] | None:
    """Return which fields of a merged field the document leaves out; None for a field that is not merged."""
    found: frozenset[str] | None = of.metadata.get(_MERGED)
    return found


def name_of(of: Field[Any]) -> str:
    """Return a field's name in the document: a word that Python keeps for itself has a trailing underscore here."""
    return of.name.rstrip("_")


def documented(kind: Any) -> Iterator[Field[Any]]:
    """Yield the fields of a dataclass, or of an instance, that its document holds."""
    return (each for each in fields(kind) if each.repr)


@dataclass(frozen=True, eq=False)  # told apart by identity, so that annotations with it can be hashed
class Form:
    """What a field's values are limited to.

    Attributes
    ----------
    keywords : mapping
        JSON Schema keywords of the value itself.
    dimensions : int
        Of an ndarray, whose entries `entries` is about.
    entries : mapping
        JSON Schema keywords of every number of an ndarray.
    infinite : bool
        Whether a number may be infinite or missing, for which JSON has null.
    """

    keywords: Mapping[str, Any] = field(default_factory=dict)
    dimensions: int = 0
    entries: Mapping[str, Any] = field(default_factory=dict)
    infinite: bool = False


def limited(**keywords: Any) -> Form:
    """Return the form of a value with these JSON Schema keywords."""
    return Form(keywords)


def array(dimensions: int, *, least: int = 0, infinite: bool = False, **entries: Any) -> Form:
    """Return the form of an ndarray with at least so many rows, whose numbers have these JSON Schema keywords."""
    return Form({"minItems": least} if least else {}, dimensions, entries, infinite)


def matrix(rows: int, columns: int) -> Form:
    """Return the form of an ndarray of this shape."""
    row = {"type": "array", "items": {"type": "number"}, "minItems": columns, "maxItems": columns}
    return Form({"minItems": rows, "maxItems": rows, "items": row}, 2)


INFINITE: Final = Form(infinite=True)

Count = Annotated[int, limited(minimum=0)]
"""A whole number from 0."""

Size = Annotated[int, limited(minimum=1)]
"""A whole number from 1."""

Magnitude = Annotated[float, limited(minimum=0)]
"""A number that is not negative."""

Share = Annotated[float, limited(minimum=0, maximum=1)]
"""A number from 0 to 1."""

Unbounded = Annotated[float, INFINITE]
"""A number that may be infinite, which a document says as null."""

Widths = Annotated[tuple[Size, ...], limited(minItems=2)]
"""(dx, hidden widths, dy)."""

Indices = tuple[Size, ...]
"""Numbers from 1."""

Written = Annotated[Path | None, limited(type="string")]
"""A file that the shell has written before it reports; None for who writes it later or not at all."""
