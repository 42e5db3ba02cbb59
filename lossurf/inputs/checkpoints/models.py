"""Networks as programs hold them: PyTorch modules, Keras models, Flax states, fitted estimators of scikit-learn.

Nothing is imported: an object is known by the module that its class comes from, so that no library has to be there.
What lies between the layers is looked at where the object tells it: a network that surely is not linear is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lossurf.decompositions import svd
from lossurf.inputs.faults import fault

_RELU: Final = {"relu", "ReLU"}
_KERAS_PLAIN: Final = {"InputLayer", "Dropout", "Flatten", "Reshape", "Dense"}


@dataclass(frozen=True)
class Model:
    """The arrays of a network.

    Attributes
    ----------
    arrays : mapping or None
        A state dict, nested or flat, whose names tell what its arrays are.
    weights, biases : list or None
        Matrices (outputs, inputs) first layer first, and their biases, where the object tells both.
    """

    arrays: Mapping[str, Any] | None = None
    weights: Sequence[Any] = ()
    biases: Sequence[Any] = ()


def model_of(source: object, *, linear: bool) -> Model | None:
    """Return the arrays of a model; None for what is none, such as a list of arrays.

    Parameters
    ----------
    source : object
    linear : bool
        Whether the identity must lie between the layers; a ReLU otherwise.

    Raises
    ------
    InputError
        If something else surely lies there, or an estimator is not fitted or no linear network.
    """
    for library, read in _READERS.items():
        if _comes_from(source, library):
            return read(source, linear)
    return None


def _comes_from(source: object, library: str) -> bool:
    """Whether a class of the object, or one it derives from, is of a library that holds networks in objects."""
    if isinstance(source, list | tuple | dict | np.ndarray):
        return False
    return any(kind.__module__.split(".")[0] == library for kind in type(source).__mro__)


def _torch(source: Any, linear: bool) -> Model | None:
    if not callable(getattr(source, "state_dict", None)):
        return None  # a tensor
    for name, module in source.named_modules():
        home, kind = type(module).__module__, type(module).__name__
        if home == "torch.nn.modules.activation" and not (kind in _RELU and not linear):
            raise _nonlinear(name or kind, kind, linear)
    return Model(arrays=source.state_dict())


def _keras(source: Any, linear: bool) -> Model | None:
    if not hasattr(source, "layers"):
        return None
    weights, biases = [], []
    for layer in source.layers:
        kind = type(layer).__name__
        activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
        if activation != "linear" and not (activation in _RELU and not linear):
            raise _nonlinear(layer.name, activation, linear)
        if kind == "Dense":
            kernel, *bias = layer.get_weights()
            weights.append(kernel.T)
            biases.append(bias[0] if bias else None)
        elif kind in _RELU and not linear:
            continue
        elif kind not in _KERAS_PLAIN:
            raise fault(
                "not-linear", name=layer.name, kind=f"is a {kind}", remedy="give the matrices of its dense layers"
            )
    return Model(weights=weights, biases=biases)


def _flax(source: Any, linear: bool) -> Model | None:  # noqa: ARG001 - nothing tells what lies between the layers
    state: Any = source
    if not isinstance(source, Mapping):  # an nnx module: its parameters are its attributes
        try:
            from flax import nnx  # it is there: the object comes from it
        except ImportError:
            return None
        state = nnx.to_pure_dict(nnx.state(source, nnx.Param))
    return Model(arrays=_unwrapped(state))


def _unwrapped(state: Any) -> Any:
    """Return nested mappings with the values of variables in the place of the variables."""
    if isinstance(state, Mapping):
        return {str(key): _unwrapped(value) for key, value in state.items()}
    return getattr(state, "value", state)


def _sklearn(source: Any, linear: bool) -> Model:
    kind = type(source).__name__
    for name, read in _ESTIMATORS.items():
        if any(base.__name__ == name for base in type(source).__mro__):
            weights, biases = zip(*read(source, linear), strict=True)
            return Model(weights=weights, biases=biases)
    known = ", ".join(_ESTIMATORS)
    raise fault("not-linear", name=kind, kind="is an estimator of another kind", remedy=f"give one of {known}")


Pairs = Iterator[tuple[Any, Any]]


def _regression(source: Any, linear: bool) -> Pairs:  # noqa: ARG001 - one layer has nothing beside it
    """LinearRegression, Ridge: y = coef_ x + intercept_."""
    coefficients = np.atleast_2d(_fitted(source, "coef_"))
    intercept = np.atleast_1d(source.intercept_)
    yield coefficients, np.broadcast_to(intercept, coefficients.shape[:1]) if source.fit_intercept else None


def _pca(source: Any, linear: bool) -> Pairs:  # noqa: ARG001 - it is linear
    """PCA: the autoencoder x -> C^T C (x - mean) + mean, whitened in between where it was asked for."""
    components = _fitted(source, "components_")
    scale = np.sqrt(source.explained_variance_)[:, None] if source.whiten else 1.0
    encoder = components / scale
    yield encoder, -encoder @ source.mean_
    yield (components * scale).T, source.mean_


def _truncated(source: Any, linear: bool) -> Pairs:  # noqa: ARG001 - it is linear
    """TruncatedSVD: the autoencoder x -> C^T C x."""
    components = _fitted(source, "components_")
    yield components, None
    yield components.T, None


def _partial_least_squares(source: Any, linear: bool) -> Pairs:  # noqa: ARG001 - it is linear
    """PLSRegression: its predictions, an affine map of rank n_components, as two balanced layers."""
    coefficients = np.atleast_2d(_fitted(source, "coef_"))
    u, s, vt = svd(coefficients, full_matrices=False)
    rank, root = source.n_components, np.sqrt(s)
    yield root[:rank, None] * vt[:rank], None
    yield u[:, :rank] * root[:rank], np.ravel(source.predict(np.zeros((1, coefficients.shape[1]))))


def _perceptron(source: Any, linear: bool) -> Pairs:
    """MLPRegressor: coefs_ are (inputs, outputs)."""
    activation = source.activation
    if activation != "identity" and not (activation == "relu" and not linear):
        raise _nonlinear(type(source).__name__, activation, linear)
    for weight, bias in zip(_fitted(source, "coefs_"), source.intercepts_, strict=True):
        yield weight.T, bias


def _fitted(source: Any, attribute: str) -> Any:
    found = getattr(source, attribute, None)
    if found is None:
        name = type(source).__name__
        raise fault("not-linear", name=name, kind="is not fitted", remedy="call its fit(X, Y) first")
    return found


def _nonlinear(name: str, activation: str, linear: bool) -> Exception:
    remedy = "lossurf.relu measures ReLU networks" if linear and activation in _RELU else "no other network is judged"
    return fault("not-linear", name=name, kind=f"has the activation {activation}", remedy=remedy)


_ESTIMATORS: Final[dict[str, Callable[[Any, bool], Pairs]]] = {
    "LinearRegression": _regression,
    "Ridge": _regression,
    "PCA": _pca,
    "TruncatedSVD": _truncated,
    "PLSRegression": _partial_least_squares,
    "MLPRegressor": _perceptron,
}
_READERS: Final[dict[str, Callable[[Any, bool], Model | None]]] = {
    "keras": _keras,  # before torch, whose classes its models may derive from
    "torch": _torch,
    "flax": _flax,
    "sklearn": _sklearn,
}
