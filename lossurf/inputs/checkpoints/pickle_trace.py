"""Where an object stands in a pickle, told from its opcodes alone: nothing is imported, called or built.

The opcodes are those of Python's pickle protocol, as the standard library's pickletools parses and documents them.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final

_MOST: Final = 1_000_000  # opcodes looked at: seconds; an array of a checkpoint takes about 40
_LONGEST_PATH: Final = 16  # keys; what references pile up on each other grows no further
_STRINGS: Final = {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING"}
_STACKED: Final = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "REDUCE": 2, "NEWOBJ": 2, "NEWOBJ_EX": 3}
_TO_MARK: Final = {"TUPLE", "LIST", "FROZENSET", "OBJ", "INST"}
_PICKLES: Final = 5  # in a file of PyTorch's older form: three of facts, the object, the keys of its storages


@dataclass
class Traced:
    """What a pickle would make, as far as it matters here.

    Attributes
    ----------
    path : tuple of str or None
        Keys on the way from here to the object that is looked for; None where it is not below.
    arrays : int
        Arrays stored outside the pickle that are at or below this.
    keys : dict of str to Traced
        What a mapping holds.
    """

    text: str | None = None
    path: tuple[str, ...] | None = None
    arrays: int = 0
    keys: dict[str, Traced] = field(default_factory=dict)
    items: int = 0

    def take(self, other: Traced, *key: str) -> None:
        """Hold another object, under a key if there is one."""
        if self.path is None and other.path is not None:
            self.path = (*key, *other.path)[:_LONGEST_PATH]
        self.arrays = min(self.arrays + other.arrays, _MOST)
        if key:
            self.keys[key[0]] = other


def trace(data: bytes, wanted: str) -> Traced | None:
    """Follow pickles, one after the other, to the first that holds an object.

    Parameters
    ----------
    data : bytes
        Begins with a pickle.
    wanted : str
        Module and name of the object, such as argparse.Namespace.

    Returns
    -------
    Traced or None
        None if it is not found, or the pickle is not understood.
    """
    stream = BytesIO(data)
    try:
        for _ in range(_PICKLES):
            found = _Machine(wanted).run(stream)
            if found.path is not None:
                return found
    except (ValueError, IndexError, KeyError, TypeError, RecursionError, OverflowError):
        pass  # damaged or strange: whoever asked does without
    return None


class _Machine:
    """The stack machine of a pickle, on stand-ins; a mark is None."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        self.stack: list[Traced | None] = []
        self.memo: dict[int, Traced] = {}

    def run(self, stream: BytesIO) -> Traced:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count > _MOST:
                break
            name = opcode.name
            if name == "STOP":
                return self.pop()
            if name not in ("PROTO", "FRAME"):
                self.step(name, argument)
        raise ValueError

    def step(self, name: str, argument: Any) -> None:
        if name in _STRINGS:
            self.stack.append(Traced(text=argument))
        elif name in _STACKED:
            self.combine([self.pop() for _ in range(_STACKED[name])][::-1])
        elif name in _TO_MARK:
            self.combine([*([self.named(argument)] if name == "INST" else []), *self.to_mark()])
        else:
            _ACTIONS.get(name, _plain)(self, argument)

    def pop(self) -> Traced:
        top = self.stack.pop()
        if top is None:
            raise ValueError
        return top

    def top(self) -> Traced:
        top = self.stack[-1]
        if top is None:
            raise ValueError
        return top

    def to_mark(self) -> list[Traced]:
        """Take what lies above the last mark, and the mark."""
        items: list[Traced] = []
        while (item := self.stack.pop()) is not None:
            items.append(item)
        return items[::-1]

    def combine(self, parts: list[Traced]) -> None:
        """Put something new on the stack that holds the parts."""
        made = Traced()
        for part in parts:
            made.take(part)
        self.stack.append(made)

    def named(self, argument: Any) -> Traced:
        found = str(argument).replace(" ", ".") == self.wanted
        return Traced(path=() if found else None)

    def pairs(self, items: list[Traced], into: Traced) -> None:
        for key, value in zip(items[::2], items[1::2], strict=True):
            into.take(key)
            into.take(value, key.text if key.text is not None else "?")

    def append(self, items: list[Traced]) -> None:
        into = self.top()
        for item in items:
            into.take(item, str(into.items))
            into.items += 1


def _plain(machine: _Machine, _: Any) -> None:
    """Put a number, None or an empty container on the stack."""
    machine.stack.append(Traced())


def _set_items(machine: _Machine, _: Any) -> None:
    items = machine.to_mark()
    machine.pairs(items, machine.top())


def _set_item(machine: _Machine, _: Any) -> None:
    value, key = machine.pop(), machine.pop()
    machine.pairs([key, value], machine.top())


def _dict(machine: _Machine, _: Any) -> None:
    made = Traced()
    machine.pairs(machine.to_mark(), made)
    machine.stack.append(made)


def _build(machine: _Machine, _: Any) -> None:
    state = machine.pop()
    machine.top().take(state)


def _stored(machine: _Machine, _: Any) -> None:
    """Put an array that is outside the pickle, or in older files a class of modules, in place of its name."""
    name = machine.pop()
    machine.stack.append(Traced(arrays=1) if name.path is None else Traced(path=name.path))


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.pop(), machine.pop()
    machine.stack.append(machine.named(f"{module.text} {name.text}"))


def _put(machine: _Machine, argument: Any) -> None:
    machine.memo[int(argument)] = machine.top()


def _memoize(machine: _Machine, _: Any) -> None:
    machine.memo[len(machine.memo)] = machine.top()


def _get(machine: _Machine, argument: Any) -> None:
    machine.stack.append(machine.memo[int(argument)])


def _pop(machine: _Machine, _: Any) -> None:
    machine.stack.pop()


def _pop_mark(machine: _Machine, _: Any) -> None:
    machine.to_mark()


_ACTIONS: Final[dict[str, Callable[[_Machine, Any], None]]] = {
    "MARK": lambda machine, _: machine.stack.append(None),
    "GLOBAL": lambda machine, argument: machine.stack.append(machine.named(argument)),
    "STACK_GLOBAL": _stack_global,
    "BINPERSID": _stored,
    "PUT": _put,
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "MEMOIZE": _memoize,
    "GET": _get,
    "BINGET": _get,
    "LONG_BINGET": _get,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "DICT": _dict,
    "APPEND": lambda machine, _: machine.append([machine.pop()]),
    "APPENDS": lambda machine, _: machine.append(machine.to_mark()),
    "ADDITEMS": lambda machine, _: machine.append(machine.to_mark()),
    "BUILD": _build,
    "POP": _pop,
    "POP_MARK": _pop_mark,
    "DUP": lambda machine, _: machine.stack.append(machine.top()),
}
