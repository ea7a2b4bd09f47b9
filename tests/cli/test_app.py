"""The command ``seqgen`` itself: exit codes, streams, what is said about errors, and what it does not import."""

from __future__ import annotations

import errno
import functools
import os
import signal
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest

import seqgen as package
from seqgen.cli import app
from seqgen.cli.environment import Environment


def test_the_version(seqgen):
    assert seqgen("--version").stdout == f"seqgen {package.__version__}\n"


def test_python_m_seqgen_is_seqgen(seqgen_cli):
    result = seqgen_cli("--version")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"seqgen {package.__version__}\n", "")


def test_the_installed_command_begins_where_python_m_does():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["scripts"] == {"seqgen": "seqgen.__main__:main"}


def test_without_a_command_it_shows_the_help_and_exits_2(seqgen):
    outcome = seqgen()
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert "Usage: seqgen [OPTIONS] COMMAND [ARGS]..." in outcome.stderr


def test_an_unknown_command_names_the_nearest(refused):
    assert refused("trian", exit_code=2) == 'No command "trian".  Nearest: train.  All: seqgen --help'
    assert refused("models", exit_code=2) == "Missing command.  See seqgen models --help"
    assert refused("models", "lst", exit_code=2) == 'No command "lst".  Nearest: list.  All: seqgen models --help'


def test_an_unknown_option_names_the_nearest_and_where_to_read(refused):
    sentence = refused("generate", "--tempeature", 1, exit_code=2)
    assert sentence == "No such option: --tempeature (Possible options: --temperature).  See seqgen generate --help"


def test_a_missing_argument_is_named(refused):
    assert refused("evaluate", exit_code=2) == "Missing argument 'MODEL'.  See seqgen evaluate --help"
    assert refused("train", "--name", exit_code=2) == "Option '--name' requires an argument.  See seqgen train --help"
    for command in ("new-plugin", "generate", "sweep", "models show", "plugin show", "corpora get"):
        option = "--kind" if command == "new-plugin" else "--quiet=1" if command == "sweep" else "--json=1"
        assert refused(*command.split(), "x", "y", option, exit_code=2).endswith(f".  See seqgen {command} --help")


def test_a_mistake_of_ours_is_a_sentence_and_with_debug_a_traceback_too(run_python):
    code = """
import sys
from seqgen.cli import environment, app
from seqgen.core.catalog import Catalog

class Broken(Catalog):
    def entries(self, kind):
        raise ZeroDivisionError("in the catalog\\nand more")

environment.Environment.catalog = Broken([])
app.main(sys.argv[1:])
"""
    plain, debug = run_python(code, "list-plugins"), run_python(code, "--debug", "list-plugins")
    assert (plain.exit_code, plain.stdout) == (1, "")
    assert plain.stderr == (
        "error: ZeroDivisionError: in the catalog\n"
        "That is a mistake in seqgen: please report it, with what seqgen --debug ... shows.\n"
    )
    assert "Traceback" in debug.stderr
    assert debug.stderr.endswith(plain.stderr)


def test_a_warning_of_ours_is_one_also_where_warnings_are_errors(seqgen, monkeypatch, tmp_path):
    monkeypatch.setenv("SEQGEN_HIDEN_SIZE", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = seqgen("train", "missing.txt")
    assert outcome.stderr.splitlines() == [
        "warning: SEQGEN_HIDEN_SIZE in the environment sets nothing.  Nearest: SEQGEN_HIDDEN_SIZE",
        f"error: {tmp_path / 'missing.txt'} does not exist.",
    ]


def test_who_wants_no_warnings_is_shown_none(seqgen, monkeypatch, tmp_path):
    monkeypatch.setenv("SEQGEN_HIDEN_SIZE", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = seqgen("train", "missing.txt")
    assert outcome.stderr.splitlines() == [f"error: {tmp_path / 'missing.txt'} does not exist."]


@pytest.fixture
def homeless(seqgen, monkeypatch):
    """``seqgen`` where nobody has chosen a home folder, and the system answers this where a user's data belongs."""

    def run(answer, *arguments):
        monkeypatch.delenv("SEQGEN_HOME", raising=False)
        monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: str(answer))
        return seqgen(*arguments)

    return run


def test_who_has_no_home_folder_is_told_what_to_do_and_shown_help(homeless):
    outcome = homeless("~/.local/share/seqgen", "models", "list")
    assert (outcome.exit_code, outcome.stderr) == (
        2,
        "error: It is not known where your home folder is.  Say where models go: SEQGEN_HOME=/some/folder\n",
    )
    assert homeless("~/.local/share/seqgen", "--help").exit_code == 0


def test_where_the_home_folder_cannot_be_made_it_is_said_how_to_choose_another(homeless, tmp_path):
    (tmp_path / "file").write_text("in the way")
    outcome = homeless(tmp_path / "file" / "seqgen", "models", "import", tmp_path)
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith(f"error: {tmp_path / 'file' / 'seqgen' / 'models'} cannot be written: ")
    assert outcome.stderr.endswith(".  To have models elsewhere: SEQGEN_HOME=/some/folder\n")


def test_debug_shows_the_traceback_of_an_expected_error_before_its_sentence(seqgen):
    plain, debug = seqgen("generate"), seqgen("--debug", "generate")
    assert debug.stderr.startswith("Traceback")
    assert debug.stderr.endswith(plain.stderr)
    assert (debug.exit_code, debug.stdout) == (plain.exit_code, "")


def test_a_closed_pipe_ends_it_quietly(novel, tmp_path):
    command = [sys.executable, "-m", "seqgen", "generate", "--length", "100000"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert len(process.stdout.read(20)) == 20
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def test_a_closed_pipe_ends_a_table_quietly(novel, tmp_path):
    command = [sys.executable, "-m", "seqgen", "models", "show"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("error", "gone_on_windows"),
    [
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), True),
        (OSError(errno.EINVAL, "Invalid argument"), True),
        (OSError(errno.EINVAL, "Invalid argument", "a?.txt"), False),
        (OSError(errno.ENOSPC, "No space left on device"), False),
    ],
)
def test_windows_tells_a_closed_pipe_by_another_error(monkeypatch, capsys, error, gone_on_windows):
    def command(*_, **__):
        raise error

    assert app.reader_is_gone(error, windows=False) == isinstance(error, BrokenPipeError)
    monkeypatch.setattr(app, "app", command)
    monkeypatch.setattr(app, "reader_is_gone", functools.partial(app.reader_is_gone, windows=True))
    assert app._run([], Environment()) == 1
    assert (capsys.readouterr().err == "") == gone_on_windows


def test_arguments_are_taken_as_they_are_on_windows_too(monkeypatch):
    given = {}
    monkeypatch.setattr(app, "app", lambda *_, **options: given.update(options))
    app._run(None, Environment())
    assert given["windows_expand_args"] is False


def test_ctrl_c_ends_a_text_quietly(novel, tmp_path):
    command = [sys.executable, "-m", "seqgen", "generate", "--length", "10000000"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.read(20)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (130, b"")


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_stream_that_is_closed_from_the_start_is_no_mistake(novel, tmp_path, closed):
    command = [sys.executable, "-m", "seqgen", "generate", "--seed", "icé", "--length", "5", "--json"]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {1 if closed == "stdout" else 2}>&-', "sh", *command],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert (done.stdout == b"") == (closed == "stdout")
    assert done.stderr == (
        b"" if closed == "stderr" else "warning: novel:1 does not know 'é' (read as 'e').\n".encode()
    )


def test_standard_input_that_is_closed_from_the_start_is_empty(novel, tmp_path):
    command = [sys.executable, "-m", "seqgen", "generate", "--seed-file", "-"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *command], cwd=tmp_path, capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stderr) == (
        2,
        "error: Standard input is empty.  Leave --seed-file out to start from nothing.\n",
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "command",
    [("generate", "--length", "9"), ("generate", "--num-samples", "3", "--json"), ("models", "show"), ("--help",)],
    ids=" ".join,
)
def test_a_full_disk_under_standard_output_is_a_sentence(novel, tmp_path, command):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "seqgen", *command], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.stderr == b"error: The output cannot be written: No space left on device.\n"
    assert done.returncode == 1


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}])
def test_output_is_utf_8_whatever_the_locale(seqgen_cli, locale):
    result = seqgen_cli("generate", "--model", "eis/ü→☃", env=locale)
    assert result.stderr == "error: There is no model folder eis/ü→☃.\n"


def test_arguments_that_are_not_utf_8_are_refused_in_words(seqgen_cli):
    result = seqgen_cli("train", os.fsdecode(b"nov\xffel.txt"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nov\\udcffel.txt does not exist." in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "a\0b"),
        ("train", "--config", "a\0b"),
        ("train", "--name", "a\0b"),
        ("train", "--from", "a\0b"),
        ("train", "--resume", "a\0b"),
        ("train", "--tokenizer", "a\0b"),
        ("generate", "--model", "a\0b"),
        ("generate", "--model", "./a\0b"),
        ("generate", "--seed-file", "a\0b"),
        ("generate", "--output", "a\0b"),
        ("generate", "--seed", "\0"),
        ("evaluate", "novel", "a\0b"),
        ("corpora", "get", "a\0b"),
        ("plugin", "show", "a\0b", "a\0b"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_nul_in_an_argument_is_refused_in_words(seqgen, novel, arguments):
    outcome = seqgen(*arguments)
    assert outcome.exit_code in (1, 2)
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("error: ")
    assert "mistake in seqgen" not in outcome.stderr


IMPORTED = """
import sys
from seqgen.cli.app import main
try:
    main(sys.argv[1:])
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("command", "lean"),
    [
        (("--help",), {"torch", "tensorflow", "keras", "numba", "numpy", "pydantic"}),
        (("list-plugins",), {"torch", "tensorflow", "keras", "numba", "numpy", "pydantic"}),
        (("train", "--help"), {"torch", "tensorflow", "keras", "numba", "numpy"}),
        (("generate", "--help"), {"torch", "tensorflow", "keras", "numba", "numpy"}),
        (("plugin", "show", "sampler", "top-p"), {"torch", "tensorflow", "keras", "numba"}),
        (("corpora", "list"), {"torch", "tensorflow", "keras", "numba", "numpy"}),
        (("models", "list"), {"torch", "tensorflow", "keras", "numba"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_needs_no_framework_imports_none(run_python, command, lean):
    result = run_python(IMPORTED, *command)
    assert result.exit_code == 0
    modules = set(result.stderr.split())
    assert "seqgen.cli.app" in modules
    assert modules & lean == set()


def test_generating_imports_no_framework(run_python, novel):
    result = run_python(IMPORTED, "generate", "--length", 5)
    assert result.exit_code == 0
    assert set(result.stderr.split()) & {"torch", "tensorflow", "keras", "numba"} == set()


@pytest.mark.parametrize("options", [(), ("--temperature", "0.7")])
def test_generating_imports_nothing_that_makes_its_start_slow(run_python, novel, options):
    result = run_python(IMPORTED, "generate", "--length", 1, "--seed", "the", *options)
    assert result.exit_code == 0
    modules = set(result.stderr.split())
    slow = {"pydantic", "array_api_compat", "numpy.ma", "numpy.f2py", "numpy.testing", "fsspec", "rich.markdown"}
    assert "numpy" in modules
    assert modules & slow == set()
