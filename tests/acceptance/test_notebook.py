"""The notebook for teachers: what is stored is what its program writes, and every cell runs."""

from __future__ import annotations

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

import make_notebook  # noqa: E402 - needs what was asked for above


def test_the_notebook_is_the_one_that_is_written():
    stored = nbformat.read(make_notebook.NOTEBOOK, as_version=4)
    nbformat.validate(stored)
    assert [cell.source for cell in stored.cells] == [cell.source for cell in make_notebook.notebook().cells]


@pytest.mark.filterwarnings("ignore")  # of the kernel's own libraries
def test_every_cell_runs_and_prints_what_is_stored():
    made = make_notebook.notebook()
    make_notebook.run(made)
    stored = nbformat.read(make_notebook.NOTEBOOK, as_version=4)
    for old, new in zip(stored.cells, made.cells, strict=True):
        kinds = [[output.output_type for output in cell.get("outputs", ())] for cell in (old, new)]
        assert kinds[0] == kinds[1]
    said = "".join(output.get("text", "") for cell in made.cells for output in cell.get("outputs", ()))
    assert "valid (" in said
    assert "global-minimum" in said
