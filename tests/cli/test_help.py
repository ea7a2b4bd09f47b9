"""Help: every command has some, with an example, and it fits a terminal."""

from __future__ import annotations

import re

import pytest

from seqgen.cli import group
from seqgen.core.catalog import load_catalog
from seqgen.core.options import options_of
from seqgen.core.sampler import Stage
from seqgen.training.options import PRESETS, TrainingOptions
from tests.cli.conftest import run_main

COMMANDS = [
    "train",
    "sweep",
    "generate",
    "evaluate",
    "models list",
    "models show",
    "models export",
    "models import",
    "models push",
    "models pull",
    "models compare",
    "models reproduce",
    "models alias",
    "models tag",
    "models note",
    "models rename",
    "models copy",
    "models rm",
    "models restore",
    "models gc",
    "models verify",
    "list-plugins",
    "plugin show",
    "check-plugin",
    "new-plugin",
    "corpora list",
    "corpora get",
    "doctor",
]


def words(help_page: str) -> str:
    """The words of a help page, without its boxes and line ends."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", help_page).split())


def test_the_list_of_commands_has_a_line_for_each(seqgen):
    page = seqgen("--help").stdout
    assert {line.split()[0] for line in COMMANDS} == set(group.COMMANDS)
    for command in group.COMMANDS:
        assert re.search(rf"^  {command} +[A-Z].*\.$", page, re.MULTILINE), command


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_in_80_columns(seqgen, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    outcome = seqgen(*command.split(), "--help")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert max(map(len, outcome.stdout.splitlines())) <= 80
    assert "…" not in outcome.stdout  # nothing is cut off
    assert re.search(rf"Example.*seqgen {command}", outcome.stdout, re.DOTALL)
    assert seqgen(*command.split(), "-h") == outcome


@pytest.fixture(scope="module")
def train_page():
    """The words of the help of ``train``, which has the most options."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        return words(run_main("train", "--help").stdout)


@pytest.mark.parametrize("option", options_of(TrainingOptions), ids=lambda option: option.name)
def test_train_help_has_every_training_option_with_its_text(train_page, option):
    text = option.text[0].upper() + option.text[1:]
    assert re.search(rf"--{option.name.replace('_', '-')}( [A-Z|a-z]+)? {re.escape(text)}", train_page)


def test_train_help_names_presets_and_choices_and_defaults(train_page):
    assert f"A named set of options: {', '.join(PRESETS)}." in train_page
    assert "(adamw, adam, sgd, rmsprop). [default: adamw]" in train_page
    assert "from which a run can go on. [default: 60s]" in train_page
    assert "Fixes every random draw of the run. [default: 0]" in train_page


@pytest.mark.parametrize(
    ("command", "text", "kind"),
    [
        ("train", "How text becomes tokens", "tokenizer"),
        ("train", "How files become documents", "dataset"),
        ("evaluate", "How files become documents", "dataset"),
        ("evaluate", "What computes", "backend"),
        ("generate", "What computes", "backend"),
    ],
)
def test_help_names_all_bundled_parts_of_a_kind(seqgen, command, text, kind):
    listed = re.search(rf"{text}: ([a-z, -]+)", words(seqgen(command, "--help").stdout))[1]
    assert set(listed.strip(", ").split(", ")) == {entry.name for entry in load_catalog([]).entries(kind)}


def test_generate_help_states_the_order_of_the_chain_and_which_samplers_truncate(seqgen):
    page = words(seqgen("generate", "--help").stdout)
    assert "penalties, constraints, temperature, truncation" in page
    parts = load_catalog([]).entries("sampler")
    listed = re.search(r"Those that truncate \(([a-z, -]+)\)", page)[1]
    assert set(listed.split(", ")) == {each.name for each in parts if each.load().stage is Stage.TRUNCATION}
