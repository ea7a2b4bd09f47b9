"""Options are declared once, as annotated fields, and checked with sentences that say what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
from annotated_doc import Doc
from annotated_types import Ge, Gt, Interval, Le, Len, MultipleOf
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from seqgen.core.errors import OptionError
from seqgen.core.options import AnyKey, Option, PartSpec, ReadAs, checked, convert, make, option_values, options_of
from seqgen.training.options import TrainingOptions


@dataclass(frozen=True, kw_only=True)
class Example:
    p: Annotated[float, Gt(0), Le(1), Doc("how much stays")] = 0.9
    count: Annotated[int, Ge(1), Doc("how many")] | None = None
    mode: Annotated[Literal["left", "right"], Doc("which side")] = "left"
    fold: Annotated[bool, Doc("whether to fold")] = False
    file: Annotated[Path, Doc("where from")] = Path("a.txt")
    half: Annotated[float, ReadAs(lambda text: float(text) / 2, "a number to halve"), Doc("halved")] = 1.0
    learned: tuple[str, ...] = field(default=())


def test_only_fields_with_a_sentence_are_options():
    assert [option.name for option in options_of(Example)] == ["p", "count", "mode", "fold", "file", "half"]
    assert options_of(Example)[0].text == "how much stays"


def test_what_is_allowed_is_said_in_words():
    allowed = {option.name: option.allowed for option in options_of(Example)}
    assert allowed == {
        "p": "a number above 0 and at most 1",
        "count": "a whole number at least 1",
        "mode": "one of left, right",
        "fold": "true or false",
        "file": "a path",
        "half": "a number to halve",
    }


def test_text_from_the_command_line_becomes_values():
    values = {"p": "0.5", "count": "3", "mode": "right", "fold": "true", "file": "b.txt", "half": "3"}
    expected = {"p": 0.5, "count": 3, "mode": "right", "fold": True, "file": Path("b.txt"), "half": 1.5}
    assert checked(Example, values, where="example") == expected


def test_none_is_allowed_where_an_option_is_optional():
    assert checked(Example, {"count": "none"}, where="example") == {"count": None}
    with pytest.raises(OptionError):
        checked(Example, {"p": "none"}, where="example")


def test_hyphens_and_underscores_name_the_same_option():
    @dataclass
    class Hyphened:
        min_count: Annotated[int, Doc("least")] = 1

    assert checked(Hyphened, {"min-count": "2"}, where="x") == {"min_count": 2}


def test_a_wrong_value_names_part_option_value_and_what_is_allowed():
    with pytest.raises(OptionError) as error:
        make(Example, {"p": "1.4"}, where="sampler top-p", example="--sampler top-p")
    assert str(error.value) == (
        "sampler top-p: p is 1.4, but must be a number above 0 and at most 1.  Try --sampler top-p:p=0.9"
    )


def test_an_unknown_option_names_the_nearest_and_all():
    with pytest.raises(OptionError, match=r'has no option "cuont".  Nearest: count.  It has: p, count, mode'):
        checked(Example, {"cuont": 1}, where="example")


def test_all_faults_are_reported_at_once():
    with pytest.raises(OptionError) as error:
        checked(Example, {"p": 2, "count": 0, "mode": "up"}, where="example")
    assert len(str(error.value).splitlines()) == 3


@dataclass(frozen=True, kw_only=True)
class Needing:
    url: Annotated[str, Doc("where to")]
    key: Annotated[str, Doc("of the account.")]
    every: Annotated[int, Ge(1), Doc("how often")] = 1


def test_an_option_without_a_default_has_to_be_given():
    with pytest.raises(OptionError) as error:
        make(Needing, {"key": "a"}, where="callback post", example="--log-to post")
    assert str(error.value) == "callback post needs url: where to.  Write --log-to post:url=VALUE"
    assert make(Needing, {"key": "a", "url": "b"}, where="callback post") == Needing(url="b", key="a")
    assert make(Needing, {"key": "a"}, where="callback post", url="b") == Needing(url="b", key="a")


def test_all_options_that_have_to_be_given_are_told_at_once_with_what_else_is_wrong():
    with pytest.raises(OptionError) as error:
        make(Needing, {"every": 0}, where="callback post", example="--log-to post")
    assert str(error.value).splitlines() == [
        "callback post: every is 0, but must be a whole number at least 1.  Try --log-to post:every=1",
        "callback post needs url: where to.  Write --log-to post:url=VALUE,key=VALUE",
        "callback post needs key: of the account.  Write --log-to post:url=VALUE,key=VALUE",
    ]
    with pytest.raises(OptionError, match=r"needs url: where to\.$"):
        make(Needing, {"key": "a"}, where="callback post")


@dataclass(frozen=True, kw_only=True)
class NeedingAnyKey:
    weights: Annotated[Mapping[str, float], AnyKey("TEXT", "WEIGHT", "the=2"), Doc("how likely")]


def test_of_an_option_that_takes_any_key_one_has_to_be_given():
    assert make(NeedingAnyKey, {"ice": 3}, where="sampler likes") == NeedingAnyKey(weights={"ice": 3.0})
    with pytest.raises(OptionError) as error:
        make(NeedingAnyKey, {}, where="sampler likes", example="--sampler likes")
    assert str(error.value) == "sampler likes needs TEXT=WEIGHT: how likely.  Write --sampler likes:the=2"


def test_a_boolean_is_not_a_number():
    with pytest.raises(OptionError):
        checked(Example, {"count": True}, where="example")
    with pytest.raises(OptionError, match="eval_every"):
        checked(TrainingOptions, {"eval_every": True}, where="a.toml")  # and not every single step


def test_values_of_a_part_can_make_it_again():
    part = make(Example, {"p": 0.3, "count": 2, "fold": True}, where="example", learned=("a",))
    assert make(Example, option_values(part), where="example", learned=("a",)) == part


@pytest.mark.parametrize("text", ["", ":", "bpe:", "bpe:vocab_size", "bpe:=3", ":a=1"])
def test_a_part_that_is_not_written_as_a_part_is_refused(text):
    with pytest.raises(OptionError):
        PartSpec.parse(text)


def test_a_part_is_written_as_name_and_options():
    assert PartSpec.parse("bpe:vocab-size=512,min_count=2") == PartSpec("bpe", {"vocab-size": "512", "min_count": "2"})
    assert PartSpec.parse("other/char") == PartSpec("other/char", {})
    assert PartSpec.parse(r"stop:text=a\,b\\c") == PartSpec("stop", {"text": "a,b\\c"})


@pytest.mark.parametrize("text", ["top-k:k=3,k=40", r"logit-bias:a\==3,k=1,a\==40"])
def test_a_key_that_is_given_twice_is_refused(text):
    key = "a=" if "a" in text else "k"
    with pytest.raises(OptionError) as error:
        PartSpec.parse(text)
    assert str(error.value) == f'"{text}" gives {key} twice.  Leave one out.'


def test_an_option_that_is_given_in_two_spellings_is_refused():
    with pytest.raises(OptionError) as error:
        checked(TrainingOptions, {"num-layers": "1", "num_layers": "2"}, where="sweep --set")
    assert str(error.value) == (
        "sweep --set: num_layers is given twice, the second time as num_layers.  Leave one out."
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [("name:path=runs\\", "runs\\"), ("name:path=a\\\nb", "a\\\nb"), ("name:path=a\\,\nb", "a,\nb")],
)
def test_a_backslash_that_stands_before_neither_a_comma_nor_a_backslash_is_one(text, value):
    assert PartSpec.parse(text) == PartSpec("name", {"path": value})


@dataclass(frozen=True, kw_only=True)
class Unusual:
    words: Annotated[tuple[str, ...], Doc("which words")] = ("left", "right")
    sizes: Annotated[tuple[Annotated[int, Ge(1)], ...], Doc("which sizes")] = ()
    tags: Annotated[list[str], Doc("which tags")] = field(default_factory=lambda: ["c", "d"])
    voices: Annotated[Literal[1, 2, 4], Doc("how many voices")] = 2
    most: Annotated[int | None, Ge(1), Doc("how many at most")] = None
    beats: Annotated[int, Interval(ge=2, lt=9), MultipleOf(2), Doc("how many beats")] = 4
    key: Annotated[str, Len(1, 2), Doc("which key")] = "C"


def test_whatever_the_type_of_an_option_its_text_becomes_its_value():
    text = r"name:words=a\, b,sizes=3,tags=e\,f,voices=4,most=none,beats=6,key=Am"
    part = make(Unusual, PartSpec.parse(text).values, where="part name")
    assert part == Unusual(words=("a", "b"), sizes=(3,), tags=["e", "f"], voices=4, most=None, beats=6, key="Am")
    assert make(Unusual, {"most": "3", "words": ""}, where="part name") == Unusual(most=3, words=())


def test_the_options_of_a_part_can_be_written():
    for part in (Unusual(), Unusual(words=("one",), sizes=(1, 2), voices=1, most=7)):
        spec = PartSpec("name", option_values(part))
        assert make(Unusual, PartSpec.parse(str(spec)).values, where="part name") == part


def test_what_is_wrong_with_a_value_of_an_unusual_type_is_said_with_what_is_allowed_and_can_be_written():
    values = {"sizes": "1,0", "voices": "3", "most": "0", "beats": "5", "key": "A minor"}
    with pytest.raises(OptionError) as error:
        checked(Unusual, values, where="part", example="--part name")
    assert str(error.value).splitlines() == [
        r'part: sizes is "1,0", but must be a list (with \, between), each a whole number at least 1.  Try --part name:sizes=',
        "part: voices is 3, but must be one of 1, 2, 4.  Try --part name:voices=2",
        "part: most is 0, but must be a whole number at least 1.  Try --part name:most=none",
        "part: beats is 5, but must be a whole number at least 2 and below 9 and divisible by 2.  Try --part name:beats=4",
        'part: key is "A minor", but must be text of length at least 1 and of length at most 2.  Try --part name:key=C',
    ]


@given(
    values=st.dictionaries(
        st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True),
        st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12),
        max_size=4,
    )
)
def test_a_part_reads_back_as_it_is_shown(values):
    spec = PartSpec("name", values)
    assert PartSpec.parse(str(spec)) == spec


@given(
    value=st.one_of(
        st.integers(-3, 3),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["a", "b", "c", "1", "0.5"]),
    ),
    annotation=st.sampled_from(
        [
            int,
            str,
            Annotated[int, Ge(1), Doc("n")],
            Annotated[float, Gt(0), Le(1), Doc("p")],
            Annotated[Literal["a", "b"], Doc("kind")],
        ]
    ),
)
def test_values_are_taken_and_refused_as_pydantic_does(value, annotation):
    try:
        expected = TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        with pytest.raises(ValueError, match="validation error"):
            convert(annotation, value)
    else:
        converted = convert(annotation, value)
        assert (type(converted), converted) == (type(expected), expected)


@dataclass(kw_only=True)
class Weighed:
    scale: Annotated[float, Gt(0), Doc("by what all are multiplied")] = 1.0
    weights: Annotated[
        Mapping[str, Annotated[float, Le(9)]], AnyKey("TEXT", "WEIGHT", "the=2"), Doc("what each text weighs")
    ] = field(default_factory=dict)


def test_an_option_may_take_all_keys_that_name_no_option():
    spec = PartSpec.parse("part:the=2,well-known=-1.5, a=3,scale=4,weights=5")
    part = make(Weighed, spec.values, where="part")
    assert part == Weighed(scale=4.0, weights={"the": 2.0, "well-known": -1.5, " a": 3.0, "weights": 5.0})
    assert make(Weighed, option_values(part), where="part") == part
    assert make(Weighed, {}, where="part") == Weighed()


def test_a_key_of_ones_own_has_a_backslash_before_signs_of_the_notation():
    assert PartSpec.parse(r"part:a\=b=1,\,=2,\\=3,c\d=4").values == {"a=b": "1", ",": "2", "\\": "3", r"c\d": "4"}


@given(st.dictionaries(st.text(min_size=1).filter(lambda text: text.strip() != "scale"), st.floats(-9, 9), max_size=4))
def test_keys_of_ones_own_can_be_written(weights):
    spec = PartSpec("part", option_values(Weighed(weights=weights)))
    assert make(Weighed, PartSpec.parse(str(spec)).values, where="part") == Weighed(weights=weights)


def test_a_value_of_a_key_of_ones_own_is_refused_by_its_key():
    with pytest.raises(OptionError) as error:
        checked(Weighed, {"the": "x", "weights": {"a": 10}, "scale": 0}, where="part", example="--part name")
    assert str(error.value).splitlines() == [
        "part: the is x, but must be a number at most 9.  Try --part name:the=2",
        "part: a is 10, but must be a number at most 9.  Try --part name:the=2",
        "part: scale is 0, but must be a number above 0.  Try --part name:scale=1.0",
    ]


def test_an_option_is_shown_as_it_is_written():
    scale, weights = options_of(Weighed)
    assert (scale.shown, scale.example) == ("scale", "scale=1.0")
    assert (weights.shown, weights.example, weights.allowed) == (
        "TEXT=WEIGHT",
        "the=2",
        "for each key a number at most 9",
    )


@pytest.mark.parametrize(
    ("bound", "written"),
    [
        (1e9, "1e9"),
        (1e30, "1e30"),
        (0.5, "0.5"),
        (1e-5, "1e-5"),
        (65536, "65536"),
        (0.1234567, "0.1234567"),
        (2.0, "2"),
    ],
)
def test_bounds_are_written_as_people_write_numbers(bound, written):
    option = Option("x", Annotated[float, Le(bound)], "bounded", 0)
    assert option.allowed == f"a number at most {written}"
