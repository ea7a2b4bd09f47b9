"""``seqgen list-plugins`` and ``seqgen plugin show``."""

from __future__ import annotations

import json
import re

import pytest

from seqgen import __version__

BUNDLED = {
    "tokenizer": ["char", "byte", "word", "bpe"],
    "dataset": ["text", "lines", "rows"],
    "backend": ["torch", "keras", "numpy", "numba"],
    "sampler": [
        *("greedy", "temperature", "top-k", "top-p", "min-p", "typical", "repetition-penalty", "no-repeat-ngram"),
        *("grammar", "regex", "dry", "logit-bias", "mirostat"),
    ],
    "callback": ["csv", "tensorboard", "mlflow", "wandb"],
}


def test_every_bundled_part_is_listed_with_a_line_and_whose_it_is(seqgen):
    outcome = seqgen("--no-plugins", "list-plugins")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    for kind, names in BUNDLED.items():
        assert f"{kind.capitalize()}:\n" in outcome.stdout
        for name in names:
            assert re.search(rf"^  {name} +\w.*\(seqgen \d+\.\d+\.\d+, ready\)", outcome.stdout, re.MULTILINE), name


def test_one_kind_alone(seqgen):
    page = seqgen("--no-plugins", "list-plugins", "--kind", "tokenizer").stdout
    parts, _, plugins = page.partition("Plugins:\n")
    assert re.findall(r"^  (\S+)", parts, re.MULTILINE) == BUNDLED["tokenizer"]
    assert plugins == f"  seqgen {__version__}  ready\n"


def test_options_are_listed_with_their_defaults(seqgen):
    page = seqgen("--no-plugins", "list-plugins").stdout
    assert "one token a character  lowercase=false,normalization=none,min_count=1  (seqgen" in page
    assert "always the most likely token  (seqgen" in page


def test_the_list_as_json(seqgen):
    record = json.loads(seqgen("--no-plugins", "list-plugins", "--json").stdout)
    assert [(part["kind"], part["name"]) for part in record["parts"]] == [
        (kind, name) for kind, names in BUNDLED.items() for name in names
    ]
    assert record["plugins"] == [{"distribution": "seqgen", "version": __version__, "disabled": None, "problem": None}]
    (char,) = (part for part in record["parts"] if part["name"] == "char")
    assert (char["distribution"], char["ready"], char["install"]) == ("seqgen", True, None)
    assert char["options"] == {"lowercase": "false", "normalization": "none", "min_count": "1"}


def test_an_unknown_kind_names_the_nearest(refused):
    sentence = (
        'No kind of part "tokeniser".  Nearest: tokenizer.  There are: tokenizer, dataset, backend, sampler, callback'
    )
    assert refused("list-plugins", "--kind", "tokeniser", exit_code=2) == sentence
    assert refused("plugin", "show", "tokeniser", "char", exit_code=2) == sentence


def test_an_unknown_part_names_the_nearest(refused):
    assert refused("plugin", "show", "sampler", "topp", exit_code=2).startswith(
        'No sampler "topp".  Nearest: top-p, top-k.'
    )


def test_show_has_each_option_with_what_it_allows_and_its_default(seqgen):
    page = seqgen("plugin", "show", "sampler", "top-p").stdout
    assert page.startswith("sampler top-p  the likeliest tokens that together reach p\nfrom seqgen ")
    assert re.search(r"^ *p +a number above 0 and at most 1 +0\.9 +\w", page, re.MULTILINE)
    assert page.endswith("Write --sampler top-p:p=0.9\n")


def test_what_show_says_to_write_can_be_written(seqgen, novel):
    for name in ("top-k", "min-p", "typical", "repetition-penalty"):
        _, option, spec = seqgen("plugin", "show", "sampler", name).stdout.splitlines()[-1].split(" ")
        assert seqgen("generate", option, spec, "--length", 3).exit_code == 0


def test_show_says_how_a_callback_is_named(seqgen):
    assert seqgen("plugin", "show", "callback", "csv").stdout.endswith("Write --log-to csv:path=metrics.csv\n")


def test_show_says_so_where_there_are_no_options(seqgen):
    assert seqgen("plugin", "show", "sampler", "greedy").stdout.endswith("It has no options.\n")


def test_show_as_json(seqgen):
    record = json.loads(seqgen("plugin", "show", "tokenizer", "char", "--json").stdout)
    assert (record["kind"], record["name"], record["ready"]) == ("tokenizer", "char", True)
    assert [(option["name"], option["default"]) for option in record["options"]] == [
        ("lowercase", False),
        ("normalization", "none"),
        ("min_count", 1),
    ]
    assert all(option["text"] and option["allowed"] for option in record["options"])


BROKEN = "import surely_not_installed\n"

NEEDY = """
from seqgen import hookimpl

@hookimpl
def register_samplers(register):
    register("rhyme", "needy_rhyme:Rhyme", summary="verses that rhyme", requires="surely_not_installed")

@hookimpl
def register_commands(app):
    @app.command("sing", help="Sing a text.")
    def sing() -> None:
        print("la")
"""


def test_with_debug_the_traceback_of_a_plugin_is_shown(seqgen, install):
    install("broken", BROKEN)
    assert "Traceback" in seqgen("--debug", "list-plugins").stderr


def test_an_option_of_the_program_itself_stands_before_the_command(refused):
    for command, option, instead in [
        (("list-plugins",), "--debug", "seqgen --debug list-plugins"),
        (("models", "list"), "--no-plugins", "seqgen --no-plugins models list"),
    ]:
        sentence = refused(*command, option, exit_code=2)
        assert sentence == f"{option} stands before the command: {instead}"
    assert refused("models", "list", "--debugs", exit_code=2).startswith("No such option: --debugs")
    assert refused("--debugs", exit_code=2).startswith("No such option: --debugs")


@pytest.mark.parametrize(
    ("requires", "listed", "command", "needs"),
    [
        (
            "requires='surely_not_installed', extra='verse'",
            'pip install "needy[verse]"',
            'pip install "needy[verse]"',
            'surely_not_installed, which is not installed.  pip install "needy[verse]"',
        ),
        (
            "requires='surely_not_installed'",
            "surely_not_installed",
            None,
            "surely_not_installed, which is not installed.  Install it as needy says in its documentation.",
        ),
        (
            "requires=('surely_not_installed', 'nor_this')",
            "surely_not_installed and nor_this",
            None,
            "surely_not_installed and nor_this, which are not installed.  Install them as needy says in its documentation.",
        ),
    ],
)
def test_a_part_whose_package_is_missing_is_listed_with_what_installs_it_where_an_extra_does(
    seqgen, refused, install, requires, listed, command, needs
):
    install("needy", NEEDY.replace('requires="surely_not_installed"', requires))
    page = " ".join(seqgen("list-plugins", "--kind", "sampler").stdout.split())
    assert f"rhyme verses that rhyme options unknown (needy 1.2, needs {listed})" in page
    *_, described = json.loads(seqgen("list-plugins", "--kind", "sampler", "--json").stdout)["parts"]
    assert (described["name"], described["install"]) == ("rhyme", command)
    assert refused("plugin", "show", "sampler", "rhyme", exit_code=1) == f'Sampler "rhyme" needs {needs}'


def test_commands_of_plugins_stand_beside_ours_unless_plugins_are_left_out(seqgen, refused, install, monkeypatch):
    install("needy", NEEDY)
    assert seqgen("sing").stdout == "la\n"
    assert re.search(r"^  sing +Sing a text\.$", seqgen("--help").stdout, re.MULTILINE)
    assert "sing" not in seqgen("--no-plugins", "--help").stdout
    assert refused("--no-plugins", "sing", exit_code=2) == (
        'No command "sing".  All: seqgen --help\n'
        "--no-plugins or SEQGEN_NO_PLUGINS leaves out all plugins, one of which may have offered it."
    )
    assert refused("sing", "--no-plugins", exit_code=2).startswith(
        "No such option: --no-plugins"
    )  # before it there is none
    monkeypatch.setenv("SEQGEN_DISABLE_PLUGINS", "needy")
    assert refused("sing", exit_code=2).endswith(
        "\nPlugin needy could not be used and may have offered it: SEQGEN_DISABLE_PLUGINS disables it"
    )
    monkeypatch.setenv("SEQGEN_NO_PLUGINS", "1")
    assert "sing" not in seqgen("--help").stdout
    assert "rhyme" not in seqgen("list-plugins").stdout
