"""Trusted channel: cases worked out by hand."""

import numpy as np
import pytest

from lossurf.errors import InputError
from lossurf.losses.functions import make_loss
from lossurf.losses.labels import expand_labels


def column(*values):
    return np.array(values, dtype=float)[:, None]


def test_softmax_labels_become_one_column_each_in_ascending_order():
    targets = expand_labels(make_loss("softmax"), column(3, 1, 7, 1))
    assert targets.classes == (1, 3, 7)
    assert targets.Y.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0]]


def test_logistic_takes_two_labels_or_shares():
    assert expand_labels(make_loss("logistic"), column(-1, 1, -1)).Y.tolist() == [[0], [1], [0]]
    assert expand_labels(make_loss("logistic"), column(-1, 1)).classes == (-1, 1)
    shares = np.array([[0.25, 1.0], [0.0, 0.5]])
    assert expand_labels(make_loss("logistic"), shares).Y.tolist() == shares.tolist()


def test_other_losses_take_any_numbers():
    assert expand_labels(make_loss("huber"), column(-2.5, 7)).Y.tolist() == [[-2.5], [7.0]]


@pytest.mark.parametrize(
    ("name", "Y", "message"),
    [
        ("softmax", column(0, 0), "two classes"),
        ("softmax", column(0.5, 1), "fractions"),
        ("softmax", np.array([[1.0, -1.0]]), "negative"),
        ("softmax", np.zeros((2, 3)), "all zero"),
        ("logistic", column(1, 2, 3), "neither"),
        ("logistic", np.array([[0.0, 2.0]]), "neither"),
    ],
)
def test_what_is_no_label_is_refused(name, Y, message):
    with pytest.raises(InputError, match=message):
        expand_labels(make_loss(name), Y)
