"""Writes the parts of the pages that follow from the code.

    python docs/generate.py            # write them
    python docs/generate.py --check    # only say which pages are out of date

Such a part stands between two comments and is named after what it is made from:

    <!-- begin: canonical table -->
    ...
    <!-- end -->

A test holds that the pages are what this script would write.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import typer
from rich.text import Text

from seqgen.cli.app import app
from seqgen.cli.group import COMMANDS
from seqgen.cli.interactive.session import COMMANDS as COMMANDS_OF_SESSION
from seqgen.core import canonical, errors, hookspecs
from seqgen.core.catalog import load_catalog
from seqgen.core.kinds import Kind
from seqgen.core.options import Option, options_of
from seqgen.core.part_entry import PartEntry
from seqgen.testing import Contract, Law, laws_of
from seqgen.training.options import PANELS, PRESETS, TrainingOptions

ROOT = Path(__file__).parent.parent
_REGION = re.compile(r"(<!-- begin: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> list[Path]:
    """All pages that may have generated parts."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def filled(page: str) -> str:
    """The text of a page with its generated parts as they must be."""
    return _REGION.sub(lambda match: f"{match[1]}\n{made(match[2]).strip()}\n\n{match[3]}", page)


def made(name: str) -> str:
    """The generated part of that name.

    Raises:
        KeyError: there is none; the pages name one that this script does not know.
    """
    what, _, rest = name.partition(" ")
    return MAKERS[what](rest)


def command_line(_: str) -> str:
    """Every command with its arguments, options and examples."""
    group: Any = typer.main.get_command(app)
    return "\n\n".join(_commands("seqgen", group, {name: group.get_command(None, name) for name in COMMANDS}))


def parts(kind: str) -> str:
    """The bundled parts of a kind, each with its options."""
    return "\n\n".join(_part(entry) for entry in load_catalog().entries(_kind(kind)))


def options(panel: str) -> str:
    """The training options of a panel of ``seqgen train --help``."""
    (names,) = (names for title, names in PANELS.items() if title.partition(":")[0] == panel)
    declared = {option.name: option for option in options_of(TrainingOptions)}
    rows = [(f"`{name}`", *_described(declared[name])) for name in names]
    return table(("option", "what it is", "allowed", "default"), rows)


def presets(_: str) -> str:
    """What each preset sets."""
    names = [name for name, values in PRESETS.items() if values]
    keys = list(dict.fromkeys(key for values in PRESETS.values() for key in values))
    rows = [
        (f"`{key}`", *(_code(PRESETS[name][key]) if key in PRESETS[name] else "" for name in names)) for key in keys
    ]
    return table(("option", *(f"`{name}`" for name in names)), rows)


def code(what: str) -> str:
    """A file as a block of code, ``PATH TITLE``, or one class or function of it, ``PATH#NAME``; the title may be left out.

    So that whoever reads a page as plain Markdown sees it too, and there is one text, which is tested.
    """
    where, _, title = what.partition(" ")
    path, _, name = where.partition("#")
    text = (ROOT / path).read_text("utf-8")
    if name:
        (node,) = (each for each in ast.parse(text).body if getattr(each, "name", None) == name)
        text = "\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno])
    language = {".py": "python", ".toml": "toml"}[Path(path).suffix]
    shown = f' title="{title}"' if title else ""
    return f"```{language}{shown}\n{text.rstrip()}\n```"


def hook(name: str) -> str:
    """A hook's signature and docstring."""
    function = getattr(hookspecs, name)
    return f"```python\ndef {name}{_signature(function)}\n```\n\n{inspect.getdoc(function)}"


def register(_: str) -> str:
    """The signature and docstring of what each hook is handed."""
    call = hookspecs.Register.__call__
    text = str(inspect.getdoc(call))
    summary, _, arguments = text.partition("Args:\n")
    found = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", arguments, re.MULTILINE)
    rows = [(f"`{name}`", re.sub(r"\n +", " ", words)) for name, words in found]
    return (
        f"```python\nregister{_signature(call)}\n```\n\n{summary.strip()}\n\n{table(('argument', 'what it is'), rows)}"
    )


def canonical_form(which: str) -> str:
    """The table of tensors, or the formulas, of the canonical form."""
    if which == "table":
        text = str(inspect.getdoc(canonical.canonical_shapes))
        return "\n".join(line for line in text.splitlines() if line.startswith("|"))
    text = str(canonical.__doc__)
    return text.partition("\n\n")[2]


def error_tree(_: str) -> str:
    """The tree of errors, and a table of them."""
    tree = str(inspect.getdoc(errors)).partition("\n\n")[2].partition("\n\nThe message")[0]
    classes = [
        value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, errors.SeqgenError)
    ]
    rows = [(f"`{each.__name__}`", f"`{each.exit_code}`", str(inspect.getdoc(each))) for each in classes]
    return f"```text\n{textwrap.dedent(tree)}\n```\n\n{table(('class', 'exit code', 'when'), rows)}"


def laws(kind: str) -> str:
    """The laws of a kind of parts, or those that all kinds share."""
    shared = laws_of(Contract)
    found = shared if kind == "shared" else [law for law in laws_of(_mutants(kind).CONTRACT) if law not in shared]
    return table(("law", "what must hold, and why"), [(f"`{law.name}`", _said(law)) for law in found])


def interactive(_: str) -> str:
    """The commands of an interactive session."""
    rows = [
        (f"`/{name} {each.argument}`".replace(" `", "`"), each.summary) for name, each in COMMANDS_OF_SESSION.items()
    ]
    return table(("command", "what it does"), rows)


def mutants(kind: str) -> str:
    """The parts of a kind that are broken on purpose, and the law that rejects each."""
    return table(("broken", "rejected by"), [(broken, f"`{law}`") for law, broken, _ in _mutants(kind).MUTANTS])


MAKERS: dict[str, Callable[[str], str]] = {
    "canonical": canonical_form,
    "code": code,
    "command-line": command_line,
    "errors": error_tree,
    "hook": hook,
    "interactive": interactive,
    "laws": laws,
    "mutants": mutants,
    "options": options,
    "parts": parts,
    "presets": presets,
    "register": register,
}


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _commands(path: str, command: Any, children: Mapping[str, Any], depth: int = 2) -> Iterator[str]:
    context = typer.Context(command)
    yield f"{'#' * depth} {path}"
    yield _plain(command.help)
    if children:
        yield f"```text\n{path} [OPTIONS] COMMAND [ARGS]...\n```"
    else:
        usage = [path, "[OPTIONS]", *(each.make_metavar(context) for each in command.params if _is_argument(each))]
        yield f"```text\n{' '.join(usage)}\n```"
    if arguments := [each for each in command.params if _is_argument(each)]:
        yield table(
            ("argument", "what it is"), [(f"`{each.make_metavar(context)}`", _cell(each.help)) for each in arguments]
        )
    by_panel: dict[str, list[Any]] = {}
    for each in command.params:
        if not _is_argument(each) and not each.hidden:
            by_panel.setdefault(each.rich_help_panel or "", []).append(each)
    for panel, found in by_panel.items():
        if panel:
            yield f"**{panel}**"
        yield table(("option", "what it is", "default"), [_option(each, context) for each in found])
    if command.epilog:
        yield _examples(_plain(command.epilog))
    for name, child in children.items():
        yield from _commands(f"{path} {name}", child, _children(child), depth + 1)


def _children(command: Any) -> dict[str, Any]:
    """The commands of a group; of any other command none."""
    context = typer.Context(command)
    names = command.list_commands(context) if hasattr(command, "list_commands") else []
    return {name: command.get_command(context, name) for name in names}


def _option(parameter: Any, context: typer.Context) -> tuple[str, str, str]:
    forms = ", ".join(f"`{form}`" for form in [*parameter.opts, *parameter.secondary_opts])
    if not parameter.is_flag:
        forms += f" `{parameter.make_metavar(context)}`"
    help_text = _cell(parameter.help)
    words, _, shown = help_text.partition("  [")
    default = shown.removesuffix("]").removeprefix("default: ")
    if not default and not parameter.is_flag and parameter.default is not None:
        default = str(parameter.default)
    if parameter.envvar:
        words += f" Environment: `{parameter.envvar}`."
    return forms, words, f"`{default}`" if default else ""


def _is_argument(parameter: Any) -> bool:
    return not parameter.opts[0].startswith("-")


def _examples(epilog: str) -> str:
    """An epilog: its command lines as code, its words as they are."""
    lines = [line for line in epilog.replace("Example: ", "").split("\n\n") if line != "Examples"]
    code = [line for line in lines if line.startswith("seqgen ")]
    words = [line.replace("\n", " ") for line in lines if not line.startswith("seqgen ")]
    shown = ["```sh\n" + "\n".join(code) + "\n```"] if code else []
    return "\n\n".join([*shown, *words])


def _part(entry: PartEntry) -> str:
    part = entry.load()
    lines = [f"### {entry.name}"]
    if entry.requires:
        lines.append(f"Needs {', '.join(f'`{each}`' for each in entry.requires)}: the extra `{entry.extra}`.")
    lines.append(_one_paragraph(inspect.getdoc(part)))
    if declared := options_of(part):
        rows = [(f"`{option.shown}`", *_described(option)) for option in declared]
        lines.append(table(("option", "what it is", "allowed", "default"), rows))
    else:
        lines.append("It has no options.")
    return "\n\n".join(lines)


def _mutants(kind: str) -> Any:
    sys.path.append(str(ROOT / "tests" / "testing"))
    try:
        return importlib.import_module(f"mutants.{kind}")
    finally:
        sys.path.pop()


def _said(law: Law) -> str:
    return f"{law.statement} {law.reason}".replace("``", "`")


def _described(option: Option) -> tuple[str, str, str]:
    return option.text, option.allowed, "" if option.default in (None, "", {}) else _code(option.default)


def _code(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _one_paragraph(text: str | None) -> str:
    return re.sub(r"(?<!\n)\n(?!\n)", " ", (text or "").replace("``", "`"))


def _signature(function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    kept = [parameter for parameter in signature.parameters.values() if parameter.name != "self"]
    shown = str(signature.replace(parameters=kept))
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", shown)  # annotations are text at run time


def _kind(name: str) -> Kind:
    (kind,) = (each for each in get_args(Kind) if each == name)
    return kind  # type: ignore[no-any-return]


def _plain(markup: str | None) -> str:
    return Text.from_markup(markup or "").plain


def _cell(markup: str | None) -> str:
    return _plain(markup).replace("\n", " ").strip()


def main() -> None:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is out of date")
    check = parser.parse_args().check
    stale = [(page, new) for page in pages() if (new := filled(old := page.read_text("utf-8"))) != old]
    for page, new in stale:
        print(f"{page.relative_to(ROOT)} {'is out of date' if check else 'written'}")
        if not check:
            page.write_text(new, "utf-8")
    sys.exit(check and bool(stale))


if __name__ == "__main__":
    main()
