"""Trusted channel: threadpoolctl, which reads the number of threads of every BLAS for itself."""

import sys
from types import ModuleType

import numpy as np
import pytest

import lossurf
from lossurf.api.parts.judge import Judge
from lossurf.reduction.blas_threads import ONE_THREAD, SingleThreadHold, _loaded_with

threadpoolctl = pytest.importorskip("threadpoolctl")


def blas_threads():
    return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]


def test_blas_is_held_at_one_thread_and_restored():
    np.linalg.qr(np.ones((3, 2)))
    with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        assert 2 in before
        with SingleThreadHold():
            assert set(blas_threads()) == {1}
        assert blas_threads() == before


def test_the_last_one_out_restores():
    hold = SingleThreadHold()
    with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        hold.__enter__()
        with hold:
            hold.__exit__(None, None, None)
            assert set(blas_threads()) == {1}
        assert blas_threads() == before


def test_threads_are_restored_after_a_failure():
    with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        with pytest.raises(KeyError), SingleThreadHold():
            raise KeyError
        assert blas_threads() == before


def test_libraries_are_looked_for_again_only_after_a_module_was_imported(monkeypatch):
    hold = SingleThreadHold()
    with hold:
        looked = _loaded_with.cache_info().misses
        with hold:
            pass
        assert _loaded_with.cache_info().misses == looked
        monkeypatch.setitem(sys.modules, "imported_meanwhile", ModuleType("imported_meanwhile"))
        with hold:
            pass
        assert _loaded_with.cache_info().misses == looked + 1


@pytest.mark.parametrize(("width", "held"), [(3, True), (300, False)])
def test_a_small_network_is_judged_on_one_thread(width, held, monkeypatch):
    seen, judged = [], Judge._judged

    def told(self, checkpoint):
        seen.append(set(blas_threads()))
        return judged(self, checkpoint)

    monkeypatch.setattr(Judge, "_judged", told)
    X = np.random.default_rng(0).standard_normal((9, 2))
    with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        lossurf.classify([np.zeros((width, 2)), np.zeros((1, width))], X, X[:, :1])
        assert blas_threads() == before
    assert (seen == [{1}]) == held


def test_everybody_enters_the_same_hold(monkeypatch):
    """A network is judged while a reduction runs and ends later: the number of threads from before both comes back."""
    X, hold = np.random.default_rng(0).standard_normal((9, 2)), ONE_THREAD
    with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
        before, judged = blas_threads(), Judge._judged

        def told(self, checkpoint):
            hold.__exit__(None, None, None)  # the reduction ends while the network is judged
            assert set(blas_threads()) == {1}
            return judged(self, checkpoint)

        monkeypatch.setattr(Judge, "_judged", told)
        hold.__enter__()
        lossurf.classify([np.zeros((3, 2)), np.zeros((1, 3))], X, X[:, :1])
        assert blas_threads() == before
