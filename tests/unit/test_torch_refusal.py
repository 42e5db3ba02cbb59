"""What keeps a file of PyTorch from being loaded. The trusted channel: the tensors that were saved.

Each line of a message is run as it stands, and what it writes is read.
"""

from __future__ import annotations

import argparse
import importlib
import pathlib
import re
import shlex
import subprocess
import sys
import warnings

import numpy as np
import pytest
from process import clean_environment

from lossurf.errors import InputError
from lossurf.inputs.checkpoints.open import read_checkpoint

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

W1, W2 = np.random.default_rng(9).standard_normal((2, 3, 3))
PROGRAM = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = torch.nn.Linear(3, 3, bias=False), torch.nn.Linear(3, 3, bias=False)
class Config: pass
"""


def network():
    net = torch.nn.Sequential(torch.nn.Linear(3, 3, bias=False), torch.nn.Linear(3, 3, bias=False)).double()
    for layer, weight in zip(net, (W1, W2), strict=True):
        layer.weight.data = torch.tensor(weight)
    return net


def state():
    return dict(network().state_dict())


def encoder_and_decoder():
    net = network()
    return {"encoder": net[0], "decoder": net[1]}


ARGS = argparse.Namespace(lr=0.1)
CASES = {  # what is saved, the object that blocks, the key it lies under, layers to read
    "whole model": (network, "torch.nn.modules.container.Sequential", None, None),
    "model under a key": (lambda: {"model": network(), "epoch": 1}, "container.Sequential", "model", None),
    "arguments": (lambda: {"model": state(), "args": ARGS}, "argparse.Namespace", "args", None),
    "arguments before": (lambda: {"args": ARGS, "state_dict": state()}, "argparse.Namespace", "args", None),
    "a number of numpy": (
        lambda: {"net": state(), "best": np.float64(1)},
        "numpy._core.multiarray.scalar",
        "best",
        None,
    ),
    "far below": (
        lambda: {"model": state(), "opt": {"groups": [{"f": torch.nn.functional.relu}]}},
        "torch.nn.functional.relu",
        "opt.groups.0.f",
        None,
    ),
    "in the state dict": (lambda: {"model": state() | {"extra": ARGS}}, "argparse.Namespace", "model.extra", None),
    "beside tensors": (lambda: state() | {"path": pathlib.PurePosixPath("x")}, "pathlib.PurePosixPath", "path", None),
    "a key of its own": (lambda: {"mine": state(), "args": ARGS}, "argparse.Namespace", "args", None),
    "a key with quotes": (lambda: {"my \"OUT'": state(), "FILE": ARGS}, "argparse.Namespace", "FILE", None),
    "several models": (encoder_and_decoder, "linear.Linear", "encoder", ["encoder.weight", "decoder.weight"]),
    "arrays of numpy": (lambda: {"W1": W1, "W2": W2}, "numpy._core.multiarray._reconstruct", "W1", None),
    "arrays of numpy beside arguments": (
        lambda: {"args": ARGS, "model": {"W1": W1, "W2": W2}},
        "argparse.Namespace",
        "args",
        None,
    ),
    "nested arrays of numpy": (lambda: {"net": {"W1": W1, "W2": W2}}, "_reconstruct", "net.W1", None),
}


def refused(path):
    with pytest.raises(InputError) as caught:
        read_checkpoint(path, 3, 3)
    return caught.value


def run(code, directory):
    before = set(directory.iterdir())
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=directory, env=clean_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(directory.iterdir()) - before


def check(path, layers=None):
    checkpoint = read_checkpoint(path, 3, 3, layers=layers, orientation="out-in")
    assert np.array_equal(checkpoint.weights[1] @ checkpoint.weights[0], W2 @ W1)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_the_object_and_its_key_are_named_and_the_line_works(tmp_path, case, old):
    make, blocker, key, layers = CASES[case]
    path = tmp_path / "c.pt"
    torch.save(make(), path, _use_new_zipfile_serialization=not old)
    error = refused(path)
    assert f"{blocker}" in error.what
    assert (f"under the key {key!r}," in error.what) if key else ("under the key" not in error.what)
    assert "your own" in error.remedy
    line = re.search(r"python -c (.+)$", error.remedy)
    [code] = shlex.split(line[1])
    exec(code, {"__name__": "__main__"})
    [written] = set(tmp_path.iterdir()) - {path}
    check(written, layers)


def test_an_object_of_the_program_itself(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        program = {"__name__": "__main__"}
        exec(PROGRAM, program)
        for name in ("Net", "Config"):  # where pickle looks for what is written as __main__.Net
            patch.setattr(sys.modules["__main__"], name, program[name], raising=False)
        model = program["Net"]().double()
        torch.save(model, tmp_path / "whole.pt")
        torch.save({"net": model.state_dict(), "cfg": program["Config"]()}, tmp_path / "c.pt")
    lines = []
    for name, blocker, key in (("whole.pt", "__main__.Net", ""), ("c.pt", "__main__.Config", "under the key 'cfg'")):
        error = refused(tmp_path / name)
        assert blocker in error.what
        assert key in error.what
        assert f"in the program that defines {blocker[9:]}, run: " in error.remedy
        lines.append(error.remedy.partition("run: ")[2])
    written = run("\n".join([PROGRAM, *lines]), tmp_path)
    assert len(written) == len(lines)
    for path in written:
        assert len(read_checkpoint(path, 3, 3).weights) == 2


def test_a_package_that_may_be_missing_is_named(tmp_path, monkeypatch):
    (tmp_path / "mylib.py").write_text(PROGRAM)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        torch.save(importlib.import_module("mylib").Net().double(), tmp_path / "c.pt")
    del sys.modules["mylib"]
    error = refused(tmp_path / "c.pt")
    assert "'mylib' can be imported" in error.remedy
    [written] = run(*shlex.split(error.remedy.partition("python -c ")[2]), tmp_path)
    assert len(read_checkpoint(written, 3, 3).weights) == 2


def test_a_program_in_torchscript(tmp_path):
    net = network()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it will go one day
        torch.jit.save(torch.jit.trace(net, torch.ones(1, 3).double()), tmp_path / "c.pt")
    error = refused(tmp_path / "c.pt")
    assert "TorchScript" in error.what
    [written] = run(*shlex.split(error.remedy.partition("python -c ")[2]), tmp_path)
    check(written)


def test_other_reasons_are_repeated(tmp_path):
    import collections

    torch.save({"m": state(), "d": collections.deque([1])}, tmp_path / "c.pt")
    assert "collections.deque" in str(refused(tmp_path / "c.pt"))


def test_nested_state_dicts_are_read(tmp_path):
    net = network()
    parts = {"encoder": dict(net[0].state_dict()), "decoder": dict(net[1].state_dict())}
    for values in ({"model": parts}, {"state_dict": {"model": parts}, "step": torch.tensor(3)}):
        torch.save(values, tmp_path / "c.pt")
        check(tmp_path / "c.pt", ["encoder*", "decoder*"] if "model" not in values else ["encoder.*", "decoder.*"])
