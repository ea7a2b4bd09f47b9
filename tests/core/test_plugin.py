"""Plugins are imported once, and what they print while they are used does not mix with what the program prints."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from seqgen.core.plugin import Plugin, _Import, stdout_to_stderr


class Printing(threading.Thread):
    """Enters at once, and prints its name before it leaves."""

    def __init__(self, name):
        super().__init__(name=name, daemon=True)
        self.entered, self.may_leave = threading.Event(), threading.Event()
        self.start()
        assert self.entered.wait(9)

    def run(self):
        with stdout_to_stderr():
            self.entered.set()
            self.may_leave.wait(9)
            print(self.name)

    def print_and_leave(self):
        self.may_leave.set()
        self.join(9)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_threads_that_overlap_leave_stdout_as_it_was_and_other_threads_keep_it_meanwhile(capsys, order):
    before = sys.stdout
    threads = [Printing(name) for name in "abc"]
    print("ours")
    for number in order:
        threads[number].print_and_leave()
        print("ours")
    assert sys.stdout is before
    shown = capsys.readouterr()
    assert (shown.out.split(), sorted(shown.err.split())) == (["ours"] * 4, ["a", "b", "c"])


def test_a_slow_import_is_waited_for_once_and_by_what_needs_it_to_its_end():
    may_end = threading.Event()
    plugin = Plugin("slow", "slow", "slow", "1", lambda: may_end.wait() and object())
    try:
        begun = time.monotonic()
        assert not plugin.usable(patience=0.3)
        assert time.monotonic() - begun >= 0.3
        again = time.monotonic()
        for _ in range(50):
            assert not plugin.usable(patience=0.3)
        assert time.monotonic() - again < 50 * 0.3
        assert plugin.importing
    finally:
        may_end.set()
    assert plugin.usable(patience=None)


def test_threads_that_ask_at_once_wait_for_one_import():
    imports, may_end = [], threading.Event()

    def load():
        imports.append("begun")
        may_end.wait(9)
        return object()

    plugin = Plugin("slow", "slow", "slow", "1", load)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(plugin.usable, patience=None) for _ in range(4)]
        time.sleep(0.1)  # so that all of them wait
        may_end.set()
        assert [each.result(9) for each in asked] == [True] * 4
    assert imports == ["begun"]


def test_an_import_that_another_thread_took_over_just_as_one_gave_up_waiting_counts(monkeypatch):
    may_end = threading.Event()
    plugin = Plugin("slow", "slow", "slow", "1", lambda: may_end.wait(9) and object())
    done = _Import.done

    def given_up_too_early(self, patience):
        ended = done(self, patience)
        if not ended:
            may_end.set()
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(plugin.usable, patience=None).result(9)
        return ended

    monkeypatch.setattr(_Import, "done", given_up_too_early)
    assert plugin.usable(patience=0)
    assert plugin.problem == ""


def test_one_within_another_ends_with_the_outer_one(capsys):
    with stdout_to_stderr():
        with stdout_to_stderr():
            print("inner")
        print("outer")
    print("ours")
    assert capsys.readouterr() == ("ours\n", "inner\nouter\n")


def test_where_there_is_neither_stdout_nor_stderr_printing_fails_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with stdout_to_stderr():
        print("nothing")
    assert sys.stdout is None
