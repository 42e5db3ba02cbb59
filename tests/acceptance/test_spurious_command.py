"""`lossurf spurious` as a process.

Trusted channels: the losses and drops measured with scikit-learn's datasets, Fractions in another implementation,
and PyTorch's own forward and backward passes.
"""

import json
from fractions import Fraction

import numpy as np
import pytest
import readme
from process import ROOT, python
from sklearn import datasets

from lossurf.nonlinear.spurious.activations import COUNTEREXAMPLES, PIECEWISE_LINEAR
from lossurf.words import PIECEWISE_LINEAR_NAMES, ActivationName

SAMPLES = ROOT / "sample_data"


def stored(tmp_path, name):
    """A scikit-learn dataset with one target as the .npz that a user would save."""
    X, Y = getattr(datasets, f"load_{name}")(return_X_y=True)
    np.savez(tmp_path / f"{name}.npz", X=X, Y=Y if Y.ndim == 1 else Y[:, 0])
    return X, Y.reshape(len(X), -1)[:, :1].astype(float)


def exact_loss(path, X, Y):
    """ReLU, one output, every number a Fraction."""
    arrays = np.load(path)
    W1, b1, W2, b2 = (arrays[name] for name in ("0.weight", "0.bias", "2.weight", "2.bias"))
    total = Fraction(0)
    for x, y in zip(X.tolist(), Y[:, 0].tolist(), strict=True):
        f = Fraction(float(b2[0]))
        for w, b, out in zip(W1.tolist(), b1.tolist(), W2[0].tolist(), strict=True):
            z = Fraction(b) + sum(Fraction(p) * Fraction(q) for p, q in zip(w, x, strict=True) if p and q)
            f += Fraction(out) * max(z, Fraction(0))
        total += (f - Fraction(y)) ** 2
    return total / 2


@pytest.mark.parametrize(
    ("name", "loss", "percent"),
    [("diabetes", "631993", "6.3"), ("linnerud", "4239.8", "62"), ("iris", "3.480", "21"), ("digits", "2961.1", "22")],
)
def test_real_data_reproduce_the_measured_values(lossurf, tmp_path, name, loss, percent):
    stored(tmp_path, name)
    done = lossurf("spurious", f"{name}.npz", "-f", "json")
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (document["verdict"], document["hidden_width"], document["activation"]["slopes"]) == ("spurious", 2, [1, 0])
    assert f"{document['loss']:.{len(loss.partition('.')[2])}f}" == loss
    assert f"{100 * document['relative_drop']:.{len(percent.partition('.')[2])}f}" == percent
    assert document["radius"] > 0.0


def test_written_files_are_exactly_what_the_report_says(lossurf, tmp_path):
    X, Y = stored(tmp_path, "linnerud")
    done = lossurf("spurious", "linnerud.npz", "-o", "low.npz", "--better", "lower.npz", "-f", "json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["minimum_file"], document["better_file"]) == (0, "low.npz", "lower.npz")
    arrays = np.load(tmp_path / "low.npz")
    assert {name: (arrays[name].shape, arrays[name].dtype.name) for name in arrays} == {
        "0.weight": ((2, 3), "float64"),
        "0.bias": ((2,), "float64"),
        "2.weight": ((1, 2), "float64"),
        "2.bias": ((1,), "float64"),
    }
    high, low = exact_loss(tmp_path / "low.npz", X, Y), exact_loss(tmp_path / "lower.npz", X, Y)
    assert low < high
    assert (float(high), float(low), float(high - low)) == (
        document["loss"],
        document["better_loss"],
        document["drop"],
    )


def test_the_report_says_it_in_words(lossurf, tmp_path):
    stored(tmp_path, "linnerud")
    done = lossurf("spurious", "linnerud.npz", "--slopes", "1,0.1", "--hidden-width", "5", "-o", "low.npz")
    assert (done.returncode, done.stderr) == (0, "")
    for part in (
        "spurious local minimum",
        "5 hidden units, piecewise-linear (slopes 1 and 0.1)",
        "Certified radius",
        "Minimum written low.npz",
        "as an exact rational",
        "lossurf explain yun-2019-1",
    ):
        assert part in " ".join(done.stdout.split()), part
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_the_same_seed_gives_the_same_bytes(lossurf, tmp_path):
    stored(tmp_path, "iris")
    outputs = []
    for name in ("p1", "p2"):
        done = lossurf("spurious", "iris.npz", "--seed", "3", "--better", f"{name}.npz", "-f", "json")
        outputs.append((done.stdout.replace(name, ""), (tmp_path / f"{name}.npz").read_bytes()))
    assert outputs[0] == outputs[1]


def test_data_that_a_line_fits_leave_nothing_better_to_write(lossurf, tmp_path):
    np.savez(tmp_path / "line.npz", X=np.arange(5.0)[:, None], Y=2.0 * np.arange(5.0) + 1.0)
    done = lossurf("spurious", "line.npz", "--better", "better.npz")
    assert done.returncode == 1
    assert "no spurious minimum" in done.stdout
    assert not (tmp_path / "better.npz").exists()
    assert lossurf("spurious", "line.npz").returncode == 0


def test_repeated_inputs_can_make_least_squares_the_best_there_is(lossurf, tmp_path):
    np.savez(tmp_path / "pairs.npz", X=[[0], [0], [1], [1]], Y=[1.0, -1.0, 3.0, 0.0])
    document = json.loads(lossurf("spurious", "pairs.npz", "-f", "json").stdout)
    assert (document["verdict"], document["groups"], document["better_loss"]) == ("not-spurious", 2, None)


@pytest.mark.parametrize("name", sorted(COUNTEREXAMPLES))
def test_counterexample_is_shown_and_written(lossurf, tmp_path, name):
    files = ("-o", "low.npz", "--better", "zero.npz", "--dataset", "data.npz")
    done = lossurf("spurious", "--counterexample", name, *files, "-f", "json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["verdict"], document["activation"]["name"]) == (0, "spurious", name)
    data, h = np.load(tmp_path / "data.npz"), COUNTEREXAMPLES[name]
    assert data["X"].tolist() == document["counterexample"]["X"]
    for file, wanted in (("low.npz", 1.0 / 3.0), ("zero.npz", 0.0)):
        net = np.load(tmp_path / file)
        f = h(data["X"] @ net["0.weight"].T + net["0.bias"]) @ net["2.weight"].T + net["2.bias"]
        assert 0.5 * np.sum((f - data["Y"]) ** 2) == pytest.approx(wanted, abs=1e-14)


def test_the_counterexample_in_words(lossurf):
    done = lossurf("spurious", "--counterexample", "gelu", "--hidden-width", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert "convex from -1.41421 up to 1.41421" in " ".join(done.stdout.split())
    assert "lossurf explain yun-2019-2" in done.stdout


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (("--slopes", "1,1", SAMPLES / "linnerud"), "slopes (1, 1) do not make a ReLU-like activation"),
        (("--slopes", "steep", SAMPLES / "linnerud"), "'steep' is not a pair of slopes"),
        (("--slopes", "1,0", "--activation", "relu", SAMPLES / "linnerud"), "--activation and --slopes"),
        (("--activation", "relus", SAMPLES / "linnerud"), "did you mean 'relu'?"),
        (("--counterexample", "tanh", SAMPLES / "linnerud"), "brings its own activation and data"),
        (("--dataset", "x.npz", SAMPLES / "linnerud"), "--dataset writes the data of --counterexample"),
        (("-o", "a.npz", "--better", "a.npz", SAMPLES / "linnerud"), "two files to write have the same name"),
        (("--hidden-width", "0", SAMPLES / "linnerud"), "0 is not in the range x>=1"),
        (("-o", "missing/a.npz", SAMPLES / "linnerud"), "make the directory"),
        (("--max-memory", "1k", SAMPLES / "linnerud"), "memory"),
        (("nowhere",), "nowhere"),
    ],
)
def test_requests_that_cannot_be_met_are_usage_errors(lossurf, tmp_path, args, part):
    done = lossurf("spurious", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert part in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    assert list(tmp_path.iterdir()) == []


def test_the_options_know_what_the_library_knows():
    assert set(PIECEWISE_LINEAR_NAMES) == set(PIECEWISE_LINEAR)
    assert set(ActivationName) == set(COUNTEREXAMPLES)


@pytest.mark.torch
@pytest.mark.parametrize("name", ["linnerud", "iris", "diabetes"])
def test_torch_finds_no_way_down_and_agrees_on_the_losses(lossurf, tmp_path, name):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # threads cost more than they bring on so little
    X, Y = (torch.from_numpy(array.astype(float)) for array in stored(tmp_path, name))
    done = lossurf("spurious", f"{name}.npz", "-o", "low.npz", "--better", "lower.npz", "-f", "json")
    document = json.loads(done.stdout)

    def loaded(file):
        network = torch.nn.Sequential(torch.nn.Linear(X.shape[1], 2), torch.nn.ReLU(), torch.nn.Linear(2, 1)).double()
        network.load_state_dict({key: torch.from_numpy(value) for key, value in np.load(tmp_path / file).items()})
        return network

    def loss_of(network):
        return 0.5 * torch.sum((network(X) - Y) ** 2)

    better, network = loaded("lower.npz"), loaded("low.npz")
    assert loss_of(better).item() == pytest.approx(document["better_loss"], rel=1e-10)
    loss = loss_of(network)
    assert loss.item() == pytest.approx(document["loss"], rel=1e-12)
    loss.backward()
    hidden = torch.relu(network[0](X)).detach()
    residual = (network(X) - Y).abs().detach()
    for parameter, size in (  # what the terms of each gradient add up to before they cancel
        (network[2].weight, residual.T @ hidden),
        (network[2].bias, residual.sum()),
        (network[0].weight, network[2].weight.abs().T @ (residual.T @ X.abs())),
        (network[0].bias, network[2].weight.abs().sum() * residual.sum()),
    ):
        assert torch.all(parameter.grad.abs() <= 1e-12 * size + 1e-300)
    start = torch.cat([p.detach().flatten().clone() for p in network.parameters()])
    curvature = (hidden**2).sum() + X.shape[0] + (network[2].weight ** 2).sum() * ((X**2).sum() + X.shape[0])
    optimiser = torch.optim.SGD(network.parameters(), lr=1.0 / curvature.item())
    for _ in range(2000):
        optimiser.zero_grad()
        loss_of(network).backward()
        optimiser.step()
    moved = torch.cat([p.detach().flatten() for p in network.parameters()]) - start
    assert moved.norm().item() <= 1e-6 * document["radius"]
    assert loss_of(network).item() == pytest.approx(document["loss"], rel=1e-12)


@pytest.mark.torch
def test_the_readme_s_snippet_loads_both_points_in_torch(lossurf, tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "sample_data").symlink_to(SAMPLES)
    done = lossurf(
        "spurious", "sample_data/diabetes", "-o", "minimum.npz", "--better", "better.npz", "-f", "json", cwd=tmp_path
    )
    document = json.loads(done.stdout)
    (snippet,) = (
        block for block in readme.fenced((readme.MANUAL / "relu.md").read_text("utf-8"), "python") if "torch" in block
    )
    shown = python("-c", snippet, cwd=tmp_path)
    assert shown.stderr == ""
    printed = dict(line.split() for line in shown.stdout.splitlines())
    assert float(printed["minimum.npz"]) == pytest.approx(document["loss"], rel=1e-9)
    assert float(printed["better.npz"]) == pytest.approx(document["better_loss"], rel=1e-9)


def test_a_minimum_that_float64_cannot_hold_is_not_written(lossurf, tmp_path):
    rng = np.random.default_rng(3)
    X, Y = rng.standard_normal((12, 2)) + 1e14, rng.standard_normal((12, 1))
    np.savez(tmp_path / "far.npz", X=X, Y=Y)
    done = lossurf("spurious", "far.npz", "-o", "low.npz", "--better", "lower.npz", "-f", "json")
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert (document["verdict"], document["minimum_file"], document["better_file"]) == ("undecided", None, None)
    assert "not written" in document["reason"]
    assert not (tmp_path / "low.npz").exists()
    assert not (tmp_path / "lower.npz").exists()
    assert lossurf("spurious", "far.npz").returncode == 0
