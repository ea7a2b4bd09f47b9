"""The bundled corpora are what they are said to be: plain, connected, and never the same twice."""

from __future__ import annotations

import itertools
import re
import zlib
from collections import Counter

import pytest

from seqgen.corpora import locate


@pytest.fixture(scope="module")
def ice():
    return locate("ice").read_text("utf-8")


@pytest.fixture(scope="module")
def names():
    return locate("names").read_text("utf-8").splitlines()


def longest_repeated_span(text, limit=400):
    """Neighbours in the sorted order of all suffixes share the longest spans; beyond ``limit`` it says the limit."""
    starts = sorted(range(len(text)), key=lambda start: text[start : start + limit])
    longest = ""
    for a, b in itertools.pairwise(starts):
        while text[a : a + len(longest) + 1] == text[b : b + len(longest) + 1] and len(longest) < limit:
            longest = text[a : a + len(longest) + 1]
            if max(a, b) + len(longest) >= len(text):
                break
    return longest


def test_ice_is_a_long_text_of_few_words(ice):
    words = re.findall(r"[a-z]+(?:'[a-z]+)?", ice.lower())
    assert len(ice) >= 120_000
    assert (len(ice), len(words), len(set(words))) == (172_000, 36_745, 1_340)


def test_ice_needs_only_plain_symbols(ice):
    assert set(ice) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz \n.,;:?!'\"-")


def test_ice_repeats_no_paragraph_and_no_sentence(ice):
    paragraphs = [paragraph for paragraph in ice.split("\n\n") if paragraph.strip()]
    assert max(Counter(paragraphs).values()) == 1
    sentences = [sentence for sentence in re.split(r"(?<=[.?!])[\"']?\s+", ice) if len(sentence.split()) >= 6]
    assert max(Counter(sentences).values()) == 1


def test_the_longest_span_that_stands_twice_in_ice_is_short(ice):
    assert len(longest_repeated_span(ice)) == 52


def test_ice_compresses_like_prose_and_not_like_a_template(ice):
    assert 0.30 < len(zlib.compress(ice.encode(), 9)) / len(ice) < 0.40


def test_the_prompt_of_the_demo_stands_in_ice(ice):
    assert ice.count("the ice") > 50


def test_the_names_are_about_a_thousand_and_all_different(names):
    assert len(names) == 1_036
    assert len({name.lower() for name in names}) == len(names)
    assert all(name == name.strip() and 4 <= len(name) <= 24 for name in names)


@pytest.fixture(scope="module")
def songs():
    return {path.stem: path.read_text("utf-8") for path in sorted(locate("songs").iterdir())}


def test_the_songs_are_at_least_forty_with_a_title_and_stanzas_each(songs):
    assert len(songs) >= 40
    for name, song in songs.items():
        assert song.startswith("Title: "), name
        assert song.endswith("\n"), name
        assert "\n\n\n" not in song, name
        assert len([stanza for stanza in song.split("\n\n")[1:] if "\n" in stanza]) >= 2, name


def test_no_stanza_stands_in_two_songs(songs):
    stanzas = Counter(
        stanza.strip()
        for song in songs.values()
        for stanza in {part.split("]\n")[-1] for part in song.split("\n\n")[1:] if not part.strip().endswith("]")}
    )
    assert max(stanzas.values()) == 1
    assert len(stanzas) > 150


def test_some_songs_have_a_chorus_that_comes_back_and_others_have_none(songs):
    choruses = [song.count("[Chorus]") for song in songs.values()]
    assert choruses.count(0) >= 10
    assert sum(count >= 2 for count in choruses) >= 20
