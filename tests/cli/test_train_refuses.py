"""What ``seqgen train`` refuses: one sentence, exit 2 for wrong use and 1 for failure, and nothing is left behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CORPORA = Path(__file__).parents[2] / "corpora"


@pytest.fixture
def said(refused, corpus, seqgen_home):
    """The sentence with which a training on the small corpus is refused; no model and no run is left."""

    def run(*arguments, exit_code, sources=(corpus,), **options):
        sentence = refused("train", *sources, *arguments, exit_code=exit_code, **options)
        assert not (seqgen_home / "models").exists()
        assert not (seqgen_home / "training").exists()
        return sentence

    return run


def test_a_missing_corpus_names_the_nearest_file(said, corpus):
    sentence = said(sources=("novl.txt",), exit_code=1)
    assert sentence == f"{corpus.parent / 'novl.txt'} does not exist.  Nearest: {corpus}"
    assert said(sources=("*.abc",), exit_code=1) == f"Nothing matches {corpus.parent / '*.abc'}."


def test_a_missing_corpus_is_told_before_a_framework_is_imported(run_python):
    code = """if True:
        import sys
        from seqgen.cli.app import main
        try:
            main(["train", "novl.txt"])
        finally:
            print(*{"torch", "keras", "tensorflow"} & set(sys.modules))
    """
    result = run_python(code)
    assert (result.exit_code, result.stdout) == (1, "\n")


def test_a_corpus_that_is_not_here_yet_says_how_to_get_it(said):
    sentence = "Corpus shakespeare is not here yet.  seqgen corpora get shakespeare"
    assert said(sources=("shakespeare",), exit_code=1) == sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "{path} is empty."),
        (b" \n", "The corpus of 2 tokens in 1 document is too small: "),
        (b"x", "The corpus of 1 token in 1 document is too small: "),
        (b"abc\0\0\0\0\1", "{path} is not text, but binary: byte 3 is NUL.  Name text files only."),
        (
            b"abc\0def",
            "{path} is not text: byte 3 is NUL.  If it is a byte that went wrong, --dataset text:errors=replace ",
        ),
        (b"%PDF-1.4\n", "{path} is a PDF and not text.  Make text of it, for example with pdftotext"),
        (b"caf\xe9 au lait\n" * 9, "{path} is not UTF-8 text: byte 3 (0xE9) does not fit.  As latin-1 it "),
        (b"\x1f\x8b\x08spoilt", "{path} is compressed, but damaged or cut off: "),
    ],
    ids=["empty", "two characters", "one character", "binary", "NUL", "PDF", "latin-1", "gzip"],
)
def test_a_corpus_that_cannot_be_read_is_told_with_its_name(said, tmp_path, content, sentence):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    assert said(sources=(path,), exit_code=1).startswith(sentence.format(path=path))


def test_an_empty_standard_input_and_an_empty_folder_are_told(said, tmp_path):
    assert "is empty" in said(sources=("-",), exit_code=1)
    (tmp_path / "folder").mkdir()
    assert said(sources=("folder",), exit_code=1) == f"Folder {tmp_path / 'folder'} is empty."


def test_a_corpus_shorter_than_one_window_says_how_short(said, tmp_path):
    (tmp_path / "short.txt").write_text("a text of a few words")
    sentence = said("--batching", "windows", "--seq-len", 100, sources=("short.txt",), exit_code=1)
    assert re.search(r"--seq-len|seq_len", sentence)
    assert "100" in sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--tokenizer", "chr"), 'No tokenizer "chr".  Nearest: char.  All: seqgen list-plugins --kind tokenizer'),
        (("--dataset", "txt"), 'No dataset "txt".  Nearest: text.  All: seqgen list-plugins --kind dataset'),
        (("--backend", "pytorch"), 'No backend "pytorch".  Nearest: torch.  All: seqgen list-plugins --kind backend'),
        (("--log-to", "cvs"), 'No callback "cvs".  Nearest: csv.  All: seqgen list-plugins --kind callback'),
        (("--preset", "tutoral"), 'No preset "tutoral".  There are: default, small, large, tutorial'),
        (("--backend", "numpy"), "Backend numpy generates but does not train.  Try --backend torch or --backend keras"),
        (
            ("--architecture", "transformer"),
            'Backend "torch" has no architecture "transformer".  It has: lstm, gru, rnn',
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_unknown_name_is_told_with_the_nearest_or_all(said, options, sentence):
    more = () if "--backend" in options else ("--backend", "torch")
    assert said(*options, *more, exit_code=2) == sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("--tokenizer", "char:lower=true"),
            'tokenizer char has no option "lower".  Nearest: lowercase.  It has: lowercase, normalization, min_count',
        ),
        (
            ("--tokenizer", "char:lowercase=maybe"),
            "tokenizer char: lowercase is maybe, but must be true or false.  Try --tokenizer char:lowercase=false",
        ),
        (
            ("--tokenizer", "char:lowercase"),
            '"char:lowercase": "lowercase" is not key=value.  Write char:key=value,key=value',
        ),
        (
            ("--tokenizer", "char:lowercase=1,2"),
            r'"char:lowercase=1,2": "2" is not key=value.  Write char:key=value,key=value, and \, for a comma within a value',
        ),
        (("--tokenizer", ":"), '":" names no part.  Write NAME or NAME:key=value,key=value'),
        (("--dataset", "text:encoding=utf-9"), 'encoding is "utf-9", which is no text encoding.'),
        (("--log-to", "csv:pth=x"), 'callback csv has no option "pth".  Nearest: path.  It has: path'),
        (("--hidden-size", "0"), "train: hidden_size is 0, but must be a whole number at least 1 and at most 65536."),
        (
            ("--hidden-size", "many"),
            "train: hidden_size is many, but must be a whole number at least 1 and at most 65536.",
        ),
        (
            ("--hidden-size", "10000000000"),
            "train: hidden_size is 10000000000, but must be a whole number at least 1 and at most",
        ),
        (("--dropout", "1"), "train: dropout is 1, but must be a number at least 0 and below 1."),
        (("--learning-rate", "nan"), "train: learning_rate is nan, but must be a number above 0."),
        (("--learning-rate", "inf"), "train: learning_rate is inf, but must be a number above 0."),
        (("--max-time", "5x"), "train: max_time is 5x, but must be a duration above 0, such as 90s, 5m or 1h30m."),
        (("--optimizer", "adm"), "train: optimizer is adm, but must be one of adamw, adam, sgd, rmsprop."),
        (("--precision", "int8"), "train: precision is int8, but must be one of auto, float32, bfloat16."),
        (("--hiden-size", "8"), "No such option: --hiden-size (Possible options: "),
        (("--name", "a/b"), '"a/b" is not a model name: letters, digits, dot, hyphen and underscore, at most 100, '),
        (
            ("--tie-embeddings", "--hidden-size", "16", "--embedding-size", "8"),
            "tie_embeddings needs embedding_size (8) equal to hidden_size (16).  Set one to the other.",
        ),
        (
            ("--tie-embeddings", "--input-encoding", "scalar"),
            "tie_embeddings needs input_encoding embedding, not scalar.",
        ),
        (
            ("--input-encoding", "one-hot", "--embedding-size", "12"),
            "embedding_size needs input_encoding embedding, not one-hot.  Leave it out.",
        ),
        (
            ("--preset", "tutorial", "--embedding-size", "12"),
            "embedding_size needs input_encoding embedding, not scalar (preset tutorial).  Leave it out.",
        ),
        (
            ("--optimizer", "rmsprop", "--weight-decay", "0.3"),
            "weight_decay needs optimizer adamw, not rmsprop.  Leave it out.",
        ),
        (
            ("--optimizer", "sgd", "--beta-2", "0.9"),
            "beta_2 needs optimizer adamw or adam or rmsprop, not sgd.  Leave it out.",
        ),
        (
            ("--unseen", "extend"),
            "unseen is extend, but only a training that starts from a model (seqgen train --from MODEL) can meet unseen symbols.",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_option_or_value_is_told_with_what_is_allowed(said, options, sentence):
    assert said(*options, "--backend", "torch", exit_code=2).startswith(sentence)


def test_a_device_that_is_not_here_names_those_that_are(said):
    assert said("--backend", "torch", "--device", "tpu", exit_code=2).startswith(
        'Backend "torch" finds no device "tpu" here.  It has: '
    )


def test_several_faults_are_told_at_once(said):
    sentence = said("--hidden-size", 0, "--dropout", 2, exit_code=2)
    assert sentence == (
        "train: hidden_size is 0, but must be a whole number at least 1 and at most 65536.\n"
        "train: dropout is 2, but must be a number at least 0 and below 1."
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "Configuration file train.toml does not exist."),
        ("hidden_size = ", "Configuration file train.toml cannot be read: Invalid value (at end of document)"),
        ("hidden_sise = 3", 'train (train.toml) has no option "hidden_sise".  Nearest: hidden_size.'),
        (
            "hidden_size = -3",
            "train (train.toml): hidden_size is -3, but must be a whole number at least 1 and at most 65536.",
        ),
        ('preset = "huge"', 'No preset "huge" (train.toml).  There are: default, small, large, tutorial'),
        ("[model]\nhidden_size = 3", 'train (train.toml) has no option "model".'),
    ],
    ids=["missing", "not TOML", "unknown option", "wrong value", "unknown preset", "a table"],
)
def test_a_wrong_configuration_file_is_told_with_its_name(said, tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "train.toml").write_text(content)
    assert said("--config", "train.toml", exit_code=2).startswith(sentence)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--config", "The name of the configuration file is empty.  Name a TOML file, or leave --config out."),
        ("--preset", 'No preset "".  There are: default, small, large, tutorial'),
        ("--name", '"" is not a model name: letters, '),
    ],
)
def test_an_empty_text_is_not_the_same_as_none(said, refused, corpus, option, sentence):
    assert said(option, "", exit_code=2).startswith(sentence)
    assert refused("sweep", corpus, option, "", exit_code=2).startswith(sentence)
    assert refused("sweep", "--resume", "sea", option, "", exit_code=2).startswith(
        f"{option} cannot change on --resume"
    )


def test_a_configuration_file_may_be_a_folder_by_mistake(said, tmp_path):
    assert said("--config", tmp_path, exit_code=2) == f"Configuration file {tmp_path} cannot be read: Is a directory."


def test_a_wrong_value_in_the_environment_names_the_variable(said, monkeypatch):
    monkeypatch.setenv("SEQGEN_HIDDEN_SIZE", "big")
    assert said(exit_code=2) == (
        "train (SEQGEN_HIDDEN_SIZE in the environment): hidden_size is big, but must be a whole number at least 1 and at most 65536."
    )


def test_a_model_to_start_from_that_is_not_there(said):
    assert said("--from", "nobody", exit_code=1) == (
        'No model "nobody": none has been trained yet.  Train one: seqgen train --name nobody'
    )


def test_a_home_that_is_a_file_is_told(seqgen, corpus, seqgen_home):
    seqgen_home.write_text("in the way")
    for command in (("train", corpus, "--backend", "torch", "--max-steps", 1), ("train", "-")):
        outcome = seqgen(*command, stdin=b"some text")
        assert (outcome.exit_code, outcome.stdout) == (1, "")
        assert re.fullmatch(
            rf"error: .*{seqgen_home}\S* cannot be written: (Not a directory|File exists)\.\n", outcome.stderr
        )
    assert seqgen_home.read_text() == "in the way"


WITHOUT = """if True:
    import sys

    class Absent:
        # As where they are not installed: nothing finds them.
        names = set(sys.argv.pop(1).split(","))

        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in self.names:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Absent())
    from seqgen.cli.app import main
    main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("absent", "options", "sentence"),
    [
        (
            "torch",
            ("--backend", "torch"),
            'Backend "torch" needs torch, which is not installed.  pip install "seqgen[torch]"',
        ),
        (
            "keras",
            ("--backend", "keras"),
            'Backend "keras" needs keras, which is not installed.  pip install "seqgen[keras]"',
        ),
        (
            "torch,keras,tensorflow",
            (),
            'No backend that trains is installed.  pip install "seqgen[torch]" or "seqgen[keras]"',
        ),
        (
            "tokenizers",
            ("--tokenizer", "bpe"),
            'Tokenizer "bpe" needs tokenizers, which is not installed.  pip install "seqgen[bpe]"',
        ),
    ],
    ids=["torch", "keras", "neither", "bpe"],
)
def test_a_package_that_is_not_installed_is_told_with_the_extra(run_python, absent, options, sentence):
    result = run_python(WITHOUT, absent, "train", *options)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"error: {sentence}\n")


def test_without_a_framework_models_still_generate(run_python, novel):
    result = run_python(WITHOUT, "torch,keras,tensorflow,tokenizers", "generate", "--length", 5, "--seed", "the")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("the")


def test_a_run_that_diverges_keeps_the_best_weights_before(seqgen, corpus, seqgen_home):
    outcome = seqgen(
        "train", corpus, "--backend", "torch", "--hidden-size", 16, "--seq-len", 16, "--batch-size", 4, "--max-steps", 60,
        "--eval-every", 1, "--optimizer", "sgd", "--learning-rate", 3e38, "--grad-clip", 1e38, "--warmup-steps", 20,
        "--lr-schedule", "constant",
    )  # fmt: skip
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    *_, sentence, kept = outcome.stderr.splitlines()
    assert re.fullmatch(
        r"error: The loss is not a number any more after step \d+: training diverged\.  "
        r"Try a lower rate: --learning-rate 9\.4e\+36  It has gone back 3 times, each time with half the rate\.",
        sentence,
    )
    assert kept == "The best weights before that are kept as novel:1."
    assert (seqgen_home / "models" / "novel" / "1").is_dir()


def test_without_a_terminal_and_without_a_standard_input_it_does_not_wait(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "seqgen", "train", "-"], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True,
        env={**os.environ, "SEQGEN_HOME": str(tmp_path / "home")}, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "is empty" in done.stderr
