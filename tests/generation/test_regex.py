"""The sampler that holds a text to a regular expression."""

from __future__ import annotations

import gc
import re
import threading
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.core.catalog import load_catalog
from seqgen.core.errors import GenerationError, OptionError
from seqgen.core.options import PartSpec
from seqgen.generation.beam import beam_search
from seqgen.generation.generate import generate, stream
from seqgen.samplers import pattern as pattern_module
from seqgen.samplers import regex_tokens
from seqgen.samplers.pattern import DEAD, LIMIT, REMEMBERED, Pattern, State, code_points_from
from seqgen.samplers.regex import Regex
from seqgen.samplers.regex_tokens import PatternOfTokens
from seqgen.testing.letters import LettersTokenizer
from seqgen.testing.sampler import SamplerContract
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer
from seqgen.tokenizers.word import WordTokenizer

CORPUS = "Das Eis bäumt sich, é und 12 Möwen; das Eis kracht.\nDas Eis 🧊 taut: 3 Möwen.\n" * 3


def _tokenizers():
    made = {"char": CharTokenizer(), "byte": ByteTokenizer(), "word": WordTokenizer()}
    try:
        from seqgen.tokenizers.bpe import BpeTokenizer
    except ModuleNotFoundError:
        pass
    else:
        made["bpe"] = BpeTokenizer(vocab_size=330)
    return {name: tokenizer.fit([CORPUS]) for name, tokenizer in made.items()}


TOKENIZERS = _tokenizers()

ATOMS = st.sampled_from(
    [
        "D",
        "as",
        "ä",
        "🧊",
        ".",
        r"\d",
        r"\w",
        r"\s",
        r"\W",
        "[a-zä]",
        "[^a-z]",
        "[M🧊é]",
        "(?:Eis|Möwen)",
        "(?i:é)",
        r"\.",
    ]
)
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,3}", "{2,}", "*?", "+?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)


class TestRegex(SamplerContract):
    max_examples = 10
    vocab_sizes = st.just(TOKENIZERS["byte"].vocab_size)

    def make(self):
        return Regex(pattern="(?:[a-zé]+ )*[^a]{2}")

    def tokenizer(self, vocab_size):
        return TOKENIZERS["byte"]


def samples_of(tokenizer, pattern, model, **options):
    prompt_ids = np.array([tokenizer.end_id])
    options = {"end_id": tokenizer.end_id, "length": 40, "num_samples": 8} | options
    return generate(model(tokenizer.vocab_size), tokenizer, prompt_ids, samplers=[Regex(pattern=pattern)], **options)


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(max_examples=40, deadline=None)
@given(pattern=PATTERNS)
def test_every_text_that_ends_matches(table_model, name, pattern):
    try:
        samples = samples_of(TOKENIZERS[name], pattern, table_model)
    except OptionError as error:
        assert "no text of characters that this model can write matches" in str(error)  # noqa: PT017
        return
    for sample in samples:
        if sample.finish_reason == "end":
            assert re.fullmatch(pattern, sample.text), (pattern, sample.text)
        else:
            assert sample.tokens == 40


@settings(max_examples=150, deadline=None)
@given(pattern=PATTERNS, text=st.text("DasEiäuö🧊é12 .\nM", max_size=8))
def test_the_automaton_takes_what_re_takes(pattern, text):
    automaton = Pattern(pattern)
    state = automaton.start
    for character in text:
        state = automaton.step(state, character)
    assert state.accepting == bool(re.fullmatch(pattern, text))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^a$", "a"),
        (r"\Aa\Z", "a"),
        ("a|^b", "b"),
        ("(?s:.)", "\n"),
        ("(?i)É", "é"),
        ("(?a:[^\\w])", "é"),
        ("()*a", "a"),
    ],
)
def test_flags_and_anchors_mean_what_they_mean_to_re(pattern, text):
    automaton = Pattern(pattern)
    assert automaton.step(automaton.start, text).accepting
    assert re.fullmatch(pattern, text)


def test_the_dollar_sign_is_the_very_end_where_that_of_re_also_stands_before_a_last_line_end():
    automaton = Pattern(r"a$\n?")
    state = automaton.step(automaton.start, "a")
    assert state.accepting
    assert automaton.step(state, "\n") is DEAD
    assert re.fullmatch(r"a$\n?", "a\n")


@pytest.mark.parametrize(("pattern", "text"), [("a^b", "ab"), ("a$b", "ab"), ("a\n?$", "b")])
def test_what_no_text_can_be_is_seen_at_once(pattern, text):
    automaton = Pattern(pattern)
    assert automaton.step(automaton.start, text[0]) is DEAD


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_match_that_nothing_can_follow_ends_there_without_an_end_token(table_model, name):
    tokenizer = TOKENIZERS[name]
    options = {"end_id": None, "forbid": [tokenizer.end_id]}
    for sample in samples_of(tokenizer, "Das Eis 🧊", table_model, **options):
        assert (sample.text, sample.finish_reason) == ("Das Eis 🧊", "end")


def test_the_end_token_comes_only_where_the_text_is_a_match(table_model):
    tokenizer = TOKENIZERS["char"]
    texts = {sample.text for sample in samples_of(tokenizer, "(?:as)*", table_model, num_samples=60)}
    assert len(texts) > 2
    assert all(re.fullmatch("(as)*", text) for text in texts)


def test_a_text_that_comes_to_its_length_is_the_beginning_of_a_match(table_model):
    (sample,) = samples_of(TOKENIZERS["char"], "(?:as)+ Eis", table_model, length=3, num_samples=1)
    assert (sample.text, sample.finish_reason) == ("asa", "length")
    assert sample.notes == ("what was drawn is only the beginning of a match of '(?:as)+ Eis'",)


@pytest.mark.parametrize(
    ("pattern", "options"),
    [
        ("(?:as)+", {}),  # ends at the end token
        ("Das Eis", {}),  # ends where nothing can follow
        ("(?:as)+", {"length": 4, "forbid": [TOKENIZERS["char"].end_id]}),  # a match that could go on
        ("", {"length": 4}),
    ],
)
def test_of_a_text_that_is_a_match_nothing_is_told(table_model, pattern, options):
    for sample in samples_of(TOKENIZERS["char"], pattern, table_model, **options):
        assert sample.notes == ()


def test_a_stop_text_that_comes_before_a_match_is_told_of_its_row_alone(table_model):
    samples = samples_of(TOKENIZERS["char"], "(?:[aisE][st]e)", table_model, stop=["s"], num_samples=60)
    assert {sample.finish_reason for sample in samples} == {"stop", "end"}
    for sample in samples:
        assert len(sample.notes) == (sample.finish_reason == "stop")


def test_the_empty_text_is_a_match_that_ends_before_the_first_token(table_model):
    tokenizer = TOKENIZERS["char"]
    (sample,) = samples_of(tokenizer, "(?:)", table_model, num_samples=1)
    assert (sample.text, sample.tokens, sample.finish_reason) == ("", 0, "end")
    streamed = stream(
        table_model(tokenizer.vocab_size), tokenizer, np.array([0]), length=9, samplers=[Regex(pattern="$")]
    )
    assert ("".join(streamed), streamed.tokens, streamed.finish_reason) == ("", 0, "end")


@pytest.mark.parametrize("pattern", ["D(?:as|a.)", "(?:as|Ei)+s", "(?:)"])
def test_the_text_of_a_beam_search_matches(table_model, pattern):
    tokenizer = TOKENIZERS["char"]
    model = table_model(tokenizer.vocab_size)
    options = {"length": 30, "end_id": tokenizer.end_id, "samplers": [Regex(pattern=pattern)], "width": 4}
    sample = beam_search(model, tokenizer, np.array([0]), **options)
    assert sample.finish_reason == "end"
    assert re.fullmatch(pattern, sample.text)


def test_what_may_be_a_stop_text_is_given_when_the_text_is_whole(table_model):
    (sample,) = samples_of(TOKENIZERS["char"], "Das", table_model, num_samples=1, stop=["s Eis"])
    assert (sample.text, sample.finish_reason) == ("Das", "end")


def test_a_way_that_the_vocabulary_cannot_finish_is_not_taken(table_model):
    # The corpus has no z: after "Eis" the text could not go on.
    texts = {sample.text for sample in samples_of(TOKENIZERS["char"], "Eisz|Das", table_model)}
    assert texts == {"Das"}


def test_a_pattern_that_the_vocabulary_cannot_match_is_refused_before_the_first_token(table_model):
    with pytest.raises(OptionError, match="no text of characters that this model can write matches 'z'"):
        samples_of(TOKENIZERS["char"], "z", table_model)


def test_two_constraints_that_leave_nothing_are_told_with_the_place(table_model):
    tokenizer = TOKENIZERS["char"]
    s = int(tokenizer.encode("s")[0])
    with pytest.raises(GenerationError, match=r"Token 3 of sample 0: Regex\(pattern='Das'\) leaves no token"):
        samples_of(tokenizer, "Das", table_model, forbid=[s])


@settings(max_examples=40)
@given(
    pattern=st.sampled_from(["[ab]*", "(ab|é)+b?", "[^a]{1,9}", "(?s).{6}", "(a|b| )*é日", "a{2,5}b*日"]),
    texts=st.lists(st.text("abé日 ", min_size=1, max_size=4), min_size=1, max_size=30),
    before=st.text("abé", max_size=3),
)
def test_the_tokens_that_are_left_are_those_whose_text_keeps_a_match_possible(pattern, texts, before):
    class Pieces(LettersTokenizer):
        def pieces(self):
            return [*(text.encode() for text in [*texts, *"abé日 "]), b"\xc3", b""]

    tokenizer = Pieces(len(texts) + 7)
    automaton = Pattern(pattern)

    def alive(text):
        state = automaton.start
        for character in text:
            state = automaton.step(state, character)
        return state.alive

    sampler = Regex(pattern=pattern)
    sampler.begin(np.zeros((1, 0), np.int64), tokenizer)
    for length in range(len(before)):
        if not alive(before[: length + 1]):
            before = before[:length]
            break
        sampler.accept(np.array([len(texts) + "abé".index(before[length])]))
    kept = np.isfinite(sampler.adjust(np.zeros((1, tokenizer.vocab_size), np.float32)))[0].tolist()
    assert kept[:-2] == [alive(before + text) for text in [*texts, *"abé日 "]]


CHARACTERS = "DasEiäé日🧊12 .\nM"
PARTS = [letter.encode()[cut] for letter in "ä日🧊" for cut in (slice(1), slice(2), slice(1, None), slice(1, 2))]
PIECES = st.one_of(
    st.text(CHARACTERS, max_size=6).map(str.encode),
    st.lists(st.sampled_from([*PARTS, *(letter.encode() for letter in CHARACTERS)]), max_size=4).map(b"".join),
    st.binary(max_size=4),
)


@settings(max_examples=max(50, settings.default.max_examples), deadline=None)
@given(data=st.data(), pattern=PATTERNS, pieces=st.lists(PIECES, min_size=1, max_size=30))
def test_the_tokens_that_are_left_are_those_whose_bytes_lead_on_one_after_another(data, pattern, pieces):
    pieces += [bytes([byte]) for byte in range(256)]

    class Pieces(LettersTokenizer):
        def pieces(self):
            return pieces

    automaton = PatternOfTokens(pattern, Pieces(len(pieces)))
    state = automaton.start
    for _ in range(8):
        after = [automaton.next(state, token) for token in range(len(pieces))]
        kept = [bool(piece) and place.alive for piece, (place, _) in zip(pieces, after, strict=True)]
        assert automaton.allowed(state).tolist() == kept
        if not any(kept):
            break
        state = after[data.draw(st.sampled_from(np.flatnonzero(kept).tolist()))]


def test_a_repetition_that_counts_looks_at_no_token_anew_in_its_next_state():
    tokenizer = TOKENIZERS["word"]
    automaton = PatternOfTokens("(?:[a-z]| ){40}", tokenizer)
    state = automaton.start
    automaton.allowed(state)
    looked_at = automaton._texts.grouped
    for token in tokenizer.encode("das taut").tolist():
        state = automaton.next(state, token)
        assert automaton.allowed(state).any()
    assert automaton._texts.grouped == looked_at


def test_what_is_remembered_of_tokens_is_bounded_and_changes_nothing(monkeypatch):
    tokenizer = TOKENIZERS["byte"]

    def masks(automaton):
        state = automaton.start
        for token in tokenizer.encode("Das é ").tolist():
            yield automaton.allowed(state).tolist()
            state = automaton.next(state, token)

    remembering, forgetting = (PatternOfTokens("(?:Das|[a-zé ]){1,9}日", tokenizer) for _ in range(2))
    expected = list(masks(remembering))
    monkeypatch.setattr(regex_tokens, "_GROUPED", 0)
    assert list(masks(forgetting)) == expected
    assert forgetting._texts.grouped < remembering._texts.grouped


def test_a_tokenizer_that_does_not_tell_its_pieces_is_refused(table_model):
    with pytest.raises(OptionError, match=r"sampler regex needs the text of each token"):
        generate(table_model(5), LettersTokenizer(5), np.array([0]), length=9, samplers=[Regex(pattern="a")])


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("(a", r"is no regular expression: missing \)"),
        ("(?=a)", "looks ahead or back"),
        ("(?<!a)", "looks ahead or back"),
        (r"(a)\1", "refers back to a group"),
        ("(a)?(?(1)b|c)", "refers back to a group"),
        (r"a\b", r"has \\b"),
        (r"\B", r"has \\B"),
        ("(?m)^a", r"has \^ or \$ for lines"),
        ("(?m:a$)b|^c", r"has \^ or \$ for lines"),
        ("(?>a)", "has an atomic group"),
        ("a*+", "has a possessive repetition"),
        ("(" * 3000 + ")" * 3000, "is too large or too deeply nested"),
        ("(a{1000}){1000}", f"needs more than {LIMIT:,} places"),
        ("((){9999}){9999}", f"needs more than {LIMIT:,} places"),
        ("".join(map(chr, range(0x4E00, 0x4E80))), "has more than 100 different characters and classes"),
    ],
)
def test_what_cannot_be_followed_or_is_too_large_is_refused_and_not_tried_for_ever(pattern, fault):
    started = time.perf_counter()
    with pytest.raises(OptionError, match=f"sampler regex: pattern .*{fault}"):
        Regex(pattern=pattern)
    assert time.perf_counter() - started < 60


@pytest.mark.parametrize("pattern", ["(a|b)*a(a|b){40}c", "((a*)*)*b", "(.*a){50}b"])
def test_patterns_that_blow_up_elsewhere_are_followed(pattern):
    automaton = Pattern(pattern)
    state = automaton.start
    for number in range(3000):
        state = automaton.step(state, "ab"[number % 7 % 2])
    assert len(state.edges) <= LIMIT


def test_states_beyond_those_that_are_remembered_are_let_go():
    automaton = Pattern("[ab]*a[ab]{14}")  # of 2 ** 15 states

    def following(text, state):
        for character in text:
            state = automaton.step(state, character)
        return state

    def living():
        return sum(type(each) is State for each in gc.get_objects())

    before = living()
    text = "".join(np.random.default_rng(1).choice(list("ab"), 3 * REMEMBERED))
    state = following(text, automaton.start)
    assert living() - before <= REMEMBERED + 1
    assert state.accepting == bool(re.fullmatch("[ab]*a[ab]{14}", text))
    assert following("a" + "b" * 14, automaton.start).accepting  # the start has forgotten the states, not the pattern
    assert not following("b" * 15, automaton.start).accepting


def test_states_of_many_places_are_let_go_sooner(monkeypatch):
    monkeypatch.setattr(pattern_module, "_HELD", 10_000)
    earlier = {id(each) for each in gc.get_objects() if type(each) is State}
    automaton = Pattern("(.*)[a-y](.{300})")  # each state has a place more than the one before
    state = automaton.start
    for _ in range(300):
        state = automaton.step(state, "a")
    living = [each for each in gc.get_objects() if type(each) is State and id(each) not in earlier]
    assert sum(len(places) for each in living for places in each.edges.values()) <= 11_000  # of 45,000
    assert automaton.step(state, "z").accepting


@given(first=st.characters(exclude_categories=["Cs"]), length=st.integers(1, 4))
def test_code_points_are_those_whose_utf8_begins_so(first, length):
    begun = first.encode()[:length]
    codes = code_points_from(begun)
    assert ord(first) in codes
    for code in (codes[0], codes[-1]):
        assert chr(code).encode().startswith(begun)
    for code in (codes[0] - 1, codes[-1] + 1):
        if 0 <= code <= 0x10FFFF and not 0xD800 <= code < 0xE000:
            assert not chr(code).encode().startswith(begun)


@given(begun=st.binary(min_size=1, max_size=4))
def test_bytes_that_no_utf8_begins_with_have_no_code_points(begun):
    codes = code_points_from(begun)
    if codes:
        assert chr(codes[0]).encode().startswith(begun)


def test_what_other_threads_are_warned_of_while_a_pattern_is_read_is_not_silenced(monkeypatch):
    parser = pattern_module._parser
    read = parser.parse

    def read_while_another_warns(pattern):
        other = threading.Thread(target=warnings.warn, args=("of something else",))
        other.start()
        other.join()
        return read(pattern)

    monkeypatch.setattr(
        pattern_module, "_parser", SimpleNamespace(**{**vars(parser), "parse": read_while_another_warns})
    )
    with pytest.warns(UserWarning, match="of something else"):
        Regex(pattern="the ice")


def test_a_pattern_that_a_later_python_may_read_otherwise_is_taken_without_a_word_and_only_there(run_python):
    code = """
import re, sys
import numpy as np
from seqgen.samplers.regex import Regex
from seqgen.tokenizers.byte import ByteTokenizer
for pattern in ("[[a]", "((([[-~])))", "[+--]", "[a&&b]", "[a||b]", "(?x) [a~~b]"):
    Regex(pattern=pattern).begin(np.zeros((1, 1), int), ByteTokenizer())
print("a pattern of somebody else", file=sys.stderr)
re.compile("[[b]")
"""
    words = run_python(code).stderr
    assert words.startswith("a pattern of somebody else")
    assert "FutureWarning: Possible nested set at position 1" in words


@pytest.mark.parametrize("time", [1, 2])
def test_nor_is_there_a_word_where_filters_were_put_back_meanwhile(time):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Regex(pattern="[[c]").begin(np.zeros((1, 1), int), ByteTokenizer())


def test_a_pattern_is_written_on_the_command_line_with_commas_escaped_and_nothing_else():
    spec = PartSpec.parse(r"regex:pattern=\d{2\,3}\.")
    assert spec.values == {"pattern": r"\d{2,3}\."}
    assert PartSpec.parse(str(spec)) == spec
    assert load_catalog().make("sampler", r"regex:pattern=\d{2\,3}\.") == Regex(pattern=r"\d{2,3}\.")
