"""Which layer comes before which, as far as their names tell: by numbers, and by words such as encoder and decoder."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Final

from lossurf.inputs.checkpoints.roles import role_of, unwrapped

_FIRST: Final = ("enc", "encoder", "encode", "encoding", "in", "inp", "input")
_LAST: Final = (
    *("dec", "decoder", "decode", "decoding", "out", "outp", "output"),
    *("last", "final", "head", "readout", "logits", "classifier"),
)
_LORA: Final = {"a": -1, "down": -1, "b": 1, "up": 1}  # its update is B A x whatever the shapes
_COUNTED: Final = {
    word: i
    for words in ("one two three four five six seven eight nine ten", "first second third fourth fifth sixth seventh")
    for i, word in enumerate(words.split(), 1)
}
_AUTOMATIC: Final = ("dense", "einsum_dense", "sequential", "functional")
_MIRRORED: Final = ("dec", "decoder", "up")  # dec2 may mirror enc2, and come before dec1
_NARROW: Final = frozenset(("down", "compress", "squeeze"))
_WIDE: Final = frozenset(("up", "expand", "unsqueeze"))

_PART: Final = re.compile(r"([^\d./]*)(\d+)|([^\d./]+)")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_SEQUENTIAL: Final = re.compile(r"((?:.*[./])?(?:layers_)?)(\d{1,9})[./](?:weight|kernel)(?:[./](?:raw_)?value)?")

Number = tuple[int, str]  # how many digits, and they: never read as a number, since a name may have thousands
Part = tuple[int, str, Number]  # rank of its words (first -1, last 1), the words, the number behind them
_NONE: Final[Number] = (-1, "")


@cache
def sequence_key(name: str) -> tuple[Part, ...]:
    """Sort key of a layer's name: words that say first or last, then words, then numbers."""
    role = role_of(name)
    layer = unwrapped(role.layer if role is not None and role.layer else name)
    lora = "lora" in layer.lower()
    return tuple(_part(found, lora) for found in _PART.finditer(layer))


def as_number(digits: str) -> Number:
    """Return a key that sorts as the number that the digits are."""
    significant = digits.lstrip("0")
    return (len(significant), significant)


def _part(found: re.Match[str], lora: bool) -> Part:
    number = as_number(found[2]) if found[2] else _NONE
    words = [word.lower() for word in _WORD.findall(found[1] or found[3] or "")]
    if number == _NONE and (counted := [_COUNTED[word] for word in words if word in _COUNTED]):
        number = as_number(str(counted[0]))
        words = [word for word in words if word not in _COUNTED]
    ranks = [_rank(word, lora) for word in words]
    return (next((rank for rank in ranks if rank), 0), "_".join(words), number)


def _rank(word: str, lora: bool) -> int:
    bare = word[1:] if word[0] == "w" and len(word) > 2 else word  # Wenc
    if bare in _FIRST:
        return -1
    if bare in _LAST:
        return 1
    return _LORA.get(word, 0) if lora else 0


def in_sequence(names: Sequence[str]) -> list[int]:
    """Return the positions of the names in the order that numbers and words give, alphabetical where they do not."""
    return sorted(range(len(names)), key=lambda i: sequence_key(names[i]))


def told_before(first: str, second: str, *, counted: bool = True) -> bool:
    """Tell whether the names say that one layer comes before another; False for both orders where they do not.

    Parameters
    ----------
    first, second : str
    counted : bool
        Whether numbers that a library gave, such as dense_1, tell it too; else they only count what was made before.
    """
    mirrored = False
    for one, other in zip(sequence_key(first), sequence_key(second), strict=False):
        mirrored = mirrored or any(word in _MIRRORED for word in one[1].split("_"))
        if one != other:
            numbered = one[1] == other[1] and (counted or one[1] not in _AUTOMATIC) and not (mirrored and one[1])
            return one < other and (one[0] != other[0] or numbered)
    return False


def by_words(names: Sequence[str]) -> bool:
    """Tell whether words, and not numbers alone, say which of the names comes first."""
    parts = [sequence_key(name) for name in names]
    return any(len({part[place][0] for part in parts}) > 1 for place in range(min(map(len, parts), default=0)))


def is_encoder(name: str) -> bool:
    """Tell whether a name says that its layer is of an encoder."""
    return any(word.startswith("enc") for rank, words, _ in sequence_key(name) if rank < 0 for word in words.split("_"))


def width_told(name: str) -> int:
    """Return -1 for a layer whose name says that it narrows, 1 for one that widens, 0 where it does not say."""
    words = {word for _, text, _ in sequence_key(name) for word in text.split("_")}
    return bool(words & _WIDE) - bool(words & _NARROW)


def gaps(names: Sequence[str], stored: Sequence[str]) -> list[tuple[str, str]]:
    """Return neighbours in a Sequential between whose numbers no array is stored: a module without weights is there.

    Parameters
    ----------
    names : sequence of str
        Weights of the layers, first to last.
    stored : sequence of str
        Every array of the file.
    """
    numbered = [_SEQUENTIAL.fullmatch(name) for name in names]
    held: dict[str, list[int]] = {}
    found = []
    for i, (one, other) in enumerate(pairwise(numbered)):
        if one and other and one[1] == other[1] and int(other[2]) - int(one[2]) > 1:
            if one[1] not in held:
                held[one[1]] = _numbers(stored, one[1])
            known = held[one[1]]
            if bisect_right(known, int(one[2])) == bisect_left(known, int(other[2])):
                found.append((names[i], names[i + 1]))
    return found


def _numbers(names: Sequence[str], prefix: str) -> list[int]:
    """Return the numbers of the modules of a Sequential of which arrays are stored."""
    pattern = re.compile(rf"{re.escape(prefix)}(\d{{1,9}})[./].*", re.DOTALL)
    return sorted({int(match[1]) for name in names if (match := pattern.fullmatch(name))})
