"""Targets of a classification loss: one-hot columns, shares, or one column of integer labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lossurf.errors import InputError
from lossurf.losses.functions import Loss
from lossurf.numerics import EPS, Matrix


@dataclass(frozen=True)
class Targets:
    """Y as the loss takes it, (m, dy), and the labels that its columns stand for, where a column was expanded."""

    Y: Matrix
    classes: tuple[int, ...] | None


def expand_labels(loss: Loss, Y: Matrix) -> Targets:
    """Validate targets for a loss, and turn a column of integer labels into what the loss takes.

    Parameters
    ----------
    loss : Loss
    Y : ndarray, shape (m, dy)

    Returns
    -------
    Targets
        For softmax, one column for each label that occurs, ascending; for logistic, two labels become 0 and 1.

    Raises
    ------
    InputError
        If the targets are no labels and no shares.
    """
    if loss.name == "softmax":
        return _softmax_targets(Y)
    if loss.name == "logistic":
        return _logistic_targets(Y)
    return Targets(Y, None)


def _softmax_targets(Y: Matrix) -> Targets:
    if Y.shape[1] == 1:
        labels = _integers(Y)
        if labels.size < 2:
            raise _no_labels("softmax needs at least two classes, and Y holds one label")
        return Targets(np.equal(Y, labels).astype(np.float64), tuple(int(label) for label in labels))
    if np.min(Y, initial=0.0) < 0.0:
        raise _no_labels("softmax targets are shares of classes, and Y holds a negative number")
    if np.min(np.sum(Y, axis=1), initial=1.0) <= 0.0:
        raise _no_labels("softmax targets are shares of classes, and a row of Y is all zero")
    return Targets(Y, None)


def _logistic_targets(Y: Matrix) -> Targets:
    inside = np.min(Y, initial=0.0) >= 0.0 and np.max(Y, initial=1.0) <= 1.0 + EPS
    if inside:
        return Targets(np.minimum(Y, 1.0), None)
    if Y.shape[1] == 1 and (labels := _integers(Y)).size == 2:
        return Targets(np.equal(Y, labels[1]).astype(np.float64), tuple(int(label) for label in labels))
    raise _no_labels("logistic targets lie between 0 and 1, or are one column of two labels, and Y is neither")


def _integers(Y: Matrix) -> Matrix:
    if not np.array_equal(Y, np.round(Y)):
        raise _no_labels("one column of targets holds integer labels, and Y holds fractions")
    return np.unique(Y)


def _no_labels(what: str) -> InputError:
    return InputError(what, where="Y", remedy="give integer labels in one column, or one column for each class")
