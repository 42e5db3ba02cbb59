"""Checkpoints in several files. The trusted channel: the arrays that were stored in them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lossurf.errors import InputError
from lossurf.inputs.checkpoints.open import read_checkpoint

rng = np.random.default_rng(7)
W = [
    rng.standard_normal((4, 3)).astype("f4"),
    rng.standard_normal((5, 4)).astype("f4"),
    rng.standard_normal((2, 5)).astype("f4"),
]
STATE = {f"{i}.weight": w for i, w in enumerate(W)}
SHARDS = [["0.weight", "2.weight"], ["1.weight"]]


def write_npz(path, arrays):
    np.savez(path, **arrays)
    if not path.name.endswith(".npz"):
        path.with_name(path.name + ".npz").rename(path)


def write_safetensors(path, arrays):
    pytest.importorskip("safetensors.numpy").save_file(arrays, path)


def write_torch(path, arrays):
    torch = pytest.importorskip("torch")
    torch.save({name: torch.tensor(array) for name, array in arrays.items()}, path)


WRITERS = {
    "model.npz": write_npz,
    "model.safetensors": write_safetensors,
    "pytorch_model.bin": write_torch,
}


def sharded(directory, name="model.npz", table=None, **metadata):
    """Write the shards and their index; return the index."""
    stem, _, ending = name.rpartition(".")
    names = [f"{stem}-{i:05d}-of-00002.{ending}" for i in (1, 2)]
    for shard, keys in zip(names, SHARDS, strict=True):
        (directory / shard).parent.mkdir(exist_ok=True)
        WRITERS[name](directory / shard, {key: STATE[key] for key in keys})
    table = {key: shard for shard, keys in zip(names, SHARDS, strict=True) for key in keys} | (table or {})
    index = {"metadata": metadata, "weight_map": table}
    (directory / f"{name}.index.json").write_text(json.dumps(index))
    return directory / f"{name}.index.json"


def message(path, **options):
    with pytest.raises(InputError) as caught:
        read_checkpoint(path, 3, 2, **options)
    return str(caught.value)


def same(checkpoint):
    return all(np.array_equal(a, b) for a, b in zip(checkpoint.weights, W, strict=True))


@pytest.mark.parametrize(
    "name", ["model.npz", "model.safetensors", pytest.param("pytorch_model.bin", marks=pytest.mark.torch)]
)
def test_an_index_reads_its_shards(tmp_path, name):
    total = sum(w.nbytes for w in W)
    for metadata in ({}, {"total_size": total}, {"total_size": float(total)}, {"total_size": "?"}):
        checkpoint = read_checkpoint(sharded(tmp_path, name, **metadata), 3, 2)
        assert same(checkpoint)
        assert checkpoint.layer_names == tuple(STATE)
        assert checkpoint.dtypes == ("float32",) * 3
        assert not checkpoint.notes
        assert checkpoint.name.endswith("index.json")


@pytest.mark.torch
def test_the_index_that_the_hub_writes(tmp_path):
    torch = pytest.importorskip("torch")
    hub = pytest.importorskip("huggingface_hub")
    save = pytest.importorskip("huggingface_hub.serialization").save_torch_state_dict
    assert hub
    save({name: torch.tensor(w) for name, w in STATE.items()}, tmp_path, max_shard_size=90)
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert same(read_checkpoint(tmp_path / "model.safetensors.index.json", 3, 2))


def test_one_shard_alone_is_named_as_such(tmp_path):
    index = sharded(tmp_path)
    shard = tmp_path / "model-00001-of-00002.npz"
    for options in ({}, {"layers": ["0.weight"]}):
        found = message(shard, **options)
        assert "shard 1 of 2" in found
        assert "'model.npz.index.json' beside it" in found
    index.unlink()
    found = message(shard)
    assert "that was saved with the shards" in found
    (tmp_path / "m-00001-of-00001.npz").write_bytes(b"")
    np.savez(tmp_path / "m-00001-of-00001.npz", **STATE)
    assert same(read_checkpoint(tmp_path / "m-00001-of-00001.npz", 3, 2))
    assert "no file" in message(tmp_path / "m-00001-of-00003.npz")


@pytest.mark.parametrize(
    "shard", ["../x.npz", "/etc/x.npz", "a/../../x.npz", "C:\\x.npz", "..\\x.npz", "\\\\host\\x.npz"]
)
def test_no_shard_lies_outside_the_directory(tmp_path, shard):
    np.savez(tmp_path / "x.npz", **STATE)
    inner = tmp_path / "inner"
    inner.mkdir()
    found = message(sharded(inner, table={"2.weight": shard}))
    assert "outside its directory" in found
    assert repr(shard) in found


def test_shards_in_a_directory_below_and_behind_links_are_read(tmp_path):
    index = sharded(tmp_path)
    (tmp_path / "blobs").mkdir()
    for i, shard in enumerate(sorted(tmp_path.glob("*.npz"))):  # as a cache of downloads keeps them
        shard.rename(tmp_path / "blobs" / f"{i}.npz")
        shard.symlink_to(f"blobs/{i}.npz")
    assert same(read_checkpoint(index, 3, 2))
    table = {"0.weight": "blobs/0.npz", "2.weight": "blobs/0.npz", "1.weight": "blobs/1.npz"}
    index.write_text(json.dumps({"weight_map": table}))
    assert same(read_checkpoint(index, 3, 2))


def test_an_index_that_is_not_that_of_its_shards_is_refused(tmp_path):
    assert "3.weight is not in the shard" in message(sharded(tmp_path, table={"3.weight": "model-00002-of-00002.npz"}))
    other = message(sharded(tmp_path, table={"2.weight": "model-00002-of-00002.npz"}))
    assert "2.weight is also in the shard 'model-00001-of-00002.npz'" in other
    assert "states 1 KiB" in message(sharded(tmp_path, total_size=1024))
    [note] = read_checkpoint(sharded(tmp_path, total_size=10), 3, 2).notes
    assert "states 10 bytes and its shards hold" in note
    index = sharded(tmp_path)
    (tmp_path / "model-00002-of-00002.npz").unlink()
    assert "there is no file" in message(index)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"weight_map": {}}', '{"weight_map": []}', '{"weight_map": {"a": 1}}', "[" * 100_000]
    + ['{"weight_map": {"a": "' + name + '"}}' for name in ("", "x\\u0000", "model.index.json", "M.INDEX.JSON")],
)
def test_a_damaged_index_is_refused(tmp_path, text):
    (tmp_path / "model.index.json").write_text(text)
    found = message(tmp_path / "model.index.json")
    assert "model.index.json" in found
    assert "not a readable" in found or "is empty" in found


def test_memory_is_asked_for_all_shards_before_any_is_read(tmp_path):
    index = sharded(tmp_path)
    size = sum(path.stat().st_size for path in tmp_path.glob("*.npz"))
    assert "2 shards" in message(index, max_memory=2 * size - 1)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    (tmp_path / "model-00002-of-00002.npz").write_text(pointer)
    assert "a Git LFS pointer" in message(index)


def test_a_directory_is_told_which_file_to_name(tmp_path):
    index = sharded(tmp_path)
    assert f"such as {str(index)!r}" in message(tmp_path)
    (tmp_path / "empty").mkdir()
    assert "such as" not in message(tmp_path / "empty")


def keras_shards(directory):
    """Two layers in two shards, as Keras 3 lays them out: a list of shards for each group, empty groups in others."""
    h5py = pytest.importorskip("h5py")
    groups = {"m_00000.weights.h5": {"dense": W[0]}, "m_00001.weights.h5": {"dense_1": W[1], "dense_2": W[2]}}
    table = {}
    for shard, layers in groups.items():
        with h5py.File(directory / shard, "w") as file:
            for name in ("dense", "dense_1", "dense_2"):
                file.create_group(f"layers/{name}/vars")
            for name, weight in layers.items():
                file[f"layers/{name}/vars/0"] = weight.T
                file[f"layers/{name}/vars/1"] = np.zeros(len(weight), "f4")
                table[f"/layers/{name}/vars"] = [shard]
            file["optimizer/vars/0"] = np.ones(3)
            table["/optimizer/vars"] = [shard]
    total = float(sum(w.nbytes + 4 * len(w) for w in W))
    (directory / "m.weights.json").write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": table}))
    return directory / "m.weights.json"


def test_shards_of_keras(tmp_path):
    checkpoint = read_checkpoint(keras_shards(tmp_path), 3, 2)
    assert same(checkpoint)
    assert not any("states" in note for note in checkpoint.notes)
    found = message(tmp_path / "m_00001.weights.h5")
    assert "shard 2, and" in found
    assert "'m.weights.json' beside it" in found
    (tmp_path / "m.weights.json").rename(tmp_path / "other.weights.json")
    assert read_checkpoint(tmp_path / "m_00000.weights.h5", 3, 4).weights  # perhaps that of an epoch


def test_the_longest_names_are_no_obstacle(tmp_path):
    name = f"{'x' * 233}-00001-of-00002.npz"  # its index would have a name that no file can have
    np.savez(tmp_path / name, **STATE)
    assert "shard 1 of 2" in message(tmp_path / name)
    assert read_checkpoint(stored_plain(tmp_path / f"{'y' * 251}.npz"), 3, 2).weights


def stored_plain(path):
    np.savez(path, **STATE)
    return path
