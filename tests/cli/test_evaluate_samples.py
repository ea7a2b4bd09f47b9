"""``seqgen evaluate --samples``: what a model writes, beside held-out text of its corpus."""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqgen.judging import judge
from seqgen.judging.measures import without_cut_word
from seqgen.judging.passages import Passages
from seqgen.untrusted import shown

CORPORA = Path(__file__).parents[2] / "corpora"
STEPS = Path(__file__).parents[1] / "steps_plugin" / "src"
SHARES = ("real_words", "distinct_1", "distinct_2", "distinct_3", "distinct_4", "seq_rep_4", "copied_shingles")


@pytest.fixture(autouse=True)
def no_system_words(monkeypatch, tmp_path):
    monkeypatch.setattr(judge, "SYSTEM_WORDS", tmp_path / "no-words")


@pytest.fixture
def recorded(novel):
    """The model ``novel``, whose corpus is where it was."""
    return Path(json.loads((novel / "manifest.json").read_text())["corpus"]["sources"][0])


def samples(outcome) -> dict:
    assert (outcome.exit_code, outcome.stderr) == (0, ""), outcome
    return json.loads(outcome.stdout)["samples"]


def test_samples_are_measured_beside_as_many_held_out_passages(seqgen, novel):
    found = samples(seqgen("evaluate", "novel", "--samples", 6, "--temperature", 3, "--json"))
    written, held_out = found["written"], found["held_out"]
    assert found["length"] == 600 // 6  # the held-out tenth of 6000 characters, shared out
    assert written["texts"] == held_out["texts"] == 6
    assert written["characters"] == pytest.approx(held_out["characters"], rel=0.1)
    for figures in (written, held_out):
        assert all(0 <= figures[share] <= 1 for share in SHARES)
    assert written["real_words"] < held_out["real_words"] < 1  # so hot, it spells badly


def test_samples_end_with_whole_words_and_held_out_passages_are_from_all_over(seqgen, recorded, monkeypatch):
    measured, cut = [], []
    measure, spread = judge.measure, Passages.spread
    monkeypatch.setattr(
        judge, "measure", lambda texts, *of, **by: (measured.append(texts), measure(texts, *of, **by))[1]
    )
    monkeypatch.setattr(Passages, "spread", lambda all_of_it, most: (cut.append(all_of_it), spread(all_of_it, most))[1])
    samples(seqgen("evaluate", "novel", "--samples", 6, "--length", 40, "--json"))
    written, held_out = measured
    assert [without_cut_word(text) for text in written] == written
    assert len(cut[-1]) > len(held_out) == 6
    assert (held_out[0], held_out[-1]) == (cut[-1][0], cut[-1][len(cut[-1]) - 1])
    before, _, _ = recorded.read_text("utf-8").rpartition(held_out[0])
    assert before[-1:].isspace()  # though what is held out begins within a word


def test_the_longest_copied_span_is_in_the_corpus(seqgen, recorded):
    written = samples(seqgen("evaluate", "novel", "--samples", 6, "--json"))["written"]
    assert written["copied_text"] in recorded.read_text("utf-8")
    assert len(written["copied_text"]) == written["longest_copied"] > 3


def test_the_same_random_seed_gives_the_same_figures_and_sampling_changes_them(seqgen, novel):
    def written(*options):
        return samples(seqgen("evaluate", "novel", "--samples", 3, "--json", *options))["written"]

    assert written() == written("--random-seed", 0) != written("--random-seed", 1)
    assert written("--temperature", 0)["distinct_1"] < written("--temperature", 1)["distinct_1"]
    assert written("--temperature", 0) == written("--sampler", "greedy")


def test_the_table_shows_the_same_figures(seqgen, novel, tmp_path):
    (tmp_path / "words.txt").write_text("The\nICE\nwas\n")
    options = ("evaluate", "novel", "--samples", 6, "--words", "words.txt")
    found = samples(seqgen(*options, "--json"))
    outcome = seqgen(*options)
    rows = {name: cells for name, *cells in (re.split(r"\s{2,}", line.strip()) for line in outcome.stdout.splitlines())}
    columns = (found["written"], found["held_out"])
    assert rows["words of the corpus"] == [f"{figures['real_words']:.1%}" for figures in columns]
    assert rows["words of words.txt"] == [f"{figures['listed_words']:.1%}" for figures in columns]
    assert rows["distinct-2"] == [f"{figures['distinct_2']:.3f}" for figures in columns]
    assert rows["longest copied span"] == [str(figures["longest_copied"]) for figures in columns]
    assert f"The longest that the samples copied: {found['written']['copied_text']!r}" in outcome.stdout


def test_files_may_be_scored_in_the_same_command(seqgen, corpus, novel):
    record = json.loads(seqgen("evaluate", "novel", corpus, "--samples", 2, "--json").stdout)
    assert [each["file"] for each in record["files"]] == [str(corpus)]
    assert record["samples"]["written"]["texts"] == 2


@pytest.mark.parametrize(("length", "has"), [(250, "2 passages"), (500, "1 passage")])
def test_where_the_held_out_text_is_short_that_is_said(seqgen, novel, length, has):
    outcome = seqgen("evaluate", "novel", "--samples", 5, "--length", length, "--json")
    (note,) = json.loads(outcome.stdout)["samples"]["notes"]
    assert note == f"The held-out text has {has} of up to {length} tokens, so as many samples are measured, not 5."
    assert outcome.stderr == f"note: {note}\n"


def test_where_hardly_any_word_of_the_held_out_text_is_in_the_corpus_that_is_said(seqgen, tmp_path):
    signs = "天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏閏餘成歲律呂調陽"
    drawn = random.Random(0)
    lines = [f"{''.join(drawn.choices(signs, k=8))}。\n" for _ in range(300)]
    (tmp_path / "signs.txt").write_text("".join(lines), "utf-8")
    options = ("--hidden-size", 8, "--max-steps", 2, "--seq-len", 16, "--ngram-order", 0)
    assert seqgen("train", "signs.txt", "-q", *options).exit_code == 0
    outcome = seqgen("evaluate", "signs", "--samples", 1, "--length", 20, "--json")
    (note,) = json.loads(outcome.stdout)["samples"]["notes"]
    assert note == (
        "Only 0.0% of the words of the held-out text itself are in what was trained on, as in writing without spaces between "
        "words, or of names: the figures that count words mean little here."
    )


def test_without_held_out_text_the_samples_stand_alone(seqgen, corpus):
    options = ("--hidden-size", 8, "--max-steps", 2, "--seq-len", 16, "--validation-fraction", 0)
    assert seqgen("train", corpus, "-q", *options).exit_code == 0
    outcome = seqgen("evaluate", "novel", "--samples", 2, "--length", 60, "--json")
    found = json.loads(outcome.stdout)["samples"]
    assert (found["written"]["texts"], found["held_out"]) == (2, None)
    assert found["notes"] == ["novel:1 has no held-out text of 60 tokens to compare with."]
    assert seqgen("evaluate", "novel", "--samples", 2, "--length", 60).stdout.count(" - ") > 5


def test_lines_are_compared_with_whole_lines_that_were_held_out(seqgen, tmp_path):
    options = ("--hidden-size", 16, "--max-steps", 30, "--learning-rate", 0.02, "--batch-size", 8)
    assert seqgen("train", "names", "-q", *options).exit_code == 0
    found = samples(seqgen("evaluate", "names", "--samples", 20, "--json"))
    assert found["written"]["texts"] == found["held_out"]["texts"] == 20
    names = (CORPORA / "names.txt").read_text("utf-8")
    assert found["held_out"]["copied_text"] in names
    assert "\n" not in found["written"]["copied_text"]


def test_binary_media_are_measured_by_their_bytes(seqgen, install, tmp_path, monkeypatch):
    install("seqgen_steps", None)
    monkeypatch.syspath_prepend(STEPS)
    from seqgen_steps.dataset import WalksDataset

    (walks,) = WalksDataset.example(tmp_path, 3000)
    options = ("--dataset", "walks", "--tokenizer", "steps", "--hidden-size", 8, "--max-steps", 4, "--seq-len", 16)
    assert seqgen("train", walks, "-q", *options, "--name", "walks").exit_code == 0
    outcome = seqgen("evaluate", "walks", "--samples", 2, "--json")
    figures = json.loads(outcome.stdout)["samples"]["written"]
    assert figures["real_words"] is None
    assert 0 < figures["distinct_1"] <= 1
    assert "\n bytes " in seqgen("evaluate", "walks", "--samples", 2).stdout


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_figures_are_plotted(seqgen, novel, tmp_path, suffix):
    outcome = seqgen("evaluate", "novel", "--samples", 3, "--plot", f"novel.{suffix}")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    begins = {"svg": b"<?xml", "png": b"\x89PNG"}[suffix]
    assert (tmp_path / f"novel.{suffix}").read_bytes().startswith(begins)


def test_a_plot_of_no_known_format_is_refused_before_anything_is_written(refused, novel):
    sentence = refused("evaluate", "novel", "--samples", 3, "--plot", "novel.txt", exit_code=2)
    assert sentence.startswith('A plot cannot be written as "novel.txt": its suffix must be one of ')


def test_a_plot_in_no_folder_is_refused_before_anything_is_written(refused, novel, tmp_path, monkeypatch):
    monkeypatch.setattr(judge, "judge", lambda *_, **__: pytest.fail("it was measured"))
    sentence = refused("evaluate", "novel", "--samples", 2, "--plot", tmp_path / "no" / "novel.svg", exit_code=1)
    assert sentence == f"{tmp_path / 'no' / 'novel.svg'} cannot be written: No such file or directory."


@pytest.mark.parametrize("json_wanted", [False, True])
def test_a_plot_that_cannot_be_written_takes_no_figures_away(seqgen, novel, tmp_path, json_wanted):
    (tmp_path / "novel.svg").mkdir()
    outcome = seqgen("evaluate", "novel", "--samples", 2, "--plot", "novel.svg", *["--json"] * json_wanted)
    assert (outcome.exit_code, outcome.stderr) == (1, "error: novel.svg cannot be written: Is a directory.\n")
    assert ("distinct_2" if json_wanted else "distinct-2") in outcome.stdout


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (("--plot", "novel.nope"), 'A plot cannot be written as "novel.nope"'),
        (("--words", "list.txt"), "The word list list.txt cannot be read"),
        (("--sampler", "nothing"), 'No sampler "nothing".'),
        (("--temperature", -1), "sampler temperature: temperature is -1.0, but must be"),
    ],
)
def test_what_is_wrong_with_the_samples_is_told_before_a_file_is_scored(refused, corpus, novel, wrong, sentence):
    corpus.write_text("The ice ☃.")  # of which scoring would warn
    assert refused("evaluate", "novel", corpus, "--samples", 2, *wrong, exit_code=2).startswith(sentence)


def test_without_matplotlib_the_plot_says_what_to_install(refused, novel, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.backend_bases", None)
    sentence = refused("evaluate", "novel", "--samples", 3, "--plot", "novel.svg", exit_code=1)
    assert sentence == 'The plot needs matplotlib, which is not installed.  pip install "seqgen[plot]"'


@pytest.fixture
def named(novel):
    """Let the folder of the model ``novel`` name other sources."""

    def name(*sources):
        manifest = json.loads((novel / "manifest.json").read_text())
        manifest["corpus"]["sources"] = list(map(str, sources))
        (novel / "manifest.json").write_text(json.dumps(manifest))

    return name


@pytest.fixture
def moved(recorded):
    """The corpus of ``novel``, put elsewhere for a while."""
    elsewhere = recorded.with_name("elsewhere.txt")
    recorded.rename(elsewhere)
    yield SimpleNamespace(before=recorded, now=elsewhere)
    elsewhere.rename(recorded)


def test_a_corpus_that_has_moved_is_named_and_may_be_given(seqgen, refused, moved):
    sentence = refused("evaluate", "novel", "--samples", 3, exit_code=1)
    assert sentence == (
        f"The corpus of novel:1 cannot be read any more: {moved.before} does not exist.  "
        "Name it where it is, as it was, with --corpus FILE"
    )
    found = samples(seqgen("evaluate", "novel", "--samples", 3, "--json", "--corpus", moved.now))
    assert (found["corpus"], found["notes"]) == ([str(moved.now)], [])


def test_a_corpus_that_has_changed_is_told_and_taken_only_on_request(seqgen, refused, moved):
    moved.before.write_text(moved.now.read_text("utf-8").upper(), "utf-8")
    sentence = refused("evaluate", "novel", "--samples", 3, exit_code=1)
    assert sentence.startswith(f"{moved.before} is not what novel:1 was trained on: it has changed.")
    assert "--corpus FILE" in sentence
    outcome = seqgen("evaluate", "novel", "--samples", 3, "--corpus", moved.before)
    assert outcome.exit_code == 0
    assert outcome.stderr.startswith(f"note: {moved.before} is not what novel:1 was trained on")


def test_of_a_corpus_that_is_another_no_token_is_kept(refused, named, corpus, seqgen_home):
    before = sorted((seqgen_home / "tokens").glob("*"))
    corpus.write_text("Another text.")
    named(corpus)
    assert "was trained on: it has changed" in refused("evaluate", "novel", "--samples", 3, exit_code=1)
    assert sorted((seqgen_home / "tokens").glob("*")) == before


def test_a_corpus_that_was_named_by_a_glob_is_found_again(seqgen, named, recorded):
    named(recorded.with_name("*.txt"))
    assert samples(seqgen("evaluate", "novel", "--samples", 3, "--json"))["corpus"] == [
        str(recorded.with_name("*.txt"))
    ]


@pytest.mark.parametrize(
    ("source", "objection"),
    [
        ("~", "~, which is no whole path"),
        ("novel.txt", "novel.txt, which is no whole path"),
        ("/a\0/*", "/a\\x00/*, which is no whole path"),
        ("/\ud800/*", "which is no whole path"),
        ("/", "/, where the files of the system are"),
        ("/**/*.txt", "/**/*.txt, where the files of the system are"),
        ("/proc/version", "/proc/version, where the files of the system are"),
        ("/dev/zero", "/dev/zero, which is neither a file nor a folder"),
    ],
)
def test_what_no_corpus_is_is_not_read_unasked(refused, named, corpus, monkeypatch, source, objection):
    monkeypatch.setattr("seqgen.recorded_corpus.recorded_dataset", lambda *_: pytest.fail(f"{source} was read"))
    named(source)
    sentence = refused("evaluate", "novel", "--samples", 3, exit_code=1, stdin=b"The ice was thin.")
    assert sentence.startswith("novel:1 says that it was trained on ")
    assert f"{objection}, so that is not read.  Name it where it is, as it was, with --corpus FILE" in sentence


@pytest.mark.parametrize(("count", "size"), [(1, 1 << 31), (400, 1)])
def test_a_folder_with_far_more_than_a_model_was_trained_on_is_not_read(
    refused, named, tmp_path, monkeypatch, count, size
):
    monkeypatch.setattr("seqgen.corpus_guard.SLACK", 1 << 20)
    monkeypatch.setattr("seqgen.recorded_corpus.recorded_dataset", lambda *_: pytest.fail("it was read"))
    (tmp_path / "texts" / "of all").mkdir(parents=True)
    for number in range(count):
        with (tmp_path / "texts" / "of all" / f"{number}.txt").open("wb") as file:
            file.truncate(size)
    named(tmp_path / "texts")
    assert refused("evaluate", "novel", "--samples", 3, exit_code=1) == (
        f"novel:1 says that it was trained on far less than {shown(str(tmp_path / 'texts'))} has, so that is not read.  "
        "Name it where it is, as it was, with --corpus FILE"
    )


def test_a_url_that_a_model_folder_names_is_not_fetched_unasked(refused, named):
    named("http://127.0.0.1:9/novel.txt")
    assert refused("evaluate", "novel", "--samples", 3, exit_code=1) == (
        "The corpus of novel:1 was read from http://127.0.0.1:9/novel.txt, and what a model folder names is not fetched "
        "unasked.  Name it with --corpus URL"
    )


@pytest.mark.parametrize("lineage", [{}, {"corpus": {"sources": []}}])
def test_a_model_that_does_not_say_what_it_was_trained_on_takes_a_corpus(seqgen, refused, novel, recorded, lineage):
    manifest = json.loads((novel / "manifest.json").read_text())
    del manifest["corpus"]
    (novel / "manifest.json").write_text(json.dumps(manifest | lineage))
    sentence = refused("evaluate", "novel", "--samples", 3, exit_code=1)
    assert sentence.startswith("novel:1 does not say what it was trained on.")
    assert seqgen("evaluate", "novel", "--samples", 3, "--corpus", recorded).exit_code == 0


def test_a_lineage_that_is_none_is_refused_as_damaged(refused, novel):
    manifest = json.loads((novel / "manifest.json").read_text())
    (novel / "manifest.json").write_text(json.dumps(manifest | {"corpus": None}))
    assert refused("evaluate", "novel", "--samples", 3, exit_code=1) == (
        "novel:1/manifest.json: corpus is not what a manifest has there; the model was altered or damaged."
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "The word list list.txt cannot be read: No such file or directory."),
        (b"\xff\xfe\x00", "The word list list.txt cannot be read: it is not UTF-8 text."),
        (b"12\n13\n", "The word list list.txt has no words."),
    ],
)
def test_a_word_list_that_cannot_be_used_is_a_sentence(refused, novel, tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "list.txt").write_bytes(content)
    assert refused("evaluate", "novel", "--samples", 3, "--words", "list.txt", exit_code=2) == sentence


def test_what_is_of_the_files_needs_them(refused, novel):
    sentence = refused("evaluate", "novel", "--samples", 3, "--dataset", "lines", exit_code=2)
    assert sentence == "--dataset says how FILE becomes documents, and there is none: the corpus is read as it was."


def test_what_is_of_the_samples_needs_them(refused, corpus, novel):
    sentence = refused("evaluate", "novel", corpus, "--plot", "novel.svg", exit_code=2)
    assert sentence == "--plot is of the samples that MODEL writes: it needs --samples N"
