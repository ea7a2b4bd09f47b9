"""The dataset ``abc``: all laws, what it makes of tunes, and what it refuses."""

from __future__ import annotations

import itertools
import re
import tracemalloc
import warnings
from pathlib import Path

import pytest

from seqgen.core.errors import CorpusError, OptionError
from seqgen.testing import DatasetContract
from seqgen_music.abc.book import LONGEST, tunes_of
from seqgen_music.abc.dataset import AbcDataset
from seqgen_music.abc.metre import WHOLE
from seqgen_music.abc.tune import read_tune

TUNE = "X:1\nM:6/8\nL:1/8\nK:G\nG|GAB cde|[1g3 g2:|[2g6|]"


class TestLaws(DatasetContract):
    def make(self, sources: tuple[str, ...]) -> AbcDataset:
        return AbcDataset(sources=sources)

    @pytest.mark.slow
    def test_a_large_source_needs_bounded_memory(self):
        super().test_a_large_source_needs_bounded_memory()


@pytest.mark.slow
class TestLawsInAllKeys(DatasetContract):
    def make(self, sources: tuple[str, ...]) -> AbcDataset:
        return AbcDataset(sources=sources, transpose="all")

    def test_a_large_source_needs_bounded_memory(self, tmp_path):
        """On smaller sources than those of the law, of which each tune is made twelve times."""

        def peak(name: str, tunes: int) -> int:
            path = tmp_path / name
            path.write_text("\n\n".join([TUNE] * tunes), encoding="utf-8")
            tracemalloc.start()
            try:
                assert sum(1 for _ in self.make((str(path),)).documents()) == 12 * tunes
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

        peak("warm.abc", 10)
        small = peak("small.abc", 400)
        assert peak("large.abc", 4 * 400) < small + 200_000


@pytest.fixture
def read(tmp_path: Path):
    def read(*books: str, **options: str) -> list[str]:
        for number, book in enumerate(books):
            (tmp_path / f"{number}.abc").write_text(book, encoding="utf-8")
        return [document.content for document in AbcDataset(sources=(str(tmp_path),), **options).documents()]

    return read


def test_books_and_folders_give_a_document_for_each_tune_with_its_line(tmp_path):
    (tmp_path / "a.abc").write_text(f"%abc-2.1\nA book of mine\n\n{TUNE}\n\nX:2\nK:C\nM:2/4\nC4|]\n", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not a tune")
    documents = list(AbcDataset(sources=(str(tmp_path),)).documents())
    assert [document.id for document in documents] == [f"{tmp_path / 'a.abc'}:4", f"{tmp_path / 'a.abc'}:10"]
    assert documents[1].content == "X:1\nM:2/4\nL:1/8\nK:C\nC4 |]"


def test_a_tune_is_written_in_one_spelling(read):
    book = (
        "X: 37\nZ:me\nL:1/8\nT: The  Ice\nC:her\nM:C|\nK: A dorian\n% quick\n"
        '+trill+A2/2 "slow"B/ "Am"c/>d4/1 |1 e// :|\nw:la la\n[2 [K:G minor] y A,8||'
    )
    assert read(book, bars="any") == [
        'X:1\nT:The Ice\nM:C|\nL:1/8\nK:Ador\n!trill!AB/2"Am"c/2>d4 |[1 e/4 :|[2 [K:Gm] A,8 ||'
    ]


def test_chord_symbols_are_written_in_one_way_and_other_texts_are_left_out(read):
    book = 'X:1\nM:4/4\nL:1/4\nK:C\n"G(Em)"C2"C/e"D2|"D/f#"E2"E♭7/b♭"F2|"C6/9"G2"A#o"A2|"^quick"B2"D.C."c2|]'
    written = '"G(Em)"C2 "C/E"D2 | "D/F#"E2 "Eb7/Bb"F2 | "C6/9"G2 "A#o"A2 | B2 c2 |]'
    assert read(book) == [f"X:1\nM:4/4\nL:1/4\nK:C\n{written}"]


def test_only_a_number_behind_a_bar_line_is_an_ending(read):
    book = 'X:1\nM:4/4\nL:1/8\nK:C\nC8|"first"1D6 D"text"2:|\n%\n2E7 E|/F7|]'
    assert read(book, bars="any") == ["X:1\nM:4/4\nL:1/8\nK:C\nC8 |[1 D6D2 :|[2 E7E |/2 F7 |]"]


def test_an_ending_of_several_passes_and_a_bar_line_that_is_not_seen_are_no_faults(read):
    book = "X:1\nM:4/4\nL:1/8\nK:C\nC8|1,3 D8:|2-4E8[|]F8|[1,3 G8|]"
    assert read_tune(book).faults == []
    assert read(book) == ["X:1\nM:4/4\nL:1/8\nK:C\nC8 |[1,3 D8 :|[2-4 E8 | F8 |[1,3 G8 |]"]


def test_fields_after_the_key_and_before_the_music_count_as_the_header(read):
    assert read("X:1\nM:4/4\nK:A\nM:6/8\nK:D\nA6|]") == ["X:1\nM:6/8\nK:D\nA6 |]"]


def test_of_a_header_field_that_comes_twice_the_last_counts_unless_it_is_text(read):
    book = "X:1\nT:One\nT:Two\nR:reel\nR:jig\nM:C\nM:6/8\nL:1/4\nL:1/8\nQ:90\nQ:80\nK:C\nK:D\nQ:70\nA6|]"
    assert read(book, fields="TRQ") == ["X:1\nT:One\nR:reel\nQ:70\nM:6/8\nL:1/8\nK:D\nA6 |]"]
    tune = read_tune(f"{book}\nK:G\nL:1/4\nG|]")
    assert [tune.fields[letter] for letter in "TMLQK"] == ["One\nTwo", "6/8", "1/8", "70", "D"]
    assert str(tune.key) == "D"


FILE_HEADER = "%abc-2.1\nM:3/4\nL:1/4 % quarters\nR:waltz\n%%titlefont Arial\n"


def test_a_tune_has_what_it_lacks_from_the_file_header(read):
    tunes = "X:1\nT:A\nK:C\nCDE|FGA|]\n\nX:2\nL:1/8\nR:slow\nK:G\nM:2/4\nGABc|]\n\nM:C\n\nX:3\nK:C\nC3|]"
    written = [
        "X:1\nT:A\nR:waltz\nM:3/4\nL:1/4\nK:C\nC D E | F G A |]",
        "X:1\nR:slow\nM:2/4\nL:1/8\nK:G\nGA Bc |]",
        "X:1\nR:waltz\nM:3/4\nL:1/4\nK:C\nC3 |]",
    ]
    assert read(f"{FILE_HEADER}\n{tunes}") == written
    assert read(f"{FILE_HEADER}{tunes}") == written  # without the empty line that ends it


def test_a_fault_is_told_with_its_line_also_below_a_file_header(read):
    with pytest.warns(UserWarning, match=r"0\.abc:13: the bar has 5/8 of 6/8"):
        assert len(read(f"{FILE_HEADER}\nX:1\nK:C\nC3|]\n\nX:2\nK:C\nC3|C5/|C3|]")) == 1


def test_a_metre_within_a_tune_leaves_the_length_of_notes_as_it_is(read):
    """Without L: a note is an eighth where the metre of the header is 4/4, a sixteenth where it is 2/4 (ABC standard 2.1, 3.1.7)."""
    assert read("X:1\nM:4/4\nK:C\nC8|[M:2/4]C4|D4|]") == ["X:1\nM:4/4\nK:C\nC8 | [M:2/4] C4 | D4 |]"]
    assert read("X:1\nM:2/4\nK:C\nC8|\nM:3/4\nC12|]") == ["X:1\nM:2/4\nK:C\nC8 |\nM:3/4\nC12 |]"]
    assert read("X:1\nM:4/4\nK:C\nM:2/4\nC4|]") == ["X:1\nM:2/4\nL:1/8\nK:C\nC4 |]"]


def test_a_whole_note_may_be_the_unit(read):
    assert read("X:1\nM:4/4\nL:1\nK:C\nC|D/E/|]") == ["X:1\nM:4/4\nL:1\nK:C\nC | D/2 E/2 |]"]


def test_a_chord_is_as_long_as_its_first_note(read):
    assert read("X:1\nM:2/4\nL:1/8\nK:C\n[CE2][C2E]C|[CE2G]4|]") == ["X:1\nM:2/4\nL:1/8\nK:C\n[CE2][C2E]C | [CE2G]4 |]"]


def test_of_fields_within_a_tune_those_stay_that_change_its_notes(read):
    assert read(
        "X:1\nM:4/4\nL:1/8\nK:C\nC8|[r:a remark]|:[Q:1/4=90]D8:|\nQ:1/4=80\n[K:G][L:1/4]E4|[I:linebreak $]1F4|]"
    ) == ["X:1\nM:4/4\nL:1/8\nK:C\nC8 | |: D8 :| [K:G] [L:1/4] E4 |[1 F4 |]"]


def test_only_the_named_fields_are_kept(read):
    assert read("X:1\nT:A\nC:B\nQ:1/4=90\nK:C\nC8|]", fields="C") == ["X:1\nC:B\nK:C\nC8 |]"]
    with pytest.raises(OptionError, match='fields has "Z", but must be letters of XTRCQMLK'):
        AbcDataset(fields="TZ")


def test_all_keys_are_twelve_of_one_mode_and_sound_alike_apart_from_pitch(read):
    tunes = read("X:1\nM:4/4\nL:1/4\nK:Em\n^DE^cA|_B=BE2|]", transpose="all")
    notes = [[note.midi for note in read_tune(tune).notes] for tune in tunes]
    assert sorted(first - notes[0][0] for first, *_ in notes) == sorted({first - notes[0][0] for first, *_ in notes})
    assert len({tune.split("K:")[1].split("\n")[0] for tune in tunes}) == 12
    for other in notes:
        assert len({one - two for one, two in zip(other, notes[0], strict=True)}) == 1
        assert -6 <= other[0] - 63 <= 6


@pytest.mark.parametrize(
    ("transpose", "written"),
    [
        ("tonic", 'X:1\nM:4/4\nL:1/4\nK:Cm\n"Ab7/C"=Bc BA |]'),
        ("signature", 'X:1\nM:4/4\nL:1/4\nK:Am\n"F7/A"^ga gf |]'),
    ],
)
def test_all_tunes_can_be_brought_to_one_tonic_or_signature(read, transpose, written):
    assert read('X:1\nM:4/4\nL:1/4\nK:Em\n"C7/E"^dedc|]', transpose=transpose) == [written]


@pytest.mark.parametrize(
    ("tune", "fault"),
    [
        ("X:2\nT:no key\nM:4/4", ":9: there is no K: field"),
        ("X:2\nK:C\nM:3/4\nC6|C5|C6|]", ":10: the bar has 5/8 of 6/8"),
        ("X:2\nM:4/4\nL:1/4\nK:C\nCDEF|\nCDE|CDEF|]", ":12: the bar has 6/8 of 8/8"),
        ("X:2\nK:C\n[CE|", ':9: "[" is not closed'),
        ("X:2\nK:C\nC & D", ':9: "&" means nothing here'),
        ("X:2\nM:4\nK:C\nC|", ":8: M:4 is no metre"),
        ("X:2\nM:1/0\nK:C\nC|", ":8: M:1/0 is no metre"),
        ("X:2\nM:9+9/1\nK:C\nC|", ":8: M:9+9/1 is no metre"),
        ("X:2\nL:0\nK:C\nC|", ":8: L:0 is no length"),
        ("X:2\nL:17/1\nK:C\nC|", ":8: L:17/1 is no length"),
        ("X:2\nK:C\nV:1\nC|\nV:2\nC|", ":11: it has voices"),
        ("X:2\nK:C\n[V:1]C|[V:2]C|", ":9: it has voices"),
        ("X:2\nK:C\n(3CD|", ":9: a tuplet lacks 1 of its notes"),
        ("X:2\nK:C\nz8|", ":9: there is no note"),
        ("X:2\nK:C\n[" + "C" * 100_000 + "]8|", ":9: a chord has more than 16 notes"),
        ("X:2\nK:C\n" + "C8|\n" * LONGEST, ":7: the tune has more than 262,144 characters"),
        ("X:2\nK:C\nC9999/7 D9999/9998|", ":9: a note's length is finer"),
    ],
)
def test_an_ill_formed_tune_is_left_out_with_file_line_and_reason(read, tune, fault):
    with pytest.warns(UserWarning, match=r"1 of 2 tunes left out:\n.*0\.abc" + re.escape(fault)):
        assert len(read(f"{TUNE}\n\n{tune}")) == 1


def test_a_book_without_a_tune_is_refused_with_the_reason(read):
    with pytest.raises(CorpusError, match=r"There is no well-formed tune in .*  .*0\.abc:3: there is no K: field"):
        read("X:1\nT:Nothing\nM:4/4\n")


@pytest.mark.parametrize(
    "key", ["G clef=treble", "G treble", "Gmaj clef=bass", "G clef=treble-8 middle=B", "G  Bass3", "G none"]
)
def test_a_key_is_told_whatever_the_clef(read, key):
    tune = f"X:1\nM:4/4\nL:1/8\nK:{key}\nF8|G8|]"
    assert read(tune) == ["X:1\nM:4/4\nL:1/8\nK:G\nF8 | G8 |]"]
    assert read(tune, transpose="tonic") == ["X:1\nM:4/4\nL:1/8\nK:C\nB8 | c8 |]"]


def test_the_octave_that_the_notes_are_written_in_stays(read):
    tune = "X:1\nM:4/4\nL:1/8\nK:Gmaj clef=bass octave=-1\nF8|[K:alto octave=+1]G8|\nK:D octave=0 treble\nA8|]"
    assert read(tune) == [
        "X:1\nM:4/4\nL:1/8\nK:G octave=-1\nF8 | [K:octave=1] G8 |\nK:D octave=0\nA8 |]",
    ]
    assert read(tune, transpose="tonic") == [
        "X:1\nM:4/4\nL:1/8\nK:C octave=-1\nB8 | [K:octave=1] c8 |\nK:G octave=0\nd8 |]",
    ]


def test_a_clef_without_a_key_is_left_out_and_the_key_stays(read):
    tune = "X:1\nM:4/4\nL:1/8\nK:D\nK:clef=bass\nM:C|\n^G4[K: clef=alto]G4|\nK:bass\nf8|]"
    assert read(tune) == ["X:1\nM:C|\nL:1/8\nK:D\n^G4 G4 | f8 |]"]
    assert read(tune, transpose="tonic") == ["X:1\nM:C|\nL:1/8\nK:C\n^F4 F4 | e8 |]"]


@pytest.mark.parametrize("key", ["G ^c", "Dphr =f", "clef=bass", "HP", "none", "Gclef", "G trebled"])
def test_what_is_no_key_or_has_accidentals_of_its_own_stays_as_it_is(read, key):
    assert read(f"X:1\nK:{key}\nF8|]") == [f"X:1\nK:{key}\nF8 |]"]


def test_a_tune_that_cannot_be_transposed_stays_as_it_is(read):
    assert read("X:1\nM:4/4\nL:1/8\nK:G\nG8|[K:none]G8|]", transpose="all") == [
        "X:1\nM:4/4\nL:1/8\nK:G\nG8 | [K:none] G8 |]"
    ]


def test_chord_symbols_are_transposed_whole(read):
    book = 'X:1\nM:4/4\nL:1/4\nK:D\n"G(Em)"D2"D/f#"D2|"C6/9"D2"A#o"D2|"N.C."D4|]'
    written = '"F(Dm)"C2 "C/E"C2 | "Bb6/9"C2 "G#o"C2 | "N.C."C4 |]'
    assert read(book, transpose="tonic") == [f"X:1\nM:4/4\nL:1/4\nK:C\n{written}"]


@pytest.mark.parametrize(
    "music",
    [
        "CDEF|\\ % joined to the next\nGABc|]",
        "CDEF|$ GABc|]",
        "CD#*;EF|?GA@Bc|]",
        "V:1\nCDEF|\nV:1 clef=treble\nGA[V:1]Bc|]",
    ],
)
def test_what_one_voice_may_hold_is_no_fault(read, music):
    assert read(f"X:1\nM:4/4\nL:1/4\nK:C\n{music}") == ["X:1\nM:4/4\nL:1/4\nK:C\nCD EF | GA Bc |]"]


@pytest.mark.parametrize(
    ("key", "music", "sounds"),
    [
        ("C", "{^f}g2f2|f4", [79, 78, 77]),  # the accidental of a grace note holds in its bar
        ("C", "^f4-|f2f2", [78, 78, 77]),  # that of a tied note for the note that it is tied to
        ("C", "^f4-|{g}=f2f2", [78, 77, 77]),
        ("C", "^f4-|z2f2", [78, None, 77]),
        ("C", "[^fa]4-|[fa]4", [78, 78]),
        ("C", "[a^f-]4|[af]4", [78, 78]),
        ("C", "[^fa-]4|[fa]4", [78, 77]),
        ("G", "=f4-|f4-|f4|f4", [77, 77, 77, 78]),
    ],
)
def test_a_note_sounds_as_accidentals_and_ties_make_it(key, music, sounds):
    tune = read_tune(f"X:1\nM:4/4\nL:1/8\nK:{key}\n{music}|]")
    assert [note.midi for note in tune.notes] == sounds


@pytest.mark.parametrize("long", ["W:{}", "% {}", "K:C clef=treble name={}", 'C8|"^{}"C8|\nC8|', "C8| % {}"])
def test_a_long_line_of_words_does_not_become_music(long):
    tune = read_tune(f"X:1\nM:4/4\nL:1/8\nK:C\n{long.format('a cab face ' * 1000)}\nC8|]")
    assert tune.faults == []
    assert {(note.midi, note.ticks) for note in tune.notes} == {(60, WHOLE)}


def test_a_rest_may_last_several_bars(read):
    assert read("X:1\nM:3/4\nL:1/8\nK:C\nC6|Z4|X2|C6|]") == ["X:1\nM:3/4\nL:1/8\nK:C\nC6 | Z4 | X2 | C6 |]"]
    with pytest.raises(CorpusError, match="the bar has 13/8 of 6/8"):
        read("X:1\nM:3/4\nL:1/8\nK:C\nC6|Z2C|C6|]")


def test_grace_notes_may_be_chords(read):
    assert read("X:1\nM:4/4\nL:1/8\nK:C\n{[CE]}C4{/[C2E2]d}D4|[C{d}E]8|]") == [
        "X:1\nM:4/4\nL:1/8\nK:C\n{[CE]}C4 {/[C2E2]d}D4 | [C{d}E]8 |]"
    ]


def test_a_dotted_bar_line_is_a_bar_line(read):
    assert read("X:1\nM:4/4\nL:1/8\nK:C\nC8.|.D8 .| E8.|1F8|]") == ["X:1\nM:4/4\nL:1/8\nK:C\nC8 | .D8 | E8 |[1 F8 |]"]


BLOCK = "%%begintext\nA reel: play it fast\n\n%%endps\nK:D\nM:3/4 C|\n%%endtext\n"


def test_text_between_begintext_and_endtext_is_none_of_the_tune(read):
    tune = f"X:1\nM:4/4\nL:1/8\n{BLOCK}K:C\nC8|\n%%beginps\nD2 E]\n%%endps\nF8|]"
    assert read(f"{BLOCK}\n{tune}\n{BLOCK}") == ["X:1\nM:4/4\nL:1/8\nK:C\nC8 | F8 |]"]


def test_a_fault_behind_such_a_text_is_told_with_its_line(read):
    with pytest.warns(UserWarning, match=r"0\.abc:12: the bar has 7/8 of 8/8"):
        assert len(read(f"X:1\nM:4/4\nL:1/8\n{BLOCK}K:C\nC8|C7|C8|]\n\n{TUNE}")) == 1


def test_a_text_without_its_end_costs_no_more_than_its_tune(read):
    with pytest.warns(UserWarning, match=r"1 of 2 tunes left out:\n.*0\.abc:8: there is no K: field"):
        assert len(read(f"X:1\nM:4/4\n%%begintext\nWords\n\nK:C\nC8|]\n\n{TUNE}")) == 1


def test_what_has_no_end_and_is_no_tune_is_not_held():
    lines = itertools.chain(["X:1", "K:C"], itertools.repeat("CDEF GABc|" * 100, 20_000), ["", "X:2", "K:C", "C8|]"])
    tracemalloc.start()
    try:
        (first, long), (second, short) = tunes_of((line[:] + " " for line in lines), longest=10_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (first, second, len(short)) == (1, 20_004, 3)
    assert 10_000 < sum(map(len, long)) < 12_000
    assert peak < 100_000


def test_bars_may_be_any_where_asked(read):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read("X:1\nM:3/4\nK:C\nC6|C5|C6|]", bars="any")) == 1


def test_files_that_have_not_changed_are_told_without_being_read(tmp_path, monkeypatch):
    monkeypatch.setattr("seqgen.core.files.SETTLED_NS", -(10**12))  # these were written just now
    (tmp_path / "tune.abc").write_text(TUNE, "utf-8")
    monkeypatch.setattr("seqgen.core.files.Source.blocks", lambda _: pytest.fail("it was read"))
    assert AbcDataset(sources=(str(tmp_path),)).stamp() == AbcDataset(sources=(str(tmp_path),)).stamp() is not None
