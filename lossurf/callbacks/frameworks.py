"""The monitor as a callback of Lightning, Keras and Hugging Face's Trainer; each library is imported when asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lossurf.callbacks.monitor import Monitor
from lossurf.errors import UsageError


def lightning_callback(monitor: Monitor) -> Any:
    """Return a `lightning.pytorch.Callback` that judges the module after its training steps.

    Parameters
    ----------
    monitor : Monitor
        Its `network` says which part of the module is the network, where it is not the whole.

    Raises
    ------
    UsageError
        Without Lightning.
    """
    lightning: Any = _library("lightning.pytorch", "pytorch_lightning")

    class LossurfCallback(lightning.Callback):  # type: ignore[misc]  # its type is known when it is installed
        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any, **__: Any) -> None:
            monitor.step(pl_module, trainer.global_step)
            trainer.should_stop = trainer.should_stop or monitor.should_stop

    return LossurfCallback()


def keras_callback(monitor: Monitor) -> Any:
    """Return a `keras.callbacks.Callback` that judges the model after its training steps.

    Raises
    ------
    UsageError
        Without Keras.
    """
    keras: Any = _library("keras")

    class LossurfCallback(keras.callbacks.Callback):  # type: ignore[misc]  # as above
        def __init__(self) -> None:
            super().__init__()
            self.steps = 0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras's signature
            self.steps += 1
            monitor.step(self.model, self.steps)
            if monitor.should_stop:
                self.model.stop_training = True

    return LossurfCallback()


def hugging_face_callback(monitor: Monitor) -> Any:
    """Return a `transformers.TrainerCallback` that judges the model after its optimizer steps.

    Raises
    ------
    UsageError
        Without transformers.
    """
    transformers: Any = _library("transformers")

    class LossurfCallback(transformers.TrainerCallback):  # type: ignore[misc]  # as above
        def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> Any:  # noqa: ARG002
            monitor.step(model, state.global_step)
            control.should_training_stop = control.should_training_stop or monitor.should_stop
            return control

    return LossurfCallback()


def _library(*names: str) -> Any:
    for name in names:
        try:
            return import_module(name)
        except ImportError:
            continue
    package = names[0].partition(".")[0]
    raise UsageError(f"{package} is not installed", where="callback", remedy=f"install it with: pip install {package}")
