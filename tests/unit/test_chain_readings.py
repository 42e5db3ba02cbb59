"""Every way of reading layers of few widths, counted one by one, and whether what a refusal says to do works.

Independent channel: all permutations in both orientations, each walked from dx to dy.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from lossurf.errors import InputError
from lossurf.inputs.checkpoints.chain import Links, arrange

WAYS = ("out-in", "in-out")


def walks(shapes, order, way, dx, dy):
    width = dx
    for i in order:
        outputs, inputs = shapes[i] if way == "out-in" else shapes[i][::-1]
        if inputs != width:
            return False
        width = outputs
    return width == dy


def readings(links):
    """Every order and orientation that chains, but for those that the biases speak against if they leave one."""
    count = len(links.names)
    orders = [tuple(range(count))] if links.fixed else list(permutations(range(count)))
    ways = [links.asked] if links.asked else [way for way in WAYS if way in links.tells] or WAYS
    found = [(o, way) for way in ways for o in orders if walks(links.shapes, o, way, links.dx, links.dy)]

    def fits(way):
        outputs = [shape[0 if way == "out-in" else 1] for shape in links.shapes]
        return all(bias is None or bias == size for bias, size in zip(links.biases, outputs, strict=False))

    return [reading for reading in found if fits(reading[1])] or found


def drawn(rng):
    count = int(rng.integers(1, 5))
    widths = rng.integers(2, 5 if rng.random() < 0.5 else 3, count + 1).tolist()
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    if rng.random() < 0.4:
        shapes = [shape[::-1] for shape in shapes]
    dx, dy = (widths[0], widths[-1]) if rng.random() < 0.8 else rng.integers(2, 5, 2).tolist()
    biases = [None if rng.random() < 0.4 else shape[int(rng.integers(2))] for shape in shapes]
    mixed = rng.permutation(count) if rng.random() < 0.6 else range(count)
    return Links(
        names=["p", "q", "r", "s"][:count],  # letters tell nothing
        shapes=[shapes[i] for i in mixed],
        dx=dx,
        dy=dy,
        biases=[biases[i] for i in mixed] if rng.random() < 0.5 else (),
        tells=[(), ("out-in",), ("in-out",)][rng.choice(3, p=[0.6, 0.2, 0.2])],
        asked=[None, *WAYS][rng.choice(3, p=[0.7, 0.15, 0.15])],
        fixed=bool(rng.random() < 0.2),
    )


def asked_for(links, words):
    """The links as the options of a remedy make them."""
    layers, way = re.search(r"--layers ([\w,]+)", words), re.search(r"--orientation ([\w-]+)", words)
    if layers:
        at = [links.names.index(name) for name in layers[1].split(",")]
        biases = [links.biases[i] for i in at] if links.biases else ()
        links = replace(
            links, names=layers[1].split(","), shapes=[links.shapes[i] for i in at], biases=biases, fixed=True
        )
    return replace(links, asked=way[1]) if way else links


def test_the_only_reading_is_found_and_what_a_refusal_says_to_do_works():
    rng, seen = np.random.default_rng(0), set()
    for _ in range(1500):
        links = drawn(rng)
        all_of_them = readings(links)
        try:
            found = arrange(links)
        except InputError as error:
            assert len(all_of_them) != 1, links
            remedy, said = str(error.remedy), str(error)
            seen.add("ambiguous" if all_of_them else "none")
            assert ("more than one way" in said) == bool(all_of_them)
            chosen = [words for words in remedy.split(" or ") if "--layers " in words or "--orientation" in words]
            if all_of_them:
                both = {
                    (tuple(asked_for(links, words).names), arrange(asked_for(links, words)).orientation)
                    for words in chosen
                }
                assert len(both) == 2, remedy  # two readings, each by its own options and by no more than it takes
                assert ("--layers" in remedy) == (len({order for order, _ in all_of_them[:2]}) > 1) or len(
                    all_of_them
                ) > 2
                assert ("--orientation" in remedy) == (len({way for _, way in all_of_them}) > 1)
            elif "half of an autoencoder" not in said:
                orders = replace(links, fixed=False)
                if "exchange X and Y" in remedy:  # the likelier where they do in what the names tell
                    assert readings(replace(links, dx=links.dy, dy=links.dx, asked=None, tells=()))
                elif readings(orders):
                    assert remedy.startswith("this order chains: --layers ")
                elif readings(replace(orders, asked=None, tells=())):
                    assert remedy.startswith("they chain with --")
                    assert "--orientation" in remedy
                else:
                    assert not chosen
                if chosen:
                    seen.add("another way")
                    assert arrange(asked_for(links, chosen[0]))
        else:
            assert [(found.order, found.orientation)] == all_of_them, links
            seen.add(found.orientation)
    assert seen == {"ambiguous", "none", "another way", *WAYS}


NOTES = [
    # what is given and known, and the notes on how it was read
    ((["W1", "W2"], [(2, 3), (4, 2)], 3, 4), {"asked": "out-in"}, ["weights are read as (out, in), as asked"]),
    ((["W1", "W2"], [(3, 2), (2, 4)], 3, 4), {"asked": "in-out"}, ["weights are read as (in, out), as asked"]),
    ((["1.w", "2.w"], [(2, 3), (4, 2)], 3, 4), {"tells": ["out-in"]}, []),
    (
        (["1.k", "2.k"], [(3, 2), (2, 4)], 3, 4),
        {"tells": ["in-out"]},
        ["weights are stored as (in, out), as their names tell"],
    ),
    ((["W1", "W2"], [(2, 3), (4, 2)], 3, 4), {}, []),
    ((["W1", "W2"], [(3, 2), (2, 4)], 3, 4), {}, ["weights are stored as (in, out): only that chains"]),
    (
        (["1.p", "2.p"], [(3, 3), (3, 3)], 3, 3),
        {"asked": "in-out", "biases": [3, 3]},
        ["weights are read as (in, out), as asked"],
    ),
    (
        (["p", "q"], [(2, 4), (4, 2)], 4, 4),
        {"biases": [2, 4]},
        ["weights are stored as (out, in): only so has each as many outputs as its bias"],
    ),
    (
        (["p", "q"], [(4, 2), (2, 4)], 4, 4),
        {"biases": [2, 4]},
        ["weights are stored as (in, out): only so has each as many outputs as its bias"],
    ),
    (
        (["down", "up"], [(2, 4), (4, 2)], 4, 4),
        {},
        ["weights are stored as (out, in): as their names tell"],
    ),
    (
        (["fc2", "fc1"], [(4, 2), (2, 3)], 3, 4),
        {},
        ["layers are read in the order fc1 -> fc2: as their names tell"],
    ),
    ((["q", "p"], [(4, 2), (2, 3)], 3, 4), {}, ["layers are read in the order p -> q: no other chains"]),
    ((["q", "p"], [(2, 3), (4, 2)], 3, 4), {"fixed": True}, []),
    ((["enc", "dec"], [(2, 3), (4, 2)], 3, 4), {}, ["layers are read in the order enc -> dec: as their names tell"]),
    (
        (["a", "b"], [(2, 3), (4, 2)], 3, 4),
        {"titles": ["enc", "dec"]},
        ["layers are read in the order a -> b: as their names tell"],
    ),
]


@pytest.mark.parametrize(("layers", "known", "notes"), NOTES)
def test_the_notes_say_how_layers_were_read_and_why(layers, known, notes):
    assert list(arrange(Links(*layers, **known)).notes) == notes


def refused(*layers, **known):
    with pytest.raises(InputError) as caught:
        arrange(Links(*layers, **known))
    return caught.value.what, caught.value.remedy


@pytest.mark.parametrize("count", [11, 12, 13, 14])
def test_a_message_shows_twelve_layers_and_how_many_there_are(count):
    names = [f"l{k}" for k in range(count)]
    shown = " -> ".join(names[:12]) + (f" -> ... ({count} in all)" if count > 12 else "")
    what, _ = refused(names, [(3, 3)] * count, 3, 3, named=False)
    assert f"(out, in) in the order {shown} and (in, out) in the order {shown}" in what


def test_matrices_that_do_not_chain_are_told_with_what_to_make_of_them():
    arrays = {"options": False, "named": False}
    what, remedy = refused(["W1", "W2"], [(3, 2), (2, 4)], 3, 4, asked="out-in", **arrays)
    assert "W1 3x2 -> W2 2x4" in what
    assert "vector" not in what
    assert "transpose each" in remedy
    what, remedy = refused(["W1", "W2"], [(3, 2), (3, 4)], 3, 4, biases=[2, None], **arrays)
    assert what.endswith("W1 3x2 -> W2 3x4, the vector of which has shape (2,)")
    assert "from first to last" in remedy
    what, _ = refused(["W1", "W2"], [(3, 2), (3, 4)], 3, 4, biases=[2, None])
    assert what.endswith("W1 3x2 -> W2 3x4")


@pytest.mark.parametrize("way", WAYS)
def test_half_an_autoencoder_is_told_with_the_width_it_leads_to(way):
    for shapes in ([(4, 6), (2, 4)], [(4, 2), (6, 4)]):
        given = shapes if way == "out-in" else [shape[::-1] for shape in shapes]
        what, _ = refused(["fc1", "fc2"], given, 6, 6, tells=[way])
        assert "fc1 -> fc2 chains between 6 and 2 only, and X and Y have 6 columns each" in what
    what, _ = refused(["fc1", "fc2"], [(4, 6), (2, 4)], 6, 5, tells=["out-in"])
    assert "do not chain from 6 inputs to 5 outputs" in what


def test_who_has_arrays_is_told_of_no_options():
    _, remedy = refused(["a", "b"], [(3, 3), (3, 3)], 3, 3, options=False, named=False)
    assert remedy == "give the matrices as a list, first layer first, each of shape (outputs, inputs), and biases=[...]"
