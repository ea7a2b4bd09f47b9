"""``seqgen doctor``."""

from __future__ import annotations

import json
import platform
import re
from pathlib import Path

import pytest

import seqgen as package


@pytest.fixture
def lean(monkeypatch):
    """As where no framework is installed: asking which devices Keras has takes seconds."""
    monkeypatch.setattr(
        "seqgen.core.part_entry.is_installed", lambda name: name not in ("torch", "keras", "numba", "tokenizers")
    )


@pytest.mark.usefixtures("lean")
def test_doctor_says_versions_folders_and_what_is_missing(seqgen, seqgen_home):
    outcome = seqgen("--no-plugins", "doctor")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    for fact, value in [
        ("seqgen", package.__version__),
        ("python", platform.python_version()),
        ("home", seqgen_home),
        ("numpy", "yes +cpu +lstm, gru, rnn".replace("yes", "no")),
        ("torch", r'- .*pip install "seqgen\[torch\]"'),
    ]:
        assert re.search(rf"^ *{fact} +{value}", outcome.stdout, re.MULTILINE), fact


@pytest.mark.usefixtures("lean")
def test_doctor_as_json(seqgen, seqgen_home):
    report = json.loads(seqgen("--no-plugins", "doctor", "--json").stdout)
    assert report["versions"]["seqgen"] == package.__version__
    assert report["folders"] == {"home": str(seqgen_home), "models": str(seqgen_home / "models")}
    backends = {backend.pop("name"): backend for backend in report["backends"]}
    assert backends["numpy"] == {
        "can_train": False,
        "devices": ["cpu"],
        "architectures": ["lstm", "gru", "rnn"],
        "problem": None,
    }
    assert backends["torch"]["problem"] == 'pip install "seqgen[torch]"'
    assert report["plugins"] == [
        {"distribution": "seqgen", "version": package.__version__, "disabled": None, "problem": None}
    ]


ABACUS = """
import seqgen
from seqgen.core.backend import Backend


@seqgen.hookimpl
def register_backends(register):
    register("abacus", "abacus:Abacus", summary="-")


class Abacus(Backend):
    def devices(self):
        raise RuntimeError("a bead is missing")

    def architectures(self):
        return ()

    def build(self, spec, **how):
        ...
"""


@pytest.mark.usefixtures("lean")
def test_doctor_says_what_is_wrong_with_each_plugin_and_all_that_is_right(seqgen, install, monkeypatch):
    hook = "import seqgen\n@seqgen.hookimpl\ndef register_{}(register): raise KeyError('tune')\n"
    install("abacus", ABACUS)
    install("singer", hook.format("samplers"))
    install("whistler", hook.format("commands").replace("register):", "app):"))
    install("mute", "raise RuntimeError('was imported')")
    monkeypatch.setenv("SEQGEN_DISABLE_PLUGINS", "mute")
    outcome = seqgen("doctor")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    for line in (
        r'abacus .* backend "abacus" of abacus \(abacus:Abacus\) fails: RuntimeError: a bead is missing',
        "numpy +no +cpu +lstm, gru, rnn",
        "abacus +1.2 *$",
        "singer +1.2 +register_samplers failed: KeyError: 'tune'",
        "whistler +1.2 +register_commands failed: KeyError: 'tune'",
        "mute +1.2 +disabled by SEQGEN_DISABLE_PLUGINS",
    ):
        assert re.search(rf"^ *{line}", outcome.stdout, re.MULTILINE), (line, outcome.stdout)
    plugins = {each.pop("distribution"): each for each in json.loads(seqgen("doctor", "--json").stdout)["plugins"]}
    assert plugins["mute"] == {"version": "1.2", "disabled": "SEQGEN_DISABLE_PLUGINS", "problem": None}


@pytest.mark.usefixtures("lean")
def test_a_backend_that_ends_the_program_where_it_is_made_is_a_line_of_its_own(seqgen, install):
    install("abacus", f"{ABACUS}\n    def __init__(self):\n        raise SystemExit('no beads')\n")
    outcome = seqgen("doctor", "--json")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    problems = {backend["name"]: backend["problem"] for backend in json.loads(outcome.stdout)["backends"]}
    assert problems["abacus"] == 'backend "abacus" of abacus (abacus:Abacus) cannot be made: SystemExit: no beads'
    assert problems["numpy"] is None


@pytest.mark.usefixtures("lean")
@pytest.mark.parametrize("error", ["SystemExit", "__import__('asyncio').CancelledError"])
def test_a_backend_that_ends_the_program_where_it_is_asked_is_a_line_of_its_own(seqgen, install, error):
    install("abacus", ABACUS.replace("RuntimeError", error))
    outcome = seqgen("doctor", "--json")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    problems = {backend["name"]: backend["problem"] for backend in json.loads(outcome.stdout)["backends"]}
    assert problems["abacus"].endswith(f"fails: {error.rpartition('.')[2]}: a bead is missing")
    assert problems["numpy"] is None


@pytest.mark.usefixtures("lean")
def test_a_backend_that_needs_an_option_says_so(seqgen, install):
    option = "    beads: __import__('typing').Annotated[int, __import__('annotated_doc').Doc('how many beads')]\n"
    install(
        "abacus",
        ABACUS.replace(
            "class Abacus(Backend):\n", f"@__import__('dataclasses').dataclass\nclass Abacus(Backend):\n{option}\n"
        ),
    )
    backends = json.loads(seqgen("doctor", "--json").stdout)["backends"]
    assert {backend["name"]: backend["problem"] for backend in backends}["abacus"] == (
        "backend abacus needs beads: how many beads.  Write --backend abacus:beads=VALUE"
    )


@pytest.mark.usefixtures("lean")
@pytest.mark.parametrize(
    ("requires", "problem"),
    [("requires='numba', extra='wood'", 'pip install "abacus[wood]"'), ("requires='numba'", "needs numba")],
)
def test_a_backend_whose_package_is_missing_is_told_with_what_installs_it_where_an_extra_does(
    seqgen, install, requires, problem
):
    install("abacus", ABACUS.replace('summary="-"', f'summary="-", {requires}'))
    backends = json.loads(seqgen("doctor", "--json").stdout)["backends"]
    assert {backend["name"]: backend["problem"] for backend in backends}["abacus"] == problem


# --combinations


ODD = """
import seqgen
from seqgen.core.sampler import Sampler
from seqgen.datasets.text import TextDataset


@seqgen.hookimpl
def register_tokenizers(register):
    register("needy", "odd:Needy", summary="-", requires="keras")


@seqgen.hookimpl
def register_datasets(register):
    register("abc", "odd:Abc", summary="-")


@seqgen.hookimpl
def register_samplers(register):
    register("sly", "odd:Sly", summary="-")


class Abc(TextDataset):
    media_type = "text/vnd.abc"


class Sly(Sampler):
    def adjust(self, logits):
        print("hello from a sampler")
        raise RuntimeError("out of [rope]")
"""

TOY = Path(__file__).parents[1] / "toy_plugin" / "src"


@pytest.fixture
def toy(monkeypatch, install):
    """The toy plugin, whose backend trains at once."""
    monkeypatch.syspath_prepend(TOY)
    install("toy", "from seqgen_toy import *\nfrom seqgen_toy import register_backends, register_tokenizers\n")


@pytest.mark.usefixtures("lean", "toy")
def test_combinations_are_shown_as_a_matrix_with_a_line_for_each_reason(seqgen, install, seqgen_home):
    install("odd", ODD)
    outcome = seqgen("doctor", "--combinations")
    assert (outcome.exit_code, outcome.stderr.replace("hello from a sampler\n", "")) == (1, "")
    lines = [" ".join(line.split()) for line in outcome.stdout.splitlines()]
    assert lines[1] == "tokenizer dataset numpy counting"
    assert "char text untried fails 14/15" in lines
    assert "byte abc refused refused" in lines
    for reason in (
        'untried Tokenizer "needy" needs keras, which is not installed. Install it as odd says in its documentation.',
        "fails sampler sly: RuntimeError: out of [rope] (char × text × counting and 15 more)",
        "refused Dataset abc gives text/vnd.abc, but tokenizer char takes text/plain. (char × abc × numpy and 1 more)",
    ):
        assert lines.count(reason) == 1, outcome.stdout
    assert not seqgen_home.exists()


@pytest.mark.usefixtures("lean", "toy")
def test_combinations_that_work_exit_0_and_are_data_with_json(seqgen):
    outcome = seqgen("doctor", "--combinations", "--json")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    matrix = json.loads(outcome.stdout)
    assert not matrix["failed"]
    assert matrix["backends"] == ["numpy", "counting"]
    assert {each["name"]: each["outcome"] for each in matrix["unusable"]} == dict.fromkeys(
        ("bpe", "torch", "keras", "numba"), "untried"
    )
    works = [cell for cell in matrix["cells"] if cell["outcome"] == "works"]
    assert [cell["backend"] for cell in works] == ["counting"] * len(works)
    assert {(cell["tokenizer"], cell["dataset"]) for cell in works} >= {("char", "text"), ("case", "paragraphs")}
    assert all(cell["samplers"] == matrix["samplers"] and cell["seconds"] > 0 for cell in works)


@pytest.mark.slow
@pytest.mark.usefixtures("lean", "toy")
def test_on_a_terminal_a_line_says_which_combination_is_tried(terminal):
    shown = terminal("doctor", "--combinations").stdout
    assert re.search(r"\d+/16  \w+ × \w+ × \w+: (training|generating)", shown)


@pytest.mark.slow
def test_doctor_asks_every_framework_here_for_its_devices(seqgen_cli):
    result = seqgen_cli("doctor", "--json")
    assert result.exit_code == 0
    backends = {backend["name"]: backend for backend in json.loads(result.stdout)["backends"]}
    for name in ("torch", "keras"):
        assert backends[name]["can_train"]
        assert backends[name]["devices"][-1] == "cpu"
