"""A first signal asks the run to end, a second wish ends it, and afterwards all is as it was before."""

from __future__ import annotations

import io
import os
import signal
import threading

import pytest

from seqgen.training.interruption import ONE_WISH_SECONDS, interruption

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def unignored():
    """A shell may have started the tests with some of these ignored, which is theirs to keep; not here."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_asks_and_is_told_once(number):
    told = []
    with interruption(told.append) as asked:
        assert not asked()
        os.kill(os.getpid(), number)
        assert asked()
    assert asked.signal_number == number
    assert told == [number.name]


@pytest.mark.parametrize("first", SIGNALS)
def test_a_second_signal_leaves_at_once_where_it_is_a_persons(first):
    told = []
    with pytest.raises(KeyboardInterrupt) as left, interruption(told.append):
        os.kill(os.getpid(), first)
        os.kill(os.getpid(), signal.SIGINT)
    assert (told, left.value.args) == ([first.name], (signal.SIGINT,))


@pytest.mark.parametrize("first", SIGNALS)
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGHUP])
def test_further_signals_that_come_with_the_first_are_the_same_wish(first, second):
    told = []
    with interruption(told.append, clock=iter([100.0, 100.0002, 100.0 + ONE_WISH_SECONDS]).__next__) as asked:
        for number in (first, second, second):
            os.kill(os.getpid(), number)
        assert asked()
    assert (told, asked.signal_number) == ([first.name], first)


@pytest.mark.parametrize("second", SIGNALS)
def test_a_second_signal_leaves_at_once_where_it_comes_later(second):
    clock = iter([100.0, 100.001 + ONE_WISH_SECONDS]).__next__
    with pytest.raises(KeyboardInterrupt) as left, interruption(lambda _: None, clock=clock):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), second)
    assert left.value.args == (second,)


@pytest.mark.parametrize("number", SIGNALS)
def test_where_there_is_no_step_to_finish_the_first_signal_leaves_at_once_and_is_known(number):
    with interruption(pytest.fail) as asked:
        asked.at_once = True
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGHUP)  # as a terminal does that is closed
    assert asked.signal_number == number


def test_afterwards_signals_do_what_they_did_before():
    before = [signal.getsignal(number) for number in SIGNALS]
    with interruption(pytest.fail):
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_in_the_midst_of_writing_is_told_when_it_is_next_asked_for(times):
    class Interrupted(io.RawIOBase):
        content = b""

        def writable(self):
            return True

        def write(self, data):
            if not self.content:
                for _ in range(times):
                    signal.raise_signal(signal.SIGHUP)
            self.content += bytes(data)
            return len(data)

    raw = Interrupted()
    file = io.BufferedWriter(raw)

    def tell(name):
        file.write(f"{name}\n".encode())
        file.flush()

    with interruption(tell) as asked:
        file.write(b"a line\n")
        file.flush()
        assert raw.content == b"a line\n"
        assert asked()
        assert asked()
    assert raw.content == b"a line\nSIGHUP\n"


def test_a_signal_that_is_ignored_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interruption(pytest.fail) as asked:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not asked()


def test_a_handler_that_python_did_not_install_stays_since_it_could_not_be_put_back(monkeypatch):
    monkeypatch.setattr(signal, "getsignal", lambda _: None)
    monkeypatch.setattr(signal, "signal", lambda *_: pytest.fail("it was replaced"))
    with interruption(pytest.fail) as asked:
        assert not asked()


def test_outside_the_main_thread_nothing_changes():
    before = [signal.getsignal(number) for number in SIGNALS]
    seen = []

    def look():
        with interruption(pytest.fail) as asked:
            seen.append(([signal.getsignal(number) for number in SIGNALS], asked()))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [(before, False)]
