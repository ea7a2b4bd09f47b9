"""From a shell: training on songs, generating with form and rhyme, measuring."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

import seqgen
from seqgen.cli.app import main
from seqgen.corpora import locate
from seqgen_lyrics.evaluation import read_corpus


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with a model of characters that knows very little."""
    folder = tmp_path_factory.mktemp("home")
    before = os.environ.get("SEQGEN_HOME")
    os.environ["SEQGEN_HOME"] = str(folder)
    try:
        seqgen.train(
            str(locate("songs")), dataset="songs", tokenizer="char", name="songs", hidden_size=32, max_steps=20
        )
    finally:
        os.environ.pop("SEQGEN_HOME") if before is None else os.environ.update(SEQGEN_HOME=before)
    return folder


@pytest.fixture
def run(home):
    def call(*arguments):
        environment = {**os.environ, "SEQGEN_HOME": str(home), "COLUMNS": "100"}
        return subprocess.run(
            [sys.executable, "-m", "seqgen", *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_the_command_of_the_readme_writes_a_song_and_tells_what_it_could_not_keep(run):
    outcome = run(
        "generate", "--model", "songs", "--sampler", "rhyme:scheme=ABAB", "--sampler", "syllables:pattern=8-6-8-6",
        "--sampler", "form:sections=verse-chorus-verse-chorus", "--length", 1200, "--random-seed", 1, "--json",
    )  # fmt: skip
    assert (outcome.returncode, outcome.stderr) == (0, "")
    (sample,) = json.loads(outcome.stdout)["samples"]
    sections = sample["text"].strip().split("\n\n")
    assert [section.partition("\n")[0] for section in sections] == ["[Verse]", "[Chorus]", "[Verse]", "[Chorus]"]
    assert sections[1] == sections[3]
    assert sample["finish_reason"] == "end"
    assert [note for note in sample["notes"] if not note.startswith("CMUdict lacks")] == []


def test_what_could_not_be_kept_is_said_on_standard_error(run):
    outcome = run(
        "generate", "--model", "songs", "--sampler", "syllables:pattern=2", "--seed", "the river and the rain and",
        "--length", 80, "--random-seed", 1,
    )  # fmt: skip
    assert outcome.returncode == 0
    assert outcome.stdout.startswith("the river and the rain and")
    assert "note: line 1 has" in outcome.stderr


@pytest.mark.slow
def test_evaluate_lays_what_is_written_with_constraints_beside_what_is_not(run):
    arguments = ("--dataset", "songs", "--tokenizer", "char", "--hidden-size", 96, "--max-steps", 150)
    assert run("train", "songs", *arguments, "--name", "longer", "--quiet").returncode == 0
    outcome = run(
        "lyrics", "evaluate", "--model", "longer", "--scheme", "ABAB", "--pattern", "8-6-8-6", "--stanzas", 12, "--json"
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    record = json.loads(outcome.stdout)
    constrained, free = record["constrained"], record["free"]
    assert constrained["stanzas"] == 12
    assert constrained["rhymes"]["ABAB"]["perfect"] == constrained["syllables"] == 1
    assert free["rhymes"]["ABAB"]["perfect"] < 0.3
    assert free["syllables"] < 0.5
    assert constrained["log_probability"] < free["log_probability"] < 0
    assert 0 <= constrained["copied_lines"] <= 1
    assert record["samplers"][0] == "rhyme:scheme=ABAB"


@pytest.fixture
def model_of(home, tmp_path, monkeypatch):
    """The same model, whose folder says something else of its corpus."""

    def load(**lineage):
        shutil.copytree(home / "models" / "songs" / "1", tmp_path / "songs")
        path = tmp_path / "songs" / "manifest.json"
        manifest = json.loads(path.read_text("utf-8"))
        path.write_text(json.dumps(manifest | {"corpus": manifest["corpus"] | lineage}), "utf-8")
        return seqgen.load(tmp_path / "songs")

    monkeypatch.setenv("SEQGEN_HOME", str(tmp_path / "home"))
    return load


def test_copied_lines_are_told_by_the_corpus_of_the_model(model_of):
    corpus, note = read_corpus(model_of(), [])
    assert (corpus, note) == (read_corpus(None, [str(locate("songs"))])[0], "")


@pytest.mark.parametrize("source", ["/", "-", "~", "songs.txt", "http://127.0.0.1:9/songs.txt"])
def test_what_a_stranger_names_as_the_corpus_is_not_read(model_of, monkeypatch, source):
    monkeypatch.setattr("seqgen.core.files.below", lambda folder: pytest.fail(f"{folder} was read"))
    corpus, note = read_corpus(model_of(sources=[source]), [])
    assert corpus is None
    assert note.startswith("copied lines cannot be looked for: ")
    assert source in note
    assert "--corpus" in note


def test_a_corpus_that_has_changed_is_not_measured_against(model_of, tmp_path):
    (tmp_path / "songs.txt").write_text("[Verse]\nla\n", "utf-8")
    corpus, note = read_corpus(model_of(sources=[str(tmp_path / "songs.txt")]), [])
    assert corpus is None
    assert "songs.txt is not what" in note
    assert "with --corpus FILE" in note


def test_evaluate_measures_songs_in_a_table(run, tmp_path):
    (tmp_path / "a.txt").write_text("The rain is on the sea,\nIt will not wait for me,\nThe night\nIs light\n", "utf-8")
    outcome = run("lyrics", "evaluate", tmp_path / "a.txt", "--pattern", "6-6-2-2", "--stress", "iambic")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    rows = {line.rsplit("  ", 1)[0].strip(): line.split()[-1] for line in outcome.stdout.splitlines() if line.strip()}
    assert rows["AABB: perfect rhymes"] == "100.0%"
    assert rows["ABAB: perfect rhymes"] == "0.0%"
    assert rows["lines with their syllables"] == rows["lines in metre"] == rows["words of CMUdict"] == "100.0%"


def test_songs_may_be_in_another_encoding(run, tmp_path):
    (tmp_path / "a.txt").write_bytes("Le soleil de l'\xe9t\xe9,\nla for\xeat enchant\xe9e\n".encode("latin-1"))
    refused = run("lyrics", "evaluate", tmp_path / "a.txt")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.endswith("Name its encoding, for example --encoding latin-1\n")
    arguments = ("--encoding", "latin-1", "--corpus", tmp_path / "a.txt", "--json")
    assert json.loads(run("lyrics", "evaluate", tmp_path / "a.txt", *arguments).stdout)["copied_lines"] == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Name either files to measure or a --model that writes."),
        (("missing.txt",), "missing.txt does not exist."),
        (("missing.txt", "--stanzas", 5), "--stanzas is of what a model writes: it needs --model MODEL"),
        (("missing.txt", "--sampler", "nothing"), "--sampler is of what a model writes: it needs --model MODEL"),
        (("missing.txt", "--random-seed", 0), "--random-seed is of what a model writes: it needs --model MODEL"),
        (("missing.txt", "--backend", "nothing"), "--backend is of what a model writes: it needs --model MODEL"),
        (("--model", "songs", "--encoding", "nothing"), "--encoding is of files, and there is none: the corpus of the"),
        (("--model", "songs", "--scheme", "A B"), "scheme is 'A B', but must be"),
        (("--model", "songs", "--words", "missing.txt"), "The word list missing.txt cannot be read: No such file"),
    ],
)
def test_wrong_use_is_a_sentence(home, monkeypatch, capsys, arguments, sentence):
    monkeypatch.setenv("SEQGEN_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as ended:
        main(["lyrics", "evaluate", *map(str, arguments)])
    stdout, stderr = capsys.readouterr()
    assert ended.value.code in (1, 2)
    assert stdout == ""
    assert stderr.startswith("error: ")
    assert sentence in stderr


def test_the_parts_are_listed_as_usable_without_importing_them():
    code = (
        "import sys; from seqgen.cli.app import main\n"
        "try: main(['list-plugins', '--json'])\n"
        "except SystemExit: sys.exit({'pronouncing', 'numpy', 'seqgen_lyrics.samplers'} & {*sys.modules} or 0)"
    )
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    listed = json.loads(outcome.stdout)
    (plugin,) = (each for each in listed["plugins"] if each["distribution"] == "seqgen-lyrics")
    assert (plugin["disabled"], plugin["problem"]) == (None, None)
    parts = [part for part in listed["parts"] if part["distribution"] == "seqgen-lyrics"]
    assert {part["name"] for part in parts} == {"lyrics", "songs", "rhyme", "syllables", "form", "no-repeat-line"}
    assert all(part["ready"] for part in parts)
