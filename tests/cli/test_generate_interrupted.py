"""``seqgen generate`` that is broken off from outside: Ctrl-C, a terminal that goes away, a reader that has seen enough."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time

import pexpect
import pytest

from seqgen.cli.generate_reading import reading
from tests.cli.conftest import without_pauses

pytestmark = pytest.mark.usefixtures("novel")

ENDLESS = ("generate", "--seed", "the ice", "--length", 10**12)


@pytest.fixture
def spawn(seqgen_home, tmp_path):
    """The program at a pseudo-terminal."""
    started = []

    def start(*arguments):
        held = pexpect.spawn(
            sys.executable,
            ["-m", "seqgen", *map(str, arguments)],
            env={**os.environ, "SEQGEN_HOME": str(seqgen_home), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
            cwd=str(tmp_path),
            encoding="utf-8",
            timeout=60,
            dimensions=(24, 200),
        )
        without_pauses(held)
        started.append(held)
        return held

    yield start
    for held in started:
        if not held.closed:
            with contextlib.suppress(pexpect.ExceptionPexpect):  # a busy machine may take longer than it waits for that
                held.close(force=True)


def test_ctrl_c_while_a_long_prompt_is_read_says_how_far_it_came(spawn, tmp_path):
    (tmp_path / "long.txt").write_text("the ice " * 250_000, "utf-8")
    held = spawn("generate", "--seed-file", "long.txt", "--output", "out.txt")
    held.expect_exact("reading the prompt")
    held.sendintr()
    held.expect(pexpect.EOF)
    held.close()
    assert held.exitstatus == 130
    assert re.search(
        r"note: stopped after [\d,]+ of 2,000,000 tokens of the prompt, before anything was written\r\n$", held.before
    )


def interrupted(home, folder, *options):
    """What a command says on standard error at Ctrl-C, once it has written something into the last of its options."""
    command = [sys.executable, "-m", "seqgen", "generate", *map(str, options)]
    path = folder / options[-1]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, cwd=folder, env={**os.environ, "SEQGEN_HOME": str(home)}, text=True
    )
    with process:
        while process.poll() is None and not (path.exists() and path.stat().st_size > 100):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130, said
    return said


@pytest.mark.parametrize(("output", "more"), [("lines.jsonl", "; the same command goes on"), ("lines.txt", "")])
def test_ctrl_c_among_many_samples_says_how_many_are_in_the_file(seqgen_home, tmp_path, output, more):
    options = ("--num-samples", 10**12, "--length", "40c", "--stop", "\n")
    said = interrupted(seqgen_home, tmp_path, *options, "--output", output)
    told = re.fullmatch(rf"note: ([\d,]+) of 1,000,000,000,000 samples are in {output}{more}\n", said)
    assert told, said
    lines = (tmp_path / output).read_text("utf-8").count("\n")
    if output.endswith(".txt"):
        lines = (lines + 1) // 2  # with an empty line between samples
    assert 0 <= lines - int(told[1].replace(",", "")) <= 1  # the signal may come between writing and counting


def test_ctrl_c_in_one_long_text_says_how_much_is_in_the_file(seqgen_home, tmp_path):
    said = interrupted(seqgen_home, tmp_path, "--length", 10**12, "--output", "long.txt")
    told = re.fullmatch(r"note: stopped after ([\d,]+) tokens, which are in long\.txt\n", said)
    assert told, said
    assert 0 <= int(told[1].replace(",", "")) - len((tmp_path / "long.txt").read_text("utf-8")) <= 1


def test_elsewhere_than_on_a_terminal_a_long_prompt_is_told_in_a_line(capsys):
    with reading(200_000) as on_read:
        on_read(1024)
    with reading(199_999) as on_read:
        assert on_read is None
    assert capsys.readouterr() == ("", "note: the model reads 200,000 tokens of the prompt before it writes\n")


@pytest.mark.parametrize("options", [(), ("--jsonl", "--num-samples", 10**12)], ids=["text", "jsonl"])
def test_a_reader_that_has_seen_enough_ends_it_without_a_word(seqgen_home, tmp_path, options):
    command = [sys.executable, "-m", "seqgen", *map(str, ENDLESS[:-1]), "100" if options else str(ENDLESS[-1])]
    process = subprocess.Popen(
        [*command, *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "SEQGEN_HOME": str(seqgen_home)},
    )
    with process:
        assert len(process.stdout.read(200)) == 200
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode in {0, 1}


@pytest.mark.parametrize("options", [ENDLESS, (*ENDLESS, "--interactive")], ids=["text", "interactive"])
def test_a_terminal_that_goes_away_ends_it(spawn, options):
    held = spawn(*options)
    held.expect_exact("the ice")
    held.expect(re.compile(".{50}", re.DOTALL))
    held.ptyproc.fileobj.close()  # pexpect's own close would send a signal, and not leave it to the terminal
    held.closed = held.ptyproc.closed = True
    _, status = os.waitpid(held.pid, 0)
    # A session leaves it to the system, which a shell tells as the same number.
    assert os.waitstatus_to_exitcode(status) == (-signal.SIGHUP if "--interactive" in options else 128 + signal.SIGHUP)


def test_a_terminal_that_goes_away_unnoticed_is_told_where_one_can_still_read(seqgen_home, tmp_path):
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "seqgen", *map(str, ENDLESS)],
        stdout=theirs,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "SEQGEN_HOME": str(seqgen_home)},
    )
    os.close(theirs)
    with process:
        assert os.read(ours, 7) == b"the ice"
        os.close(ours)  # it is nobody's controlling terminal, so no signal comes
        assert process.stderr.read() == b"error: The output cannot be written: Input/output error.\n"
    assert process.returncode == 1


WRITES_LATE = """
import atexit, os, signal, sys
from seqgen.cli import app

def run(*_):
    print("there", file=sys.stderr, flush=True)
    sys.stdin.read()  # until the terminal has gone
    os.kill(os.getpid(), signal.SIGHUP)

app._run = run
atexit.register(sys.stdout.write, "late")
app.main([])
"""


def test_what_is_written_after_the_terminal_has_gone_changes_no_exit_code():
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", WRITES_LATE]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    with process:
        assert process.stderr.readline() == b"there\n"
        os.close(ours)
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 128 + signal.SIGHUP
