"""SIGTERM and SIGHUP end a command as Ctrl-C does: it cleans up, and its exit code says which it was."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading

import pytest

from seqgen.cli.signals import heeded
from seqgen.training.interruption import ONE_WISH_SECONDS

if not hasattr(signal, "SIGHUP"):
    pytest.skip("signals are another matter here", allow_module_level=True)

SIGNALS = [signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def as_usual():
    """Whatever the tests were started with, nothing is ignored; and so it is afterwards."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_raised_with_its_number_and_nothing_is_heeded_afterwards(number):
    with heeded() as came:
        with pytest.raises(KeyboardInterrupt) as caught:
            send(number)
        assert (caught.value.args, came) == ((number,), [number])
    assert [signal.getsignal(each) for each in SIGNALS] == [signal.SIG_DFL] * 2


@pytest.mark.parametrize("second", SIGNALS)
def test_one_that_comes_with_the_first_does_not_break_off_the_cleaning_up(second):
    with heeded(clock=iter([0.0, ONE_WISH_SECONDS]).__next__) as came:
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)
        send(second)
    assert came == [signal.SIGTERM]


@pytest.mark.parametrize("second", SIGNALS)
def test_a_later_one_ends_the_process_at_once(second):
    pid = os.fork()
    if pid == 0:
        with heeded(clock=iter([0.0, ONE_WISH_SECONDS + 0.1]).__next__):
            try:
                send(signal.SIGTERM)
            except KeyboardInterrupt:
                send(second)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -second


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda *_: None], ids=["ignored", "handled"])
def test_what_is_ignored_or_another_program_handles_stays_so(handler):
    signal.signal(signal.SIGHUP, handler)
    with heeded() as came:
        send(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is handler
    assert (came, signal.getsignal(signal.SIGHUP)) == ([], handler)


def test_in_another_thread_nothing_changes():
    found = []

    def run():
        with heeded():
            found.extend(signal.getsignal(each) for each in SIGNALS)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL] * 2


@pytest.mark.parametrize("number", SIGNALS)
def test_a_command_that_is_ended_removes_what_it_has_half_written(seqgen, novel, tmp_path, monkeypatch, number):
    def interrupted(_saved, new, _catalog):
        new.write_bytes(b"half")
        send(number)

    (tmp_path / "out").mkdir()
    monkeypatch.setattr("seqgen.sharing.archive.export_zip", interrupted)
    outcome = seqgen("models", "export", "novel", "out/novel.zip")
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (128 + number, "", "")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("when", ["before", "while"])
def test_a_failure_that_a_signal_brings_about_has_its_exit_code(seqgen, monkeypatch, when):
    def fail(*_):
        with contextlib.suppress(KeyboardInterrupt):
            if when == "before":
                send(signal.SIGHUP)
        raise OSError(errno.EIO, "Input/output error")  # as a terminal answers that has gone

    def tell(_error):
        if when == "while":
            send(signal.SIGHUP)
        return "The output cannot be written."

    monkeypatch.setattr("seqgen.registry.summary._unlabelled", fail)
    monkeypatch.setattr("seqgen.cli.app._unwritten", tell)
    assert seqgen("models", "list").exit_code == 128 + signal.SIGHUP
