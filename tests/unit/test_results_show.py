"""Every result of Python shows itself, in every format and in a notebook. Trusted: the schema of each document."""

from __future__ import annotations

import re

import numpy as np
import pytest
from process import ROOT
from schemas import check_document

import lossurf
from lossurf.report.render import RENDERERS

WINE = ROOT / "sample_data" / "wine"
SADDLE = WINE / "checkpoints" / "strict-saddle-tails.npz"
RNG = np.random.default_rng(0)
DATA = lossurf.read(WINE)
X = RNG.standard_normal((30, 3))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    place = tmp_path_factory.mktemp("certificate") / "proof.npz"
    lossurf.certify(SADDLE, DATA).save(place)
    return place


ASKED = {
    "check": lambda _: lossurf.check(DATA, widths=[10, 4, 2, 3]),
    "classify": lambda _: lossurf.classify(SADDLE, DATA),
    "classify several": lambda _: lossurf.classify_files(WINE / "checkpoints" / "*.npz", DATA),
    "construct": lambda _: lossurf.construct(DATA, widths=[10, 4, 3], kind="strict-saddle"),
    "escape": lambda _: lossurf.escape(SADDLE, DATA),
    "escape to the minimum": lambda _: lossurf.escape(SADDLE, DATA, to_minimum=True),
    "escape from no saddle": lambda _: lossurf.escape(WINE / "run" / "step-08000.npz", DATA),
    "spurious": lambda _: lossurf.spurious(X, X[:, :1] ** 2),
    "relu": lambda _: lossurf.relu([RNG.standard_normal((4, 3)), RNG.standard_normal((1, 4))], X, X[:, :1]),
    "verify": lambda certificate: lossurf.verify(certificate, DATA),
    "audit": lambda _: lossurf.audit(DATA, widths=[10, 4, 3]),
    "watch": lambda _: lossurf.watch(WINE / "run" / "*.npz", DATA),
    "watch runs": lambda _: lossurf.watch(WINE / "run", DATA, runs=True),
    "spectrum": lambda _: lossurf.plot.spectrum(DATA),
    "levels": lambda _: lossurf.plot.levels(DATA, widths=[10, 4, 3]),
    "surface": lambda _: lossurf.plot.surface(SADDLE, DATA, points=11),
    "explain": lambda _: lossurf.explain("bad-saddle"),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_result_shows_itself_in_every_format_and_names_no_file_that_is_not_there(name, certificate):
    result = ASKED[name](certificate)
    told = result.to_dict()
    written = {"output": "file"} if told["command"] in {"construct", "plot"} else {}  # as the shell does before
    check_document({**told, **written})
    for form in RENDERERS:
        said = result.report(form, verbosity=2)
        assert said
        assert form in {"json", "jsonl", "html"} or not re.search(r"\bNone\b", said), form
    assert str(result) == result.report().rstrip("\n")
    assert "<" in result._repr_html_()
