"""What plugins print while they are used, and what the program around them prints meanwhile."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from seqgen.core.plugin import Plugin, stdout_to_stderr


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
