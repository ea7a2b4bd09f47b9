"""What the dataset ``songs`` makes of files as people have them."""

from __future__ import annotations

import json

import pytest

from seqgen.core.errors import CorpusError, SeqgenWarning
from seqgen_lyrics.sections import arranged
from seqgen_lyrics.songs import SongsDataset


def songs_in(path, **options):
    return [document.content for document in SongsDataset(sources=(str(path),), **options).documents()]


def song_in(tmp_path, text, name="song.txt", **options):
    (tmp_path / name).write_text(text, "utf-8")
    (song,) = songs_in(tmp_path / name, **options)
    return song


def test_stanzas_have_a_blank_line_between_them_and_no_other(tmp_path):
    assert song_in(tmp_path, "\n\nOne  day \n two\n\n \n\nthree\n\n") == "One day\ntwo\n\nthree\n"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("[Verse 2]", "[Verse]"),
        ("[Chorus: All]", "[Chorus]"),
        ("Verse 1:", "[Verse]"),
        ("CHORUS:", "[Chorus]"),
        ("(Bridge)", "[Bridge]"),
        ("[Pre-Chorus]", "[Prechorus]"),
        ("[Guitar Solo]", "[Guitarsolo]"),
        ("(Verse 2)", "[Verse]"),
        ("{Chorus}", "[Chorus]"),
        ("(Chorus: All)", "[Chorus]"),
        ("(Chorus - repeat)", "[Chorus]"),
        ("{Bridge 2 – slow}", "[Bridge]"),
        ("(Instrumental Break)", "[Instrumental]"),
        ("[Refrão]", "[Refrão]"),
        ("[Refra\u0303o 2]", "[Refrão2]"),  # its mark a character of its own
        ("[ПРИПЕВ]", "[Припев]"),
        ("[अंतरा]", "[अंतरा]"),  # whose vowel signs are marks
    ],
)
def test_headings_are_brought_to_one_form(tmp_path, written, read):
    assert song_in(tmp_path, f"one\n{written}\ntwo\n") == f"one\n\n{read}\ntwo\n"


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("[Verse]{}x", "[Verse] x\n"),
        ("Verse 1{}x", "Verse 1 x\n"),
        ("la (x2{}x", "la (x2 x\n"),
        ("la{}lo (x2)", "la lo\nla lo\n"),
        ("{}[Verse{}2{}]{}(x2){}", ""),
        ("Title: The{}Sea", "The{}Sea\n"),
    ],
)
def test_a_run_of_blanks_is_read_at_once(line, read):
    """A pattern with several places for blanks tries all the ways to share a run of them, which here would not end."""
    blanks = " " * 100_000
    song = arranged([line.replace("{}", blanks), "la"], titles=True)
    begin = read.replace("{}", blanks) + "\n" * line.startswith("Title")
    assert "".join(song) == (f"{begin}la\n" if read else "[Verse]\nla\n\n[Verse]\nla\n")


@pytest.mark.parametrize(
    "sung",
    [
        *("(oh yes)", "Say: hello", "the chorus sings", "[sic] they said", "Solo", "[everybody x3]", "[... да ...]"),
        *(
            "(Break my heart again)",
            "(Bridge over troubled water)",
            "(Solo tonight)",
            "(Hook me up)",
            "(Intro to love)",
        ),
        *("{Verse of mine}", "(припев)"),
    ],
)
def test_what_only_looks_like_a_heading_is_sung(tmp_path, sung):
    assert song_in(tmp_path, f"one\n{sung}\n") == f"one\n{sung}\n"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("la (x2)\nlo\n", "la\nla\nlo\n"),
        ("la [x3]\n", "la\nla\nla\n"),
        ("la\nlo\n(x2)\n", "la\nlo\n\nla\nlo\n"),
        ("[Chorus x2]\nla\n", "[Chorus]\nla\n\n[Chorus]\nla\n"),
        ("[Chorus]\nla\n\n[Verse]\nlo\n\n[Chorus]\n", "[Chorus]\nla\n\n[Verse]\nlo\n\n[Chorus]\nla\n"),
        ("[Chorus]\nla\n\n[Chorus] (x2)\n", "[Chorus]\nla\n\n[Chorus]\nla\n\n[Chorus]\nla\n"),
        ("la (x99)\n", "la\n" * 16),
        ("la (2x)\n", "la\nla\n"),
        ("la (repeat)\nlo (repeat 3x)\n", "la\nla\nlo\nlo\nlo\n"),
    ],
)
def test_what_is_to_be_repeated_is_repeated(tmp_path, written, read):
    assert song_in(tmp_path, written) == read


@pytest.mark.parametrize(
    "heading",
    [
        *("[Chorus] (2x)", "[Chorus] 2x", "[Chorus]x2", "[CHORUS] X2:", "[Chorus]: (x2)", "[Chorus] (repeat 2x)"),
        *("[Chorus 2x]", "[Chorus ×2]", "[Chorus (x2)]", "[Chorus: All, 2x]", "[Chorus 1 (2 x)]"),
        *("Chorus (2x)", "Chorus (x2):", "Chorus 2x:", "Chorus: x2", "Chorus x2", "Chorus 1 [2x]", "(Chorus 2x)"),
    ],
)
def test_a_heading_says_in_many_ways_that_its_section_comes_twice(tmp_path, heading):
    assert song_in(tmp_path, f"{heading}\nla\n") == "[Chorus]\nla\n\n[Chorus]\nla\n"
    assert song_in(tmp_path, f"[Chorus]\nla\n\n{heading}\n") == "[Chorus]\nla\n" + "\n[Chorus]\nla\n" * 2


@pytest.mark.parametrize(
    ("heading", "read"),
    [
        ("[Verse 2]", "[Verse]\nlo"),
        ("Verse 2:", "[Verse]\nlo"),
        ("[Verse]", "[Verse]\nla"),
        ("[Verse 1]", "[Verse]\nla"),
        ("[Verse 3]", "[Verse]\nla"),  # that was never written
        ("[Chorus] (repeat)", "[Chorus]\nli"),
        ("[Chorus 2]", "[Chorus]\nli"),
    ],
)
def test_a_heading_without_lines_brings_back_the_section_of_its_number_or_else_of_its_name(tmp_path, heading, read):
    song = "[Verse 1]\nla\n\n[Verse 2]\nlo\n\n[Chorus]\nli\n\n"
    assert song_in(tmp_path, f"{song}{heading}\n").endswith(f"]\nli\n\n{read}\n")


def test_titles_and_artists_are_left_out_or_come_first(tmp_path):
    text = "Title: The Sea\nArtist: Me\n\nla\n"
    assert song_in(tmp_path, text) == "la\n"
    assert song_in(tmp_path, text, titles=True) == "The Sea\nMe\n\nla\n"
    assert song_in(tmp_path, "Title: The Sea\nArtist: \n\nla\n", titles=True) == "The Sea\n\nla\n"
    (tmp_path / "a.csv").write_text('title,artist,lyrics\n"The\nSea",,la\n, ,lo\n', "utf-8")
    assert songs_in(tmp_path / "a.csv") == ["la\n", "lo\n"]
    assert songs_in(tmp_path / "a.csv", titles=True) == ["The Sea\n\nla\n", "lo\n"]


def test_lrc_files_lose_their_times_and_lines_stand_where_they_are_sung(tmp_path):
    text = "[ti:The Sea]\n[00:10.00]one\n[00:30.00][00:20.00]<00:20.10>two <00:20.50>three\n[00:25.00]\n[by:someone]\n"
    assert song_in(tmp_path, text, "song.lrc") == "one\ntwo three\n\ntwo three\n"
    assert song_in(tmp_path, text, "song.lrc", titles=True).startswith("The Sea\n\none\n")


def test_times_of_words_leave_the_blanks_that_are_around_them(tmp_path):
    text = (
        "[00:04.00] When<00:04.16> the<00:04.82> truth <00:05.10>is <00:05.30> <00:05.40> sing<00:05.50>ing <00:06.00>"
    )
    assert song_in(tmp_path, text, "song.lrc") == "When the truth is singing\n"


def test_tags_of_lrc_may_be_in_capitals_and_a_heading_is_none(tmp_path):
    text = "[AR:Some Artist]\n[Ti: The Sea]\n[LENGTH:03:10]\n[Chorus: All]\n[00:01.00]la\n"
    assert song_in(tmp_path, text, "song.lrc") == "[Chorus]\nla\n"
    assert song_in(tmp_path, text, "song.lrc", titles=True) == "Some Artist\nThe Sea\n\n[Chorus]\nla\n"


def test_records_of_json_lines_and_csv_are_a_song_each(tmp_path):
    records = [{"title": "A", "artist": "Me", "lyrics": "la\n\nlo"}, {"title": "B", "lyrics": "[Chorus]\nli"}]
    (tmp_path / "songs.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    (tmp_path / "songs.csv").write_text('Title,Artist,Lyrics\nA,Me,"la\n\nlo"\nB,,"[Chorus]\nli"\n', "utf-8")
    for name in ("songs.jsonl", "songs.csv"):
        assert songs_in(tmp_path / name) == ["la\n\nlo\n", "[Chorus]\nli\n"]
        assert songs_in(tmp_path / name, titles=True)[0] == "A\nMe\n\nla\n\nlo\n"
    ids = [document.id for document in SongsDataset(sources=(str(tmp_path / "songs.jsonl"),)).documents()]
    assert ids == [f"{tmp_path}/songs.jsonl#1", f"{tmp_path}/songs.jsonl#2"]


@pytest.mark.parametrize("field", ["auto", "Lyrics", "lyrics", " LYRICS"])
def test_a_field_is_found_whatever_its_case(tmp_path, field):
    (tmp_path / "a.csv").write_text("Title, Lyrics\nA,la\n", "utf-8")
    (tmp_path / "a.jsonl").write_text('{"Title": "A", "Lyrics ": "la"}\n', "utf-8")
    for name in ("a.csv", "a.jsonl"):
        assert songs_in(tmp_path / name, field=field, titles=True) == ["A\n\nla\n"]


@pytest.mark.parametrize(("field", "song"), [("auto", "la\n"), ("lyrics", "la\n"), ("Lyrics", "lo\n")])
def test_of_fields_that_differ_in_case_the_one_that_is_named_is_read(tmp_path, field, song):
    (tmp_path / "a.jsonl").write_text('{"Lyrics": "lo", "lyrics": "la"}\n', "utf-8")
    assert songs_in(tmp_path / "a.jsonl", field=field) == [song]


def test_a_json_file_that_is_a_list_has_a_song_a_record(tmp_path):
    songs = [{"title": "A", "lyrics": "la, la\n\nlo"}, {"title": "B", "lyrics": "li"}]
    (tmp_path / "a.json").write_text(json.dumps(songs, indent=2), "utf-8")
    assert songs_in(tmp_path / "a.json", titles=True) == ["A\n\nla, la\n\nlo\n", "B\n\nli\n"]


@pytest.mark.parametrize(
    ("table", "encoding"),
    [
        ("id;Lyrics;artist\n1;la, la;Me\n", "utf-8"),
        ("id\tLyrics\tartist\n1\tla, la\tMe\n", "utf-16"),
        ('sep=,\nid,Lyrics,artist\n1,"la, la",Me\n', "utf-8"),
    ],
)
def test_tables_are_read_as_excel_saves_them(tmp_path, table, encoding):
    (tmp_path / "a.csv").write_text(table, encoding)
    assert songs_in(tmp_path / "a.csv", titles=True) == ["Me\n\nla, la\n"]


def test_records_without_words_are_left_out_and_told(tmp_path):
    lyrics = ["la", "", None, " ...\n", "lo"]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"lyrics": words}) + "\n" for words in lyrics), "utf-8")
    with pytest.warns(SeqgenWarning, match=r"a\.jsonl: 3 records have no words, left out: 2, 3, 4$"):
        assert songs_in(tmp_path / "a.jsonl") == ["la\n", "lo\n"]
    (tmp_path / "b.csv").write_text("title,lyrics\nA,\n", "utf-8")
    with pytest.warns(SeqgenWarning, match="1 record has"), pytest.raises(CorpusError, match="there is no song in"):
        songs_in(tmp_path / "b.csv")


def test_files_without_words_are_left_out_and_told_where_others_have_some(tmp_path):
    for name, words in (
        ("a.txt", "la\n"),
        ("b.txt", ""),
        ("c.lrc", "[00:01.00]\n"),
        ("d.jsonl", '{"lyrics": "[Verse]"}\n'),
    ):
        (tmp_path / name).write_text(words, "utf-8")
    with pytest.warns(SeqgenWarning) as told:
        assert songs_in(tmp_path) == ["la\n"]
    assert [str(each.message) for each in told] == [
        f"{tmp_path}/d.jsonl: 1 record has no words, left out: 1",
        f"2 files have no words, left out: {tmp_path}/b.txt, {tmp_path}/c.lrc",
    ]


def test_a_table_is_cut_at_the_ends_of_its_lines_and_nowhere_else(tmp_path):
    """Not where a piece of the text ends, in the middle of a row, nor at what Python takes for the end of a line."""
    rows = [f"the song number {number},la\u2028lo number {number} la la la" for number in range(25_000)]
    (tmp_path / "a.csv").write_text("\n".join(["title,lyrics", *rows]), "utf-8")
    songs = songs_in(tmp_path / "a.csv", titles=True)
    assert (tmp_path / "a.csv").stat().st_size > 1 << 20
    assert songs == [f"the song number {n}\n\nla\nlo number {n} la la la\n" for n in range(25_000)]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.txt", "\n[Verse]\n\n...\n", r"a\.txt has no stanza: there is no line with a word in it"),
        ("a.jsonl", '{"words": "la"}\n', r"record 1 has no text in a field lyrics or .*It has: words.*songs:field="),
        ("a.jsonl", "{la}\n", r"a\.jsonl, line 1 is no JSON"),
        ("a.jsonl", "[1]\n", r"line 1 is no record"),
        ("a.csv", "lyrics\n\n", r"a\.csv, record|there is no song"),
        ("a.lrc", "[00:01.00]\n", r"a\.lrc has no stanza"),
        ("a.json", '{"lyrics": "la"}', r"a\.json is no list of records, as \[{\"text\": \"...\"}, ...] is"),
        ("a.js", 'window.tweets = [{"text": "la"}]', r"a\.js is no song, but a program: songs are text, LRC"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:04,000\nla\n", r"a\.srt is no song, but subtitles"),
    ],
)
def test_what_is_no_song_is_an_error_that_says_where(tmp_path, name, content, sentence):
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(CorpusError, match=sentence):
        songs_in(tmp_path / name)


def test_the_songs_that_come_with_seqgen_are_read():
    from seqgen.corpora import locate

    songs = songs_in(locate("songs"))
    assert len(songs) >= 40
    assert all(song.endswith("\n") and "(x2)" not in song for song in songs)


def test_files_that_have_not_changed_are_told_without_being_read(tmp_path, monkeypatch):
    monkeypatch.setattr("seqgen.core.files.SETTLED_NS", -(10**12))  # these were written just now
    (tmp_path / "song.txt").write_text("One day\n", "utf-8")
    monkeypatch.setattr("seqgen.core.files.Source.blocks", lambda _: pytest.fail("it was read"))
    assert SongsDataset(sources=(str(tmp_path),)).stamp() == SongsDataset(sources=(str(tmp_path),)).stamp() is not None
