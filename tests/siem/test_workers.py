"""Tasks shared by processes: order, errors, and what becomes of tasks whose process dies, hangs or is merely slow."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

import pytest

from secops.siem.workers import Died, Workers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

Progress = Callable[[int], None]


def begin(progress: Progress) -> Callable[[Sequence[str]], list[str]]:
    def work(task: Sequence[str]) -> list[str]:
        for item in task:
            if item == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            if item == "fails":
                raise ValueError(item)
            if item == "late":
                time.sleep(0.3)
            while item == "hangs":
                time.sleep(1)
            for _part in range(20 if item == "long" else 0):  # in all, longer than anybody waits for a sign of life
                time.sleep(0.15)
                progress(0)
            progress(len(item))
        return list(task)

    return work


def run(*tasks: Sequence[str], done: Progress = lambda _count: None, patience: float = 60.0, method: str = "fork"):
    return Workers(tasks, begin, multiprocessing.get_context(method), 2, done, patience).run()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_results_come_in_the_order_of_the_tasks_and_all_progress_is_told(method: str):
    told: list[int] = []
    tasks = [["late", "a"], *([str(number)] for number in range(100, 300))]
    assert list(run(*tasks, done=told.append, method=method)) == tasks
    assert sum(told) == 5 + 200 * 3


def test_of_a_task_whose_process_dies_only_the_item_that_did_it_is_lost():
    found = list(run(["a"], ["b", "dies", "c"], ["late"], ["dies"], ["d"]))
    assert found == [["a"], ["b"], Died("dies"), ["c"], ["late"], Died("dies"), ["d"]]


def test_of_a_task_whose_process_hangs_only_the_item_that_did_it_is_lost():
    found = list(run(["a"], ["b", "hangs", "c"], ["late"], ["d"], patience=1.5))
    assert found == [["a"], ["b"], Died("hangs", stuck=True), ["c"], ["late"], ["d"]]


def test_what_takes_long_but_goes_on_is_left_alone():
    assert list(run(["long"], ["a"], patience=1.5)) == [["long"], ["a"]]


def test_nobody_is_silent_while_the_results_are_not_asked_for():
    found = run(["a"], ["late", "b"], ["c"], patience=1.0)
    first = next(found)
    time.sleep(2)
    assert [first, *found] == [["a"], ["late", "b"], ["c"]]


def test_an_error_of_a_task_is_raised_where_its_result_is_taken():
    found = run(["a"], ["fails"])
    with pytest.raises(ValueError, match="fails"):
        list(found)
