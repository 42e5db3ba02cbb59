"""Write networks of flax as flat arrays into a directory; a program, since jax does not bear processes that fork.

X.npy there is what they are applied to. Of each network NAME.npz holds the arrays, and NAME.npy the outputs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from flax import linen as nn
from flax.traverse_util import flatten_dict

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "BatchNorm": lambda: nn.BatchNorm(use_running_average=True),
    "LayerNorm": nn.LayerNorm,
    "RMSNorm": nn.RMSNorm,
    "GroupNorm": lambda: nn.GroupNorm(num_groups=2),
    "WeightNorm": lambda: nn.WeightNorm(nn.Dense(4)),
    "Conv": lambda: nn.Conv(4, (1,)),
    "PReLU": nn.PReLU,
}


class Chain(nn.Module):
    """Layers one after the other; those given by a name and a width are dense."""

    layers: tuple[object, ...]

    @nn.compact
    def __call__(self, inputs: jax.Array) -> jax.Array:
        """Apply them."""
        for layer in self.layers:
            inputs = (nn.Dense(layer[1], name=layer[0]) if isinstance(layer, tuple) else layer())(inputs)
        return inputs


def write(directory: Path, name: str, net: nn.Module) -> None:
    X = np.load(directory / "X.npy")
    variables = net.init(jax.random.key(1), X)
    np.savez(directory / f"{name}.npz", **{key: np.asarray(a) for key, a in flatten_dict(variables, sep="/").items()})
    np.save(directory / f"{name}.npy", np.asarray(net.apply(variables, X), float))


def main() -> None:
    directory = Path(sys.argv[1])
    width = np.load(directory / "X.npy").shape[1]
    for pair in sys.argv[2:]:
        first, second = pair.split("/")
        write(directory, f"{first}-{second}", Chain(((first, 2), (second, width))))
    for name, make in LAYERS.items():
        write(directory, name, Chain((("first", 4), make, ("second", 3))))
    write(directory, "Sequential", nn.Sequential([nn.Dense(4), nn.relu, nn.Dense(3)]))


if __name__ == "__main__":
    main()
