"""Any number of files is read with few of them open. Trusted channel: the system, which refuses the 21st."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from process import clean_environment

resource = pytest.importorskip("resource")

_OPEN = 20
SHARDS = 60
GENERATOR = np.random.default_rng(17)
X, Y = GENERATOR.standard_normal((SHARDS, 30, 3)), GENERATOR.standard_normal((SHARDS, 30, 2))


def run(directory, *args: str) -> subprocess.CompletedProcess[str]:
    """Run lossurf where it may hold 20 files open."""
    return subprocess.run(
        [sys.executable, "-m", "lossurf", *args],
        cwd=directory,
        env=clean_environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN, _OPEN)),
    )


def write_npy(directory):
    for i in range(SHARDS):
        np.save(directory / f"X-{i}.npy", X[i])
        np.save(directory / f"Y-{i}.npy", Y[i])
    return [str(directory)]


def write_npy_pattern(directory):
    write_npy(directory)
    return ["--x", "X-*.npy", "--y", "Y-*.npy"]


def write_npz(directory):
    for i in range(SHARDS):
        np.savez(directory / f"part-{i}.npz", X=X[i], Y=Y[i])
    return ["part-*.npz"]


def write_csv_pairs(directory):
    for i in range(SHARDS):
        np.savetxt(directory / f"X-{i}.csv", X[i], delimiter=",", fmt="%.17g")
        np.savetxt(directory / f"Y-{i}.csv.gz", Y[i], delimiter=",", fmt="%.17g")
    return ["--x", "X-*.csv", "--y", "Y-*.csv.gz"]


def write_csv(directory):
    for i in range(SHARDS):
        rows = np.hstack([X[i], Y[i]])
        np.savetxt(directory / f"{i}.csv", rows, delimiter=",", fmt="%.17g", header="a,b,c,y,z", comments="")
    return [".", "--target", "y", "--target", "z"]


def arrow_table(i):
    pyarrow = pytest.importorskip("pyarrow")
    return pyarrow.table(dict(zip("abcyz", np.hstack([X[i], Y[i]]).T, strict=True)))


def write_parquet(directory):
    parquet = pytest.importorskip("pyarrow.parquet")
    for i in range(SHARDS):
        parquet.write_table(arrow_table(i), directory / f"{i}.parquet")
    return [".", "--target", "y", "--target", "z"]


def write_arrow(directory):
    feather = pytest.importorskip("pyarrow.feather")
    for i in range(SHARDS):
        feather.write_feather(arrow_table(i), directory / f"{i}.arrow")
    return [".", "--target", "y", "--target", "z"]


@pytest.mark.parametrize(
    "write", [write_npy, write_npy_pattern, write_npz, write_csv_pairs, write_csv, write_parquet, write_arrow]
)
def test_sixty_shards_are_read_with_twenty_open_files(tmp_path, write):
    done = run(tmp_path, "check", *write(tmp_path), "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    residual = Y.reshape(-1, 2) - X.reshape(-1, 3) @ np.linalg.lstsq(X.reshape(-1, 3), Y.reshape(-1, 2), rcond=None)[0]
    assert found["data"]["samples"] == SHARDS * 30
    assert found["optimal_loss"] == pytest.approx(0.5 * np.sum(residual**2), rel=1e-12)


def test_sixty_summaries_and_tables_are_joined_with_twenty_open_files(tmp_path):
    write_npz(tmp_path)
    done = run(tmp_path, "reduce", *(f"part-{i}.npz" for i in range(SHARDS)), "-o", "all.lossurf.npz")
    assert (done.returncode, done.stderr) == (0, "")
    for i in range(SHARDS):
        (tmp_path / f"{i}.lossurf.npz").write_bytes((tmp_path / "all.lossurf.npz").read_bytes())
    done = run(tmp_path, "reduce", *(f"{i}.lossurf.npz" for i in range(SHARDS)), "-o", "many.lossurf.npz", "-qq")
    assert done.returncode == 0, done.stderr
    summary = run(tmp_path, "check", "many.lossurf.npz", "--format", "json")
    assert json.loads(summary.stdout)["data"]["samples"] == SHARDS * SHARDS * 30


@pytest.mark.parametrize("command", ["classify", "watch"])
def test_any_number_of_checkpoints_is_read_with_twenty_open_files(tmp_path, command):
    np.savez(tmp_path / "data.npz", X=X[0], Y=Y[0])
    for i in range(300):
        np.savez(tmp_path / f"step-{i}.npz", W1=np.full((2, 3), i * 0.01), W2=np.eye(2))
    done = run(tmp_path, command, "step-*.npz", "--data", "data.npz", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)["results"]) == 300


def test_a_checkpoint_in_sixty_files_is_read_with_twenty_open_files(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    np.savez(tmp_path / "data.npz", X=X[0], Y=Y[0])
    shapes = [(3, 3)] * (SHARDS - 1) + [(2, 3)]
    places = {}
    for i, shape in enumerate(shapes):
        places[f"layers.{i}.weight"] = f"model-{i:05d}-of-{SHARDS:05d}.safetensors"
        tensor = np.eye(*shape)
        numpy.save_file({f"layers.{i}.weight": tensor}, tmp_path / places[f"layers.{i}.weight"])
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    done = run(tmp_path, "classify", "model.safetensors.index.json", "--data", "data.npz", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)["results"][0]["layers"]) == SHARDS
