"""``seqgen new-plugin`` writes packages that are right as they are written, whatever they are called."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from seqgen.core.catalog import load_catalog
from seqgen.core.errors import OutputError, UsageError
from seqgen.core.kinds import KINDS
from seqgen.core.shell import command_line
from seqgen.scaffold.plugin import LONGEST, SUMMARIES, NewPlugin
from seqgen.testing.find import parts_named

ROOT = Path(__file__).parents[2]
LONG_NAME = "-".join(["abcde"] * 5)[:LONGEST]
CATALOG = load_catalog()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of a plugin with a part of each kind."""
    return NewPlugin.of("mix", KINDS, CATALOG).write(tmp_path_factory.mktemp("plugins"))


def run(folder, *command, timeout=120, **environment):
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def ruff(folder, *command):
    return run(folder, "-m", "ruff", *command, "--no-cache")


# What is asked for


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("My Plugin", "  Try my-plugin"),
        ("3d", "  Try d"),
        ("a--b", "  Try a-b"),
        ("naïve", "  Try na-ve"),
        ("x" * (LONGEST + 1), f"  Try {'x' * LONGEST}"),
        ("", ""),
        ("../x", "  Try x"),
    ],
)
def test_a_name_that_is_none_is_refused_with_one_that_is(name, hint):
    with pytest.raises(UsageError) as error:
        NewPlugin.of(name, ["sampler"], CATALOG)
    assert str(error.value) == (
        f'"{name}" is no name for a plugin: lower case letters, digits and single hyphens, a letter first, at most '
        f"{LONGEST} characters.{hint}"
    )


def test_the_name_of_the_package_may_be_given_too():
    plugin = NewPlugin.of("seqgen-two-words", ["sampler"], CATALOG)
    assert (plugin.name, plugin.distribution, plugin.package) == (
        "two-words",
        "seqgen-two-words",
        "seqgen_two_words",
    )


def test_kinds_may_be_joined_or_repeated_and_each_counts_once():
    assert NewPlugin.of("x", ["sampler, tokenizer", "sampler"], CATALOG).kinds == ("tokenizer", "sampler")


def test_an_unknown_kind_names_the_nearest_and_all():
    with pytest.raises(UsageError) as error:
        NewPlugin.of("x", ["tokeniser"], CATALOG)
    assert str(error.value) == (
        'No kind of part "tokeniser".  Nearest: tokenizer.  There are: tokenizer, dataset, backend, sampler, callback'
    )


def test_a_name_that_a_part_of_that_kind_has_already_is_refused():
    with pytest.raises(UsageError, match='There is a tokenizer "byte" already, in seqgen .*Choose another name'):
        NewPlugin.of("byte", ["sampler", "tokenizer"], CATALOG)
    assert NewPlugin.of("byte", ["sampler"], CATALOG).name == "byte"


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path):
    plugin = NewPlugin.of("twice", ["sampler"], CATALOG)
    first = plugin.write(tmp_path)
    (first / "README.md").write_text("changed", "utf-8")
    with pytest.raises(OutputError, match="seqgen-twice exists already"):
        plugin.write(tmp_path)
    assert (first / "README.md").read_text("utf-8") == "changed"
    assert [path.name for path in tmp_path.iterdir()] == ["seqgen-twice"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(OutputError, match="file cannot be written"):
        NewPlugin.of("x", ["sampler"], CATALOG).write(tmp_path / "file")


# What is written


def test_it_has_a_file_for_each_part_its_tests_and_all_that_a_package_has(written):
    files = {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()}
    assert files == {
        ".github/workflows/ci.yml",
        ".gitignore",
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "src/seqgen_mix/__init__.py",
        "src/seqgen_mix/py.typed",
        *(f"src/seqgen_mix/{kind}.py" for kind in KINDS),
        *(f"tests/test_{kind}.py" for kind in KINDS),
    }


def test_one_kind_brings_nothing_of_the_others():
    files = NewPlugin.of("x", ["callback"], CATALOG).files()
    assert [path for path in files if path.endswith(".py")] == [
        "src/seqgen_x/__init__.py",
        "src/seqgen_x/callback.py",
        "tests/test_callback.py",
    ]
    assert not [path for path, text in files.items() if "sampler" in text]


def test_the_workflow_keeps_the_braces_that_are_not_ours(written):
    assert "python-version: ${{ matrix.python-version }}\n" in (written / ".github/workflows/ci.yml").read_text("utf-8")


def test_the_workflow_installs_seqgen_first_from_where_a_variable_says_and_fails_where_that_is_empty(written, tmp_path):
    (job,) = yaml.safe_load((written / ".github/workflows/ci.yml").read_text("utf-8"))["jobs"].values()
    runs = [step for step in job["steps"] if "run" in step]
    assert runs[0]["env"] == {"SEQGEN_SOURCE": "${{ vars.SEQGEN_SOURCE }}"}
    assert runs[1]["run"] == 'pip install --editable ".[dev]"'
    pip = tmp_path / "pip"
    pip.write_text('#!/bin/sh\nprintf "%s|" "$@"\n', "utf-8")
    pip.chmod(0o755)

    def outcome(source):
        done = subprocess.run(
            ["bash", "-e", "-c", runs[0]["run"]],
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "SEQGEN_SOURCE": source},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    code, said = outcome("")
    assert (code, said.splitlines()) == (
        1,
        ["::error::The variable SEQGEN_SOURCE of this repository is empty: set it to where pip finds seqgen."],
    )
    assert outcome("git+https://example.org/seqgen") == (0, "install|seqgen[testing] @ git+https://example.org/seqgen|")


def test_it_needs_the_versions_that_seqgen_needs(written):
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    needed = tomllib.loads((written / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert {each for each in needed if not each.startswith("seqgen>=")} <= set(ours)
    assert len(needed) == 5


@pytest.mark.parametrize("name", ["x", LONG_NAME])
def test_the_code_is_formatted_and_clean_whatever_the_name(tmp_path, name):
    folder = NewPlugin.of(name, KINDS, CATALOG).write(tmp_path)
    for command in (["format", "--diff"], ["check"]):
        done = ruff(folder, *command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_it_declares_the_contract_of_this_seqgen_which_then_has_no_objection(written):
    from seqgen.core.contract import CONTRACT_VERSION, mismatch

    module = (written / "src/seqgen_mix/__init__.py").read_text("utf-8")
    (declared,) = re.findall(r'^SEQGEN_CONTRACT = "(.*)"$', module, re.MULTILINE)
    assert declared == "{}.{}".format(*CONTRACT_VERSION)
    assert mismatch(declared, "seqgen-mix") == ""


def test_its_parts_are_found_and_each_has_an_option_with_a_sentence(written):
    from seqgen.core.options import options_of

    with parts_named(str(written), CATALOG) as entries:
        assert [(entry.kind, entry.name, entry.summary) for entry in entries] == [
            (kind, "mix", SUMMARIES[kind]) for kind in KINDS
        ]
        for entry in entries:
            options = options_of(entry.load())
            assert options
            assert all(option.text for option in options)


def test_its_tests_pass_as_they_are(written):
    done = run(written, "-m", "pytest", "-q", "tests/test_callback.py", PYTHONPATH="src")
    assert done.returncode == 0, done.stdout


# The command


def test_the_command_prints_the_folder_and_says_what_comes_next(seqgen_cli, tmp_path):
    result = seqgen_cli("new-plugin", "knots", "--kind", "tokenizer,sampler", "--output", "new")
    assert (result.exit_code, result.stdout) == (0, f"{Path('new/seqgen-knots')}\n")
    assert (tmp_path / "new/seqgen-knots/pyproject.toml").exists()
    assert result.stderr.splitlines() == [
        "Next:",
        f"  cd {Path('new/seqgen-knots')}",
        '  pip install --editable ".[dev]"',
        "  pytest",
        "  seqgen check-plugin seqgen-knots",
        "  seqgen train --tokenizer knots --max-time 60s",
        '  seqgen generate --sampler knots --seed "the ice"',
    ]


def test_a_folder_with_a_space_is_written_so_that_a_shell_goes_there(seqgen_cli):
    result = seqgen_cli("new-plugin", "knots", "--kind", "sampler", "--output", "my plugins")
    step = command_line(["cd", str(Path("my plugins/seqgen-knots"))])
    assert shlex.split(step) == ["cd", str(Path("my plugins/seqgen-knots"))]
    assert result.stderr.splitlines()[1] == f"  {step}"


def test_the_command_answers_in_json(seqgen_cli):
    answer = json.loads(seqgen_cli("new-plugin", "knots", "--kind", "callback", "--json").stdout)
    assert (answer["path"], answer["distribution"], answer["kinds"]) == ("seqgen-knots", "seqgen-knots", ["callback"])
    assert "src/seqgen_knots/callback.py" in answer["files"]


def test_without_jinja2_it_says_what_to_install(run_python):
    code = (
        "import sys; sys.modules['jinja2'] = None; from seqgen.cli.app import main; "
        "main(['new-plugin', 'knots', '--kind', 'sampler'])"
    )
    result = run_python(code)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        'error: A new plugin needs jinja2, which is not installed.  pip install "seqgen[plugins]"\n'
    )


# In an environment of its own


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The Python of a fresh virtual environment that sees all that is installed here."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    here, there = (
        subprocess.run([each, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
        for each in (sys.executable, python)
    )
    Path(there, "here.pth").write_text(f"import site; site.addsitedir({here!r})\n", "utf-8")
    return python


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [*([kind] for kind in KINDS), KINDS], ids=",".join)
def test_in_a_fresh_environment_it_installs_passes_and_trains(environment, tmp_path, kinds):
    name = f"fresh-{len(kinds)}-{kinds[0]}"
    folder = NewPlugin.of(name, kinds, CATALOG).write(tmp_path)
    bare = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def passes(*command):
        done = subprocess.run(
            [environment, "-m", *command],
            cwd=folder,
            env={**bare, "SEQGEN_HOME": str(tmp_path / "home"), "MYPY_CACHE_DIR": str(environment.parent / "mypy")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    passes("pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", ".")
    passes("pytest", "-q")
    assert json.loads(passes("seqgen", "check-plugin", f"seqgen-{name}", "--json"))["passed"]
    passes("ruff", "check")
    passes("ruff", "format", "--check")
    passes("mypy")
    options = {
        "tokenizer": ["--tokenizer", name],
        "dataset": ["--dataset", name],
        "backend": ["--backend", name],
        "callback": ["--log-to", name],
    }
    chosen = [word for kind in kinds for word in options.get(kind, ())]
    passes("seqgen", "train", *chosen, "--hidden-size", "16", "--max-steps", "20", "--name", "fresh", "--quiet")
    sampler = ["--sampler", name] if "sampler" in kinds else []
    assert len(passes("seqgen", "generate", *sampler, "--seed", "the ice", "--length", "40")) > 20
