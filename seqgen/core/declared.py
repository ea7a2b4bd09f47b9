"""The options of a part as its source declares them, without importing it.

To list parts must be instant, and importing one may take a framework.  :func:`seqgen.core.options.options_of` says what
holds; a test compares the two for all bundled parts.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqgen.core.distributions import find_module
from seqgen.core.kinds import KINDS
from seqgen.core.options import written

_CONTRACTS = [f"seqgen.core.{kind}" for kind in KINDS]  # have no options, and so need not be read


def declared_options(target: str) -> dict[str, str] | None:
    """The options of a class, each with its default as one writes it.

    Followed are base classes in the part's own package and in seqgen; what a class gets in another way is not seen.

    Args:
        target: ``package.module:Class``.

    Returns:
        Name to default, or what is shown for a key to what is shown for its value where a part takes any key; None if
        there is no source of that class to be read.
    """
    module, _, name = target.partition(":")
    try:
        return _class_options(module, name)
    except Exception:  # noqa: BLE001  a source that is read and not run may say anything, and others are listed beside it
        return None


@functools.cache
def _class_options(module: str, name: str) -> dict[str, str] | None:
    source = _source(module)
    found = source.classes.get(name) if source else None
    if source is None or found is None:
        return None
    options: dict[str, str] = {}
    for base in reversed(found.bases):
        if isinstance(base, ast.Name):
            options |= _class_options(*source.origin(base.id, within=name)) or {}
    for field in found.body:
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and source.is_option(field.annotation)
        ):
            form = source.form(field.annotation)
            options |= form or {field.target.id: source.shown(field.value)}
    return options


class _Source:
    """What the top level of a module defines and imports."""

    def __init__(self, name: str, path: Path) -> None:
        tree = _parsed(path.read_bytes())
        package = name if path.stem == "__init__" else name.rpartition(".")[0]
        self._name = name
        self.classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self._imported = {
            alias.asname or alias.name: (_absolute(node, package), alias.name)
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        self._values = dict(_assignments(tree))

    def origin(self, name: str, *, within: str) -> tuple[str, str]:
        """The module and the name in it that the name of a base stands for; an empty module where it is none of ours.

        Within a class of the same name, it stands for what was imported.
        """
        if name in self.classes and name != within:
            return self._name, name
        module, original = self._imported.get(name, ("", ""))
        package = module.partition(".")[0]
        ours = package == self._name.partition(".")[0] or (package == "seqgen" and module.startswith("seqgen."))
        return (module, original) if ours and module not in _CONTRACTS else ("", "")

    def is_option(self, annotation: ast.expr) -> bool:
        """Whether an annotation carries a ``Doc``, itself or by the name of an alias."""
        return any(self._calls(annotation, "Doc"))

    def form(self, annotation: ast.expr) -> dict[str, str]:
        """What is shown in the place of key and value, where a part takes any key (``AnyKey``); else empty."""
        for call in self._calls(annotation, "AnyKey"):
            given = dict(zip(("key", "value"), call.args, strict=False))
            given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
            return {ast.literal_eval(given["key"]): ast.literal_eval(given["value"])}
        return {}

    def _calls(self, annotation: ast.expr, name: str) -> Iterator[ast.Call]:
        """The calls of this name in an annotation, or in what it is an alias of."""
        if isinstance(annotation, ast.Name) and annotation.id in self._values:
            annotation = self._values[annotation.id]
        for node in ast.walk(annotation):
            if isinstance(node, ast.Call) and _last_name(node.func) == name:
                yield node

    def shown(self, default: ast.expr | None) -> str:
        """A default as one writes it on the command line; for an expression, its source."""
        if isinstance(default, ast.Call) and _last_name(default.func) == "field":
            given = {keyword.arg: keyword.value for keyword in default.keywords}
            default = given.get("default", given.get("default_factory", default))
            if isinstance(default, ast.Lambda):
                default = default.body
            elif isinstance(default, ast.Name) and default.id in ("dict", "list", "tuple"):
                return ""
        if isinstance(default, ast.Name) and default.id in self._values:
            default = self._values[default.id]
        if default is None:
            return ""
        try:
            value: Any = ast.literal_eval(default)
        except ValueError:
            return ast.unparse(default)
        return written(value)


@functools.cache
def _source(module: str) -> _Source | None:
    path = _path(module) if module else None
    if path is None:
        return None
    try:
        return _Source(module, path)
    except (OSError, SyntaxError, ValueError):
        return None


_FUNCTION = re.compile(rb"^([ \t]*)(?:@.*\n\1)*(?:async )?def .*\n(?:(?:\1[ \t)].*)?\n)*", re.MULTILINE)
"""A function with its decorators, to the next line that is not within it."""


def _parsed(source: bytes) -> ast.Module:
    """The tree of a module without its functions, which declare nothing and are most of what there is to parse."""
    try:
        return ast.parse(_FUNCTION.sub(b"", source + b"\n"))
    except SyntaxError:  # a class of functions alone, or a function whose lines do not tell where it ends
        return ast.parse(source)


def _path(module: str) -> Path | None:
    """The file of a module; no package on the way to it is imported."""
    spec = find_module(module)
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def _absolute(node: ast.ImportFrom, package: str) -> str:
    return (
        importlib.util.resolve_name("." * node.level + (node.module or ""), package)
        if node.level
        else node.module or ""
    )


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
