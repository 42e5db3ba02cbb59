"""Trusted channel: numpy's QR of all samples in memory, up to the signs of rows."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest

from lossurf.errors import InputError, UsageError
from lossurf.inputs.tables.parts import address_of, openers
from lossurf.reduction import cluster
from lossurf.reduction.cluster import connect, part_size, reduce_on_cluster, split_into_parts

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")  # distributed's own

EPS = float(np.finfo(float).eps)
GENERATOR = np.random.default_rng(13)
X, Y = GENERATOR.standard_normal((5000, 6)), GENERATOR.standard_normal((5000, 2))


@pytest.fixture(scope="module")
def client():
    with connect(None, workers=3) as connected:
        yield connected


@pytest.fixture
def pair(tmp_path):
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "Y.npy", Y)
    return tmp_path


def assert_same(triangle, X=X, Y=Y):
    rows = np.hstack([np.ones((len(X), 1)), X, Y])
    expected = np.linalg.qr(rows, mode="r")
    signs = np.sign(np.diag(expected)) * np.sign(np.diag(triangle.unshifted))
    assert triangle.samples == len(X)
    error = np.max(np.abs(signs[:, None] * triangle.unshifted - expected))
    assert error < 100 * len(expected) * EPS * np.linalg.norm(expected)


def test_a_large_file_in_parts(client, pair):
    parts = split_into_parts(openers(pair), part_bytes=8 * 8 * 300)
    assert len(parts) == 17
    assert_same(reduce_on_cluster(parts, client))


def test_the_largest_data_are_cut_into_no_more_parts_than_a_scheduler_bears():
    assert part_size(10**9) == part_size(2**28 * 2**16) == 2**28
    assert part_size(2**28 * 2**16 + 1) == 2**28 + 1
    assert part_size(8 * 10**14) * 2**16 >= 8 * 10**14 > (part_size(8 * 10**14) - 1) * 2**16


def test_the_number_of_workers_changes_no_bit(client, pair):
    parts = split_into_parts(openers(pair), part_bytes=8 * 8 * 300)
    several = reduce_on_cluster(parts, client).r
    with connect(None, workers=1) as alone:
        assert np.array_equal(reduce_on_cluster(parts, alone).r, several)


def test_one_client_serves_any_number_of_reductions(client, pair):
    parts = split_into_parts(openers(pair), part_bytes=8 * 8 * 300)
    first = reduce_on_cluster(parts, client).r
    for _ in range(3):  # what was left of one must not be in the way of the next
        assert np.array_equal(reduce_on_cluster(parts, client).r, first)


def test_tables_each_one_part(client, tmp_path):
    for number, rows in enumerate((slice(100), slice(100, 250))):
        lines = "\n".join(",".join(map(repr, map(float, row))) for row in np.hstack([X, Y])[rows])
        (tmp_path / f"part-{number}.csv").write_text(lines + "\n")
    parts = split_into_parts(openers(tmp_path / "part-*.csv", targets=("7", "8")))
    assert len(parts) == 2
    assert_same(reduce_on_cluster(parts, client), X[:250], Y[:250])


def test_addresses_that_fsspec_knows(client, pair):
    parts = split_into_parts(openers(None, x=f"file://{pair}/X.npy", y=f"file://{pair}/Y.npy", remote=True))
    assert_same(reduce_on_cluster(parts, client))


@pytest.mark.parametrize(
    ("path", "address"),
    [("s3:/bucket/a.csv", "s3://bucket/a.csv"), ("file:/a/b.npy", "file:///a/b.npy"), ("C.csv", None), ("a/b", None)],
)
def test_addresses_survive_being_paths(path, address):
    assert address_of(path) == address


def test_the_first_bad_part_is_told(client, tmp_path):
    bad = X.copy()
    bad[700, 3] = np.nan
    bad[4000, 1] = np.inf
    np.save(tmp_path / "X.npy", bad)
    np.save(tmp_path / "Y.npy", Y)
    with pytest.raises(InputError, match=r"NaN.*row 701, column 4"):
        reduce_on_cluster(split_into_parts(openers(tmp_path), part_bytes=8 * 8 * 300), client)


def _slowly(opener):
    time.sleep(0.1)
    return opener()


def test_a_killed_worker_costs_a_retry_and_changes_no_bit(client, pair):
    undisturbed = reduce_on_cluster(split_into_parts(openers(pair), part_bytes=8 * 8 * 300), client).r
    parts = split_into_parts([partial(_slowly, opener) for opener in openers(pair)], part_bytes=8 * 8 * 300)
    with connect(None, workers=2) as connected:
        workers = connected.run(os.getpid)
        killed = []

        def kill_one(done, _whole):
            if done == 4 and not killed:
                killed.append(next(iter(workers.values())))
                os.kill(killed[0], signal.SIGKILL)

        disturbed = reduce_on_cluster(parts, connected, progress=kill_one).r
    assert killed
    assert np.array_equal(disturbed, undisturbed)


def test_no_scheduler_there(monkeypatch):
    assert cluster._SECONDS_TO_CONNECT < 10  # what a user is left without an answer
    monkeypatch.setattr(cluster, "_SECONDS_TO_CONNECT", 1)
    with pytest.raises(UsageError, match="no dask scheduler answers"), connect("tcp://127.0.0.1:9"):
        pass


@pytest.mark.usefixtures("pair")
def test_the_command_on_a_running_cluster(client, pair):
    command = [sys.executable, "-m", "lossurf", "reduce", str(pair), "-o", str(pair / "out.npz"), "--engine", "dask"]
    address = client.scheduler.address
    finished = subprocess.run([*command, "--scheduler", address], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    with contextlib.closing(np.load(pair / "out.npz")) as held:
        assert held["lossurf_triangle"].shape == (9, 9)


def test_a_local_cluster_that_cannot_be_started_is_told(monkeypatch):
    def refused(**_: object) -> None:
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(distributed, "LocalCluster", refused)
    with pytest.raises(UsageError, match="no local dask cluster can be started: Nanny failed to start"):
        cluster._local_cluster(distributed, 2)


def test_workers_that_do_not_end_in_time_lose_no_result():
    from lossurf.reduction import cluster

    class Busy:
        closed = 0

        def close(self):
            self.closed += 1
            raise TimeoutError

    busy = Busy()
    with cluster._closing(busy) as found:
        assert found is busy
    assert busy.closed == 1
    with pytest.raises(KeyError), cluster._closing(busy):
        raise KeyError
    assert busy.closed == 2


def test_what_dask_logs_of_a_lost_connection_is_kept_from_standard_error():
    before = logging.root.manager.disable
    with cluster._quiet():
        assert logging.root.manager.disable == logging.CRITICAL
    assert logging.root.manager.disable == before
