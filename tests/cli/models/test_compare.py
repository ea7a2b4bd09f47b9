"""``seqgen models compare``."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading

import pytest

from seqgen.evaluation import Score
from seqgen.files import sha256


@pytest.fixture
def two(seqgen, novel, corpus):
    """``novel:1`` of characters, and ``words:1`` of words."""
    tiny = ("--hidden-size", 16, "--embedding-size", 8, "--seq-len", 16, "--batch-size", 4, "--max-steps", 6, "-q")
    assert seqgen("train", corpus, "--backend", "torch", "--tokenizer", "word", "--name", "words", *tiny).exit_code == 0
    return corpus


def test_differences_are_marked(seqgen, two):
    outcome = seqgen("models", "compare", "novel", "words")
    page = outcome.stdout
    assert re.search(r"novel:1 +words:1", page)
    assert re.search(r"^ *≠ +tokenizer +char +word *$", page, re.MULTILINE)
    assert re.search(r"^ *architecture +lstm +lstm *$", page, re.MULTILINE)
    assert re.search(r"^ *≠ +training\.max_steps +40 +6 *$", page, re.MULTILINE)
    assert re.search(r"^ *[≠ ] +created +\S+ \d\d:\d\d:\d\d UTC +\S+ \d\d:\d\d:\d\d UTC *$", page, re.MULTILINE)
    assert "training.optimizer" not in page
    assert "are the same for all and not shown" in outcome.stderr
    assert re.search(
        r"training\.optimizer +adamw +adamw", seqgen("models", "compare", "novel", "words", "--all").stdout
    )


def test_the_step_of_the_losses_stands_below_them(seqgen, novel):
    shutil.copytree(novel, novel.parent / "2")
    manifest = json.loads((novel / "manifest.json").read_text())
    (novel / "manifest.json").write_text(json.dumps(manifest | {"results": manifest["results"] | {"best_step": 20}}))
    page = seqgen("models", "compare", "novel:1", "novel:2").stdout
    assert re.search(r"train loss .*\n *≠ +best step +20 +40 *\n +steps +40 +40 *\n", page)


def test_they_are_measured_on_a_file_per_character_as_evaluate_does(seqgen, two):
    found = json.loads(seqgen("models", "compare", "novel", "words", "--on", two, "--json").stdout)
    assert found["models"] == ["novel:1", "words:1"]
    assert found["facts"]["tokenizer"] == {"values": ["char", "word"], "same": False}
    assert found["facts"]["architecture"]["same"] is True
    for model, bits in zip(("novel", "words"), found["files"][str(two)], strict=True):
        (file,) = json.loads(seqgen("evaluate", model, two, "--json").stdout)["files"]
        assert bits == file["bits_per_character"]
    assert found["unknown_shares"] == found["changed_shares"] == {str(two): [0, 0]}
    page = seqgen("models", "compare", "novel", "words", "--on", two).stdout
    assert re.search(r"≠ +bits per character on \S+novel.txt +\d\.\d{4} +\d\.\d{4}", page)


def test_where_they_predict_other_numbers_of_ends_that_is_said_with_what_compares(seqgen, novel, tmp_path):
    (tmp_path / "lines.txt").write_text("the ice\nthe sea\n" * 30)
    tiny = ("--hidden-size", 8, "--embedding-size", 4, "--batch-size", 4, "--max-steps", 2, "--ngram-order", 0, "-q")
    assert seqgen("train", "lines.txt", "--dataset", "lines", "--backend", "torch", *tiny).exit_code == 0
    command = ("models", "compare", "novel", "lines", "--on", "lines.txt")
    found = json.loads(seqgen(*command, "--json").stdout)
    (novel_bits, lines_bits), with_ends = found["files"]["lines.txt"], found["files_with_ends"]["lines.txt"]
    assert with_ends == [novel_bits, pytest.approx(lines_bits * 7 / 8)]  # lines of seven characters and an end
    assert seqgen(*command).stderr.splitlines()[0] == (
        "note: Not all predict the same number of document ends in lines.txt (novel:1 0, lines:1 60): each end takes bits, but is no "
        f"character.  With each end as a character: novel:1 {novel_bits:.4f}, lines:1 {with_ends[1]:.4f}"
    )
    assert "note:" not in seqgen("models", "compare", "lines", "lines", "--on", "lines.txt").stderr


def test_figures_of_a_model_that_diverged_are_not_written_out(seqgen, novel, monkeypatch):
    scores = [Score(3e32, 200, 100, ends=ends) for ends in (0, 50)]
    monkeypatch.setattr("seqgen.language_model.LanguageModel.score", lambda *_, **__: scores.pop())
    shutil.copytree(novel, novel.parent / "2")
    (novel.parents[3] / "a.txt").write_text("the ice")
    shown = seqgen("models", "compare", "novel:1", "novel:2", "--on", novel.parents[3] / "a.txt")
    assert re.search(r"bits per character on \S+a.txt +4\.3e\+30 +4\.3e\+30", shown.stdout)
    assert "character: novel:1 2.9e+30, novel:2 4.3e+30\n" in shown.stderr


def test_where_their_tokenizers_make_other_texts_of_a_file_that_is_said_with_how_much_each_changes(
    seqgen, novel, corpus
):
    tiny = ("--hidden-size", 8, "--embedding-size", 4, "--batch-size", 4, "--max-steps", 2, "--ngram-order", 0, "-q")
    lowering = ("--tokenizer", "char:lowercase=true")
    assert seqgen("train", corpus, *lowering, "--name", "lower", "--backend", "torch", *tiny).exit_code == 0
    text = corpus.read_text("utf-8")
    share = sum(map(str.isupper, text)) / len(text)
    command = ("models", "compare", "novel", "lower", "--on", "novel.txt")
    assert json.loads(seqgen(*command, "--json").stdout)["changed_shares"] == {"novel.txt": [0, pytest.approx(share)]}
    assert seqgen(*command).stderr.splitlines()[0] == (
        "note: Of novel.txt not all predict the same text: some of its characters are changed first (novel:1 0%, lower:1 "
        f"{100 * share:.3g}%), as where all is made lower case, which mostly leaves less to predict.  So their bits per "
        "character do not compare."
    )
    assert "note:" not in seqgen("models", "compare", "lower", "lower", "--on", "novel.txt").stderr


def test_standard_input_and_a_pipe_are_read_once_for_all(seqgen, refused, two, tmp_path):
    command = ("models", "compare", "novel", "words", "--json", "--on")
    text = two.read_bytes()
    expected = json.loads(seqgen(*command, two).stdout)["files"][str(two)]
    read = json.loads(seqgen(*command, "-", "--on", "-", stdin=text).stdout)["files"]
    assert read == {"-": expected}
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[text])
    writer.start()
    assert json.loads(seqgen(*command, pipe).stdout)["files"] == {str(pipe): expected}
    writer.join()
    assert refused(*command, "-", exit_code=1) == "Standard input is empty."
    assert refused(*command, "-", exit_code=1, stdin=b"caf\xe9").startswith("Standard input is not UTF-8 text: byte 3")


def test_one_model_is_not_enough(refused, novel):
    assert refused("models", "compare", "novel", exit_code=2).startswith("Name two models or more to compare.")


def test_a_backend_without_a_file_computes_nothing(refused, novel):
    command = ("models", "compare", "novel", "novel", "--backend", "torch")
    assert refused(*command, exit_code=2) == "--backend is what computes for --on: it needs --on FILE"


def test_what_a_stranger_wrote_cannot_steer_the_terminal(seqgen, novel):
    shutil.copytree(novel, novel.parent / "2")
    config = json.loads((novel / "config.json").read_text())
    config["training"]["a\x1b[2Jb"] = "c\u202ed\x9b1m"
    (novel / "config.json").write_text(json.dumps(config))
    manifest = json.loads((novel / "manifest.json").read_text())
    size = (novel / "config.json").stat().st_size
    manifest["files"]["config.json"] = {"sha256": sha256(novel / "config.json"), "bytes": size}
    manifest["corpus"]["sources"] = ["\x1b]0;title\x07.txt"]
    (novel / "manifest.json").write_text(json.dumps(manifest | {"parent": "\x1b[31mx"}))
    page = seqgen("models", "compare", "novel:1", "novel:2").stdout
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & {*page}
    in_json = seqgen("models", "compare", "novel:1", "novel:2", "--json").stdout
    assert not {"\x1b", "\x07", "\x9b"} & {*in_json}
    assert json.loads(in_json)["facts"]["training.a\x1b[2Jb"]["values"][0] == "c\u202ed\x9b1m"
    for text in ("training.a\\x1b[2Jb", "c\\u202ed\\x9b1m", "\\x1b]0;title\\x07.txt", "\\x1b[31mx"):
        assert text in page


def test_models_of_other_corpora_are_told_apart(seqgen, novel, tmp_path):
    (tmp_path / "other.txt").write_text("another text, of other words.  " * 60)
    tiny = ("--hidden-size", 16, "--embedding-size", 8, "--seq-len", 16, "--batch-size", 4, "--max-steps", 2, "-q")
    seqgen("train", "other.txt", "--backend", "torch", *tiny)
    assert "Their corpora differ" in seqgen("models", "compare", "novel", "other").stderr


def test_a_folder_with_brackets_in_its_name_is_called_so(seqgen, novel, tmp_path):
    folder = shutil.copytree(novel, tmp_path / "a[" / "red] >")
    page = seqgen("models", "compare", folder, "novel")
    assert page.exit_code == 0
    assert str(folder) in page.stdout
