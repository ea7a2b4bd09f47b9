"""The options of a part, read from its source, are those that it has."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from seqgen.core import declared
from seqgen.core.catalog import load_catalog
from seqgen.core.declared import declared_options
from seqgen.core.options import options_of, written
from seqgen.core.part_entry import CONTRACTS

ENTRIES = [entry for kind in CONTRACTS for entry in load_catalog().entries(kind) if not entry.missing]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_what_the_source_of_a_bundled_part_declares_is_what_it_has(entry):
    assert declared_options(entry.target) == {
        option.any_key.key if option.any_key else option.name: (
            option.any_key.value if option.any_key else written(option.default)
        )
        for option in options_of(entry.load())
    }


MODULE = """
from __future__ import annotations
import dataclasses
from dataclasses import dataclass, field
import typing
from typing import Annotated, ClassVar
from annotated_doc import Doc
from .base import LIMIT, Base, Hidden as Seen

raise RuntimeError("was imported")
SIZE = 12
Count = Annotated[int, Doc("how many")]

@dataclass
class Part(Base, Seen):
    stage: ClassVar[int] = 3
    learned: tuple[str, ...] = ()
    count: Count = 3
    size: Annotated[int, Doc("how large")] = SIZE
    ratio: Annotated[float | None, Doc("share")] = None
    words: Annotated[tuple[str, ...], Doc("which")] = field(default=("a", "b"))
    tags: Annotated[list[str], Doc("which")] = field(default_factory=lambda: ["c", "d"])
    more: Annotated[list[str], Doc("which")] = field(default_factory=list)
    needed: typing.Annotated[str, Doc("has no default")]
    sum: Annotated[int, Doc("is worked out")] = SIZE + LIMIT

class Ours(Missing): ...

Weights = Annotated[Mapping[str, float], AnyKey("TEXT", "WEIGHT", "the=2"), Doc("what each weighs")]

class Free:
    weights: Weights = field(default_factory=dict)

class Named:
    parts: Annotated[Mapping[str, int], AnyKey(key="PART", value="COUNT", example="a=1"), Doc("how many")] = field(default_factory=dict)
"""
BASE = """
class Base:
    encoding: Annotated[str, Doc("of the files")] = "utf-8"
    count: Annotated[int, Doc("is overridden")] = 1

class Hidden:
    shown: Annotated[bool, Doc("whether")] = True
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "declaring"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('was imported')")
    (folder / "part.py").write_text(MODULE)
    (folder / "base.py").write_text(BASE)
    (folder / "broken.py").write_text("class Part(")
    monkeypatch.syspath_prepend(tmp_path)
    return "declaring"


def test_aliases_constants_and_base_classes_are_followed_and_nothing_is_imported(package):
    assert declared_options(f"{package}.part:Part") == {
        "shown": "true",
        "encoding": "utf-8",
        "count": "3",
        "size": "12",
        "ratio": "none",
        "words": r"a\,b",
        "tags": r"c\,d",
        "more": "",
        "needed": "",
        "sum": "SIZE + LIMIT",
    }
    assert package not in sys.modules


@pytest.mark.parametrize(("name", "shown"), [("Free", {"TEXT": "WEIGHT"}), ("Named", {"PART": "COUNT"})])
def test_where_any_key_may_be_written_it_is_shown_what_stands_for_it(package, name, shown):
    assert declared_options(f"{package}.part:{name}") == shown


def test_a_base_class_that_is_not_there_has_no_options(package):
    assert declared_options(f"{package}.part:Ours") == {}


@pytest.mark.parametrize(
    "target",
    ["declaring.part:No", "declaring.no:Part", "declaring.broken:Part", "no_such_package.part:Part", "sys:Part"],
)
def test_where_there_is_no_source_to_read_the_options_are_unknown(package, target):
    assert declared_options(target) is None


def test_a_class_may_have_the_name_of_its_base(package, tmp_path):
    (tmp_path / package / "twin.py").write_text("from .base import Base\nclass Base(Base): ...\n")
    assert declared_options(f"{package}.twin:Base") == {"encoding": "utf-8", "count": "1"}


@pytest.mark.parametrize(
    ("name", "code"), [("alone", "from .base import Base\nclass Part(Base): ..."), ("own", "class Part(Part): ...")]
)
def test_a_source_that_cannot_be_right_keeps_nothing_from_being_listed(package, tmp_path, name, code):
    (tmp_path / f"{name}.py").write_text(code)
    assert not declared_options(f"{name}:Part")


@pytest.mark.parametrize(
    "functions",
    [
        '    @property\n    def width(self) -> int:\n        """How wide."""\n\n        return self.size\n\n    async def read(\n        self,\n    ) -> None:\n        pass\n',
        '    def told(self):\n        return """\nclass Part:\n"""\n',
        "    def told(self):\n# as it was\n        pass\n",
        "    @example(\n        1,\n    )\n    def told(self): pass\n",
    ],
)
def test_functions_declare_nothing_whatever_is_in_them(package, tmp_path, functions):
    before, after = (f'    {name}: Annotated[int, Doc("of it")] = 1\n' for name in ("before", "after"))
    code = f"def load():\n    pass\nclass Part:\n{before}{functions}{after}\ndef save(): pass\n"
    (tmp_path / package / "functions.py").write_text(code)
    assert declared_options(f"{package}.functions:Part") == {"before": "1", "after": "1"}


def test_of_the_bundled_parts_no_more_than_half_of_the_source_is_parsed_for_a_list(monkeypatch):
    parsed, read = [], []
    parse, read_bytes = ast.parse, Path.read_bytes
    monkeypatch.setattr(ast, "parse", lambda source: parsed.append(len(source)) or parse(source))
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(len(source := read_bytes(path))) or source)
    for cached in (declared._source, declared._class_options):
        cached.cache_clear()
    for entry in ENTRIES:
        declared_options(entry.target)
    assert sum(parsed) < sum(read) / 2
