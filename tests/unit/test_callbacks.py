"""The verdict while a network trains. Independent channel: `classify` on the weights saved at the same step."""

from __future__ import annotations

import json
import os
import sys
import warnings

import numpy as np
import pytest
from schemas import check_document

import lossurf
from lossurf.callbacks import Monitor, hugging_face_callback, keras_callback, lightning_callback
from lossurf.callbacks.monitor import log_scalars
from lossurf.errors import OutputError, UsageError

RNG = np.random.default_rng(3)
X = RNG.standard_normal((40, 3))
Y = X @ RNG.standard_normal((3, 2)) + 0.1 * RNG.standard_normal((40, 2))


def descent(steps, *, rate=0.004):
    """Gradient descent of a network of two layers from near zero, by the formulas."""
    W1, W2 = 1e-3 * RNG.standard_normal((2, 3)), 1e-3 * RNG.standard_normal((2, 2))
    for step in range(steps + 1):
        yield step, [W1.copy(), W2.copy()]
        residual = X @ W1.T @ W2.T - Y
        W1, W2 = W1 - rate * W2.T @ residual.T @ X, W2 - rate * residual.T @ X @ W1.T


class Logger:
    def __init__(self, call):
        self.calls = []
        setattr(self, call, lambda *a, **k: self.calls.append((a, k)))


def test_a_run_is_judged_stopped_and_written(tmp_path):
    data = lossurf.Data(X, Y)
    loggers = [Logger(call) for call in ("add_scalar", "log_metrics", "log")]
    path = tmp_path / "run.jsonl"
    monitor = Monitor(data, every=50, path=path, stop_at="global-minimum", loggers=loggers)
    saved = {}
    for step, weights in descent(20_000):
        if monitor.step(weights, step) is not None:
            saved[step] = weights
        if monitor.should_stop:
            break
    seen = {seen.step: seen.classification for seen in monitor.observations}
    assert list(seen) == list(saved)
    assert step < 20_000
    for at, weights in saved.items():
        alone = lossurf.classify(weights, data)
        assert (alone.verdict, alone.loss) == (seen[at].verdict, seen[at].loss)
    head, *lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in (head, *lines):
        check_document(line, is_line=True)
    losses = lossurf.check(data).loss_by_rank
    assert [level["loss"] for level in head["levels"]] == losses.tolist()
    assert (head["data"]["samples"], head["data"]["dx"], head["data"]["dy"]) == (40, 3, 2)
    assert [line["checkpoint"] for line in lines] == [f"step {at}" for at in saved]
    assert lines[-1]["verdict"] == "global-minimum"
    tensorboard, mlflow, wandb = (logger.calls for logger in loggers)
    assert mlflow[0][1] == wandb[0][1] == {"step": 0}
    assert dict(mlflow[-1][0][0])["lossurf/loss"] == seen[step].loss
    assert {name for (name, _, _), _ in tensorboard} >= {"lossurf/gap", "lossurf/gradient", "lossurf/index"}


def test_the_data_are_reduced_once_for_all_steps(monkeypatch):
    from lossurf import adjustments as module

    calls, reduce_data = [], module.reduce_data
    monkeypatch.setattr(module, "reduce_data", lambda *a, **k: calls.append(1) or reduce_data(*a, **k))
    monitor = Monitor(lossurf.Data(X, Y), every=1)
    for step, weights in descent(5):
        monitor.step(weights, step)
    assert calls == [1]


def test_the_largest_curvature_is_told_on_request():
    logger = Logger("log")
    monitor = Monitor(lossurf.Data(X, Y), curvature=True, loggers=[logger])
    for step, weights in descent(1):
        monitor.step(weights, step)
        alone = lossurf.classify(weights, lossurf.Data(X, Y), curvature=True)
        assert logger.calls[step][0][0]["lossurf/curvature"] == alone.curvature.largest
        assert logger.calls[step][0][0]["lossurf/nearest_level"] == alone.plateau_rank


def test_a_part_of_a_model_is_the_network():
    monitor = Monitor(lossurf.Data(X, Y), network=lambda model: model["net"])
    assert monitor.step({"net": [np.zeros((2, 3)), np.zeros((2, 2))], "other": 1}, 0) is not None


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"every": 0}, UsageError, "no pace"),
        ({"stop_at": "minimum"}, UsageError, "not a verdict"),
        ({"path": "missing/run.jsonl"}, OutputError, "cannot be written"),
    ],
)
def test_what_cannot_be_watched_is_refused(options, error, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=said):
        Monitor(lossurf.Data(X, Y), **options)


def test_a_logger_of_no_known_kind_is_refused():
    with pytest.raises(UsageError, match="takes no numbers"):
        log_scalars(object(), {"a": 1.0}, 0)


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """A run of three steps, handed to a logger; returns the losses that were observed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())

    def record(logger):
        monitor = Monitor(lossurf.Data(X, Y), loggers=[logger])
        for step, weights in descent(2):
            monitor.step(weights, step)
        return [seen.classification.loss for seen in monitor.observations]

    return record


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")  # of the library itself
def test_tensorboard_holds_what_was_observed(recorded):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = pytest.importorskip("torch.utils.tensorboard")
    with board.SummaryWriter("board") as writer:
        losses = recorded(writer)
    read = events.EventAccumulator("board").Reload()
    found = [(event.step, event.value) for event in read.Scalars("lossurf/loss")]
    assert found == [(step, pytest.approx(loss, rel=1e-6)) for step, loss in enumerate(losses)]  # it keeps float32


@pytest.mark.filterwarnings("ignore")  # of the library itself
def test_mlflow_holds_what_was_observed(recorded):
    mlflow = pytest.importorskip("mlflow")
    with mlflow.start_run() as run:
        losses = recorded(mlflow)
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "lossurf/loss")
    assert [(metric.step, metric.value) for metric in history] == list(enumerate(losses))


@pytest.mark.filterwarnings("ignore")  # of the library itself
def test_trackio_holds_what_was_observed(recorded):
    trackio = pytest.importorskip("trackio")
    run = trackio.init(project="lossurf", name="run", embed=False)
    losses = recorded(run)
    trackio.finish()
    found = pytest.importorskip("trackio.sqlite_storage").SQLiteStorage.get_logs("lossurf", "run")
    assert [(row["step"], row["lossurf/loss"]) for row in found] == list(enumerate(losses))


def torch_network():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 2, bias=False), torch.nn.Linear(2, 2, bias=False)).double()


@pytest.mark.torch
def test_lightning_stops_at_the_verdict(tmp_path):
    torch = pytest.importorskip("torch")
    lightning = pytest.importorskip("lightning.pytorch")

    class Fit(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = torch_network()

        def training_step(self, batch, _):
            return 0.5 * torch.sum((self.net(batch[0]) - batch[1]) ** 2)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.004)

    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y)), batch_size=40
    )
    monitor = Monitor(lossurf.Data(X, Y), every=100, stop_at="global-minimum", network=lambda module: module.net)
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = lightning.Trainer(
        max_epochs=20_000,
        callbacks=[lightning_callback(monitor)],
        default_root_dir=tmp_path,
        accelerator="cpu",
        **quiet,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few workers
        trainer.fit(Fit(), loader)
    assert monitor.observations[-1].classification.verdict == "global-minimum"
    assert trainer.global_step == monitor.observations[-1].step < 20_000


@pytest.mark.torch
def test_hugging_faces_trainer_stops_at_the_verdict(tmp_path):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")

    class Fit(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = torch_network().float()

        def forward(self, x, labels):
            out = self.net(x)
            return {"loss": 0.5 * torch.sum((out - labels) ** 2), "logits": out}

    rows = [{"x": x, "labels": y} for x, y in zip(X.astype("float32"), Y.astype("float32"), strict=True)]
    monitor = Monitor(
        lossurf.Data(X.astype("float32"), Y.astype("float32")),
        every=50,
        stop_at="not-critical",
        network=lambda model: model.net,
    )
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=200,
        per_device_train_batch_size=40,
        learning_rate=1e-3,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = transformers.Trainer(
            model=Fit(), args=arguments, train_dataset=rows, callbacks=[hugging_face_callback(monitor)]
        )
        trainer.train()
    assert [seen.step for seen in monitor.observations] == [50]
    assert trainer.state.global_step == 50


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras's own arrays
def test_keras_stops_at_the_verdict(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setitem(os.environ, "KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(2)])
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    monitor = Monitor(lossurf.Data(X.astype("float32"), Y.astype("float32")), every=20, stop_at="not-critical")
    model.fit(X, Y, batch_size=40, epochs=100, verbose=0, callbacks=[keras_callback(monitor)])
    assert [seen.step for seen in monitor.observations] == [20]
    expected = 0.5 * float(np.sum((model.predict(X, verbose=0) - Y) ** 2))
    assert monitor.observations[-1].classification.loss == pytest.approx(expected, rel=1e-3)


def test_a_framework_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(UsageError, match="pip install keras"):
        keras_callback(Monitor(lossurf.Data(X, Y)))
