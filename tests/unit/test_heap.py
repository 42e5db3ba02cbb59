"""Memory that malloc keeps between verdicts, counted in page faults by the kernel."""

import platform

import pytest
from process import python

FAULTS = """
import resource
import numpy as np
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network
from lossurf.reduction.problem import reduced_problem
from lossurf.reduction.triangle import Triangle

r = np.eye(257)
r[1:129, 129:] = np.diag(np.linspace(2.0, 1.0, 128))
problem = reduced_problem(Triangle(r, 1280, 128, 128, np.zeros(257), np.linalg.norm(r, axis=0)))
layers = [r[1:129, 129:] ** (1 / 3) for _ in range(3)]
faults = []
for count in range(8):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    assert classify_network(Checkpoint.of(layers), problem).verdict == "global-minimum"
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(min(faults))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc keeps its memory by other rules")
def test_a_verdict_takes_no_page_that_the_one_before_gave_back():
    # channel: the kernel's count of faults of a young process
    assert int(python("-c", FAULTS).stdout) < 50
