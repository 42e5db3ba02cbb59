"""Write tests/data/keras: small networks as Keras itself saves them, with the weights that were in them.

Run by hand, with Keras 3 and any backend installed (KERAS_BACKEND=torch, say); the tests read the files with h5py
alone.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

DIRECTORY = Path(__file__).resolve().parents[1] / "data" / "keras"


def sequential() -> keras.Model:
    """Three dense layers, the second with an activation, after a step of training with momentum."""
    keras.utils.set_random_seed(4)
    layers = keras.layers
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.Dense(3, "relu"), layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse")
    model.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0)
    return model


def functional() -> keras.Model:
    """Two layers of half precision without biases, made by calls."""
    keras.utils.set_random_seed(5)
    inputs = keras.Input((3,))
    first = keras.layers.Dense(5, use_bias=False, dtype="float16", name="first")(inputs)
    return keras.Model(inputs, keras.layers.Dense(2, use_bias=False, dtype="float16", name="second")(first))


def main() -> None:
    DIRECTORY.mkdir(exist_ok=True)
    model = sequential()
    model.save(DIRECTORY / "sequential.keras")
    model.save_weights(DIRECTORY / "sequential.weights.h5")
    model.save(DIRECTORY / "sequential.h5")
    np.savez(DIRECTORY / "sequential.npz", *model.get_weights())
    model = functional()
    model.save_weights(DIRECTORY / "functional.weights.h5")
    np.savez(DIRECTORY / "functional.npz", *model.get_weights())


if __name__ == "__main__":
    main()
