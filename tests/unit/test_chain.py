"""Order and orientation of layers from shapes and names alone.

Independent channel: shapes small enough that every way of chaining them can be counted by hand.
"""

from __future__ import annotations

from itertools import permutations

import pytest

from lossurf.errors import InputError
from lossurf.inputs.checkpoints import chain
from lossurf.inputs.checkpoints.chain import Links, arrange, chains
from lossurf.inputs.checkpoints.sequence import by_words, gaps, in_sequence, is_encoder, told_before, width_told


def order_of(names, shapes, dx, dy, **options):
    return arrange(Links(names, shapes, dx, dy, **options)).order


def refusal(names, shapes, dx, dy, **options):
    with pytest.raises(InputError) as caught:
        arrange(Links(names, shapes, dx, dy, **options))
    return str(caught.value) + " " + str(caught.value.remedy)


OUT_IN = {"tells": ("out-in",)}


def test_shapes_chain_from_inputs_to_outputs_and_end_there():
    assert chains([(3, 5), (2, 3)], 5, 2)
    assert not chains([(3, 5), (2, 3)], 5, 3)
    assert not chains([(3, 5), (2, 3)], 4, 2)
    assert not chains([(3, 5), (2, 4)], 5, 2)


def test_the_one_order_that_chains_is_found_whatever_the_names_are():
    shapes = {"p": (4, 5), "q": (3, 4), "r": (2, 3)}
    for names in permutations(shapes):
        found = order_of(names, [shapes[name] for name in names], 5, 2, **OUT_IN)
        assert [names[i] for i in found] == ["p", "q", "r"]


def test_an_order_that_ends_elsewhere_is_none():
    assert "do not chain from 5 inputs to 3 outputs" in refusal(["p", "q"], [(4, 5), (2, 4)], 5, 3, **OUT_IN)
    assert "do not chain from 5 inputs to 3 outputs" in refusal(["q", "p"], [(2, 4), (4, 5)], 5, 3, **OUT_IN)


def test_two_orders_that_chain_are_told_apart_by_the_user():
    # p and q are both 3x3: either may come first
    message = refusal(["p", "q", "r"], [(3, 3), (3, 3), (2, 3)], 3, 2, **OUT_IN)
    assert "--layers p,q,r" in message
    assert "--layers q,p,r" in message


def test_every_layer_is_used_once():
    # twice p would chain from 3 to 3, but q has no place
    assert "do not chain from 3 inputs to 3 outputs" in refusal(["p", "q"], [(3, 3), (4, 4)], 3, 3, **OUT_IN)
    assert order_of(["p", "q", "r"], [(2, 3), (3, 3), (3, 2)], 2, 2, **OUT_IN) == (2, 1, 0)


def test_a_search_that_is_cut_off_does_not_take_its_find_for_the_only_one(monkeypatch):
    shapes = [(3, 3)] * 2 + [(2, 3)]
    monkeypatch.setattr(chain, "_MOST_STEPS", 3)  # enough for one order and no more
    assert "more than one way" in refusal(["p", "q", "r"], shapes, 3, 2, **OUT_IN)


def test_names_that_tell_both_orientations_are_refused():
    message = refusal(["1.kernel", "2.weight"], [(3, 3), (3, 3)], 3, 3, tells=("in-out", "out-in"))
    assert "the names tell two orientations" in message
    asked = arrange(Links(["1.k", "2.w"], [(3, 3), (3, 3)], 3, 3, tells=("in-out", "out-in"), asked="out-in"))
    assert asked.orientation == "out-in"


def test_a_bias_as_long_as_its_outputs_decides():
    # p before q as (out, in), q before p as (in, out): both chain from 4 over 2 to 4
    names, shapes = ["p", "q"], [(2, 4), (4, 2)]
    for biases, expected in (((2, 4), ((0, 1), "out-in")), ((4, 2), ((1, 0), "in-out"))):
        found = arrange(Links(names, shapes, 4, 4, biases=biases))
        assert (found.order, found.orientation) == expected
    for biases in ((), (None, None), (3, 3)):  # of which nothing tells, or all is wrong
        assert "more than one way" in refusal(names, shapes, 4, 4, biases=biases)


def test_w1_to_wn_are_in_the_field_s_notation_and_nothing_else_is():
    found = arrange(Links(["W1", "W2"], [(3, 3), (3, 3)], 3, 3))
    assert (found.order, found.orientation) == ((0, 1), "out-in")
    assert "--orientation in-out" in found.notes[0]
    assert "say which" in refusal(["a1", "a2"], [(3, 3), (3, 3)], 3, 3)
    assert "say which" in refusal(["W1", "W01"], [(3, 3), (3, 3)], 3, 3)  # one number twice is no order


def test_what_is_called_down_narrows_and_comes_first():
    # square both ways round, but for the names: (2, 4) narrows as (out, in) and (4, 2) widens
    for names, shapes, orientation in (
        (("down", "up"), [(2, 4), (4, 2)], "out-in"),
        (("down", "up"), [(4, 2), (2, 4)], "in-out"),
    ):
        found = arrange(Links(names, shapes, 4, 4))
        assert ([names[i] for i in found.order], found.orientation) == (["down", "up"], orientation)
    middle = arrange(Links(["down", "mid", "up"], [(2, 4), (2, 2), (4, 2)], 4, 4))
    assert (middle.order, middle.orientation) == ((0, 1, 2), "out-in")
    # the last could come first as well, where nothing narrows either
    square = arrange(Links(["down", "up", "expand"], [(2, 4), (4, 2), (4, 4)], 4, 4))
    assert (square.order, square.orientation) == ((0, 1, 2), "out-in")
    # up to 8 and down again is no adapter, and tells nothing
    assert "more than one way" in refusal(["down", "up"], [(4, 8), (8, 4)], 4, 4)
    # where the orientation is known the words decide no order
    assert "more than one way" in refusal(["up", "down"], [(4, 4), (4, 4)], 4, 4, **OUT_IN)
    assert [width_told(name) for name in ("down", "compress.weight", "up", "fc1")] == [-1, -1, 1, 0]


def test_an_encoder_that_narrows_to_nothing_is_asked_for_its_decoder():
    names = ["encoder.0.weight", "encoder.1.weight"]
    assert "is an encoder without a decoder" in refusal(names, [(6, 6), (6, 6)], 6, 6, **OUT_IN)
    assert order_of(names, [(5, 6), (6, 5)], 6, 6, **OUT_IN) == (0, 1)
    assert order_of([*names, "encoder.2.weight"], [(6, 6), (5, 6), (6, 5)], 6, 6, **OUT_IN) == (0, 1, 2)
    assert order_of(names, [(6, 6), (6, 6)], 6, 6, fixed=True, **OUT_IN) == (0, 1)
    assert is_encoder(names[0])
    assert not is_encoder("decoder.0.weight")
    assert not is_encoder("encounter.0.weight")


def test_half_an_autoencoder_is_named_and_what_begins_and_ends_elsewhere_is_not():
    for shape in ((2, 6), (6, 2)):
        assert "fc chains between 6 and 2 only" in refusal(["fc"], [shape], 6, 6, **OUT_IN)
    for shapes in ([(5, 5)], [(6, 6), (5, 5)], [(2, 6), (3, 4)]):
        names = [f"{k}.weight" for k in range(len(shapes))]
        assert "do not chain from 6 inputs to 6 outputs" in refusal(names, shapes, 6, 6, **OUT_IN)


def test_layers_that_chain_against_their_numbers_are_no_half():
    message = refusal(["2.weight", "1.weight"], [(4, 6), (6, 4)], 6, 6, **OUT_IN)
    assert "this order chains: --layers 2.weight,1.weight" in message


def test_x_and_y_exchanged_is_said():
    assert "exchange X and Y" in refusal(["1.weight", "2.weight"], [(3, 2), (5, 3)], 5, 2, **OUT_IN)
    assert "exchange" not in refusal(["1.weight", "2.weight"], [(3, 2), (7, 3)], 5, 2, **OUT_IN)


@pytest.mark.parametrize(
    "names",
    [
        ["fc2", "fc10", "fc100"],
        ["layer.02.weight", "layer.3.weight", "layer.010.weight"],
        ["first", "second", "third"],
        ["layer_one", "layer_two", "layer_ten"],
        ["enc2", "enc10", "dec1"],
        ["input.weight", "fc1.weight", "head.weight"],
        ["Wenc", "Wdec"],
        ["wenc", "wdec"],
        ["W_in", "W_hidden", "W_out"],
        ["lora_A", "lora_B"],
    ],
)
def test_names_tell_an_order(names):
    for given in permutations(names):
        assert [given[i] for i in in_sequence(given)] == names
    told = [(a, b) for a in names for b in names if told_before(a, b)]
    assert all(names.index(a) < names.index(b) for a, b in told)
    assert (names[0], names[-1]) in told


@pytest.mark.parametrize(
    ("one", "other", "options"),
    [
        ("a", "b", {}),  # letters alone are no order
        ("down", "up", {}),  # but of an adapter's
        ("dec1", "dec2", {}),  # which may mirror enc1 and enc2
        ("dec.linear1", "dec.linear2", {}),
        ("dense_1", "dense_2", {"counted": False}),  # numbers that a library counts
        ("fc1", "conv2", {}),
    ],
)
def test_names_that_tell_no_order(one, other, options):
    assert not told_before(one, other, **options)
    assert not told_before(other, one, **options)


def test_numbers_tell_an_order_where_they_are_the_user_s():
    assert told_before("dense_1", "dense_2")
    assert told_before("hidden_1", "hidden_2", counted=False)
    assert told_before("dec.0.weight", "dec.2.weight")  # places in a Sequential


def test_words_are_what_is_beyond_numbers():
    assert by_words(["enc1", "dec2"])
    assert not by_words(["fc1", "fc2"])
    assert not by_words([])


def test_a_module_without_arrays_between_two_is_a_gap():
    layers = ["net.0.weight", "net.2.weight"]
    assert gaps(layers, layers) == [("net.0.weight", "net.2.weight")]
    assert gaps(layers, [*layers, "net.1.bias"]) == []
    assert gaps(["net.0.weight", "net.1.weight"], layers) == []
    assert gaps(["net.0.weight", "other.2.weight"], layers) == []
    assert gaps(["0.weight", "3.weight"], ["0.weight", "3.weight", "2.running_mean"]) == []


def test_a_search_among_very_many_alike_layers_that_lead_nowhere_ends():
    # thirteen of them have six thousand million orders
    names = list("abcdefghijklm")
    assert "do not chain from 3 inputs to 4 outputs" in refusal(names, [(3, 3)] * 13, 3, 4, **OUT_IN)
