"""What plugins rely on stays: each version of the contract is written down, and a later one may only add to it."""

from __future__ import annotations

import ast
import contextlib
import itertools
import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, ClassVar, Protocol

import contract_description
import pytest
from contract_description import Member, members_of, parsed
from contract_promises import broken, promises_broken, unannounced, wrong_marks
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import deprecated

from seqgen.core.catalog import load_catalog
from seqgen.core.contract import CONTRACT_VERSION
from seqgen.core.kinds import KINDS
from seqgen.scaffold.plugin import NewPlugin

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FROZEN = {tuple(map(int, path.stem.removeprefix("contract-").split("."))): path for path in HERE.glob("contract-*.txt")}
TEXT = "since contract 1.2, gone in 2.0: use other instead"

# What the code is


def test_the_newest_description_is_what_the_code_is():
    assert max(FROZEN) == CONTRACT_VERSION
    assert FROZEN[CONTRACT_VERSION].read_text("utf-8") == contract_description.described(), (
        "The contract has changed: raise CONTRACT_VERSION in seqgen/core/contract.py, leave the files of released "
        "versions as they are, and run: python tests/core/contract_description.py > tests/core/contract-MAJOR.MINOR.txt"
    )


def test_no_version_takes_away_what_one_before_it_gave():
    assert promises_broken({version: parsed(path.read_text("utf-8")) for version, path in FROZEN.items()}) == []


def test_what_is_deprecated_says_since_when_when_it_goes_and_what_to_use_instead():
    assert wrong_marks(parsed(contract_description.described()), CONTRACT_VERSION) == []


def test_the_script_prints_the_description():
    done = subprocess.run(
        [sys.executable, contract_description.__file__], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (0, contract_description.described())


def test_reading_a_description_loses_nothing():
    text = contract_description.described()
    assert "".join(f"{member}\n" for member in parsed(text).values()) == text


def imported(source):
    """The names that a module imports from seqgen, each with where from."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "seqgen":
            yield from ((node.module, alias.name) for alias in node.names)


def test_the_contract_has_all_that_new_plugins_and_the_toy_plugin_import():
    sources = [text for path, text in NewPlugin.of("x", KINDS, load_catalog()).files().items() if path.endswith(".py")]
    folders = (ROOT / "tests/toy_plugin/src", ROOT / "docs/examples/seqgen-lipogram")
    sources += [path.read_text("utf-8") for folder in folders for path in folder.rglob("*.py")]
    found = {each for source in sources for each in imported(source)}
    assert ("seqgen.core.tokenizer", "Tokenizer") in found
    assert {each for each in found if each[1] not in contract_description.CONTRACT.get(each[0], ())} == set()


def test_our_own_plugins_use_the_contract_and_the_documented_api_alone():
    sources = [path.read_text("utf-8") for path in ROOT.glob("plugins/*/src/**/*.py")]
    found = {each for source in sources for each in imported(source)}
    assert ("seqgen.installed", "find_part") in found
    api = (ROOT / "docs/reference/python-api.md").read_text("utf-8")
    beyond = {each for each in found if each[1] not in contract_description.CONTRACT.get(each[0], ())}
    assert [".".join(each) for each in beyond if f"::: {'.'.join(each)}\n" not in api] == []


def test_what_plugins_subclass_is_in_the_contract():
    for module, names in contract_description.IMPLEMENTED.items():
        assert set(names) <= set(contract_description.CONTRACT[module])


# How a member is described


@dataclass
class Knot(ABC):
    ply: Annotated[int, "of a sentence"]
    rope: str = "hemp"
    _hidden = 1
    strength: ClassVar[object] = object()

    @abstractmethod
    def tie(self, hand: str, /, *ends: int, loose: bool = False, **others: object) -> None: ...

    @property
    @abstractmethod
    def turns(self) -> int: ...

    @cached_property
    def name(self) -> str: ...

    @classmethod
    def parse(cls, text) -> Knot: ...

    def _private(self): ...


class Bow(Protocol):
    def pull(self) -> None: ...


def described(value, **how):
    return [str(member) for member in members_of("knots.X", value, **how)]


def test_of_a_class_all_that_is_public_is_described():
    assert described(Knot, implemented=True) == [
        "knots.X: class, implemented by plugins",
        "knots.X.ply: attribute int",
        "knots.X.rope: attribute str = 'hemp'",
        "knots.X.strength: attribute ClassVar[object] = ...",
        "knots.X.tie: abstract method (self, hand: str, /, *ends: int, loose: bool = False, **others: object) -> None",
        "knots.X.turns: abstract property -> int",
        "knots.X.name: property -> str",
        "knots.X.parse: classmethod (cls, text) -> Knot",
        "knots.X.__init__: method (self, ply: int, rope: str = 'hemp') -> None",
    ]


def test_all_of_a_protocol_is_to_be_implemented_where_plugins_do_so():
    assert described(Bow, implemented=True)[1:] == ["knots.X.pull: abstract method (self) -> None"]
    assert described(Bow)[1:] == ["knots.X.pull: method (self) -> None"]


def test_marks_of_classes_functions_methods_and_properties_are_seen_and_not_inherited():
    @deprecated(TEXT)
    def function(a: int) -> None: ...

    @deprecated(TEXT)
    class Old:
        @deprecated(TEXT)
        def method(self) -> None: ...

        @property
        @deprecated(TEXT)
        def turns(self) -> int: ...

        @classmethod
        @deprecated(TEXT)
        def parse(cls) -> None: ...

    with pytest.warns(DeprecationWarning, match="use other instead"):

        class Young(Old): ...

    assert described(function) == [f"knots.X: function (a: int) -> None  # deprecated: {TEXT}"]
    marked = [line for line in described(Old) if line.endswith(f"  # deprecated: {TEXT}")]
    assert [line.partition(":")[0] for line in marked] == [
        "knots.X",
        "knots.X.method",
        "knots.X.turns",
        "knots.X.parse",
    ]
    assert described(Young)[0] == "knots.X: class"


# What a later version may do

CLASS = "k.Knot: class, implemented by plugins\n"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        # gone
        ("k.tie: function (a)", "", "k.tie is gone"),
        ("k.tie: function (a)", "k.bind: function (a)", "k.tie is gone"),
        # a signature
        ("k.tie: function (a, b)", "k.tie: function (a)", "k.tie: parameter b is gone"),
        ("k.tie: function (a=1)", "k.tie: function (b=1)", "k.tie: parameter a is gone"),
        ("k.tie: function (a)", "k.tie: function (a, b)", "k.tie: parameter b is new and has no default"),
        ("k.tie: function (a)", "k.tie: function (a, *, b)", "k.tie: parameter b is new and has no default"),
        ("k.tie: function (a=1)", "k.tie: function (a)", "k.tie: parameter a has no default any more"),
        ("k.tie: function (*, a=1)", "k.tie: function (*, a)", "k.tie: parameter a has no default any more"),
        ("k.tie: function (a)", "k.tie: function (a, /)", "k.tie: parameter a was positional and is positional only"),
        ("k.tie: function (a)", "k.tie: function (*, a)", "k.tie: parameter a was positional and is by name only"),
        ("k.tie: function (*a)", "k.tie: function ()", "k.tie: parameter a is gone"),
        ("k.tie: function (**a)", "k.tie: function (*a)", "k.tie: parameter a was ** and is *"),
        (
            "k.tie: function (a, b)",
            "k.tie: function (b, a)",
            "k.tie: the parameters (a, b) are not the first ones, in this order, any more",
        ),
        (
            "k.tie: function (a=1)",
            "k.tie: function (b=2, a=1)",
            "k.tie: the parameters (a) are not the first ones, in this order, any more",
        ),
        ("k.tie: hook (a, b)", "k.tie: hook (a)", "k.tie: parameter b is gone"),
        # what it is
        ("k.tie: function (a)", "k.tie: value", "k.tie was a function and is a value"),
        ("k.A: class", "k.A: function ()", "k.A was a class and is a function"),
        ("k.A: class, of B, C", "k.A: class, of C", "k.A is no B any more"),
        ("k.a: attribute int = 1", "k.a: attribute int", "k.a has no value any more"),
        # what plugins implement
        (
            f"{CLASS}k.Knot.tie: abstract method (self)",
            f"{CLASS}k.Knot.tie: abstract method (self, hand=1)",
            "k.Knot.tie: parameter hand is new, and what plugins implement does not take it",
        ),
        (
            f"{CLASS}k.Knot.tie: method (self)",
            f"{CLASS}k.Knot.tie: abstract method (self)",
            "k.Knot.tie must be implemented now",
        ),
        (CLASS, f"{CLASS}k.Knot.tie: abstract method (self)", "k.Knot.tie is new and must be implemented"),
        (CLASS, f"{CLASS}k.Knot.turns: abstract property -> int", "k.Knot.turns is new and must be implemented"),
        (CLASS, f"{CLASS}k.Knot.ply: attribute int", "k.Knot.ply is new and has no value"),
    ],
)
def test_what_takes_something_from_plugins_is_refused(old, new, fault):
    assert broken(parsed(old), parsed(new)) == [fault]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", "k.tie: function (a)"),
        ("", f"{CLASS}k.Knot.tie: abstract method (self)\nk.Knot.ply: attribute int"),
        ("k.tie: function (a)", "k.tie: function (a, b=1)"),
        ("k.tie: function (a)", "k.tie: function (a, *b, c=1, **d)"),
        ("k.tie: function (a, *, c)", "k.tie: function (a, b=1, *, d=1, c)"),
        ("k.tie: function (a)", "k.tie: function (a=1)"),
        ("k.tie: function (a: int)", "k.tie: function (a: int | str)"),
        ("k.tie: hook (a)", "k.tie: hook (a, b)"),
        ("k.a: attribute int", "k.a: attribute int = 1"),
        ("k.A: class", "k.A: class, of B"),
        (CLASS, f"{CLASS}k.Knot.tie: method (self)\nk.Knot.ply: attribute int = 1"),
        (f"{CLASS}k.Knot.tie: abstract method (self)", f"{CLASS}k.Knot.tie: method (self)"),
        (f"{CLASS}k.Knot.__init__: method (self)", f"{CLASS}k.Knot.__init__: method (self, *, ply=1)"),
        ("k.tie: function (a)", f"k.tie: function (a)  # deprecated: {TEXT}"),
    ],
)
def test_what_only_adds_is_allowed(old, new):
    assert broken(parsed(old), parsed(new)) == []


KINDS_OF_PARAMETERS = st.sampled_from(
    [Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY]
)
DEFAULTS = st.sampled_from([1, Parameter.empty])


@st.composite
def signatures(draw):
    """Signatures of up to four parameters a to d, of any kinds."""
    parameters, optional = [], False
    chosen = draw(st.permutations("abcd"))[: draw(st.integers(0, 4))]
    for name, kind in zip(chosen, sorted(draw(KINDS_OF_PARAMETERS) for _ in chosen), strict=True):
        optional = draw(st.booleans()) or (optional and kind is not Parameter.KEYWORD_ONLY)
        parameters.append(Parameter(name, kind, default=1 if optional else Parameter.empty))
    return Signature(parameters)


@st.composite
def versions(draw):
    """A signature, and what an edit or two make of it: of two that are drawn alone hardly one takes what the other takes."""
    old = new = draw(signatures())
    for _ in range(draw(st.integers(1, 2))):
        parameters = list(new.parameters.values())
        edit = draw(st.sampled_from(["add", "move", "kind", "default", "remove"]))
        if edit == "add":
            kind, default = draw(KINDS_OF_PARAMETERS), draw(DEFAULTS)
            one = Parameter(draw(st.sampled_from("abcd")), kind, default=default)
        elif parameters:
            one = parameters.pop(draw(st.integers(0, len(parameters) - 1)))
        else:
            continue
        if edit == "kind":
            one = one.replace(kind=draw(KINDS_OF_PARAMETERS))
        if edit == "default":
            one = one.replace(default=draw(DEFAULTS))
        if edit != "remove":
            parameters.insert(draw(st.integers(0, len(parameters))), one)
        with contextlib.suppress(ValueError):  # two of one name, or an order that there cannot be
            new = Signature(parameters)
    return old, new


def accepts(signature, count, names):
    try:
        signature.bind(*range(count), **dict.fromkeys(names))
    except TypeError:
        return False
    return True


@settings(max_examples=200)
@given(versions=versions().filter(lambda versions: versions[0] != versions[1]))
def test_where_nothing_is_refused_every_call_that_was_accepted_is_accepted(versions):
    old, new = versions
    before, after = (parsed(f"k.tie: function {signature}") for signature in versions)
    if not broken(before, after):
        for count, size in itertools.product(range(5), repeat=2):
            for names in itertools.combinations("abcd", size):
                assert accepts(new, count, names) or not accepts(old, count, names)


@given(signature=signatures())
def test_what_stays_as_it_is_breaks_nothing(signature):
    members = parsed(f"{CLASS}k.Knot.tie: method {signature}\nk.tie: function {signature}")
    assert broken(members, members) == []


# What a new major may do


def test_a_new_major_may_take_away_what_was_deprecated_and_nothing_else():
    last = parsed(
        f"k.A: class  # deprecated: {TEXT}\nk.A.tie: method (self)\nk.B: class\n"
        f"k.B.bind: method (self)  # deprecated: {TEXT}\nk.B.tie: method (self)\n"
    )
    assert unannounced(last, parsed("k.B: class\nk.B.tie: method (self)")) == []
    assert unannounced(last, parsed("k.B: class")) == ["k.B.tie is gone, and was not deprecated before"]


def test_in_a_history_each_version_is_held_to_those_before_it():
    one = Member("k.one", "function", " ()")
    two = Member("k.two", "function", " ()")
    old = Member("k.two", "function", " ()", deprecated=TEXT)
    fine = {
        (1, 0): {"k.one": one},
        (1, 1): {"k.one": one, "k.two": two},
        (1, 2): {"k.one": one, "k.two": old},
        (2, 0): {"k.one": one},
    }
    assert promises_broken(fine) == []
    assert promises_broken(fine | {(1, 2): {"k.one": one}}) == ["1.1 to 1.2: k.two is gone"]
    assert promises_broken(fine | {(1, 2): {"k.one": one, "k.two": two}}) == [
        "1.2 to 2.0: k.two is gone, and was not deprecated before"
    ]
    assert promises_broken(fine | {(2, 1): {}}) == ["2.0 to 2.1: k.one is gone"]


# How a deprecated member is marked


def marked(text):
    return {"k.tie": Member("k.tie", "function", " ()", deprecated=text)}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("use bind", 'k.tie: write "since contract 1.2, gone in 2.0: use X instead", not "use bind"'),
        (
            "since 1.2: use X instead",
            'k.tie: write "since contract 1.2, gone in 2.0: use X instead", not "since 1.2: use X instead"',
        ),
        ("since contract 1.4, gone in 2.0: use x instead", "k.tie: deprecated since 1.4, which is later than 1.3"),
        ("since contract 1.2, gone in 3.0: use x instead", "k.tie: gone in 3.0, but the next major is 2.0"),
        ("since contract 0.9, gone in 1.0: use x instead", "k.tie: gone in 1.0, but the next major is 2.0"),
    ],
)
def test_a_mark_that_says_something_else_is_refused(text, fault):
    assert wrong_marks(marked(text), (1, 3)) == [fault]


@pytest.mark.parametrize("text", ["", TEXT, "since contract 1.3, gone in 2.0: use Tokenizer.state instead"])
def test_a_mark_of_the_form_is_right(text):
    assert wrong_marks(marked(text), (1, 3)) == []
