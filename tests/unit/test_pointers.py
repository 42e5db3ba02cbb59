"""What Git LFS and git-annex leave in a file's place. The trusted channel: their specifications, written out here."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from lossurf.certificates.stored import read_certificate
from lossurf.errors import InputError
from lossurf.inputs.checkpoints.open import read_checkpoint
from lossurf.inputs.checkpoints.readers import READERS
from lossurf.inputs.files import file_size
from lossurf.inputs.tables.data import open_dataset
from lossurf.inputs.tables.formats import OPENERS

OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n".encode()
EXTENDED = LFS.replace(b"\noid", b"\next-0-foo sha256:" + b"0" * 64 + b"\noid")
ANNEX = f"/annex/objects/SHA256E-s12345--{OID}.npz\n".encode()
KINDS = {
    "LFS": (LFS, "a Git LFS pointer", "git lfs pull"),
    "LFS with an extension": (EXTENDED, "a Git LFS pointer", "git lfs pull"),
    "LFS with Windows line ends": (LFS.replace(b"\n", b"\r\n"), "a Git LFS pointer", "git lfs pull"),
    "annex": (ANNEX, "a git-annex pointer", "git annex get"),
}


def refusal(function, *args, **options):
    with pytest.raises(InputError) as caught:
        function(*args, **options)
    return caught.value


def tells(error, kind):
    return KINDS[kind][1] in error.what and KINDS[kind][2] in error.remedy


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", [*READERS, ".xyz"])
def test_checkpoints(tmp_path, kind, ending):
    (tmp_path / f"c{ending}").write_bytes(KINDS[kind][0])
    assert tells(refusal(read_checkpoint, tmp_path / f"c{ending}", 3, 2), kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", [*OPENERS, ".xlsx", ".xyz"])
def test_data(tmp_path, kind, ending):
    path = tmp_path / f"d{ending}"
    path.write_bytes(KINDS[kind][0])
    np.save(tmp_path / "Y.npy", np.ones((3, 1)))
    assert tells(refusal(open_dataset, path, targets=["y"]), kind)
    assert tells(refusal(open_dataset, None, x=path, y=tmp_path / "Y.npy"), kind)
    assert tells(refusal(open_dataset, None, x=tmp_path / "Y.npy", y=path), kind)
    assert tells(refusal(open_dataset, path, autoencoder=True), kind)


def test_in_a_directory_as_a_certificate_and_on_standard_input(tmp_path, monkeypatch):
    np.save(tmp_path / "X.npy", np.ones((3, 1)))
    for name in ("Y.npy", "c.json"):
        (tmp_path / name).write_bytes(LFS)
    assert tells(refusal(open_dataset, tmp_path), "LFS")
    assert tells(refusal(read_certificate, tmp_path / "c.json"), "LFS")
    stream = SimpleNamespace(isatty=lambda: False, buffer=io.BytesIO(LFS))
    monkeypatch.setattr(sys, "stdin", stream)
    from pathlib import Path

    assert tells(refusal(read_checkpoint, Path("-"), 3, 2), "LFS")


def test_a_locked_annexed_file_is_a_link_to_nowhere(tmp_path):
    (tmp_path / "c.npz").symlink_to(f".git/annex/objects/x/y/SHA256E-s1--{OID}.npz/SHA256E-s1--{OID}.npz")
    assert tells(refusal(read_checkpoint, tmp_path / "c.npz", 3, 2), "annex")
    (tmp_path / "d.npz").symlink_to("nowhere.npz")
    assert "there is no file" in refusal(read_checkpoint, tmp_path / "d.npz", 3, 2).what


def test_a_table_that_only_speaks_of_them_is_data(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("a,version https://git-lfs.github.com/spec/v1\n1,2\n3,4\n5,7\n")
    assert file_size(path) > 0
    assert open_dataset(path, targets=["2"]).dy == 1
