"""Weights, a base and a ridge on the command line. The trusted channel: least squares in numpy, fractions, peft."""

from __future__ import annotations

import json

import numpy as np
import pytest
from process import python

rng = np.random.default_rng(7)
X, Y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
W0, w, GUESS = rng.normal(size=(2, 3)), rng.uniform(0.5, 2.0, 20), rng.normal(size=(20, 2))


@pytest.fixture
def folder(tmp_path):
    np.savez(tmp_path / "data.npz", X=X, Y=Y)
    np.save(tmp_path / "w.npy", w)
    np.save(tmp_path / "base.npy", W0)
    np.save(tmp_path / "predictions.npy", GUESS)
    np.savez(tmp_path / "square.npz", X=X, Y=np.column_stack([Y, w]))
    lines = ["a,b,c,weight,p,q", *(",".join(map(repr, map(float, row))) for row in np.column_stack([X, w, Y]))]
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def document(folder, *arguments, code=0):
    done = python("-m", "lossurf", *arguments, "--format", "json", cwd=folder)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def least(A, B):
    return 0.5 * float(np.sum((A @ np.linalg.lstsq(A, B, rcond=None)[0] - B) ** 2))


ROOT_W = np.sqrt(w)[:, None]
CASES = {
    "file": (["data.npz", "--sample-weights", "w.npy"], least(ROOT_W * X, ROOT_W * Y)),
    "column": (
        ["table.csv", "--target", "p", "--target", "q", "--sample-weights", "weight"],
        least(ROOT_W * X, ROOT_W * Y),
    ),
    "outputs": (["data.npz", "--output-weights", "4,0.25"], least(X, Y * [2.0, 0.5])),
    "base": (["data.npz", "--base", "base.npy"], least(X, Y - X @ W0.T)),
    "predictions": (["data.npz", "--base", "predictions.npy"], least(X, Y - GUESS)),
    "residual": (["square.npz", "--residual"], least(X, np.column_stack([Y, w]) - X)),
    "ridge": (
        ["data.npz", "--ridge", "3"],
        least(np.vstack([X, np.sqrt(3) * np.eye(3)]), np.vstack([Y, np.zeros((3, 2))])),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_check_finds_the_least_loss_and_says_what_was_changed(folder, name):
    arguments, loss = CASES[name]
    found = document(folder, "check", *arguments)
    assert found["optimal_loss"] == pytest.approx(loss, rel=1e-12)
    adjusted = found["data"]["adjusted"]
    told = {key for key, value in adjusted.items() if value} - {"total_weight"}
    weighted = {"file": "sample_weights", "column": "sample_weights", "outputs": "output_weights"}
    assert told == {{**weighted, "predictions": "base"}.get(name, name)}
    assert adjusted["total_weight"] == (pytest.approx(w.sum()) if "sample_weights" in told else None)


def test_the_table_says_what_was_changed(folder):
    options = ["--sample-weights", "w.npy", "--base", "base.npy", "--ridge", "3"]
    done = python("-m", "lossurf", "check", "data.npz", *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines() if line.strip()]
    told = {name: rest for name, *rest in lines if name in ("Weighted", "Base", "Ridge")}
    assert "samples, by w.npy" in told["Weighted"][0]
    assert told["Base"] == ["base.npy, subtracted from Y"]
    assert told["Ridge"][0].startswith("3 times 1/2 ||P||^2")


def test_the_configuration_file_sets_them(folder):
    (folder / "lossurf.yaml").write_text("output-weights: '4,0.25'\nbase: base.npy\n")
    found = document(folder, "check", "data.npz")
    assert found["optimal_loss"] == pytest.approx(least(X, (Y - X @ W0.T) * [2.0, 0.5]), rel=1e-12)


@pytest.mark.parametrize("command", ["relu", "spurious", "reduce"])
def test_questions_about_data_as_they_are_refuse_them(folder, command):
    np.savez(folder / "net.npz", W1=np.ones((2, 3)), W2=np.ones((2, 2)))
    given = {"relu": ["net.npz", "--data", "data.npz"], "spurious": ["data.npz"], "reduce": ["data.npz", "-o", "s.npz"]}
    done = python("-m", "lossurf", command, *given[command], "--base", "base.npy", cwd=folder)
    assert done.returncode == 2
    assert "without weights, base or ridge" in done.stderr
    assert not (folder / "s.npz").exists()


def test_a_certificate_is_verified_with_the_same_options_alone(folder):
    np.savez(folder / "zero.npz", W1=np.zeros((1, 3)), W2=np.zeros((2, 1)))
    options = ["--data", "data.npz", "--sample-weights", "w.npy", "--base", "base.npy"]
    found = document(folder, "classify", "zero.npz", *options, "--certificate", "c.npz")
    assert found["results"][0]["verdict"] == "strict-saddle"
    assert document(folder, "verify", "c.npz", *options)["valid"]
    done = python("-m", "lossurf", "verify", "c.npz", "--data", "data.npz", cwd=folder)
    assert done.returncode == 2
    assert "was made with --sample-weights" in done.stderr
    assert len(done.stderr.splitlines()) == 3


def test_a_summary_takes_a_base_and_no_weights_of_samples(folder):
    document(folder, "reduce", "data.npz", "-o", "sum.npz")
    found = document(folder, "check", "sum.npz", "--base", "base.npy", "--output-weights", "4,1")
    assert found["optimal_loss"] == pytest.approx(least(X, (Y - X @ W0.T) * [2, 1]), rel=1e-12)
    assert python("-m", "lossurf", "check", "sum.npz", "--sample-weights", "w.npy", cwd=folder).returncode == 2


REFUSED = {
    "negative": (["--sample-weights", "bad.npy"], "is negative"),
    "no column": (["--sample-weights", "heft"], "heft"),
    "no file": (["--sample-weights", "nowhere.npy"], "there is no file"),
    "not above 0": (["--output-weights", "1,0"], "not above 0"),
    "shape": (["--base", "wide.npy"], "the base has shape"),
    "residual": (["--residual"], "as many outputs as inputs"),
    "ridge": (["--ridge", "-1"], "not a positive number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_loss_is_refused_with_one_thing_to_do(folder, name):
    options, said = REFUSED[name]
    np.save(folder / "bad.npy", -np.ones(20))
    np.save(folder / "wide.npy", np.ones((4, 7)))
    done = python("-m", "lossurf", "check", "data.npz", *options, cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr
    assert 2 <= len(done.stderr.splitlines()) <= 3, done.stderr
    assert done.stderr.splitlines()[-1].startswith("  next: ")


def test_missing_entries_of_y_are_refused_with_the_reason(folder):
    hole = Y.copy()
    hole[3, 1] = np.nan
    np.savez(folder / "hole.npz", X=X, Y=hole)
    done = python("-m", "lossurf", "check", "hole.npz", cwd=folder)
    assert done.returncode == 2
    assert "minima can be spurious" in done.stderr
    assert "row 4, column 2" in done.stderr
    assert "lossurf explain missing-entries" in done.stderr


def test_an_adapter_of_peft_on_its_base_is_judged_end_to_end(folder):
    torch, peft = pytest.importorskip("torch"), pytest.importorskip("peft")
    safetensors = pytest.importorskip("safetensors.torch")
    model = torch.nn.Sequential()
    model.add_module("fc", torch.nn.Linear(3, 2).double())
    safetensors.save_file(model.state_dict(), folder / "base.safetensors")
    weight, bias = (part.detach().numpy() for part in (model.fc.weight, model.fc.bias))
    rest = Y - X @ weight.T - bias
    best = np.linalg.lstsq(X, rest, rcond=None)[0].T
    u, s, _ = np.linalg.svd(best @ X.T, full_matrices=False)
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=1, lora_alpha=8, target_modules=["fc"], bias="none"))
    with torch.no_grad():
        adapted.base_model.model.fc.lora_A.default.weight.copy_(torch.tensor(u[:, :1].T @ best))
        adapted.base_model.model.fc.lora_B.default.weight.copy_(torch.tensor(u[:, :1] / 8))
        loss = 0.5 * float(((adapted(torch.tensor(X)) - torch.tensor(Y)) ** 2).sum())
    adapted.save_pretrained(folder / "adapter")
    options = ["--data", "data.npz", "--base", "base.safetensors", "--base-layer", "fc"]
    found = document(folder, "classify", "adapter", *options)["results"][0]
    assert found["verdict"] == "global-minimum"
    assert found["loss"] == pytest.approx(loss, rel=1e-6)
    assert found["loss"] == pytest.approx(least(X, rest) + 0.5 * s[1] ** 2, rel=1e-6)
    alone = document(folder, "classify", "adapter", "--data", "data.npz")["results"][0]
    assert alone["verdict"] == "not-critical"
