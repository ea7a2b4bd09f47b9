"""Whatever an installed plugin does, commands that do not use it work, and say in one line what is wrong with it."""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
import time
from pathlib import Path

import pytest

from seqgen import __version__
from seqgen.core.plugin import PATIENCE

SMALL = ("--hidden-size", 8, "--embedding-size", 4, "--ngram-order", 0)
TINY = ("--backend", "torch", *SMALL, "--max-steps", 2, "--quiet")


def hook(body, kind="sampler"):
    """A module with a hook that offers parts of a kind."""
    head = f"import seqgen\n@seqgen.hookimpl\ndef register_{kind}s(register):\n"
    return head + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n"


OFFER = 'register("bars", "json:JSONDecoder", summary="bars that add up")'

OFFER_IT = hook(OFFER)

BAD = {
    "raises on import": ("raise RuntimeError('boom')", "loading failed: RuntimeError: boom"),
    "exits on import": ("import sys; sys.exit(3)", "loading failed: SystemExit: 3"),
    "is no Python": ("def", "loading failed: SyntaxError: invalid syntax (bad.py, line 1)"),
    "raises in a hook": (hook("raise KeyError('no such tune')"), "register_samplers failed: KeyError: 'no such tune'"),
    "exits in a hook": (hook("raise SystemExit"), "register_samplers failed: SystemExit"),
    "has a hook of another shape": (
        "import seqgen\n@seqgen.hookimpl\ndef register_samplers(registry): ...",
        "loading failed: PluginError: hookimpl definition: register_samplers(registry); Argument(s) {'registry'} are declared",
    ),
    "has a hook of another name": (
        "import seqgen\n@seqgen.hookimpl\ndef register_sampler(register): ...",
        "loading failed: PluginError: there is no hook register_sampler.  Nearest: register_samplers.  All: register_",
    ),
    "looks for a part on import": (
        "from seqgen.installed import find_part\nclass Mine(find_part('tokenizer', 'not-there')): ...",
        "loading failed: RuntimeError: find_part was called while bad of bad is imported, when it is not known yet which parts",
    ),
    "looks for a part in a hook": (
        "from seqgen.core.errors import SeqgenError\nfrom seqgen.installed import make_part\n"
        + hook("try: make_part('tokenizer', 'not-there')\nexcept SeqgenError: pass"),
        "register_samplers failed: RuntimeError: make_part was called while a plugin registers its parts, when it is not",
    ),
    "registers a name twice": (
        hook(f"{OFFER}\n{OFFER}"),
        'register_samplers failed: PluginError: sampler "bars" is registered twice.',
    ),
    "registers what is no name": (
        hook('register("Bars", "bad:Bars", summary="bars")'),
        'register_samplers failed: PluginError: "Bars" is not a part name: lower case letters, digits and single hyphens.',
    ),
    "says nothing of what it registers": (
        hook('register("bars", "bad:Bars", summary=None)'),
        "register_samplers failed: PluginError: the summary of bars is None, but must be text.",
    ),
    "was made for another contract": (
        'SEQGEN_CONTRACT = "9.1"\n',
        f"it needs contract 9.1 and this seqgen ({__version__}) has 1.0.  Update seqgen",
    ),
    "is half installed": (
        None,
        "its module bad is not there, so it is only half installed.  pip install --force-reinstall bad",
    ),
}


@pytest.mark.parametrize(("code", "problem"), BAD.values(), ids=BAD)
def test_commands_that_do_not_use_a_bad_plugin_work_and_say_what_is_wrong(
    seqgen, install, novel, corpus, code, problem
):
    install("bad", code)
    listed = seqgen("list-plugins")
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert f"bad 1.2       left out: {problem}" in listed.stdout
    assert "only the k most likely tokens" in listed.stdout
    (plugin,) = (each for each in json.loads(seqgen("list-plugins", "--json").stdout)["plugins"] if each["problem"])
    assert plugin["distribution"] == "bad"
    for command in (
        ["train", corpus, *TINY],
        ["generate", "--length", 3, "--sampler", "greedy"],
        ["plugin", "show", "sampler", "top-k"],
    ):
        outcome = seqgen(*command)
        assert outcome.exit_code == 0
        (warning,) = outcome.stderr.splitlines()
        assert warning.startswith(f"warning: plugin bad 1.2 is left out: {problem}")
    for command in (["evaluate", "novel", corpus], ["models", "list"], ["corpora", "list"]):  # which may not look at it
        assert seqgen(*command).exit_code == 0
    assert seqgen("--no-plugins", "list-plugins").stdout.endswith(f"Plugins:\n  seqgen {__version__}  ready\n")


@pytest.mark.parametrize("metadata", [None, b"Version: 1"], ids=["none", "no name"])
def test_a_plugin_whose_metadata_is_damaged_hurts_nobody(seqgen, install, novel, metadata):
    about = install("bad", OFFER_IT) / "bad-1.2.dist-info" / "METADATA"
    if metadata is None:
        about.unlink()
    else:
        about.write_bytes(metadata)
    listed = seqgen("list-plugins")
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert re.search(r"bad \S+ +ready", listed.stdout)
    assert seqgen("generate", "--length", 3, "--sampler", "greedy").exit_code == 0


def test_a_hook_of_another_name_may_be_left_to_a_seqgen_that_has_it(seqgen, install):
    install("new", "import seqgen\n@seqgen.hookimpl(optionalhook=True)\ndef register_voices(register): ...")
    assert "new 1.2       ready" in seqgen("list-plugins").stdout


def test_what_is_wrong_with_the_commands_of_a_plugin_is_listed_too(seqgen, install):
    install("bad", "import seqgen\n@seqgen.hookimpl\ndef register_commands(app): raise KeyError('sing')\n")
    listed = seqgen("list-plugins")
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert "bad 1.2       left out: register_commands failed: KeyError: 'sing'" in listed.stdout


@pytest.mark.parametrize(
    ("parameter", "problem"),
    [
        ("dict", "RuntimeError: Type not yet supported: <class 'dict'>"),
        ("'Tune'", "NameError: name 'Tune' is not defined"),
    ],
)
def test_a_command_that_cannot_be_made_leaves_help_and_others_as_they_are(seqgen, install, parameter, problem):
    install(
        "bad",
        f"import seqgen\n@seqgen.hookimpl\ndef register_commands(app):\n    @app.command()\n    def sing(x: {parameter}): ...",
    )
    warning = f"warning: plugin bad 1.2 is left out: register_commands failed: {problem}\n"
    page = seqgen("--help")
    assert (page.exit_code, page.stderr) == (0, warning)
    assert "list-plugins" in page.stdout
    assert seqgen("sing").stderr == f'{warning}error: No command "sing".  All: seqgen --help\n'
    listed = seqgen("list-plugins")
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert f"left out: register_commands failed: {problem}" in listed.stdout


def test_a_part_whose_source_cannot_be_right_is_listed_beside_the_others(seqgen, install):
    part = "from . import nothing\nclass Part(nothing.Base): ...\n"
    install("bad", part + hook('register("part", "bad:Part", summary="a part")'))
    listed = seqgen("list-plugins", "--kind", "sampler")
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert "only the k most likely tokens" in listed.stdout


def test_a_plugin_that_needs_a_newer_seqgen_says_which(seqgen, install):
    install("bad", "from seqgen import not_there_yet", requires="seqgen>=99")
    assert "left out: loading failed: ImportError: cannot import name 'not_there_yet' from 'seqgen'" in (
        page := seqgen("list-plugins").stdout
    )
    assert f"It needs seqgen>=99, and this is {__version__}: update seqgen" in page


def test_what_a_plugin_prints_on_import_stays_out_of_results(seqgen, install, novel):
    install("loud", "import sys\nprint('hello')\nsys.stdout.buffer.write(b'hello')\n" + hook("print('hello')"))
    outcome = seqgen("generate", "--length", 3, "--json")
    assert (outcome.exit_code, outcome.stderr.count("hello")) == (0, 3)
    assert json.loads(outcome.stdout)["model"] == "novel"


SLOW = "import time\nprint('late words')\ntime.sleep({seconds})\nprint('late words')\n" + hook(
    'register("late", "seqgen.samplers.greedy:Greedy", summary="comes late")'
)


@pytest.fixture
def slow_cli(seqgen_cli, install, novel):
    """The command in a process of its own, with a plugin that takes some seconds to be imported."""

    def run(*arguments, seconds):
        if "site" not in paths:
            paths["site"] = install("slow", SLOW.format(seconds=seconds))
        return seqgen_cli(*arguments, env={"PYTHONPATH": os.pathsep.join([str(paths["site"]), *sys.path])})

    paths = {}
    return run


@pytest.mark.slow
def test_nobody_waits_long_for_a_plugin_that_takes_half_a_minute_to_be_imported(slow_cli):
    warning = f"plugin slow 1.2 is not waited for: importing it takes more than {PATIENCE:g} s, and only what needs it waits for it"
    start = time.monotonic()
    outcome = slow_cli("generate", "--length", 3, "--json", seconds=30)
    assert outcome.exit_code == 0
    assert outcome.stderr.splitlines() == ["late words", f"warning: {warning}"]
    assert json.loads(outcome.stdout)["model"] == "novel"
    page = slow_cli("list-plugins", seconds=30)
    assert page.exit_code == 0
    assert f"importing it takes more than {PATIENCE:g} s" in page.stdout
    assert time.monotonic() - start < 30


def test_what_needs_a_slow_plugin_waits_for_it(slow_cli):
    outcome = slow_cli("generate", "--length", 3, "--sampler", "late", "--json", seconds=PATIENCE + 1)
    assert outcome.exit_code == 0
    assert json.loads(outcome.stdout)["model"] == "novel"  # the words that came late are not in it
    assert outcome.stderr.count("late words") == 2
    assert "waiting for plugin slow ...\n" in outcome.stderr


PART = """
import dataclasses
import numpy as np
from seqgen.core.sampler import Sampler

@dataclasses.dataclass(kw_only=True)
class Part(Sampler):
    count: int = dataclasses.field(default=0, init=False)

    def __post_init__(self):
        {construction}

    def adjust(self, logits):
        self.count += 1
        if self.count == 5:
            {adjust}
        return logits
"""


def with_part(construction="pass", adjust="pass"):
    return PART.format(construction=construction, adjust=adjust) + hook(
        'register("part", "bad:Part", summary="a part")'
    )


def test_options_that_cannot_be_read_are_their_plugin_s(refused, install):
    part = "from seqgen.core.sampler import Sampler\n@__import__('dataclasses').dataclass\nclass Part(Sampler):\n"
    install(
        "bad", f"{part}    k: 'Tune' = 1\n    adjust = None\n" + hook('register("part", "bad:Part", summary="a part")')
    )
    assert refused("plugin", "show", "sampler", "part", exit_code=1) == (
        """The options of sampler "part" of bad (bad:Part) cannot be read: NameError: name 'Tune' is not defined"""
    )


def test_an_option_without_a_default_is_shown(seqgen, install):
    part = (
        "import dataclasses, typing\nfrom annotated_doc import Doc\nfrom seqgen.core.sampler import Sampler\n"
        "@dataclasses.dataclass\nclass Part(Sampler):\n    k: typing.Annotated[int, Doc('how many')]\n    adjust = None\n"
    )
    install("bad", part + hook('register("part", "bad:Part", summary="a part")'))
    page = seqgen("plugin", "show", "sampler", "part").stdout
    assert re.search(r"^ *k +a whole number +how many *$", page, re.MULTILINE)
    assert page.endswith("Write --sampler part:k=VALUE\n")
    (option,) = json.loads(seqgen("plugin", "show", "sampler", "part", "--json").stdout)["options"]
    assert option["default"] is None


def test_an_option_that_has_to_be_given_is_asked_for(refused, install, corpus):
    part = (
        "import dataclasses, typing, seqgen\nfrom annotated_doc import Doc\nfrom seqgen.core.callback import Callback\n"
        "@dataclasses.dataclass(kw_only=True)\nclass Post(Callback):\n    url: typing.Annotated[str, Doc('where to')]\n"
        "@seqgen.hookimpl\ndef register_callbacks(register):\n    register('post', 'bad:Post', summary='a part')\n"
    )
    install("bad", part)
    assert refused("train", corpus, "--log-to", "post", exit_code=2) == (
        "callback post needs url: where to.  Write --log-to post:url=VALUE"
    )


def test_a_part_that_cannot_be_made_is_a_sentence(refused, install, novel):
    install("bad", with_part(construction="raise RuntimeError('no tunes')"))
    assert refused("generate", "--sampler", "part", exit_code=1) == (
        'sampler "part" of bad (bad:Part) cannot be made: RuntimeError: no tunes'
    )


@pytest.mark.parametrize(
    ("adjust", "what"),
    [("raise ZeroDivisionError('bars')", "ZeroDivisionError: bars"), ("raise SystemExit(0)", "SystemExit: 0")],
)
def test_a_failure_in_the_middle_of_a_text_names_the_plugin_and_keeps_what_was_written(
    seqgen, install, novel, adjust, what
):
    install("bad", with_part(adjust=adjust))
    outcome = seqgen("generate", "--sampler", "part", "--length", 50, "--seed", "the ice", "--random-seed", 1)
    assert outcome.exit_code == 1
    assert outcome.stderr == (
        f"error: Plugin bad 1.2 failed: {what}.  Please tell its authors, with what seqgen --debug ... shows.\n"
    )
    assert outcome.stdout.startswith("the ice")
    assert len(outcome.stdout.removesuffix("\n")) >= len("the ice") + 3  # what was drawn may be spaces
    assert "bad.py" in seqgen("--debug", "generate", "--sampler", "part", "--length", 50).stderr
    assert seqgen("generate", "--length", 50).exit_code == 0


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        ("None", "None"),
        ("logits[0]", r"array\(.*"),
        ("logits[:, :-1]", r"array\(.*"),
        ("logits > 0", r"array\(.*"),
    ],
)
def test_a_sampler_that_leaves_no_logits_is_named(seqgen, install, novel, left, shown):
    install("bad", with_part().replace("return logits", f"return {left}"))
    outcome = seqgen("generate", "--sampler", "part", "--length", 50)
    assert outcome.exit_code == 1
    assert re.fullmatch(
        rf"error: Part\(.*\) leaves {shown}, but must return the logits, of the same shape \(1, \d+\) and type\.  "
        "seqgen check-plugin tells more\n",
        outcome.stderr,
        re.DOTALL,
    )


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("json:JSONDecoder", "is not a Sampler."),
        ("seqgen.core.sampler:Sampler", "lacks adjust."),
        ("bad:missing", "cannot be imported: AttributeError: module 'bad' has no attribute 'missing'"),
        (
            "bad.missing:Part",
            "cannot be imported: ModuleNotFoundError: No module named 'bad.missing'; 'bad' is not a package",
        ),
    ],
)
def test_a_part_that_is_none_is_listed_and_refused_when_it_is_used(seqgen, refused, install, novel, target, problem):
    install("bad", hook(f'register("part", "{target}", summary="a part")'))
    assert "a part" in seqgen("list-plugins").stdout
    assert refused("generate", "--sampler", "part", exit_code=1) == f'sampler "part" of bad ({target}) {problem}'
    assert seqgen("generate", "--length", 3).exit_code == 0


def test_a_taken_name_troubles_only_who_uses_it(seqgen, refused, install, novel):
    install("bad", hook('register("top-k", "seqgen.samplers.greedy:Greedy", summary="not the one")'))
    assert refused("generate", "--sampler", "top-k", exit_code=2) == (
        'Sampler "top-k" is offered by 2 distributions.  Write seqgen/top-k or bad/top-k'
    )
    page = seqgen("list-plugins", "--kind", "sampler").stdout
    assert f"k=40  (seqgen {__version__}, name taken: write seqgen/top-k)" in page
    assert "not the one  (bad 1.2, name taken: write bad/top-k)" in page
    for command in (["--sampler", "seqgen/top-k"], ["--sampler", "bad/top-k"], ["--top-k", 5], ["--sampler", "greedy"]):
        assert seqgen("generate", "--length", 3, *command).exit_code == 0


@pytest.fixture
def taking(install):
    """A plugin that takes the names of a bundled tokenizer, dataset and backend; whoever asks for its parts finds nothing there."""
    taken = {"tokenizer": "char", "dataset": "text", "backend": "torch"}
    hooks = (hook(f'register("{name}", "bad:Missing", summary="taken")', kind) for kind, name in taken.items())
    install("bad", "".join(hooks))
    return taken


def test_taken_names_trouble_nobody_who_trains_without_naming_a_part(seqgen, taking, novel, corpus, seqgen_home):
    brief = ("--max-steps", 2, "--quiet", "--json")
    tutorial = ("--preset", "tutorial", "--hidden-size", 8, "--seq-len", 8, "--batch-size", 4)
    for arguments in ([corpus, *SMALL], [corpus, *tutorial], ["ice", *SMALL], ["--from", "novel"]):
        outcome = seqgen("train", *arguments, *brief)
        assert (outcome.exit_code, outcome.stderr) == (0, ""), arguments
        trained = json.loads(outcome.stdout)
        recorded = json.loads((Path(trained["path"]) / "config.json").read_text())
        for kind, name in taking.items():
            assert (recorded["parts"][kind]["name"], recorded["parts"][kind]["distribution"]) == (name, "seqgen")
            assert recorded["training"][kind].partition(":")[0] == name
    settled = [word for each in ("max-steps=2", "embedding-size=4", "ngram-order=0") for word in ("--set", each)]
    searched = seqgen("sweep", corpus, "--search", "hidden-size=8", *settled, "--trials", 1, "--quiet")
    assert (searched.exit_code, searched.stderr) == (0, "")
    assert seqgen("sweep", "--resume", "novel", "--quiet").exit_code == 0


def test_a_model_is_reproduced_with_its_own_parts_where_their_names_are_taken(seqgen, taking, novel):
    outcome = seqgen("models", "reproduce", "novel")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert "--backend seqgen/torch" in outcome.stdout
    assert "--tokenizer seqgen/char" in outcome.stdout
    assert "--dataset seqgen/text" in outcome.stdout


def test_whoever_writes_a_taken_name_says_whose(refused, taking, corpus, monkeypatch):
    for kind, name in taking.items():
        sentence = f'{kind.capitalize()} "{name}" is offered by 2 distributions.  Write seqgen/{name} or bad/{name}'
        assert refused("train", corpus, f"--{kind}", name, *SMALL, exit_code=2) == sentence
        Path("parts.toml").write_text(f'{kind} = "{name}"\n')
        assert refused("train", corpus, "--config", "parts.toml", *SMALL, exit_code=2) == sentence
        with monkeypatch.context() as patch:
            patch.setenv(f"SEQGEN_{kind.upper()}", name)
            assert refused("train", corpus, *SMALL, exit_code=2) == sentence
        searching = ("sweep", corpus, "--search", "hidden-size=8")
        assert refused(*searching, "--set", f"{kind}={name}", exit_code=2) == sentence
    assert refused("sweep", corpus, "--search", "tokenizer=char,word", exit_code=2).startswith(
        'Tokenizer "char" is offered by 2'
    )


def test_a_taken_name_of_a_command_is_left_out(seqgen, install):
    install(
        "bad", "import seqgen\n@seqgen.hookimpl\ndef register_commands(app):\n    app.command('train')(lambda: None)\n"
    )
    assert "CORPUS" in seqgen("train", "--help").stdout
    page = seqgen("--help")
    assert page.stderr == 'warning: command "train" of plugin bad is left out: there is one of that name already\n'


@pytest.mark.parametrize(
    ("code", "exit_code", "stderr"),
    [("", 0, ""), ("0", 0, ""), ("3", 3, ""), ("'no voice'", 1, "error: no voice\n"), ("['la']", 1, "error: ['la']\n")],
)
def test_a_command_of_a_plugin_may_exit_as_it_likes(seqgen, install, code, exit_code, stderr):
    command = f"app.command('sing')(lambda: sys.exit({code}))"
    install("singer", f"import sys, seqgen\n@seqgen.hookimpl\ndef register_commands(app):\n    {command}\n")
    outcome = seqgen("sing")
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (exit_code, "", stderr)


def test_help_that_is_no_markup_is_shown_as_it_stands(seqgen, install):
    install(
        "singer",
        "import seqgen, typer\n@seqgen.hookimpl\ndef register_commands(app):\n    choir = typer.Typer()\n    app.add_typer(choir, name='choir')\n"
        "    @app.command()\n    def hum():\n        'Hum [bold]low[/bold].'\n"
        "    @choir.command()\n    def sing(tune: str = typer.Option('', help='a [/b tune')):\n        'Sing [/x].'\n"
        "    @choir.command()\n    def rest(): 'Rest.'\n",
    )
    assert "Hum low." in seqgen("hum", "--help").stdout
    for command in (["choir"], ["choir", "sing"]):
        page = seqgen(*command, "--help")
        assert (page.exit_code, page.stderr) == (0, "")
        assert "Sing [/x]." in page.stdout
    assert "choir" in seqgen("--help").stdout


@pytest.mark.parametrize("spelling", ["Bad_Plugin", "bad-plugin"])
def test_a_plugin_is_disabled_by_name_in_the_environment(seqgen, refused, install, monkeypatch, spelling):
    install("bad_plugin", "raise RuntimeError('was imported')")
    monkeypatch.setenv("SEQGEN_DISABLE_PLUGINS", f"other, {spelling}")
    page = seqgen("list-plugins")
    assert (page.exit_code, page.stderr) == (0, "")
    assert "bad_plugin 1.2  disabled by SEQGEN_DISABLE_PLUGINS" in page.stdout
    assert "Plugin bad_plugin could not be used and may have offered it: SEQGEN_DISABLE_PLUGINS disables it" in refused(
        "plugin", "show", "sampler", "bars", exit_code=2
    )


def test_a_plugin_is_disabled_by_name_in_the_configuration_file(seqgen, refused, install, seqgen_home):
    install("bad", "raise RuntimeError('was imported')")
    config = seqgen_home / "config.toml"
    config.parent.mkdir()
    config.write_text('disable-plugins = ["bad"]\n')
    assert f"bad 1.2       disabled by {config}" in seqgen("list-plugins").stdout
    config.write_text('disable-plugins = "bad"\n')
    assert refused("list-plugins", exit_code=2) == (
        f'{config}: disable-plugins must be a list of distributions, as in disable-plugins = ["seqgen-music"]'
    )


def test_a_configuration_file_of_a_later_seqgen_is_warned_of(seqgen, seqgen_home):
    config = seqgen_home / "config.toml"
    config.parent.mkdir()
    config.write_text('colour = "never"\n')
    for command in ("list-plugins", "--help"):
        outcome = seqgen(command)
        assert outcome.exit_code == 0
        assert outcome.stderr.startswith(f"warning: {config} holds colour, which this seqgen (")


@pytest.mark.parametrize("content", ["this is not TOML", 'disable-plugins = "bad"\n'])
def test_help_is_shown_whatever_the_configuration_file_holds_without_the_commands_of_plugins(
    seqgen, install, seqgen_home, content
):
    install("singer", "import seqgen\n@seqgen.hookimpl\ndef register_commands(app):\n    app.command('sing')(print)\n")
    assert "sing " in seqgen("--help").stdout
    config = seqgen_home / "config.toml"
    config.parent.mkdir()
    config.write_text(content)
    outcome = seqgen("--help")
    assert (outcome.exit_code, "train " in outcome.stdout, "sing " in outcome.stdout) == (0, True, False)
    assert outcome.stderr.startswith("warning: ")
    assert str(config) in outcome.stderr


def test_the_api_warns_of_a_bad_plugin_and_works(install, novel):
    import seqgen

    install("bad", "raise RuntimeError('boom')")
    with pytest.warns(UserWarning, match="plugin bad 1.2 is left out: loading failed: RuntimeError: boom"):
        assert seqgen.load("novel").generate("the ice", length=3)
