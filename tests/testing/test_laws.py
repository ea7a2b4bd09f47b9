"""How laws are stated, excepted, shown and run, whatever they say."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import pytest
from annotated_doc import Doc
from annotated_types import Ge
from hypothesis import Phase, settings
from hypothesis import strategies as st

from seqgen.core.callback import Callback
from seqgen.testing import CallbackContract, Contract, LawBroken, TokenizerContract, Verdict, check_laws, laws_of
from seqgen.testing.laws import law, require
from seqgen.tokenizers.byte import ByteTokenizer


@dataclass(frozen=True)
class Part:
    exceptions: ClassVar = {}
    size: int = 3


@dataclass(frozen=True)
class Excepted(Part):
    exceptions: ClassVar = {"test_it_is_small": "it is a whale"}


class SizeContract(Contract):
    def instance(self):
        return Part()

    @law
    def test_it_is_small(self):
        """A part is small.

        Large ones do not
        fit.
        """
        self.for_all(self.hold_small, size=st.integers(0, 1000))

    def hold_small(self, size):
        part = replace(self.instance(), size=size)
        require(part.size < 7, f"{part.size} is not small.")


class WhaleContract(SizeContract):
    def instance(self):
        return Excepted()


class MisspeltContract(SizeContract):
    def instance(self):
        return type("Misspelt", (Part,), {"exceptions": {"test_it_is_smal": "it is a whale"}})()


class InapplicableContract(SizeContract):
    def hold_small(self, size):
        pytest.skip("it has no size")


class RaisingContract(SizeContract):
    def hold_small(self, size):
        assert 1 / (size < 7) == 1


class Panic(BaseException):
    """Of a library that ends the program, as those that are written in Rust do."""


class PanickingContract(SizeContract):
    def hold_small(self, size):
        raise Panic("no way out")


def verdict(contract):
    return next(iter(check_laws(contract)))


def test_a_law_says_what_must_hold_and_why():
    first, *_ = laws_of(SizeContract)
    assert (first.name, first.statement, first.reason) == (
        "test_it_is_small",
        "A part is small.",
        "Large ones do not fit.",
    )


def test_the_laws_of_a_contract_come_before_those_that_all_share():
    names = [each.name for each in laws_of(SizeContract)]
    assert names[:2] == ["test_it_is_small", "test_every_exception_names_a_law"]
    assert len(names) == len(set(names)) == 5


def test_a_broken_law_shows_the_smallest_example():
    with pytest.raises(LawBroken, match=r"^7 is not small\."):
        SizeContract().test_it_is_small()
    assert verdict(SizeContract()) == Verdict(laws_of(SizeContract)[0], "failed", "7 is not small.")


def test_hypothesis_does_what_its_current_profile_says():
    settings.register_profile("before", settings.default)
    settings.register_profile("nothing new", phases=[Phase.explicit])
    settings.load_profile("nothing new")
    try:
        SizeContract().test_it_is_small()  # for no example was made
    finally:
        settings.load_profile("before")


def test_what_a_part_raises_is_shown_with_the_smallest_example():
    assert verdict(RaisingContract()).outcome == "failed"
    assert verdict(RaisingContract()).message.startswith("ZeroDivisionError: division by zero")
    assert "size=7" in verdict(RaisingContract()).message


def test_what_a_part_raises_breaks_one_law_and_the_others_are_held_all_the_same():
    outcomes = {each.law.name: (each.outcome, each.message) for each in check_laws(PanickingContract())}
    assert outcomes["test_it_is_small"] == ("failed", "Panic: no way out")
    assert outcomes["test_the_options_survive_json"] == ("passed", "")


def test_a_declared_exception_is_skipped_and_its_reason_shown():
    with pytest.raises(pytest.skip.Exception, match="declared exception: it is a whale"):
        WhaleContract().test_it_is_small()
    excepted = verdict(WhaleContract())
    assert (excepted.outcome, excepted.message) == ("excepted", "declared exception: it is a whale")
    assert excepted.law.name in Excepted.exceptions


def test_so_is_a_law_that_does_not_apply_and_then_the_part_has_no_exception_of_its_name():
    excepted = verdict(InapplicableContract())
    assert (excepted.outcome, excepted.message) == ("excepted", "it has no size")
    assert excepted.law.name not in Part.exceptions


def test_an_exception_that_names_no_law_fails():
    with pytest.raises(LawBroken, match='"test_it_is_smal", which is no law'):
        MisspeltContract().test_every_exception_names_a_law()
    WhaleContract().test_every_exception_names_a_law()


DEFAULTS = "test_each_option_has_a_type_a_sentence_and_a_default_that_it_allows"


@dataclass(kw_only=True)
class Post(Callback):
    every: Annotated[int, Ge(1), Doc("how many lines at a time")]


def test_the_value_that_is_given_to_an_option_without_a_default_must_be_one_that_it_allows():
    contract = type("TestPost", (CallbackContract,), {"make": lambda _: Post(every=0)})()
    with pytest.raises(LawBroken, match="Option every is made with 0, but allows a whole number at least 1"):
        getattr(contract, DEFAULTS)()


def test_only_a_callback_may_have_an_option_without_a_default():
    @dataclass(frozen=True, kw_only=True)
    class Needing(ByteTokenizer):
        size: Annotated[int, Doc("how many")]

    contract = type("TestNeeding", (TokenizerContract,), {"make": lambda _: Needing(size=3)})()
    with pytest.raises(LawBroken, match="Option size has no default, so the part cannot be named without it"):
        getattr(contract, DEFAULTS)()


PLUGIN_TEST = """
from collections.abc import Mapping
from typing import ClassVar

from seqgen.testing import TokenizerContract
from seqgen.tokenizers.byte import ByteTokenizer

class Mine(ByteTokenizer):
    exceptions: ClassVar[Mapping[str, str]] = {"test_fit_needs_bounded_memory": "it remembers all"}

    def encode(self, document):
        return super().encode(document)[1:]

class TestMine(TokenizerContract):
    def make(self):
        return Mine()
"""


@pytest.mark.slow
def test_pytest_runs_each_law_of_a_plugins_test_file_and_skips_what_is_excepted(run_python, tmp_path):
    (tmp_path / "test_mine.py").write_text(PLUGIN_TEST)
    result = run_python("import pytest, sys; sys.exit(pytest.main(['-rsf', '-p', 'no:cacheprovider', 'test_mine.py']))")
    assert result.exit_code == 1
    assert "declared exception: it remembers all" in result.stdout
    assert "FAILED test_mine.py::TestMine::test_decoding_gives_the_canonical_document" in result.stdout
    assert f"3 failed, {len(laws_of(TokenizerContract)) - 4} passed, 1 skipped" in result.stdout


def test_without_hypothesis_it_says_what_to_install(run_python):
    code = "import sys; sys.modules['hypothesis'] = None; import seqgen.testing"
    result = run_python(code)
    assert result.exit_code == 1
    assert 'needs hypothesis, which is not installed.  pip install "seqgen[testing]"' in result.stderr
