"""The pages say what the code does."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from inspect import getdoc, isclass, signature
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import typer

from seqgen.cli.app import app
from seqgen.cli.environment import Environment
from seqgen.core import errors, hookspecs
from seqgen.core.canonical import GATES, canonical_shapes
from seqgen.core.spec import ModelSpec
from seqgen.training.counters import Counters

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    path.relative_to(ROOT).as_posix()
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("corpora/*.md")])
]
GENERATED = [page for page in PAGES if "<!-- begin: " in (ROOT / page).read_text("utf-8")]
BENCHMARKS = [path for path in sorted(ROOT.glob("benchmarks/*.py")) if "\nif __name__" in path.read_text("utf-8")]
PACKAGES = sorted(path.parent for path in (ROOT / "seqgen").rglob("__init__.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def section(page: str, title: str) -> str:
    """What stands under a heading, up to the next of its level or above."""
    marks, _ = title.split(" ", 1)
    return re.search(
        rf"^{re.escape(title)}\n(.*?)(?=^#{{1,{len(marks)}}} |\Z)", text_of(page), re.MULTILINE | re.DOTALL
    )[1]


def rows(text: str) -> list[list[str]]:
    """The rows of the tables in a text, without their heads."""
    tables = re.findall(r"^\|.*\n\| --- .*\n((?:\|.*\n?)*)", text, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for table in tables for line in table.splitlines()]


@pytest.mark.parametrize("page", GENERATED)
def test_what_follows_from_the_code_is_up_to_date(page, load_script):
    assert text_of(page) == load_script("generate.py").filled(text_of(page)), "run: python docs/generate.py"


def test_there_are_pages_whose_parts_follow_from_the_code():
    assert {"docs/reference/command-line.md", "docs/reference/parts.md", "docs/reference/hooks.md"} <= set(GENERATED)


HOOKS = [name for name, value in vars(hookspecs).items() if hasattr(value, "seqgen_spec")]


def test_pluggy_marks_the_hooks_that_the_tests_go_through():
    assert {"register_tokenizers", "register_commands"} <= set(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_its_arguments_and_its_docstring(hook):
    function = getattr(hookspecs, hook)
    described = section("docs/reference/hooks.md", f"## {hook}")
    (arguments,) = re.findall(rf"^def {hook}\((.*)\) -> None$", described, re.MULTILINE)
    expected = [f"{each.name}: {each.annotation}" for each in signature(function).parameters.values()]
    assert arguments.split(", ") == expected
    for sentence in function.__doc__.splitlines():
        assert sentence.strip() in described


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_says_when_it_is_called_what_to_do_and_what_a_failure_does(hook):
    _, when, what, failure = getdoc(getattr(hookspecs, hook)).split("\n\n")
    assert when.startswith("Called ")
    assert what.startswith(("Call ``register(", "Add to ``app``"))
    assert failure.startswith("If this raises, ")


def test_the_page_of_hooks_has_a_section_for_each_and_none_for_what_is_no_hook():
    titles = re.findall(r"^## (\w+)$", text_of("docs/reference/hooks.md"), re.MULTILINE)
    assert titles == ["register", *HOOKS]


def test_what_a_hook_is_handed_is_documented_with_its_whole_signature_and_all_that_is_said_of_it():
    described = section("docs/reference/hooks.md", "## register")
    (shown,) = re.findall(r"^register\((.*)\) -> None$", described, re.MULTILINE)
    (function,) = ast.parse(f"def register({shown}): ...").body
    names = [each.arg for each in (*function.args.args, *function.args.kwonlyargs)]
    assert names == list(signature(hookspecs.Register.__call__).parameters)[1:]
    assert [name.strip("`") for name, _ in rows(described)] == names
    told = getdoc(hookspecs.Register.__call__).partition("Args:\n")[2]
    assert " ".join(f"{name.strip('`')}: {words}" for name, words in rows(described)).split() == told.split()


SPECS = [
    ModelSpec(
        vocab_size=11,
        architecture=architecture,
        input_encoding=encoding,
        embedding_size=7 if tied else 5,
        hidden_size=7,
        num_layers=layers,
        tie_embeddings=tied,
    )
    for architecture, encoding, layers, tied in product(
        GATES, ("embedding", "one-hot", "scalar"), (1, 3), (False, True)
    )
    if encoding == "embedding" or not tied
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_table_of_tensors_gives_the_names_and_shapes_of_every_model(spec):
    sizes = {"V": spec.vocab_size, "E": spec.embedding_size, "H": spec.hidden_size}
    sizes["G·H"] = GATES[spec.architecture] * spec.hidden_size
    width = {"embedding": "E", "one-hot": "V", "scalar": "1"}[spec.input_encoding]
    expected = {}
    for name, shape, note in rows(section("docs/reference/checkpoint-format.md", "## model.safetensors"))[:7]:
        absent = (
            ("absent for one-hot" in note and spec.input_encoding != "embedding")
            or ("gru only" in note and spec.architecture != "gru")
            or ("absent where embeddings are tied" in note and spec.tie_embeddings)
        )
        for layer in range(spec.num_layers) if ".N." in name else [0]:
            sizes["in"] = spec.hidden_size if layer else sizes.get(width, 1)
            if not absent:
                expected[name.strip("`").replace(".N.", f".{layer}.")] = tuple(
                    sizes[letter] for letter in shape.strip("()").split(", ")
                )
    assert expected == canonical_shapes(spec)


def test_the_page_of_the_format_names_every_counter_of_a_run():
    page = text_of("docs/reference/checkpoint-format.md")
    (sentence,) = re.findall(r"^`counters\.json` (has .*?\.) ", page, re.MULTILINE | re.DOTALL)
    assert re.findall(r"`(\w+)`", sentence.replace("`null`", "")) == list(Counters().to_json())


def test_the_tree_of_errors_is_the_tree_of_classes():
    drawn = re.findall(r"^([ │├└─]*)(\w+Error)", section("docs/reference/errors.md", "## The tree"), re.MULTILINE)
    parents: list[str] = []
    tree = {}
    for branch, name in drawn:
        depth = len(branch) // 4
        parents[depth:] = [name]
        tree[name] = parents[depth - 1] if depth else "Exception"
    classes = [value for value in vars(errors).values() if isclass(value) and issubclass(value, errors.SeqgenError)]
    assert tree == {each.__name__: each.__base__.__name__ for each in classes}


def code_lines(page: str) -> Iterator[str]:
    """The command lines in a page's blocks of shell code."""
    for language, block in re.findall(r"^```(sh|console)\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if language == "sh":
                yield line
            elif line.startswith("$ "):
                yield line.removeprefix("$ ")


def seqgen_commands(line: str) -> Iterator[list[str]]:
    """The arguments of every ``seqgen`` in a line of shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&<>")
    lexer.whitespace_split = True
    words = list(lexer)
    for start, word in enumerate(words):
        if word == "seqgen" and (start == 0 or "=" in words[start - 1] or set(words[start - 1]) <= set("|;&")):
            rest = words[start + 1 :]
            end = next((at for at, each in enumerate(rest) if set(each) <= set("|;&<>")), len(rest))
            yield rest[:end]


COMMAND_LINES = [
    pytest.param(arguments, id=f"{page}: seqgen {' '.join(arguments)}")
    for page in PAGES
    for line in code_lines(page)
    for arguments in seqgen_commands(line)
]


def test_the_pages_show_commands():
    assert len(COMMAND_LINES) > 50


@pytest.mark.parametrize("arguments", COMMAND_LINES)
def test_every_command_that_a_page_shows_exists_with_its_options(arguments):
    command: Any = typer.main.get_command(app)
    context = typer.Context(command, obj=Environment(no_plugins=True))
    options = {form for parameter in command.params for form in parameter.opts} | {"--help"}
    for word in arguments:
        if word.startswith("-") and word != "-":
            assert word.split("=")[0] in options
        elif hasattr(command, "list_commands"):
            assert word in command.list_commands(context)
            command = command.get_command(context, word)
            options = {form for each in command.params for form in [*each.opts, *each.secondary_opts]} | {"--help"}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_that_is_named_exists(page):
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text_of(page), re.MULTILINE))
    assert named
    assert named <= set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith("docs/")])
def test_links_to_files_lead_somewhere(page):
    """MkDocs checks those between the pages of docs/."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text_of(page)):
        assert (ROOT / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_no_page_sends_anybody_to_the_project_of_this_name_on_pypi(page):
    said = re.sub(r"^```(?:console|text)\n.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    assert not re.findall(r"pip install (?:-\S+ )*[\'\"]?seqgen(?![\w-]).*", said)


def test_the_layout_names_every_module_and_folder_of_seqgen():
    named = set(re.findall(r"\w+(?:/|\.py)", section("CONTRIBUTING.md", "## Layout")))
    there = {
        path.name + "/" * path.is_dir()
        for path in (ROOT / "seqgen").iterdir()
        if not path.name.startswith("_") and (path.suffix == ".py" or path.is_dir())
    }
    assert there - named == set()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_package_that_lists_its_modules_lists_those_that_are_there(package):
    """Parts, which the catalog lists, may be left out."""
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8"))) or ""
    names = " ".join(line.partition("  ")[0] for line in docstring.splitlines() if re.match(r"\w+\.py ", line))
    listed = set(re.findall(r"\w+\.py", names))
    parts = re.findall(rf'"seqgen\.{package.name}\.(\w+):', text_of("seqgen/builtin.py"))
    there = {path.name for path in package.glob("*.py")} - {"__init__.py", *(f"{part}.py" for part in parts)}
    assert listed in (set(), there)


def test_the_plugin_of_the_readme_is_the_one_that_is_tested():
    plugin = ROOT / "docs/examples/seqgen-lipogram"
    readme = text_of("README.md")
    for file in sorted(plugin.glob("seqgen_lipogram/*.py")):
        assert f"```python\n{file.read_text('utf-8')}```" in readme
    (entry_point,) = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    assert entry_point in (plugin / "pyproject.toml").read_text("utf-8")


def test_each_dependency_has_its_reason_and_no_other_has_one():
    page = "docs/explanation/dependencies.md"

    def names(requirements: list[str]) -> set[str]:
        return {re.match(r"[\w-]+", each)[0] for each in requirements}

    assert {name for name, _ in rows(section(page, "## Always installed"))} == names(PROJECT["dependencies"])
    described = rows(section(page, "## Extras")) + rows(section(page, "## For work on plugins and on seqgen"))
    extras = {
        (extra, name)
        for extra, requirements in PROJECT["optional-dependencies"].items()
        for name in names(requirements)
        if extra != "all"
    }
    assert {(extra.strip("`"), name) for extra, name, _ in described} - {("all", "all of the above")} == extras


def test_the_changelog_names_this_version():
    assert re.search(rf"^(## \[|Version ){re.escape(project_version())}\b", text_of("CHANGELOG.md"), re.MULTILINE)


def project_version() -> str:
    from seqgen import __version__

    return __version__


def test_the_first_page_leads_to_every_other():
    pages = {page.removeprefix("docs/") for page in PAGES if page.startswith("docs/") and page.count("/") == 2}
    assert pages == set(re.findall(r"\]\(([\w/-]+\.md)\)", text_of("docs/index.md")))


def test_the_page_of_experiments_lists_each_benchmark_and_no_other():
    listed = [script.strip("`") for _, script in rows(section("docs/explanation/experiments.md", "## The scripts"))]
    assert sorted(listed) == [path.relative_to(ROOT).as_posix() for path in BENCHMARKS]


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_a_benchmark_needs_no_arguments_and_hides_no_package(path):
    assert importlib.util.find_spec(path.stem) is None, "its folder comes first where Python looks for modules"
    for call in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "add_argument":
            given = {each.arg: getattr(each.value, "value", None) for each in call.keywords}
            assert call.args[0].value.startswith("-") or given.get("nargs") in ("?", "*")
            assert not given.get("required")


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_what_a_benchmark_takes_from_seqgen_is_there(path):
    for each in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(each, ast.ImportFrom) and each.module.partition(".")[0] == "seqgen":
            module = importlib.import_module(each.module)
            for name in each.names:
                inside = f"{each.module}.{name.name}"
                assert hasattr(module, name.name) or importlib.util.find_spec(inside), inside


def test_the_documentation_builds_without_a_warning(tmp_path):
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env={"PATH": "", "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (built.returncode, built.stdout, built.stderr) == (0, "", "")
    pages = {path.parent.name: path.read_text("utf-8") for path in (tmp_path / "site").glob("*/*/index.html")}
    assert {"checkpoint-format", "contracts", "hooks"} <= set(pages)
    assert 'class="nc">Lipogram<' in pages["plugin"]
    assert not [name for name, page in pages.items() if "--8" in re.sub(r"<[^>]+>", "", page)], "a snippet is left"


def test_a_recorded_page_has_what_the_terminal_shows(load_script):
    record = load_script("record.py")
    page = "<!-- record: echo ice > word -->\n```console\n$ cat word; pwd\nwrong\n$ sleep 60  # Ctrl-C after 1 s\n```\n"
    assert record.recorded(page) == (
        "<!-- record: echo ice > word -->\n```console\n$ cat word; pwd\nice\n/home/ada\n"
        "$ sleep 60  # Ctrl-C after 1 s\n^C\n```\n"
    )


def test_the_recorder_follows_a_display_that_is_redrawn(load_script):
    screen = load_script("record.py").screen
    assert screen("bar  1%\r\nloss 9\r\x1b[2K\x1b[1A\x1b[2Kbar 99%\r\nloss 1\r\n") == ["bar 99%", "loss 1", ""]
