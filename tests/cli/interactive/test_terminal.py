"""``seqgen generate --interactive`` as a person has it: the program itself, at a terminal."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import sys
import time

import pexpect
import pytest

from tests.cli.conftest import without_pauses

# What prompt_toolkit sends when it begins and ends to read a line (bracketed paste), and when a line is drawn (the cursor).
READING, READ, DRAWN = "\x1b[?2004h", "\x1b[?2004l", "\x1b[?25h"


WATCH = '''
from dataclasses import dataclass, field

from seqgen.core.hookspecs import hookimpl
from seqgen.core.sampler import Sampler

SEQGEN_CONTRACT = "1.0"


@hookimpl
def register_samplers(register):
    register("watch", "seqgen_watch:Watch", summary="tells each ten tokens")


@dataclass(kw_only=True)
class Watch(Sampler):
    """Promises nothing, and tells of it."""

    _drawn: int = field(default=0, init=False, repr=False)

    def begin(self, prompt_ids, tokenizer):
        self._drawn = 0

    def adjust(self, logits):
        return logits

    def accept(self, ids):
        self._drawn += 1

    def notes(self):
        return [[f"token {10 * tens} came" for tens in range(1, self._drawn // 10 + 1)]]
'''


class Session:
    """The program at a pseudo-terminal."""

    def __init__(self, home, folder, *options, **env):
        self.process = pexpect.spawn(
            sys.executable,
            ["-m", "seqgen", "generate", "--interactive", *map(str, options)],
            # No answer comes to a question for the cursor's position, and none is to be waited for.
            env={**os.environ, "SEQGEN_HOME": str(home), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", **env},
            cwd=str(folder),
            encoding="utf-8",
            timeout=60,
            dimensions=(24, 200),
        )
        without_pauses(self.process)

    def until_prompt(self):
        """What is shown between the line that was read and the prompt that now waits."""
        self.process.expect_exact(READING)
        shown = self.process.before
        self.process.expect_exact(DRAWN)
        return plain(shown.rpartition(READ)[2])

    def __call__(self, line):
        """What a line shows until the next prompt waits."""
        self.process.send(line + "\r")
        return self.until_prompt()

    def end(self):
        """Exit code and last words after Ctrl-D."""
        self.process.send("\x04")
        self.process.expect(pexpect.EOF)
        self.process.close()
        return self.process.exitstatus, plain(self.process.before.rpartition(READ)[2])


def plain(shown):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", shown)


@pytest.fixture
def session(novel, seqgen_home, tmp_path):
    started = []

    def start(*options, **env):
        held = Session(seqgen_home, tmp_path, *options, **env)
        started.append(held)
        return held

    yield start
    for held in started:
        with contextlib.suppress(pexpect.ExceptionPexpect):  # a busy machine may take longer than it waits for that
            held.process.close(force=True)


def test_a_prompt_is_gone_on_from_and_ctrl_d_ends(session, seqgen):
    held = session("--length", 40, "--random-seed", 3)
    assert held.until_prompt() == "novel:1 goes on from what you write.  Commands: /help; end: Ctrl-D\n"
    assert held("the ice") == seqgen("generate", "--seed", "the ice", "--length", 40, "--random-seed", 3).stdout
    assert held.end() == (0, "")


def test_more_goes_on_and_save_writes_the_whole(session, seqgen, tmp_path):
    held = session("--length", 25, "--random-seed", 3)
    held.until_prompt()
    both = held("the ice").removesuffix("\n") + held("/more")
    assert both == seqgen("generate", "--seed", "the ice", "--length", 50, "--random-seed", 3).stdout
    assert held("/save ice.txt") == f"saved in {tmp_path}/ice.txt\n"
    assert (tmp_path / "ice.txt").read_text("utf-8") == both


def test_what_the_samplers_could_not_keep_is_told_once_after_each_text(session, seqgen, install):
    folder = install("seqgen_watch", WATCH)
    options = ("--random-seed", 3, "--sampler", "watch")
    held = session("--length", 25, *options, PYTHONPATH=str(folder))
    held.until_prompt()
    written = seqgen("generate", "--seed", "the ice", "--length", 50, *options).stdout
    assert held("the ice") == written[: len("the ice") + 25] + "\nnote: token 10 came\nnote: token 20 came\n"
    assert held("/more") == written[len("the ice") + 25 :] + "".join(
        f"note: token {each} came\n" for each in (30, 40, 50)
    )
    assert held("/length 10").startswith("length: 10")
    assert held("/again").endswith("\nnote: token 10 came\n")


def test_the_options_of_the_command_line_hold_and_its_seed_is_written_from_at_once(session, seqgen):
    options = ("--seed", "the ice", "--length", 60, "--random-seed", 3, "--sampler", "typical:p=0.5", "--temperature", 2,
               "--top-k", 20, "--stop", "q")  # fmt: skip
    held = session(*options)
    assert held.until_prompt().partition("\n")[2] == seqgen("generate", *options).stdout
    held("/temperature 0.1")
    assert held("/seed the ice") == seqgen("generate", *(0.1 if each == 2 else each for each in options)).stdout


def test_ctrl_c_stops_the_text_and_not_the_session_and_more_goes_on(session, seqgen, tmp_path):
    held = session("--length", 10**12, "--random-seed", 3)
    held.until_prompt()
    held.process.send("the ice\r")
    held.process.expect(re.compile(re.escape(READ) + ".{200}", re.DOTALL))  # in the middle of the text
    held.process.send("\x03")
    held.until_prompt()
    held("/save first.txt")
    first = (tmp_path / "first.txt").read_text("utf-8").removesuffix("\n")
    held("/length 30")
    held("/more")
    held("/save both.txt")
    both = (tmp_path / "both.txt").read_text("utf-8")
    assert both.startswith(first)
    length = len(first) - len("the ice") + 30
    assert both == seqgen("generate", "--seed", "the ice", "--length", length, "--random-seed", 3).stdout
    assert held.end() == (0, "")


def test_ctrl_c_at_the_prompt_drops_the_line_without_a_word(session):
    held = session("--length", 10)
    held.until_prompt()
    for line in ("", "the ic"):
        held.process.send(f"{line}\x03")
        assert held.until_prompt() == ""
    assert held("the ice").startswith("the ice")


@pytest.mark.parametrize("writing", [True, False])
def test_sigterm_ends_the_session_and_not_the_line(session, writing):
    held = session("--length", 10**12)
    held.until_prompt()
    if writing:
        held.process.send("the ice\r")
        held.process.expect(re.compile(re.escape(READ) + ".{50}", re.DOTALL))
    held.process.kill(signal.SIGTERM)
    held.process.expect(pexpect.EOF)
    held.process.close()
    assert held.process.signalstatus == signal.SIGTERM


def test_wrong_lines_are_one_sentence_each_and_the_session_goes_on(session):
    held = session("--length", 10)
    held.until_prompt()
    assert held("/temprature 1") == (
        'error: No command "/temprature".  Nearest: /temperature.  All: /help; a prompt with a slash: /seed TEXT\n'
    )
    assert held("/length none").startswith('error: length is "none", but must be a whole number of tokens')
    assert held("/model nobody").startswith("error: ")
    assert len(held("the ice")) == len("the ice") + 10 + len("\n")


def test_tab_completes_commands_models_samplers_and_files(session, tmp_path):
    (tmp_path / "a-chapter.txt").touch()
    held = session("--length", 10)
    held.until_prompt()
    for typed, completed in [
        ("/temp\t", "/temperature"),
        ("/model no\t", "/model novel"),
        ("/sampler typ\t", "/sampler typical"),
        ("/save a-cha\t", "/save a-chapter.txt"),
    ]:
        held.process.send(typed)
        held.process.expect_exact(completed)
        held.process.send("\x03")
        held.until_prompt()


def test_lines_are_kept_for_the_next_session_in_a_file_of_the_owner_alone(session, seqgen_home):
    first = session("--length", 10, "--random-seed", 3)
    first.until_prompt()
    shown = first("the ice")
    first.end()
    assert (seqgen_home / "history").stat().st_mode & 0o777 == 0o600
    second = session("--length", 10, "--random-seed", 3)
    second.until_prompt()
    second.process.send("\x1b[A\r")  # arrow up
    assert second.until_prompt() == shown


def test_a_history_that_cannot_be_kept_is_a_warning(session, seqgen_home):
    (seqgen_home / "history").mkdir()
    held = session("--length", 10)
    assert (
        "history cannot be written, so the lines of this session are not kept: Is a directory." in held.until_prompt()
    )
    assert held("the ice").startswith("the ice")


@pytest.mark.parametrize("writing", [True, False])
@pytest.mark.parametrize("ignored", [True, False])
def test_a_terminal_that_goes_away_ends_the_process_quietly(novel, seqgen_home, tmp_path, writing, ignored):
    errors = tmp_path / "errors"
    # A shell in between, so that standard error stays readable when the terminal is gone.
    ignore = "trap '' HUP; " if ignored else ""
    command = f"{shlex.quote(sys.executable)} -m seqgen generate --interactive --length 1000000000000"
    shell = pexpect.spawn(
        "/bin/sh",
        ["-c", f"{ignore}exec {command} 2>{shlex.quote(str(errors))}"],
        env={**os.environ, "SEQGEN_HOME": str(seqgen_home), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
        encoding="utf-8",
        timeout=60,
    )
    without_pauses(shell)
    shell.expect_exact(READING)
    shell.expect_exact(DRAWN)
    if writing:
        shell.send("the ice\r")
        shell.expect(re.compile(re.escape(READ) + ".{50}", re.DOTALL))
    os.close(shell.child_fd)
    deadline = time.monotonic() + 30
    while shell.ptyproc.isalive() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not shell.ptyproc.isalive()
    shell.closed = True
    assert "Traceback" not in errors.read_text()
    assert len(errors.read_text().splitlines()) <= 2


def test_without_a_terminal_it_says_so_before_a_model_is_looked_for(seqgen_cli):
    result = seqgen_cli("generate", "--interactive", "--model", "nobody", stdin=b"the ice\n")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "error: --interactive needs a terminal, but standard input is none.  Leave --interactive out.\n"
    )


def test_without_prompt_toolkit_it_says_what_to_install(terminal, monkeypatch):
    monkeypatch.setitem(sys.modules, "prompt_toolkit", None)
    outcome = terminal("generate", "--interactive")
    assert (outcome.exit_code, plain(outcome.stdout)) == (
        1,
        'error: --interactive needs prompt_toolkit, which is not installed.  pip install "seqgen[interactive]"\n',
    )


def test_help_and_generating_do_without_prompt_toolkit(run_python, novel):
    for arguments in (["generate", "--help"], ["generate", "--seed", "the ice", "--length", "3"]):
        code = (
            "import sys; from seqgen.cli.app import main\n"
            f"try: main({arguments})\n"
            "finally: print([name for name in sys.modules if name.startswith('prompt_toolkit')])"
        )
        assert run_python(code).stdout.endswith("[]\n")


@pytest.mark.parametrize(
    ("options", "other"),
    [
        (("--json",), "--json"),
        (("--jsonl",), "--jsonl"),
        (("--output", "x.txt"), "--output"),
        (("--no-stream",), "--no-stream"),
        (("--num-samples", "3"), "--num-samples"),
        (("--best-of", "3"), "--best-of"),
        (("--show-probabilities",), "--show-probabilities"),
    ],
)
def test_options_that_ask_for_another_form_are_refused(terminal, options, other):
    outcome = terminal("generate", "--interactive", *options)
    assert outcome.exit_code == 2
    assert f"--interactive and {other} do not go together; leave out {other}." in plain(outcome.stdout)


def test_ctrl_c_stops_the_reading_of_a_long_paste_and_not_the_session(session):
    held = session("--length", 5)
    held.until_prompt()
    held.process.send("\x1b[200~" + "the ice\n" * 40_000 + "\x1b[201~\r")  # as terminals paste
    held.process.expect_exact("reading the prompt")
    held.process.send("\x03")
    assert held.until_prompt().endswith(" of 320,000 tokens of the prompt, before anything was written\n")
    assert held("the ice").startswith("the ice")
    assert held.end() == (0, "")
