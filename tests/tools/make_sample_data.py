"""Write sample_data/ again, byte for byte: `python tests/tools/make_sample_data.py [DIRECTORY]`.

Nothing here uses lossurf. Data are exact decimals. The constructed checkpoints are computed with 50 digits and rounded
once; the trained ones use only element-wise float32 operations in a fixed order, or round each step to a grid that no
last bit reaches (train_relu.py). So the bytes depend on no BLAS, no processor and no version of a library.
"""

from __future__ import annotations

import io
import itertools
import json
import random
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
from sklearn import datasets
from train_relu import sample_network

WINE_OUTPUTS = ["alcohol", "color_intensity", "proline"]
WIDTHS = [10, 4, 2, 3]  # of every wine checkpoint: two hidden layers and a bottleneck of 2
STEPS = [0, 500, 1000, 1500, 2000, 3000, 4000, 4500, 5000, 6000, 8000]  # checkpoints of the run
NAMED = {
    1000: "early-float32",
    5000: "nearly-float32",
    8000: "trained-float32",
}  # those that also stand among the named checkpoints
LAMBDA = 0.01 * 178 * 3 / 2  # weight decay 0.01, where the loss is the mean of the 178 x 3 squares
DECAYED = {  # widths, the start's size, and how long it was trained
    "one-hidden-float32": ((10, 4, 3), 2, 12000),
    "deep-float32": ((10, 4, 4, 3), 2, 12000),
    "collapsed-float32": ((10, 4, 4, 3), 100, 12000),
    "early-float32": ((10, 4, 3), 2, 50),
}
ALPHA = 8  # of the adapter of rank 1
mpmath.mp.dps = 50


# --- files ---------------------------------------------------------------------------------------------------------


def write_csv(path: Path, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    lines = [",".join(names), *(",".join(map(str, row)) for row in rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def npy_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """np.savez with every byte decided here: what zip puts in its headers differs between versions of Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            archive.writestr(entry, npy_bytes(array))


def write_safetensors(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Eight bytes of the header's length, the header as JSON, the numbers (github.com/huggingface/safetensors)."""
    header, data = {}, b""
    for name, array in arrays.items():
        start, numbers = len(data), np.ascontiguousarray(array, dtype="<f4").tobytes()
        data += numbers
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [start, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


# --- datasets ------------------------------------------------------------------------------------------------------


def number(value: float) -> str:
    """The decimal that was published: some versions of scikit-learn read 4.804 as 4.803999999999999."""
    return f"{value:.10g}"


def linnerud(directory: Path) -> None:
    bunch = datasets.load_linnerud()
    write_csv(directory / "X.csv", bunch.feature_names, [map(number, row) for row in bunch.data.tolist()])
    write_csv(directory / "Y.csv", bunch.target_names, [map(number, row) for row in bunch.target.tolist()])


def diabetes(directory: Path) -> None:
    bunch = datasets.load_diabetes(scaled=False)
    write_csv(directory / "X.csv", bunch.feature_names, [map(number, row) for row in bunch.data.tolist()])
    write_csv(directory / "Y.csv", ["progression"], [[number(value)] for value in bunch.target.tolist()])


def digits(directory: Path) -> None:
    bunch = datasets.load_digits()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "X.npy").write_bytes(npy_bytes(bunch.data.astype(np.uint8)))
    (directory / "Y.npy").write_bytes(npy_bytes((bunch.target[:, None] == np.arange(10)).astype(np.uint8)))


def standardized(values: list[float]) -> list[Decimal]:
    """Mean 0 and variance 1, computed exactly and rounded to six decimals."""
    exact = [Fraction(number(value)) for value in values]
    mean = sum(exact) / len(exact)
    variance = sum((value - mean) ** 2 for value in exact) / len(exact)
    with localcontext(prec=50):
        deviation = (Decimal(variance.numerator) / variance.denominator).sqrt()
        scaled = [Decimal((v - mean).numerator) / (v - mean).denominator / deviation for v in exact]
        return [value.quantize(Decimal("1e-6")) for value in scaled]


def wine(directory: Path) -> tuple[list[list[Decimal]], list[list[Decimal]]]:
    """Write the wine data; return the columns of X and of Y."""
    bunch = datasets.load_wine()
    columns = {
        name: standardized(values) for name, values in zip(bunch.feature_names, bunch.data.T.tolist(), strict=True)
    }
    X = {name: column for name, column in columns.items() if name not in WINE_OUTPUTS}
    Y = {name: columns[name] for name in WINE_OUTPUTS}
    write_csv(directory / "X.csv", list(X), zip(*X.values(), strict=True))
    write_csv(directory / "Y.csv", list(Y), zip(*Y.values(), strict=True))
    return list(X.values()), list(Y.values())


# --- checkpoints made by formula -----------------------------------------------------------------------------------


def exact_products(left: list[list[Decimal]], right: list[list[Decimal]]) -> list[list[Fraction]]:
    """Sums over the samples of products of columns, exact."""
    a, b = ([[Fraction(value) for value in column] for column in columns] for columns in (left, right))
    return [[sum((p * q for p, q in zip(u, v, strict=True)), Fraction()) for v in b] for u in a]


def to_mp(rows: list[list[Fraction]]) -> mpmath.matrix:
    return mpmath.matrix([[mpmath.mpf(v.numerator) / v.denominator for v in row] for row in rows])


def block_diagonal(first: mpmath.matrix, second: mpmath.matrix) -> mpmath.matrix:
    result = mpmath.zeros(first.rows + second.rows, first.cols + second.cols)
    for block, row, column in ((first, 0, 0), (second, first.rows, first.cols)):
        for i in range(block.rows):
            for j in range(block.cols):
                result[row + i, column + j] = block[i, j]
    return result


def invertible(size: int, source: random.Random) -> mpmath.matrix:
    """Identity plus entries below 0.4: diagonally dominant enough to be well conditioned at these sizes."""
    return (
        mpmath.matrix(size, size)
        + mpmath.eye(size)
        + mpmath.matrix(
            [[mpmath.mpf(source.random() - 0.5) * 2 / (2 * size) for _ in range(size)] for _ in range(size)]
        )
    )


def critical_point(
    XX: mpmath.matrix, YX: mpmath.matrix, kept: list[int], inner_tail: int, seed: int
) -> list[mpmath.matrix]:
    """A critical point of the 10-4-2-3 network whose product carries the eigenvectors `kept` (1-based) of Sigma.

    W_1 = D_1 [U_S^T P_ols; 0], W_2 = D_2 blockdiag(I, Z) D_1^-1, W_3 = [U_S, 0] D_2^-1 for invertible D_k. The zero
    tails of the outer layers make every gradient vanish. Z is zero, or has ones on its diagonal (`inner_tail` = 1).
    """
    P_ols = YX * mpmath.inverse(XX)
    _, vectors = mpmath.eigsy(P_ols * YX.T)  # ascending
    U = mpmath.matrix([[vectors[i, 3 - index] for index in kept] for i in range(3)])
    source, r = random.Random(seed), len(kept)
    D1, D2 = invertible(4, source), invertible(2, source)
    Z = mpmath.zeros(2 - r, 4 - r)
    for i in range(2 - r):
        Z[i, i] = inner_tail
    first = block_diagonal(U.T * P_ols, mpmath.zeros(4 - r, 0))
    middle = block_diagonal(mpmath.eye(r), Z)
    last = block_diagonal(U, mpmath.zeros(0, 2 - r))
    return [D1 * first, D2 * middle * mpmath.inverse(D1), last * mpmath.inverse(D2)]


def rounded(matrix: mpmath.matrix, dtype: type) -> np.ndarray:
    return np.array([[float(value) for value in row] for row in matrix.tolist()]).astype(dtype)


def constructed(directory: Path, XX: mpmath.matrix, YX: mpmath.matrix) -> None:
    points = {
        "global-minimum": ([1, 2], 0, np.float64),
        "strict-saddle": ([1, 3], 0, np.float64),
        "strict-saddle-tails": ([1], 1, np.float64),
        "bad-saddle": ([1], 0, np.float64),
        "bad-saddle-float32": ([1], 0, np.float32),
    }
    for seed, (name, (kept, inner_tail, dtype)) in enumerate(points.items(), start=1):
        layers = critical_point(XX, YX, kept, inner_tail, seed)
        arrays = {f"W{k}": rounded(layer, dtype) for k, layer in enumerate(layers, start=1)}
        write_npz(directory / f"{name}.npz", arrays)


# --- checkpoints made by training ----------------------------------------------------------------------------------


def times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A matrix product whose additions come in one fixed order, unlike BLAS's."""
    return np.add.accumulate(a.T[:, :, None] * b[:, None, :], axis=0)[-1]


def descend(
    layers: list[np.ndarray], XX: np.ndarray, YX: np.ndarray, rate: np.floating, decay: np.float32 | None = None
) -> Iterator[int]:
    """Full-batch gradient descent on 1/2 ||W_N ... W_1 X - Y||^2, all in the layers' precision, which are changed.

    With `decay` on the loss that has 1/2 decay ||W_k||^2 beside, as an optimizer with weight decay takes it.
    """
    for step in itertools.count():
        yield step
        below = list(itertools.accumulate(layers, lambda product, W: times(W, product)))
        back = times(below[-1], XX) - YX
        gradients = []
        for k in range(len(layers) - 1, 0, -1):
            gradients.append(times(back, below[k - 1].T))
            back = times(layers[k].T, back)
        for layer, gradient in zip(reversed(layers), [*gradients, back], strict=True):
            whole = gradient if decay is None else gradient + decay * layer
            np.subtract(layer, rate * whole, out=layer)


def start(source: random.Random, widths: Sequence[int], size: int) -> list[np.ndarray]:
    """Uniform entries within 1 / (2 size)."""
    return [
        np.array([[(source.random() - 0.5) / size for _ in range(columns)] for _ in range(rows)], dtype=np.float32)
        for columns, rows in itertools.pairwise(widths)
    ]


def trained(directory: Path, XX: np.ndarray, YX: np.ndarray) -> None:
    """Write the run, and the checkpoints of it that bear a name."""
    layers = start(random.Random(1), WIDTHS, 100)  # small enough to wait near rank 0 and near rank 1
    for step in descend(layers, XX, YX, np.float32(1e-3)):
        if step in STEPS:
            write_npz(directory / "run" / f"step-{step:05d}.npz", state_dict(layers))
        if step in NAMED:
            write_npz(directory / "checkpoints" / f"{NAMED[step]}.npz", state_dict(layers))
        if step == STEPS[-1]:
            break
    write_npz(directory / "checkpoints" / "trained-float16.npz", state_dict([w.astype(np.float16) for w in layers]))


def decayed(directory: Path, XX: np.ndarray, YX: np.ndarray) -> None:
    """Write what weight decay of 0.01 on the mean of squares leads to from several starts."""
    for seed, (name, (widths, size, steps)) in enumerate(DECAYED.items(), start=1):
        layers = start(random.Random(seed), widths, size)
        for step in descend(layers, XX, YX, np.float32(1e-3), np.float32(LAMBDA)):
            if step == steps:
                break
        write_npz(directory / f"{name}.npz", state_dict(layers))


def adapted(directory: Path, XX: np.ndarray, YX: np.ndarray) -> None:
    """Write a weight that was trained for 20 steps, frozen, and the LoRA adapter of rank 1 that was trained on it.

    The files of the adapter are those that peft writes; its scale is lora_alpha / r, a power of two.
    """
    base, layers = start(random.Random(7), (10, 3), 2), start(random.Random(8), (10, 1, 3), 1)
    for step in descend(base, XX.astype(np.float32), YX.astype(np.float32), np.float32(1e-3)):
        if step == 20:
            break
    frozen = base[0].astype(np.float64)
    layers = [
        layers[0].astype(np.float64),
        np.zeros((3, 1)),
    ]  # as an adapter begins, in double precision until it is stored
    for step in descend(layers, XX, YX - times(frozen, XX), np.float64(1e-3)):
        if step == 12000:
            break
    write_npz(directory / "base.npz", {"fc.weight": base[0]})
    names = ("base_model.model.fc.lora_A.weight", "base_model.model.fc.lora_B.weight")
    factors = (layers[0], layers[1] / np.float32(ALPHA))
    write_safetensors(directory / "adapter" / "adapter_model.safetensors", dict(zip(names, factors, strict=True)))
    config = {
        "base_model_name_or_path": None,
        "lora_alpha": ALPHA,
        "peft_type": "LORA",
        "r": 1,
        "target_modules": ["fc"],
    }
    text = json.dumps(config, indent=2) + "\n"
    (directory / "adapter" / "adapter_config.json").write_text(text, encoding="utf-8", newline="\n")


def state_dict(layers: list[np.ndarray]) -> dict[str, np.ndarray]:
    """The names torch.nn.Sequential of bias-free linear layers gives."""
    return {f"{index}.weight": layer for index, layer in enumerate(layers)}


def main(target: Path) -> None:
    linnerud(target / "linnerud")
    diabetes(target / "diabetes")
    digits(target / "digits")
    write_npz(target / "digits" / "relu.npz", sample_network(target / "digits"))
    X, Y = wine(target / "wine")
    XX, YX = exact_products(X, X), exact_products(Y, X)
    constructed(target / "wine" / "checkpoints", to_mp(XX), to_mp(YX))
    stored = [np.array(rows, dtype=np.float64).astype(np.float32) for rows in (XX, YX)]
    trained(target / "wine", *stored)
    decayed(target / "wine" / "decayed", *stored)
    adapted(target / "wine" / "adapted", *(np.array(rows, dtype=np.float64) for rows in (XX, YX)))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "sample_data")
