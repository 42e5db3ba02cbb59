"""Mutated files thrown at every reader: only a result or a LossurfError may come out.

The test suite runs a few hundred mutations of each reader. For a longer run, ten minutes of each here:

    python tests/tools/fuzz_readers.py --seconds 600
    python tests/tools/fuzz_readers.py csv npy --seconds 60 --seed 3

Each reader runs in a process of its own, with 4 GiB of address space and ten seconds a file, so that a crash of a
library underneath is seen too. An input that fails is left in tests/data/corpus/READER/, and every later run starts
from those files as well as from sound ones; the suite reads them first.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import multiprocessing
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from settings import said

from lossurf.errors import LossurfError
from lossurf.inputs.checkpoints.open import read_checkpoint
from lossurf.inputs.tables.data import open_dataset
from lossurf.inputs.tables.summary import Summary, summary_bytes

CORPUS = Path(__file__).resolve().parents[1] / "data" / "corpus"
ADDRESS_SPACE = 4 << 30
SECONDS_A_FILE = 10
LIMIT = 64 << 20

X = np.arange(12.0).reshape(4, 3) / 7
Y = np.array([[1.0, -2.5], [0.0, 3.0], [1e-3, 4.0], [5.0, 2.0]])
LAYERS = {
    "net.0.weight": np.eye(2, 3),
    "net.0.bias": np.ones(2),
    "net.2.weight": np.ones((2, 2)),
    "net.2.bias": np.ones(2),
}


def buffered(write: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def npy(array: object) -> bytes:
    return buffered(lambda stream: np.save(stream, np.asarray(array)))


def summary() -> bytes:
    triangle = np.triu(np.arange(1.0, 26.0).reshape(5, 5))
    vectors, sizes, names = (np.zeros(5), np.ones(5)), (9, 3, 1), ("X", "Y", ("a", "b", "c"), None)
    return summary_bytes(Summary(triangle, *vectors, *sizes, "float64", 2.0**-52, *names))


def hdf5() -> bytes:
    import h5py

    def write(stream: io.BytesIO) -> None:
        with h5py.File(stream, "w") as file:
            for i, name in enumerate(("dense", "dense_1")):
                file[f"layers/{name}/vars/0"] = LAYERS[f"net.{2 * i}.weight"].T
                file.create_dataset(f"layers/{name}/vars/1", data=np.ones(2), chunks=(1,), compression="gzip")

    return buffered(write)


def keras() -> bytes:
    def write(stream: io.BytesIO) -> None:
        with zipfile.ZipFile(stream, "w") as file:
            file.writestr("config.json", json.dumps({"config": {"layers": [{"config": {"name": "dense"}}]}}))
            file.writestr("model.weights.h5", hdf5())

    return buffered(write)


def safetensors() -> bytes:
    from safetensors.numpy import save

    return save(LAYERS)


def torch(zipped: bool) -> bytes:
    import torch as library

    state = {name: library.tensor(array) for name, array in LAYERS.items()}
    return buffered(lambda stream: library.save(state, stream, _use_new_zipfile_serialization=zipped))


def stream_of(table: object, stream: io.BytesIO) -> None:
    import pyarrow

    with pyarrow.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)


def msgpack() -> bytes:
    from flax.serialization import msgpack_serialize

    layers = {f"Dense_{i}": {"kernel": array.T} for i, array in enumerate(LAYERS.values()) if array.ndim == 2}
    return msgpack_serialize({"params": layers, "step": 3})


def arrow(form: str) -> bytes:
    import pyarrow
    from pyarrow import feather, parquet

    table = pyarrow.table({"a": X[:, 0], "b": np.arange(4), "y": Y[:, 0]})
    if form == "stream":
        return buffered(lambda stream: stream_of(table, stream))
    writer = parquet.write_table if form == "parquet" else feather.write_feather
    return buffered(lambda stream: writer(table, stream))


TABLES = [
    "a,b,y\n1,2.5,3\n4,5,-6e3\n",
    '"a";"b";"y"\n1,5;2;3\n# note\n4;5;6\n',
    "1\t2\t3\n4\t5\t6\n",
    " 1 2 3\n 4 5 6\n",
]
CONFIGS = [
    "data: {x: X.npy, y: Y.npy, samples: rows}\nnetwork: {widths: [3, 2], bias: true}\ntolerance: 1e-7\n",
    "checkpoints: [a*.npz]\nexpect:\n  - global-minimum\nformat: json\ndata: sub\n",
]
PROJECTS = [
    "[tool.lossurf]\ndata = {x = 'X.npy', y = 'Y.npy'}\nnetwork.bias = true\n[tool.lossurf.watch]\ntolerance = 1e-7\n",
    "[tool.lossurf]\ncheckpoints = ['a*.npz']\nexpect = 'bad-saddle'\nmax-memory = '4G'\nplot.levels.size = '7x4'\n",
]

ADAPTERS = [
    '{"peft_type": "LORA", "r": 2, "lora_alpha": 16, "alpha_pattern": {".*fc": 3}, "rank_pattern": {}}',
    '{"lora_parameters": {"scale": 3.5, "rank": 2}, "fine_tune_type": "lora"}',
]

# reader: (name of the file, sound files)
SEEDS: dict[str, tuple[str, Callable[[], list[bytes]]]] = {
    "npy": ("X.npy", lambda: [npy(X), npy(np.asfortranarray(X)), npy(X.astype(">f4")), npy(X > 1)]),
    "npz": (
        "d.npz",
        lambda: [buffered(lambda s: np.savez(s, X=X, Y=Y)), buffered(lambda s: np.savez_compressed(s, X=X, Y=Y))],
    ),
    "summary": ("s.lossurf.npz", lambda: [summary()]),
    "csv": ("t.csv", lambda: [*(text.encode() for text in TABLES), TABLES[0].encode("utf-16")]),
    "csv.gz": ("t.csv.gz", lambda: [gzip.compress(text.encode(), mtime=0) for text in TABLES]),
    "parquet": ("t.parquet", lambda: [arrow("parquet")]),
    "feather": ("t.feather", lambda: [arrow("feather")]),
    "arrows": ("t.arrows", lambda: [arrow("stream")]),
    "checkpoint.npz": (
        "c.npz",
        lambda: [
            buffered(lambda s: np.savez(s, **LAYERS)),
            buffered(lambda s: np.savez_compressed(s, W1=np.eye(2, 3))),
        ],
    ),
    "checkpoint.npy": ("c.npy", lambda: [npy(np.ones((2, 3))), npy(np.ones((3, 2), "f2"))]),
    "safetensors": ("c.safetensors", lambda: [safetensors()]),
    "h5": ("c.weights.h5", lambda: [hdf5()]),
    "keras": ("c.keras", lambda: [keras()]),
    "msgpack": ("c.msgpack", lambda: [msgpack()]),
    "index": ("c.index.json", lambda: [json.dumps({"weight_map": dict.fromkeys(LAYERS, "c.npz")}).encode()]),
    "adapter": ("adapter_config.json", lambda: [text.encode() for text in ADAPTERS]),
    "torch": ("c.pt", lambda: [torch(True), torch(False)]),
    "config": ("lossurf.yaml", lambda: [text.encode() for text in CONFIGS]),
    "toml": ("pyproject.toml", lambda: [text.encode() for text in PROJECTS]),
}


WORDS = (b",", b";", b"\n", b'"', b"#", b"nan", b"1e999", b"\0", b"{", b"[", b"*", b"&a ", b"-9")


def seeds(reader: str) -> list[bytes]:
    """Sound files, then the inputs that once failed."""
    return SEEDS[reader][1]() + [path.read_bytes() for path in sorted((CORPUS / reader).glob("*"))]


def mutate(data: bytes, others: list[bytes], choose: random.Random) -> bytes:
    """Change a file in one to four places, as damage and malice do."""
    changed = bytearray(data)
    for _ in range(choose.randint(1, 4)):
        size = len(changed)
        at, length = choose.randrange(size + 1), min(1 << choose.randrange(7), size)
        kind = choose.randrange(8)
        if kind == 0:
            changed[at : at + 1] = bytes([choose.randrange(256)])
        elif kind == 1 and size:
            changed[at % size] ^= 1 << choose.randrange(8)
        elif kind == 2:
            del changed[at : at + length]
        elif kind == 3:
            changed[at:at] = changed[max(0, at - length) : at]
        elif kind == 4:
            width = choose.choice((1, 2, 4, 8))
            value = choose.choice((0, 1, 0x7F, 0xFF, 1 << (8 * width - 1), (1 << (8 * width)) - 1, 1 << 20, 1 << 30))
            changed[at : at + width] = (value % (1 << (8 * width))).to_bytes(width, "little")
        elif kind == 5:
            del changed[at:]
        elif kind == 6:
            other = choose.choice(others)
            start = choose.randrange(len(other) + 1)
            changed[at : at + length] = other[start : start + length]
        else:
            changed[at:at] = choose.choice(
                (b",", b";", b"\n", b'"', b"#", b"nan", b"1e999", b"\0", b"{", b"[", b"*", b"&a ", b"-9")
            )
    return bytes(changed)


def read(reader: str, data: bytes, directory: Path) -> str:
    """Give one file to its reader and return what came out; anything but a result or a LossurfError is raised."""
    path = directory / SEEDS[reader][0]
    path.write_bytes(data)
    try:
        if reader in ("config", "toml"):
            said(path, "classify")
        elif reader == "adapter":
            np.savez(directory / "a.npz", **{"fc.lora_A.weight": np.ones((2, 3)), "fc.lora_B.weight": np.ones((2, 2))})
            checkpoint = read_checkpoint(directory / "a.npz", 3, 2, max_memory=LIMIT)
            assert np.isfinite(checkpoint.weights[1]).all()
        elif path.name[0] == "c":
            np.savez(directory / "c.npz", **LAYERS) if reader == "index" else None
            checkpoint = read_checkpoint(path, 3, 2, max_memory=LIMIT)
            assert all(np.isfinite(weight).all() for weight in checkpoint.weights)
        else:
            _read_data(path)
    except LossurfError as error:
        assert error.what, "an error without a message"
        assert error.remedy, "an error without a next step"
        return "refused"
    return "read"


def _read_data(path: Path) -> None:
    if path.name == "X.npy":
        np.save(path.with_name("Y.npy"), Y)
        dataset = open_dataset(None, x=path, y=path.with_name("Y.npy"), max_memory=LIMIT)
    else:
        dataset = open_dataset(path, targets=() if path.suffix == ".npz" else ("3",), max_memory=LIMIT)
    if dataset.summary is not None:
        assert np.isfinite(dataset.summary.triangle).all()
        return
    for x, y in dataset.blocks():
        assert x.shape[0] == y.shape[0]
        assert np.isfinite(x).all()
        assert np.isfinite(y).all()


def _hunt(reader: str, seconds: float, seed: int, current: Path, results: multiprocessing.Queue) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    signal.signal(signal.SIGALRM, _too_slow)
    warnings.simplefilter("error")
    choose, starts = random.Random(seed), seeds(reader)
    counts = {"read": 0, "refused": 0, "failed": 0}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutate(choose.choice(starts), starts, choose)
        current.write_bytes(data)  # found there if the process dies
        signal.alarm(SECONDS_A_FILE)
        try:
            counts[read(reader, data, current.parent)] += 1
        except BaseException:  # noqa: BLE001  # whatever it is, it is what is looked for
            counts["failed"] += 1
            keep(reader, data, traceback.format_exc())
        signal.alarm(0)
    results.put(counts)


def _too_slow(*_: object) -> None:
    raise TimeoutError(f"no answer in {SECONDS_A_FILE} s")


def keep(reader: str, data: bytes, story: str) -> None:
    """Leave a failing input in the corpus, and say what it did."""
    path = CORPUS / reader / hashlib.sha256(data).hexdigest()[:12]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    print(f"{reader}: {path.name}: {story}", file=sys.stderr)


def run(reader: str, seconds: float, seed: int) -> dict[str, int]:
    """Fuzz one reader in a process of its own, started again if a library takes it down."""
    total = {"read": 0, "refused": 0, "failed": 0}
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as name:
        current = Path(name) / "current"
        while (left := end - time.monotonic()) > 0:
            results: multiprocessing.Queue = multiprocessing.Queue()
            hunter = multiprocessing.Process(target=_hunt, args=(reader, left, seed, current, results))
            hunter.start()
            hunter.join()
            if hunter.exitcode == 0:
                total = {key: count + total[key] for key, count in results.get().items()}
            else:
                total["failed"] += 1
                keep(reader, current.read_bytes(), f"the process ended with {hunter.exitcode}")
            seed += 1_000_003
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("readers", nargs="*", default=list(SEEDS), metavar="READER", help=", ".join(SEEDS))
    parser.add_argument("--seconds", type=float, default=600.0, help="for each reader")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    failed = 0
    for reader in options.readers:
        counts = run(reader, options.seconds, options.seed)
        failed += counts["failed"]
        print(f"{reader}: {counts}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
