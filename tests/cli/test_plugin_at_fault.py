"""What a plugin does wrong while it is used: the command ends with a sentence that names the plugin, whatever went wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap

import pytest

TINY = ("--backend", "torch", "--hidden-size", 8, "--embedding-size", 4, "--max-steps", 2, "--quiet")

REPORT = "with what seqgen --debug ... shows."


def failed(what):
    return f"Plugin bad 1.2 failed: {what}.  Please tell its authors, {REPORT}"


def at_work(what, part):
    return (
        f"{what}\nIt arose while {part} of plugin bad was at work: seqgen check-plugin bad tells whether it keeps the contract.  "
        f"If so, that is a mistake in seqgen: please report it, {REPORT}"
    )


def part(kind, base, *lines, imports=""):
    """A module with a part, a subclass of another, that is registered as ``part``."""
    module, _, name = base.partition(":")
    body = textwrap.indent("\n".join(lines), "    ")
    return (
        f"import dataclasses\nimport seqgen\nfrom {module} import {name}\n{imports}\n"
        f"@dataclasses.dataclass(frozen=True, kw_only=True)\nclass Part({name}):\n{body}\n"
        "@seqgen.hookimpl\n"
        f"def register_{kind}s(register):\n    register('part', 'bad:Part', summary='a part')\n"
    )


def registering(target):
    return f"import seqgen\n@seqgen.hookimpl\ndef register_samplers(register):\n    register('part', '{target}', summary='a part')\n"


def sampler(*lines):
    return part("sampler", "seqgen.samplers.temperature:Temperature", *lines)


def dataset(*body):
    lines = ["def documents(self):", *(f"    {line}" for line in body)]
    return part("dataset", "seqgen.datasets.text:TextDataset", *lines)


def backend(*body):
    lines = [
        "def build(self, *args, **options):",
        "    model = super().build(*args, **options)",
        *(f"    {line}" for line in body),
    ]
    return part("backend", "seqgen.backends.torch.backend:TorchBackend", *lines)


def command(*body):
    lines = [
        "import seqgen, typer",
        "@seqgen.hookimpl",
        "def register_commands(app):",
        "    @app.command()",
        "    def sing():",
    ]
    return "\n".join([*lines, *(f"        {line}" for line in body), ""])


# Whose it is


OWN_FAILURES = {
    "raise ConnectionError('no such host')": "ConnectionError: no such host",
    "raise TimeoutError": "TimeoutError",
    "open('/nowhere/rhymes.txt')": "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/rhymes.txt'",
    "raise RuntimeError('no rhymes.')": "RuntimeError: no rhymes",  # a full stop is not doubled
    "raise __import__('asyncio').CancelledError('no rhymes')": "CancelledError: no rhymes",  # which is no Exception
}


@pytest.mark.parametrize(("line", "what"), OWN_FAILURES.items(), ids=OWN_FAILURES.values())
def test_what_a_part_cannot_read_or_reach_is_its_plugin_s(refused, install, novel, corpus, line, what):
    install(
        "bad", sampler("def begin(self, prompt_ids, tokenizer):", f"    {line}") + dataset(line).replace("Part", "Data")
    )
    for output in ((), ("--output", "out.txt"), ("--output", "out.jsonl")):
        assert refused("generate", "--sampler", "part", *output, exit_code=1) == failed(what)
    assert refused("train", corpus, "--dataset", "part", *TINY, exit_code=1) == failed(what)


def test_what_cannot_be_written_is_not_the_plugin_s_that_is_in_use(refused, install, novel):
    install("bad", sampler("..."))
    assert refused("generate", "--sampler", "part", "--output", "nowhere/text", exit_code=1) == (
        "nowhere/text cannot be written: No such file or directory."
    )


def test_what_was_raised_from_a_plugin_s_exception_is_the_plugin_s(refused, install, corpus):
    install("bad", dataset("yield next(iter([]))"))
    assert refused("train", corpus, "--dataset", "part", *TINY, exit_code=1) == failed(
        "RuntimeError: generator raised StopIteration"
    )


def test_a_part_in_another_package_than_the_hooks_is_its_plugin_s_too(refused, install, novel):
    folder = install("bad", sampler("...").replace("bad:Part", "worse:Part"))
    (folder / "worse.py").write_text(sampler("def begin(self, prompt_ids, tokenizer):", "    1 / 0"))
    assert refused("generate", "--sampler", "part", exit_code=1) == failed("ZeroDivisionError: division by zero")


def test_a_connection_that_breaks_off_is_no_reader_of_ours_that_has_gone(refused, install, corpus):
    install("bad", dataset("raise BrokenPipeError(32, 'Broken pipe')"))
    assert refused("train", corpus, "--dataset", "part", *TINY, exit_code=1) == failed(
        "BrokenPipeError: [Errno 32] Broken pipe"
    )


@pytest.mark.parametrize("error", ["ValueError", "ConnectionError", "CancelledError"])
def test_a_command_of_a_plugin_that_fails_names_the_plugin(refused, install, error):
    install("bad", command("from asyncio import CancelledError", f"raise {error}('no voice')"))
    assert refused("sing", exit_code=1) == failed(f"{error}: no voice")


def test_a_command_of_a_plugin_may_write_to_who_stops_reading(install):
    folder = install("bad", command("while True: print('la')"))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    with subprocess.Popen(
        [sys.executable, "-m", "seqgen", "sing"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.read(3) == b"la\n"
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 1)


AT_WORK = {
    "a stage that is none": (
        sampler("stage = 'constraint'"),
        "TypeError: '<' not supported between instances of 'str' and 'Stage'",
    ),
    "notes that are none": (
        sampler("def notes(self):", "    return 5"),
        "TypeError: 'int' object is not subscriptable",
    ),
    "no documents": (dataset("return None"), "TypeError: 'NoneType' object is not an iterator"),
    "no loss": (
        backend("model.train_step = lambda *_: None", "return model"),
        "TypeError: float() argument must be a string or a real number, not 'NoneType'",
    ),
    "a vocabulary without a size": (
        part("tokenizer", "seqgen.tokenizers.char:CharTokenizer", "vocab_size = None"),
        "TypeError: unsupported operand type(s) for -: 'NoneType' and 'int'",
    ),
    "a state that is not JSON": (
        part("tokenizer", "seqgen.tokenizers.char:CharTokenizer", "def state(self):", "    return {'a': float('nan')}"),
        "ValueError: Out of range float values are not JSON compliant: nan",
    ),
}


@pytest.mark.parametrize(("code", "what"), AT_WORK.values(), ids=AT_WORK)
def test_where_seqgen_fails_while_parts_of_plugins_are_at_work_they_are_named(
    seqgen, install, novel, corpus, code, what
):
    install("bad", code)
    (kind,) = re.findall(r"register_(\w+)s", code)
    if kind == "sampler":
        outcome = seqgen("generate", "--sampler", "part", "--length", 9)
    else:
        outcome = seqgen("train", corpus, *TINY, f"--{kind}", "part")
    assert (outcome.exit_code, outcome.stdout.strip()) == (1, outcome.stdout.strip() if kind == "sampler" else "")
    *_, sentence = outcome.stderr.removesuffix("\n").split("error: ")
    assert sentence == at_work(what, f"{kind} part")


def test_several_parts_at_work_are_named_together(refused, install, novel):
    install("bad", sampler("stage = None"))
    install("worse", sampler("...").replace("'part'", "'other'").replace("bad:", "worse:"))
    assert refused("generate", "--sampler", "part", "--sampler", "other", exit_code=1).splitlines()[1] == (
        "It arose while sampler part of plugin bad and sampler other of plugin worse were at work: seqgen check-plugin bad "
        "and seqgen check-plugin worse tell whether they keep the contract.  If so, that is a mistake in seqgen: please "
        f"report it, {REPORT}"
    )


# Exceptions that cannot be shown

MUTE = ["class Mute(Exception):", "    def __str__(self): raise RuntimeError", "raise Mute"]


def test_an_exception_without_words_is_named(seqgen, refused, install, novel):
    install("bad", sampler("def begin(self, prompt_ids, tokenizer):", *(f"    {line}" for line in MUTE)))
    assert refused("generate", "--sampler", "part", exit_code=1) == failed("Mute")
    assert "<exception str() failed>" in seqgen("--debug", "generate", "--sampler", "part").stderr


def test_an_error_of_ours_without_words_is_named(refused, install, novel):
    mute = [MUTE[0].replace("Exception", "seqgen.core.errors.CorpusError"), *MUTE[1:]]
    install(
        "bad",
        "import seqgen.core.errors\n"
        + sampler("def begin(self, prompt_ids, tokenizer):", *(f"    {line}" for line in mute)),
    )
    assert refused("generate", "--sampler", "part", exit_code=1) == "Mute"


def test_a_part_that_cannot_be_made_and_has_no_words_for_it_is_named(refused, install, novel):
    install("bad", sampler("def __post_init__(self):", *(f"    {line}" for line in MUTE)))
    assert refused("generate", "--sampler", "part", exit_code=1) == (
        'sampler "part" of bad (bad:Part) cannot be made: Mute'
    )


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("\n".join(MUTE), "loading failed: Mute"),
        (
            "import seqgen\n@seqgen.hookimpl\ndef register_samplers(register):\n"
            + textwrap.indent("\n".join(MUTE), "    "),
            "register_samplers failed: Mute",
        ),
    ],
)
def test_a_plugin_that_fails_without_words_is_left_out(seqgen, install, code, problem):
    install("bad", code)
    listed = seqgen("list-plugins")
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert f"left out: {problem}\n" in listed.stdout + "\n"


# What is registered


@pytest.mark.parametrize("hook", ["register_samplers(register)", "register_commands(app)"])
def test_a_hook_without_its_mark_is_reported(seqgen, install, hook):
    install("bad", f"def {hook}: ...\n")
    assert (
        f"left out: loading failed: PluginError: {hook.partition('(')[0]} lacks @seqgen.hookimpl"
        in seqgen("list-plugins").stdout
    )


def test_what_the_module_of_the_hooks_imports_of_them_needs_no_mark(seqgen, install):
    install("good", "from seqgen.core.hookspecs import *\nimport seqgen\n" + command("..."))
    assert "good 1.2      ready" in seqgen("list-plugins").stdout


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            "'part', int, summary=''",
            "the target of part is <class 'int'>, but must be text: \"package.module:Class\", not the class itself.",
        ),
        (
            "int, 'bad:Part', summary=''",
            "\"<class 'int'>\" is not a part name: lower case letters, digits and single hyphens.",
        ),
        (
            "'part', 'bad:Part', summary='', requires=None",
            "requires of part is None, but must be the name of a package, or several of them.",
        ),
        (
            "'part', 'bad:Part', summary='', requires=[int]",
            "requires of part is [<class 'int'>], but must be the name of a package, or several of them.",
        ),
    ],
)
def test_what_register_wants_is_said(seqgen, install, given, problem):
    install("bad", f"import seqgen\n@seqgen.hookimpl\ndef register_samplers(register):\n    register({given})\n")
    assert f"left out: register_samplers failed: PluginError: {problem}\n" in seqgen("list-plugins").stdout + "\n"


LOST = {
    "worse:Part": "its module worse cannot be found",
    "bad.worse:Part": "its module bad.worse cannot be found",
    "bad:Part": "its class Part cannot be found in bad",
    "bad_parts:Part": "its class Part cannot be found in bad_parts",
}


@pytest.mark.parametrize(("target", "problem"), LOST.items(), ids=LOST)
def test_a_part_that_is_not_there_is_not_listed_as_ready(seqgen, install, target, problem):
    folder = install("bad", registering(target))
    (folder / "bad_parts.py").write_text('"""Part: a part."""\nimport surely_not_installed\nclass Parts: ...\n')
    listed = seqgen("list-plugins", "--kind", "sampler")
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert f"a part  (bad 1.2, cannot be used: {problem})\n" in listed.stdout
    *_, described = json.loads(seqgen("list-plugins", "--kind", "sampler", "--json").stdout)["parts"]
    assert (described["name"], described["ready"], described["problem"]) == ("part", False, problem)


@pytest.mark.parametrize(
    "source",
    [
        "from json import JSONDecoder as Part",
        "from json import *",
        "def __getattr__(name): ...",
        "Part = type('Part', (), {})",
        "def",
    ],
)
def test_a_part_that_may_be_there_is_ready(seqgen, install, source):
    folder = install("bad", registering("bad_parts:Part"))
    (folder / "bad_parts.py").write_text(source)
    listed = seqgen("list-plugins", "--kind", "sampler")
    assert "a part  options unknown  (bad 1.2, ready)\n" in listed.stdout


# Distributions that are damaged


DAMAGED = {"no UTF-8": (b"[seqgen]\n\xff = odd", "UnicodeDecodeError"), "no value": (b"[seqgen]\nodd", "TypeError")}


@pytest.fixture(params=DAMAGED.values(), ids=DAMAGED)
def damaged(request, install):
    """A distribution ``odd`` whose entry points cannot be read, and what is wrong with them; beside it, a good plugin."""
    content, why = request.param
    (install("odd", "") / "odd-1.2.dist-info" / "entry_points.txt").write_bytes(content)
    install("good", registering("seqgen.samplers.greedy:Greedy"))
    return (
        rf"its entry points cannot be read \({why}: .*\), so it may be a plugin or none\.  "
        r"pip install --force-reinstall odd\n"
    )


def test_a_distribution_whose_entry_points_cannot_be_read_is_reported_and_hurts_nobody(seqgen, damaged, novel):
    listed = seqgen("list-plugins")
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert re.search(r"good 1.2 +ready\n", listed.stdout)
    assert re.search(rf"odd 1.2 +left out: {damaged}", listed.stdout)
    outcome = seqgen("generate", "--sampler", "good/part", "--length", 3)
    assert outcome.exit_code == 0
    assert re.fullmatch(rf"warning: plugin odd 1\.2 is left out: {damaged}", outcome.stderr)


def test_a_distribution_whose_entry_points_cannot_be_read_may_be_disabled(seqgen, damaged, novel, monkeypatch):
    monkeypatch.setenv("SEQGEN_DISABLE_PLUGINS", "odd")
    assert re.search(r"odd 1.2 +disabled by SEQGEN_DISABLE_PLUGINS", seqgen("list-plugins").stdout)
    assert seqgen("generate", "--length", 3).stderr == ""


def test_the_api_warns_of_a_distribution_whose_entry_points_cannot_be_read(damaged, novel):
    import seqgen

    with pytest.warns(UserWarning, match="plugin odd 1.2 is left out: its entry points cannot be read"):
        assert seqgen.load("novel").generate("the ice", length=3)


def test_of_a_distribution_without_metadata_the_folder_tells_the_name(seqgen, install):
    about = install("odd", "") / "odd-1.2.dist-info"
    (about / "entry_points.txt").write_bytes(b"\xff")
    (about / "METADATA").write_bytes(b"\xff")
    assert re.search(r"odd \? +left out: its entry points cannot be read", seqgen("list-plugins").stdout)


def test_memory_that_does_not_suffice_to_read_a_corpus_is_not_that_of_a_step(refused, install, corpus):
    install("bad", dataset("raise MemoryError"))
    assert refused("train", corpus, "--dataset", "part", *TINY, exit_code=1) == (
        "There is not enough memory for what plugin bad 1.2 does (MemoryError).  Give it less at a time, or use a smaller model"
    )
