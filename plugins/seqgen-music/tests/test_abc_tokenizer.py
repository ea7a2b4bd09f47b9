"""The tokenizer ``abc``: all laws, and what its tokens and its layout are."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from seqgen.generation.prompt import without_unread_ends
from seqgen.testing import TokenizerContract
from seqgen_music.abc.tokenizer import AbcTokenizer

TUNES = [
    'X:1\nT:The Öre\nM:6/8\nL:1/8\nK:Ador\nE|:A2B c>BA|(3efe d {/g}~e2 d|[1 "Am7"[Ace]2- [Ace]z:|[2 A6|]',
    'X:2\nM:C|\nK:F#m\n"^loud"f4 !trill!c4|\n[M:3/4] (F,^G,_A,)|] % no more\nw: la la\n\n',
    "K:G\nG2 (3:2:3ABc :|\nM:2/4\nd/e//f|",
]
CHARACTERS = "ABcdzT:KMw|[]123(){}<>~\"!+^_=/-,'%.& \né"


class TestLaws(TokenizerContract):
    documents = st.sampled_from(TUNES) | st.text(st.sampled_from(CHARACTERS), max_size=30) | st.text(max_size=20)

    def make(self) -> AbcTokenizer:
        return AbcTokenizer()

    @pytest.mark.slow
    def test_fit_needs_bounded_memory(self):
        super().test_fit_needs_bounded_memory()

    @pytest.mark.slow
    def test_encoding_a_long_document_in_pieces_needs_bounded_memory(self):
        super().test_encoding_a_long_document_in_pieces_needs_bounded_memory()


def tokens_of(document: str) -> list[str]:
    tokenizer = AbcTokenizer().fit([document])
    return [tokenizer.lexemes[token].text for token in tokenizer.encode(document).tolist()]


@pytest.mark.parametrize(
    ("music", "tokens"),
    [
        ("M:6/8", ["M:6/8"]),
        ("K:  F#   dor", ["K:F# dor"]),
        ("T:Ice", ["T:", "I", "c", "e", "\n"]),
        ("^C,3/2 c'/", ["^C,", "3/2", "c'", "/"]),
        ('"Am7"A2 "slow"z', ['"Am7"', "A", "2", '"', "s", "l", "o", "w", '"', "z"]),
        ("(3ABc (AB)", ["(3", "A", "B", "c", "(", "A", "B", ")"]),
        ("[CEG]2-|[1 A>B :|[2", ["[", "C", "E", "G", "]", "2", "-", "|", "[1", "A", ">", "B", ":|", "[2"]),
        ("{/g}~A !trill!B .c|]", ["{/", "g", "}", "~", "A", "!trill!", "B", ".", "c", "|]"]),
        ("[K:D]A::B||", ["[K:D]", "A", "::", "B", "||"]),
        ("A|1,3 B:|2-4 c [1,3|d[|]e", ["A", "|", "1,3", "B", ":|", "2-4", "c", "[1,3", "|", "d", "[|]", "e"]),
        ("|1 A1,3", ["|", "1", "A", "1", ",", "3"]),  # no ending within the bar
        ("A:|", ["A", ":|"]),  # no field, though it begins a line
        ("C|\\ % no", ["C", "|", "%", "n", "o", "\n"]),
        ("C$D#*E;?@`F", ["C", "D", "E", "F"]),
        ("T:Ice % old", ["T:", "I", "c", "e", "\n", "%", "o", "l", "d", "\n"]),
        (r"T:5\% off", ["T:", "5", "\\", "%", " ", "o", "f", "f", "\n"]),
        ('"G(Em)"A"C/e"B"D/f#"c', ['"G(Em)"', "A", '"C/e"', "B", '"D/f#"', "c"]),
        ('"D♭"A"C6/9"B"A#o"c', ['"D♭"', "A", '"C6/9"', "B", '"A#o"', "c"]),
    ],
)
def test_each_musical_symbol_is_one_token(music, tokens):
    assert tokens_of(music) == tokens


def test_notes_are_beamed_by_the_beat_and_four_bars_make_a_line():
    written = "X:1\nM:6/8\nL:1/8\nK:G\nGABcde|G2BA3 | GAB c2d|e6|\nGAB c3|]"
    laid_out = "X:1\nM:6/8\nL:1/8\nK:G\nGAB cde | G2B A3 | GAB c2d | e6 |\nGAB c3 |]"
    assert AbcTokenizer().fit([written]).canonical(written) == laid_out


def test_the_length_of_notes_is_that_of_each_tune():
    written = "X:1\nM:4/4\nK:C\nC4 D4 |]\n\nX:2\nM:2/4\nK:C\nCDEF GABc |]"  # eighths, and sixteenths
    assert AbcTokenizer().fit([written]).canonical(written) == written


@pytest.mark.parametrize("music", ['(3AB^c !trill!d\'2 "Am7"[Ace]z/2|', "{/g}A3/2 !fermata!c ", "^c'[1,3"])
def test_a_long_line_of_music_is_read_as_if_it_were_short(music):
    assert tokens_of(music * 1000) == tokens_of(music) * 1000


@pytest.mark.parametrize("tune", TUNES)
def test_nothing_but_white_space_is_lost(tune):
    tokenizer = AbcTokenizer().fit(TUNES)
    assert "".join(tokenizer.canonical(tune).split()) == "".join(tune.split())


def test_what_the_vocabulary_lacks_becomes_what_is_nearest():
    tokenizer = AbcTokenizer().fit(["X:1\nM:6/8\nK:G\nGABc2|"])
    assert tokenizer.canonical("X:37\nM:9/8\nK:D\n^G''4 \"Am\"B|") == "X:1\nM:6/8\nK:G\nG2B |"
    assert dict(tokenizer.missing("X:37\n^G4")) == {"4": "2", "X:37": "X:1", "^G": "G"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("prompt", ["X:1\nM:6/8\nK:G", "X:1\nT:Ice", "X:1\nT:Ice\nK:G\nG2B d"])
def test_a_tune_goes_on_without_an_empty_line_after_a_prompt_that_ends_with_a_line_end(prompt, end):
    """An empty line would end it."""
    tokenizer = AbcTokenizer().fit(["X:1\nT:Ice\nM:6/8\nK:G\nG2B d|"])
    decoder = tokenizer.decoder_after(tokenizer.encode(prompt + end))
    text = "".join(map(decoder.push, tokenizer.encode("K:G\nd|").tolist()))
    assert without_unread_ends(tokenizer, prompt + end) + text == f"{prompt}\nK:G\nd |"


@pytest.mark.parametrize(
    ("tune", "numbered"),
    [
        ("X:1\nT:Ice\nK:G\nG2|", "X:12\nT:Ice\nK:G\nG2|"),
        ("% old\nX: 7\r\nK:G", "% old\nX:12\r\nK:G"),
        ("M:6/8\nK:G\nG2|", "X:12\nM:6/8\nK:G\nG2|"),  # which would be none of its own without
        ("G2|\n\nX:1\nK:D\nd|", "G2|\n\nX:12\nK:D\nd|"),
    ],
)
def test_a_tune_of_several_has_its_number(tune, numbered):
    assert AbcTokenizer().numbered(tune, 12) == numbered
