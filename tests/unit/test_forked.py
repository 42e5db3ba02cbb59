"""Runs of a shell script that are forked print and end as those of an interpreter of their own, which is trusted."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from threading import Thread

import forked
import pytest
import readme
from process import ROOT, clean_environment

pytestmark = pytest.mark.skipif(not forked.may_fork({}), reason="forked on Linux only")

SCRIPT = """
lossurf schema check | head -n 1
lossurf check sample_data/nothing; echo $?
lossurf check <&-; echo $?
printf '1,2\\n' | lossurf check - --quiet; echo $?
(cd sample_data; lossurf check wine --format json)
for k in 1 2; do lossurf check sample_data/wine -q & done; wait
env -u LANG -u LC_ALL lossurf check sample_data/wine --widths 10,4,2,3
"""


def test_a_script_prints_what_it_prints_with_an_interpreter_for_each_run(tmp_path):
    outputs = [readme.printed([SCRIPT], readme.clone(tmp_path / str(anew), anew=anew)) for anew in (True, False)]
    assert "Every hypothesis holds" in outputs[0][0]
    assert outputs[0] == outputs[1]


def test_variables_that_an_interpreter_reads_first_start_one(tmp_path):
    where = readme.launcher(tmp_path)
    lines = ["lossurf --version\n", "PYTHONPROFILEIMPORTTIME=1 lossurf --version\n"]
    forked_run, own = readme.printed(lines, where)
    assert forked_run.startswith("lossurf ")
    assert own.startswith("import time:")
    assert own.endswith(forked_run)


@pytest.mark.parametrize(
    ("answer", "code"), [(b"0", 0), (b"7", 7), (b"-15", -signal.SIGTERM), (b"-9", -signal.SIGKILL)]
)
def test_the_program_ends_as_its_run_did(tmp_path, answer, code):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(str(tmp_path / "door"))
        door.listen()

        def serve():
            with door.accept()[0] as asking:
                _, streams, _, _ = socket.recv_fds(asking, 1 << 17, 3)
                for stream in streams:
                    os.close(stream)
                asking.send(answer)

        thread = Thread(target=serve)
        thread.start()
        program = ROOT / "tests" / "forked_program.py"
        done = subprocess.run([sys.executable, "-I", "-S", program, tmp_path / "door", "x"], env=clean_environment())
        thread.join()
    assert done.returncode == code
