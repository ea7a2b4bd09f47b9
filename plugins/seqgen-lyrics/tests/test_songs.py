"""What the dataset ``songs`` makes of files as people have them."""

from __future__ import annotations

import json

import pytest

from seqgen.core.errors import CorpusError, SeqgenWarning
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
    ],
)
def test_headings_are_brought_to_one_form(tmp_path, written, read):
    assert song_in(tmp_path, f"one\n{written}\ntwo\n") == f"one\n\n{read}\ntwo\n"


@pytest.mark.parametrize("sung", ["(oh yes)", "Say: hello", "the chorus sings", "[sic] they said"])
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
    ],
)
def test_what_is_to_be_repeated_is_repeated(tmp_path, written, read):
    assert song_in(tmp_path, written) == read


def test_titles_and_artists_are_left_out_or_come_first(tmp_path):
    text = "Title: The Sea\nArtist: Me\n\nla\n"
    assert song_in(tmp_path, text) == "la\n"
    assert song_in(tmp_path, text, titles=True) == "The Sea\nMe\n\nla\n"


def test_lrc_files_lose_their_times_and_lines_stand_where_they_are_sung(tmp_path):
    text = "[ti:The Sea]\n[00:10.00]one\n[00:30.00][00:20.00]<00:20.10>two <00:20.50>three\n[00:25.00]\n[by:someone]\n"
    assert song_in(tmp_path, text, "song.lrc") == "one\ntwo three\n\ntwo three\n"
    assert song_in(tmp_path, text, "song.lrc", titles=True).startswith("The Sea\n\none\n")


def test_records_of_json_lines_and_csv_are_a_song_each(tmp_path):
    records = [{"title": "A", "artist": "Me", "lyrics": "la\n\nlo"}, {"title": "B", "lyrics": "[Chorus]\nli"}]
    (tmp_path / "songs.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    (tmp_path / "songs.csv").write_text('Title,Artist,Lyrics\nA,Me,"la\n\nlo"\nB,,"[Chorus]\nli"\n', "utf-8")
    for name in ("songs.jsonl", "songs.csv"):
        assert songs_in(tmp_path / name) == ["la\n\nlo\n", "[Chorus]\nli\n"]
        assert songs_in(tmp_path / name, titles=True)[0] == "A\nMe\n\nla\n\nlo\n"
    ids = [document.id for document in SongsDataset(sources=(str(tmp_path / "songs.jsonl"),)).documents()]
    assert ids == [f"{tmp_path}/songs.jsonl#1", f"{tmp_path}/songs.jsonl#2"]


def test_records_without_words_are_left_out_and_told(tmp_path):
    lyrics = ["la", "", None, " ...\n", "lo"]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"lyrics": words}) + "\n" for words in lyrics), "utf-8")
    with pytest.warns(SeqgenWarning, match=r"a\.jsonl: 3 records have no words, left out: 2, 3, 4$"):
        assert songs_in(tmp_path / "a.jsonl") == ["la\n", "lo\n"]
    (tmp_path / "b.csv").write_text("title,lyrics\nA,\n", "utf-8")
    with pytest.warns(SeqgenWarning, match="1 record has"), pytest.raises(CorpusError, match="there is no song in"):
        songs_in(tmp_path / "b.csv")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.txt", "\n[Verse]\n\n...\n", r"a\.txt has no stanza: there is no line with a word in it"),
        ("a.jsonl", '{"words": "la"}\n', r"record 1 has no text in a field lyrics or .*It has: words.*songs:field="),
        ("a.jsonl", "{la}\n", r"a\.jsonl, line 1 is no JSON"),
        ("a.jsonl", "[1]\n", r"line 1 is no record"),
        ("a.csv", "lyrics\n\n", r"a\.csv, record|there is no song"),
        ("a.lrc", "[00:01.00]\n", r"a\.lrc has no stanza"),
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
