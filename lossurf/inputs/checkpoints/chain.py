"""Order and orientation of layers: what their names tell, held against shapes that chain from dx to dy."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from lossurf.errors import InputError
from lossurf.inputs.checkpoints.roles import Orientation, unwrapped
from lossurf.inputs.checkpoints.sequence import by_words, is_encoder, told_before, width_told
from lossurf.inputs.faults import fault

Shape = tuple[int, int]

_BOTH: Final[tuple[Orientation, ...]] = ("out-in", "in-out")
_MOST_STEPS: Final = 10_000  # of the search for an order; who has so many alike layers must name them
_SHOWN: Final = 12  # layers in a message


@dataclass(frozen=True)
class Chain:
    """Order and orientation decided for the layers, and what the report says about it.

    Attributes
    ----------
    order : tuple of int
        Positions of the layers as they were given, first layer first.
    orientation : {"out-in", "in-out"}
    notes : tuple of str
    """

    order: tuple[int, ...]
    orientation: Orientation
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Links:
    """The layers to be chained, and what is known of them beside their shapes.

    Attributes
    ----------
    names, shapes : sequences
        Of the stored weight matrices.
    dx, dy : int
        Inputs and outputs.
    biases : sequence of int or None, one for each matrix
        Length of its bias, where it is a vector.
    tells : collection of Orientation
        What the names tell.
    asked : Orientation or None
        What the user asked for.
    fixed : bool
        Whether they are given first to last; else their names and shapes decide.
    where : str or None
        The file, for messages; None for a sequence of arrays.
    options : bool
        Whether there is a command line to give options on.
    named : bool
        Whether the names are the user's.
    titles : sequence of str
        What the layers are called where that is not how they are stored; else empty.
    counted : bool
        Whether numbers that a library gave tell the order.
    """

    names: Sequence[str]
    shapes: Sequence[Shape]
    dx: int
    dy: int
    biases: Sequence[int | None] = ()
    tells: Collection[Orientation] = ()
    asked: Orientation | None = None
    fixed: bool = False
    where: str | None = None
    options: bool = True
    named: bool = True
    titles: Sequence[str] = ()
    counted: bool = True

    @property
    def ways(self) -> tuple[Orientation, ...]:
        """The orientations that nothing known speaks against, whether or not the shapes chain in them."""
        if self.asked is not None:
            return (self.asked,)
        return tuple(way for way in _BOTH if way in self.tells) or _BOTH

    def told(self, order: Sequence[int]) -> bool:
        """Tell whether an order is the one that the names tell."""
        return all(self.told_before(i, j) for i, j in pairwise(order))

    def told_before(self, i: int, j: int) -> bool:
        """Tell whether the names say that layer i comes before layer j."""
        titles = self.titles or self.names
        return told_before(titles[i], titles[j], counted=self.counted)

    def oriented(self, way: Orientation) -> list[Shape]:
        """Return the shapes as (outputs, inputs)."""
        return [shape if way == "out-in" else shape[::-1] for shape in self.shapes]


class _Reading(NamedTuple):
    order: tuple[int, ...]
    orientation: Orientation


def arrange(links: Links) -> Chain:
    """Decide the order and the orientation of layers.

    An orientation that the names tell is the only one. Within it, an order is taken where the names tell it or no other
    chains from dx to dy.

    Raises
    ------
    InputError
        If the layers do not chain, or more than one way of reading them does and nothing tells which.
    """
    if links.asked is None and len(set(links.tells)) > 1:
        raise fault("two-orientations", links.where, names=_shown(links, range(len(links.names))))
    readings = [_Reading(order, way) for way in links.ways for order in _orders(links, way)]
    readings = [reading for reading in readings if _fits(links, reading.orientation)] or readings
    if len(links.ways) > 1:
        readings = [reading for reading in readings if _narrows(links, reading)] or readings
    if not readings:
        raise _no_chain(links)
    if len(readings) > 1:
        if not _conventional(links, readings):
            raise _ambiguous(links, readings)
        note = "weights chain both ways: (out, in) is assumed; --orientation in-out reads them the other way"
        return Chain(readings[0].order, "out-in", (note,))
    if _encoder_alone(links):
        raise fault("encoder-alone", links.where, names=_shown(links, range(len(links.names))))
    return Chain(*readings[0], tuple(_notes(links, readings[0])))


def _encoder_alone(links: Links) -> bool:
    """Tell whether layers that chain are called an encoder and nothing has narrowed: a tied decoder would follow."""
    if links.dx != links.dy or links.fixed or not all(map(is_encoder, links.titles or links.names)):
        return False
    return min(map(min, links.shapes)) >= links.dx


def _conventional(links: Links, readings: Sequence[_Reading]) -> bool:
    """Tell whether only the orientation is open, of W1, ..., WN: in the field's notation W2 W1 x, each (out, in)."""
    numbered = links.named and all(re.fullmatch(r"W\d+", unwrapped(name)) for name in links.names)
    return numbered and len({order for order, _ in readings}) == 1


def _fits(links: Links, way: Orientation) -> bool:
    """Tell whether biases are as long as their layers' outputs."""
    lengths = zip(links.biases, links.oriented(way), strict=False)
    return all(bias in (None, outputs) for bias, (outputs, _) in lengths)


def _narrows(links: Links, reading: _Reading) -> bool:
    """Tell whether layers called down narrow, those called up widen, and down comes first, as in an adapter."""
    shapes = links.oriented(reading.orientation)
    titles = links.titles or links.names
    told = [width_told(titles[i]) for i in reading.order]
    agree = all((shapes[i][0] - shapes[i][1]) * up >= 0 for i, up in zip(reading.order, told, strict=True))
    return agree and told == sorted(told)


def _orders(links: Links, way: Orientation) -> list[tuple[int, ...]]:
    """Return the orders that the names allow and that chain in an orientation: none, one, or two of more."""
    count = len(links.names)
    given = tuple(range(count))
    if links.fixed or links.told(given):
        return [given] if chains(links.oriented(way), links.dx, links.dy) else []
    before = [
        sum(1 << j for j in given if links.told_before(j, i)) for i in given
    ]  # bit masks of the layers that must be placed already
    return list(_search(links.oriented(way), links.dx, links.dy, lambda i, placed: before[i] & ~placed == 0))


def chains(oriented: Sequence[Shape], dx: int, dy: int) -> bool:
    """Tell whether shapes (outputs, inputs) chain from dx to dy."""
    widths = [dx, *(outputs for outputs, _ in oriented)]
    return widths[-1] == dy and all(inputs == width for width, (_, inputs) in zip(widths, oriented, strict=False))


def _search(
    oriented: Sequence[Shape], dx: int, dy: int, allowed: Callable[[int, int], bool] = lambda *_: True
) -> Iterator[tuple[int, ...]]:
    """Find orders of all layers that chain, two at most, by a bounded depth-first search.

    A search that ends at its bound with one order found gives it twice: there may be another.
    """
    found: list[tuple[int, ...]] = []
    steps = 0
    stack: list[tuple[tuple[int, ...], int]] = [((), 0)]
    while stack and len(found) < 2:
        order, placed = stack.pop()
        steps += 1
        width = oriented[order[-1]][0] if order else dx
        if len(order) == len(oriented) and width == dy:
            found.append(order)
            yield order
        elif steps > _MOST_STEPS:
            yield from found
            return
        following = [i for i, (_, inputs) in enumerate(oriented) if inputs == width and not placed >> i & 1]
        stack.extend(((*order, i), placed | 1 << i) for i in reversed(following) if allowed(i, placed))


def _notes(links: Links, reading: _Reading) -> Iterator[str]:
    order, way = reading
    if links.asked is not None:
        yield f"weights are read as ({_axes(way)}), as asked"
    elif way in links.tells:
        if way == "in-out":
            yield "weights are stored as (in, out), as their names tell"
    else:
        other: Orientation = "in-out" if way == "out-in" else "out-in"
        if _orders(links, other):  # it chains too, so that something else has decided
            reason = "only so has each as many outputs as its bias" if any(links.biases) else "as their names tell"
            yield f"weights are stored as ({_axes(way)}): {reason}"
        elif way == "in-out":
            yield "weights are stored as (in, out): only that chains"
    if not links.fixed and (order != tuple(range(len(order))) or by_words(links.titles or links.names)):
        reason = "as their names tell" if links.told(order) else "no other chains"
        yield f"layers are read in the order {_shown(links, order)}: {reason}"


def _axes(orientation: Orientation) -> str:
    return orientation.replace("-", ", ")


def _shown(links: Links, order: Sequence[int], mark: str = " -> ") -> str:
    names = [links.names[i] for i in order]
    return mark.join(names[:_SHOWN]) + (f"{mark}... ({len(names)} in all)" if len(names) > _SHOWN else "")


def _options(links: Links, order: Sequence[int] | None, way: Orientation | None) -> str:
    """Return the options that choose a reading."""
    parts = [f"--layers {','.join(links.names[i] for i in order)}"] if order is not None else []
    return " ".join([*parts, *([f"--orientation {way}"] if way else [])])


def _ambiguous(links: Links, readings: Sequence[_Reading]) -> InputError:
    orders = {reading.order for reading in readings}
    ways = {reading.orientation for reading in readings}
    shown = " and ".join(
        f"({_axes(reading.orientation)}) in the order {_shown(links, reading.order)}" for reading in readings[:2]
    )
    if links.options:
        choices = [
            _options(
                links,
                reading.order if len(orders) > 1 else None,
                reading.orientation if len(ways) > 1 else None,
            )
            for reading in readings[:2]
        ]
        remedy = f"say which: {' or '.join(choices)}"
    else:
        remedy = "give the matrices as a list, first layer first, each of shape (outputs, inputs), and biases=[...]"
    return fault("ambiguous", links.where, dx=links.dx, dy=links.dy, shown=shown, remedy=remedy)


def _no_chain(links: Links) -> InputError:
    if links.dx == links.dy and (rank := _one_way(links)) is not None:
        return fault("half-autoencoder", links.where, names=_shown(links, range(len(links.names))), dx=links.dx, h=rank)
    shapes = zip(links.names[:_SHOWN], links.shapes, strict=False)
    shown = " -> ".join(f"{name} {shape[0]}x{shape[1]}" for name, shape in shapes)
    if not links.options and (bias := next((bias for bias in reversed(links.biases) if bias), None)):
        shown += f", the vector of which has shape ({bias},)"
    remedy = _remedy(links) if links.options else _remedy_for_arrays(links)
    return fault("no-chain", links.where, dx=links.dx, dy=links.dy, shapes=shown, remedy=remedy)


def _one_way(links: Links) -> int | None:
    """Return the width that the layers lead to from dx, or come from to it, if they chain so far and that is all."""
    for way in links.ways:
        shapes = links.oriented(way)
        first, last = shapes[0][1], shapes[-1][0]
        if links.dx in (first, last) and first != last and chains(shapes, first, last):
            return last if first == links.dx else first
    return None


def _remedy_for_arrays(links: Links) -> str:
    if chains(links.oriented("in-out"), links.dx, links.dy):
        return "transpose each: a weight matrix has shape (outputs, inputs)"
    return "give the weight matrices as a list from first to last, each of shape (outputs, inputs)"


def _remedy(links: Links) -> str:
    for way in (*links.ways, *_BOTH):  # what the names tell is the likelier reading
        orders = list(_search(links.oriented(way), links.dx, links.dy))
        if orders and way in links.ways:
            return f"this order chains: {_options(links, orders[0], None)}"
        if orders:
            plain = _orders(links, way) == orders[:1]  # without naming them
            return f"they chain with {_options(links, None if plain else orders[0], way)}"
        if chains(links.oriented(way), links.dy, links.dx):
            return "they chain from dy to dx: exchange X and Y"
    return "check that the checkpoint belongs to this data, or choose layers with --layers"
