"""Networks as programs hold them. Independent channel: the library's own predictions on the same inputs."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lossurf
from lossurf.errors import InputError, OutputError, UsageError

RNG = np.random.default_rng(5)
X = RNG.standard_normal((60, 5)) * np.arange(1.0, 6.0) + 3.0
Y = X @ RNG.standard_normal((5, 3)) + RNG.standard_normal((60, 3))


def loss_of(predictions, targets=Y):
    return 0.5 * float(np.sum((np.asarray(predictions, dtype=float) - targets) ** 2))


@pytest.fixture(scope="module")
def data():
    return lossurf.Data(X, Y)


def estimators():
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.linear_model import LinearRegression, Ridge
    from sklearn.neural_network import MLPRegressor

    return [
        (LinearRegression(), "global-minimum"),
        (LinearRegression(fit_intercept=False), "global-minimum"),
        (Ridge(alpha=5.0), "not-critical"),
        (PLSRegression(n_components=2), "not-critical"),
        (PLSRegression(n_components=3, scale=False), "not-critical"),
        (MLPRegressor(hidden_layer_sizes=(4,), activation="identity", max_iter=20), "not-critical"),
    ]


@pytest.mark.parametrize(("estimator", "verdict"), estimators(), ids=str)
def test_an_estimator_has_the_loss_of_its_predictions(estimator, verdict, data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # twenty steps are no convergence
        estimator.fit(X, Y)
    result = lossurf.classify(estimator, data)
    assert result.loss == pytest.approx(loss_of(estimator.predict(X)), rel=1e-10)
    assert result.verdict == verdict


def test_one_output_is_a_vector_to_an_estimator():
    from sklearn.linear_model import LinearRegression

    assert lossurf.classify(LinearRegression().fit(X, Y[:, 0]), X, Y[:, 0]).verdict == "global-minimum"


@pytest.mark.parametrize("whiten", [False, True])
def test_principal_components_are_the_best_autoencoder_of_their_width(whiten):
    from sklearn.decomposition import PCA

    estimator = PCA(2, whiten=whiten).fit(X)
    result = lossurf.classify(estimator, X, X)
    assert result.loss == pytest.approx(loss_of(estimator.inverse_transform(estimator.transform(X)), X), rel=1e-10)
    assert (result.verdict, result.rank) == ("global-minimum", 2)


def test_a_truncated_svd_is_the_best_without_a_mean():
    from sklearn.decomposition import TruncatedSVD

    estimator = TruncatedSVD(2, algorithm="arpack").fit(X)
    result = lossurf.classify(estimator, X, X)
    assert result.loss == pytest.approx(loss_of(estimator.inverse_transform(estimator.transform(X)), X), rel=1e-10)
    assert (result.verdict, result.rank) == ("global-minimum", 2)


def test_what_is_not_linear_or_not_fitted_is_refused(data):
    from sklearn.linear_model import LinearRegression
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.neural_network import MLPRegressor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        relu = MLPRegressor(hidden_layer_sizes=(4,), max_iter=20).fit(X, Y)
    with pytest.raises(InputError, match=r"activation relu.*lossurf\.relu"):
        lossurf.classify(relu, data)
    assert lossurf.relu(relu, data).loss.actual == pytest.approx(loss_of(relu.predict(X)), rel=1e-10)
    with pytest.raises(InputError, match=r"not fitted.*fit\(X, Y\)"):
        lossurf.classify(LinearRegression(), data)
    with pytest.raises(InputError, match="another kind"):
        lossurf.classify(KNeighborsRegressor().fit(X, Y), data)


@pytest.mark.torch
def test_a_module_goes_in_and_a_lower_one_comes_out(data):
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential(torch.nn.Linear(5, 4, bias=False), torch.nn.Linear(4, 3, bias=False))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    assert lossurf.classify(network, data).verdict == "strict-saddle"
    found = lossurf.escape(network, data)
    assert {name: value.dtype for name, value in found.state_dict().items()} == {
        "0.weight": torch.float32,
        "1.weight": torch.float32,
    }
    network.load_state_dict(found.state_dict())
    with torch.no_grad():
        assert found.loss_after == pytest.approx(loss_of(network(torch.tensor(X, dtype=torch.float32))), rel=1e-5)
    assert lossurf.classify(network, torch.tensor(X), torch.tensor(Y)).loss == pytest.approx(found.loss_after)


@pytest.mark.torch
def test_half_precision_on_its_way_to_training_is_read_as_it_is(data):
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Dropout(), torch.nn.Linear(4, 3)).to(torch.bfloat16)
    result = lossurf.classify(network, data)
    assert {layer.dtype for layer in result.layers} == {"bfloat16"}


@pytest.mark.torch
@pytest.mark.parametrize("name", ["ReLU", "Tanh", "GELU"])
def test_an_activation_between_layers_is_refused(name, data):
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential(torch.nn.Linear(5, 4), getattr(torch.nn, name)(), torch.nn.Linear(4, 3))
    with pytest.raises(InputError, match=f"has the activation {name}"):
        lossurf.classify(network, data)
    if name == "ReLU":
        with torch.no_grad():
            expected = loss_of(network.double()(torch.tensor(X)))
        assert lossurf.relu(network, data).loss.actual == pytest.approx(expected, rel=1e-10)
    else:
        with pytest.raises(InputError, match="no other network"):
            lossurf.relu(network, data)


@pytest.mark.torch
def test_batches_of_a_loader_are_the_whole(data):
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, TensorDataset

    loader = DataLoader(TensorDataset(torch.tensor(X), torch.tensor(Y)), batch_size=7)
    reduced = lossurf.reduce(loader)
    np.testing.assert_allclose(lossurf.check(reduced).loss_by_rank, lossurf.check(data).loss_by_rank, rtol=1e-12)


class Dense:
    """Stands in for a layer of a library that need not be installed: known by the module of its class."""

    def __init__(self, name, kernel, bias, activation="linear"):
        self.name, self._weights = name, [kernel, bias]
        self.activation = type("f", (), {"__name__": activation})()

    def get_weights(self):
        return self._weights


Dense.__module__ = "keras.src.layers"


def keras_model(*layers):
    model = type("Sequential", (), {"__module__": "keras.src.models"})()
    model.layers = layers
    return model


def test_dense_layers_are_stored_inputs_first(data):
    kernels, biases = (RNG.standard_normal((5, 4)), RNG.standard_normal((4, 3))), (RNG.standard_normal(4), np.ones(3))
    layers = [Dense(f"dense_{k}", *arrays) for k, arrays in enumerate(zip(kernels, biases, strict=True))]
    result = lossurf.classify(keras_model(*layers), data)
    assert result.loss == pytest.approx(loss_of((X @ kernels[0] + biases[0]) @ kernels[1] + biases[1]), rel=1e-10)
    tanh = Dense("dense_1", kernels[0], biases[0], "tanh")
    with pytest.raises(InputError, match="'dense_1' has the activation tanh"):
        lossurf.classify(keras_model(tanh, layers[1]), data)


# --- data ----------------------------------------------------------------------------------------------------------


def test_data_are_read_once(monkeypatch):
    from lossurf import adjustments as module

    calls = []
    monkeypatch.setattr(module, "reduce_data", lambda *a, **k: calls.append(1) or reduce_data(*a, **k))
    from lossurf.reduction.data import reduce_data

    once = lossurf.Data(X, Y)
    lossurf.check(once)
    lossurf.check(once, widths=[5, 2, 3], bias=True)
    lossurf.classify([np.zeros((2, 5)), np.zeros((3, 2))], once)
    assert calls == [1]


def test_data_and_targets_are_given_once(data):
    with pytest.raises(UsageError, match="Y is given beside data"):
        lossurf.check(data, Y)
    with pytest.raises(UsageError, match="without Y"):
        lossurf.check(X)


def test_files_are_read_by_the_options_of_the_shell(tmp_path):
    np.savez(tmp_path / "data.npz", X=X, Y=Y)
    read = lossurf.read(tmp_path / "data.npz", standardize=True)
    deviations = (X - X.mean(axis=0)) / X.std(axis=0)
    assert lossurf.check(read).optimal_loss == pytest.approx(lossurf.check(deviations, Y).optimal_loss)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_keep_the_names_of_their_columns(library):
    frames = pytest.importorskip(library)
    names = [f"x{k}" for k in range(5)]
    data = lossurf.Data(frames.DataFrame(dict(zip(names, X.T, strict=True))), Y)
    assert data.dataset.x_names == tuple(names)


@pytest.mark.parametrize("batches", [[], [X], [(X, Y, Y)], [{"x": X}]])
def test_what_is_no_batch_is_refused(batches):
    with pytest.raises(InputError, match="batch"):
        lossurf.reduce(batches)


# --- results -------------------------------------------------------------------------------------------------------


def test_a_result_shows_itself_and_is_the_document(data):
    result = lossurf.classify([np.zeros((2, 5)), np.zeros((3, 2))], data)
    assert "strict-saddle" in str(result)
    assert result.to_dict()["results"][0]["verdict"] == "strict-saddle"
    assert result.report("json").startswith('{\n  "format_version"')
    assert "<pre" in result._repr_html_()
    assert "<script" not in lossurf.check(X, Y)._repr_html_()
    with pytest.raises(UsageError, match="'xml' is not a format"):
        result.report("xml")


@pytest.mark.parametrize("ending", ["npz", "pt", "safetensors"])
def test_what_is_written_is_read_again(ending, data, tmp_path):
    if ending == "pt":
        pytest.importorskip("torch")
    made = lossurf.construct(data, widths=[5, 2, 3], kind="strict-saddle", dtype="float32")
    made.save(tmp_path / f"point.{ending}")
    again = lossurf.classify(tmp_path / f"point.{ending}", data)
    assert (again.verdict, again.loss) == ("strict-saddle", made.loss)


def test_a_format_that_is_not_written_is_refused(data, tmp_path):
    made = lossurf.construct(data, widths=[5, 2, 3], kind="global-minimum")
    with pytest.raises(UsageError, match=r"\.npz"):
        made.save(tmp_path / "point.txt")
    with pytest.raises(OutputError):
        made.save(tmp_path / "missing" / "point.npz")


def test_layers_and_orientation_are_chosen_as_in_the_shell(data):
    state = {"first": RNG.standard_normal((3, 5)), "second": RNG.standard_normal((3, 3)), "other": np.zeros((9, 9))}
    expected = loss_of(X @ state["first"].T @ state["second"].T)
    assert lossurf.classify(state, data, layers=["first", "second"]).loss == pytest.approx(expected)
    kernels = [state["first"].T, state["second"].T]
    assert lossurf.classify(kernels, data, orientation="in-out").loss == pytest.approx(expected)


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["InputError", "LossurfError", "MissingExtraError", "OutputError", "UsageError"])
def test_errors_are_the_packages_own(kind):
    assert getattr(lossurf, kind) is getattr(lossurf.errors, kind)


def test_a_generator_of_parameters_is_a_network_and_what_is_none_is_named(data):
    first, second = RNG.standard_normal((3, 5)), RNG.standard_normal((3, 3))
    given = lossurf.classify((W for W in (first, second)), data)
    assert given.loss == lossurf.classify([first, second], data).loss
    for other in (3, None, b"weights", object()):
        with pytest.raises(InputError, match=f"a {type(other).__name__} is no network.*state dict"):
            lossurf.classify(other, data)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda data: lossurf.check(data, delta=1.0), "no delta (delta=); leave it out, or add loss='huber'"),
        (lambda data: lossurf.construct(data, widths=[5, 2, 3], kind="bad-saddle", dtype="int8"), "(dtype=)"),
        (lambda _: lossurf.check(X.T, Y.T), "samples='columns'"),
        (lambda _: lossurf.read("missing", max_memory="much"), "(max_memory=)"),
    ],
)
def test_errors_speak_python(ask, said, data):
    with pytest.raises((InputError, UsageError)) as caught:
        ask(data)
    assert said in str(caught.value)
    assert "--" not in str(caught.value)
