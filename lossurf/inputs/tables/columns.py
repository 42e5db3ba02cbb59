"""Columns chosen by name, or by number counted from 1."""

from __future__ import annotations

from collections.abc import Sequence

from lossurf.inputs.faults import fault, hint, listing


def find_column(column: str, width: int, names: tuple[str, ...] | None, where: str) -> int:
    """Return the index, from 0, of a column given by name or by number; a name wins over a number.

    Raises
    ------
    InputError
        If there is no such column, or several of that name.
    """
    count = 0 if names is None else names.count(column)
    if names is not None and count == 1:
        return names.index(column)
    if count > 1:
        raise fault("two-columns", where, count=count, column=column)
    if column.isascii() and column.isdigit() and 1 <= int(column[:9]) <= width:
        return int(column[:9]) - 1
    if names is None and not column.isdigit():
        raise fault("no-names", where, column=column)
    known = listing(filter(None, names)) if names else f"numbered 1 to {width}"
    raise fault("no-column", where, column=column, hint=hint(column, names or ()), known=known)


def find_columns(words: Sequence[str], width: int, names: tuple[str, ...] | None, where: str) -> list[tuple[str, int]]:
    """Return each column asked for with its index; a word that is no column is a list separated by commas.

    Raises
    ------
    InputError
    """
    found = []
    for word in words:
        parts = [word] if names and word in names else word.split(",")
        found += [(part, find_column(part.strip(), width, names, where)) for part in parts]
    return found


def input_columns(
    width: int,
    names: tuple[str, ...] | None,
    where: str,
    *,
    targets: Sequence[int] = (),
    columns: Sequence[str] = (),
    drop: Sequence[str] = (),
    index: Sequence[int] = (),
) -> tuple[int, ...]:
    """Return the indices of X's columns: all but the targets and the `index` of row names, or those of `columns`.

    Those of `drop` are left out either way.

    Raises
    ------
    InputError
        If a column is unknown, is also a target, or none is left.
    """
    dropped = {at for _, at in find_columns(drop, width, names, where)}
    asked = find_columns(columns, width, names, where)
    for column, at in asked:
        if at in targets:
            raise fault("target-selected", where, column=column)
    chosen = [at for _, at in asked] or list(range(width))
    left = tuple(dict.fromkeys(at for at in chosen if at not in targets and at not in dropped and at not in index))
    if not left:
        raise fault("target-is-all" if len(set(targets)) == width else "nothing-left", where)
    return left
