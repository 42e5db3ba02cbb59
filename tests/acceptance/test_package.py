"""The package as it is published: what its wheel and its source archive hold.

Trusted: the archives themselves, held against the files of the repository.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from importlib.util import find_spec

import pytest
from process import ROOT

pytestmark = pytest.mark.skipif(not find_spec("hatchling"), reason="needs hatchling")


def files_of(*folders: str) -> set[str]:
    """The files below folders of the repository, without what running leaves there."""
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    names = (path.relative_to(ROOT) for path in paths)
    return {
        name.as_posix() for name in names if not any(part.endswith(("__pycache__", "_cache")) for part in name.parts)
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    place = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(place)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    return place


def test_the_wheel_holds_the_package_the_sample_that_the_demonstration_shows_and_the_man_pages(built):
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    manual = files_of("lossurf/manual/man")
    sample = {f"lossurf/{name}" for name in files_of("sample_data/wine")}
    inside = {name for name in names if name.startswith("lossurf/")}
    assert inside == files_of("lossurf") - manual | sample | {"lossurf/sample_data/SOURCES.md"}
    shared = {name.split(".data/data/")[1] for name in names if ".data/data/" in name}
    assert shared == {name.replace("lossurf/manual/man/", "share/man/") for name in manual}
    assert len(shared) > 10
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_source_archive_holds_what_its_tests_need(built):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    wanted = files_of("lossurf", "tests", "sample_data", ".ci")
    assert names == wanted | {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", ".gitignore", "PKG-INFO"}


def test_its_metadata_name_the_pythons_it_is_for_and_where_the_theory_is(built):
    (wheel,) = built.glob("*.whl")
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    told = message_from_bytes(archive.read(name))
    versions = [line.rpartition(" ")[2] for line in told.get_all("Classifier") if "Python :: 3." in line]
    assert versions == ["3.11", "3.12", "3.13", "3.14"]
    assert told["Requires-Python"] == ">=3.11"
    assert told.get_all("Project-URL")
