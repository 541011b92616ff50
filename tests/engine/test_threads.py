"""One BLAS thread inside, and nothing left changed outside."""

import importlib
import sys
import threading

import numpy as np
import pytest
import threadpoolctl

import lmm
from lmm.engine import criterion, threads

SLEEP = lmm.load("sleepstudy")
FORMULA = "Reaction ~ Days + (Days | Subject)"


def numbers():
    """Threads of each BLAS library."""
    return [lib["num_threads"] for lib in threadpoolctl.threadpool_info()
            if lib["user_api"] == "blas"]


@pytest.fixture(autouse=True)
def two_threads():
    before = numbers()
    if set(before) != {2}:
        pytest.skip("BLAS here has not two threads")
    yield
    assert numbers() == before


def test_a_fit_computes_with_one_thread_and_leaves_two(monkeypatch):
    seen = []
    evaluate = criterion.evaluate
    monkeypatch.setattr("lmm.engine.search.evaluate",
                        lambda *args: seen.append(numbers()) or evaluate(*args))
    fit = lmm.fit(FORMULA, SLEEP)
    assert seen and {n for each in seen for n in each} == {1}
    assert set(numbers()) == {2}
    fit.refit(fit.y), fit.coef_table(df="kenward-roger"), fit.predict(interval=0.95)
    fit.bootstrap(3, seed=1)
    assert set(numbers()) == {2}


def test_an_error_inside_leaves_two():
    with pytest.raises(ValueError, match="exactly"):
        lmm.fit("y ~ x", SLEEP.assign(x=SLEEP["Days"], y=2.0 * SLEEP["Days"]))
    assert set(numbers()) == {2}


def test_entered_again_and_by_several_threads():
    with threads.one, threads.one:
        assert set(numbers()) == {1}
    assert set(numbers()) == {2}
    barrier = threading.Barrier(4)

    def work():
        for _ in range(20):
            with threads.one:
                lmm.fit(FORMULA, SLEEP)
            barrier.wait()
    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert set(numbers()) == {2} and threads.one.owner is None


def test_a_large_matrix_gets_all_again():
    with threads.one:
        with threads.one.unless_large(100):
            assert set(numbers()) == {1}
        with threads.one.unless_large(threads.LARGE):
            assert set(numbers()) == {2}
        assert set(numbers()) == {1}
    with threads.one.unless_large(threads.LARGE):
        assert set(numbers()) == {2}


def test_without_threadpoolctl_nothing_happens(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    spec = importlib.util.find_spec("lmm.engine.threads")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.ThreadpoolController is None
    with module.one, module.one.unless_large(10_000):
        assert np.linalg.inv(np.eye(2)).shape == (2, 2)
