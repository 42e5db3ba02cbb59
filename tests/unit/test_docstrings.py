"""Every question's docstring has an example, and it gives what it shows."""

from __future__ import annotations

import doctest
from importlib import import_module

import numpy as np
import pytest
from process import ROOT

import lossurf

QUESTIONS = sorted(path.stem for path in (ROOT / "lossurf" / "api").glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", [*QUESTIONS, "parts.result"])
def test_the_examples_of_a_question_run(name):
    module = import_module(f"lossurf.api.{name}")
    found = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    assert found, f"no function of lossurf.api.{name} shows an example"
    with np.printoptions(legacy="1.25"):
        for test in found:
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
            assert runner.run(test).failed == 0, test.name


def test_every_function_of_the_package_shows_an_example():
    functions = [getattr(lossurf, name) for name in lossurf.__all__]
    questions = [one for one in functions if callable(one) and getattr(one, "__module__", "").startswith("lossurf.api")]
    bare = [one.__name__ for one in questions if not isinstance(one, type) and ">>>" not in (one.__doc__ or "")]
    assert set(bare) <= {"classify_loss"}, "which is another name of classify"
