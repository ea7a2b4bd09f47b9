"""What ``seqgen generate`` refuses: one sentence, exit 2 for wrong use and 1 for failure, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_before_any_training_it_says_how_to_begin(refused, seqgen_home):
    models = seqgen_home / "models"
    assert (
        refused("generate", exit_code=1)
        == f"No model has been trained yet ({models} has none).  Train one: seqgen train"
    )
    assert refused("generate", "--model", "novel", exit_code=1) == (
        'No model "novel": none has been trained yet.  Train one: seqgen train --name novel'
    )


@pytest.mark.usefixtures("novel")
class TestWithAModel:
    @pytest.mark.parametrize(
        ("model", "exit_code", "sentence"),
        [
            ("novl", 1, 'No model "novl".  Nearest: novel.  All: seqgen models list'),
            ("novel:7", 1, "Model novel has no version 7.  It has: 1"),
            ("novel@mine", 1, 'Model novel has no alias "mine".  It has: @latest, @best'),
            ("./novl", 1, "There is no model folder ./novl."),
            (
                "a model",
                2,
                '"a model" is not a model: write NAME, NAME:VERSION, NAME@ALIAS or the path of a model folder.',
            ),
            ("novel:one", 2, '"novel:one" is not a model: write NAME, '),
            ("", 2, '"" is not a model: write NAME, '),
        ],
    )
    def test_a_model_that_is_not_there_is_told_with_what_there_is(self, refused, model, exit_code, sentence):
        assert refused("generate", "--model", model, exit_code=exit_code).startswith(sentence)

    def test_a_folder_that_is_no_model_is_told(self, refused, tmp_path):
        (tmp_path / "folder").mkdir()
        assert refused("generate", "--model", "folder", exit_code=1).startswith(
            "folder is not a model: it has none of "
        )

    @pytest.mark.parametrize("option", [("--stop", ""), ("--no-stream", "--length", 10**12)])
    def test_a_file_that_was_there_is_not_lost_to_what_is_refused(self, refused, seqgen, tmp_path, option):
        (tmp_path / "text.txt").write_text("The only copy, which is longer than what comes in its place.")
        refused("generate", "--seed", "ice", "--output", "text.txt", *option, exit_code=2)
        assert (tmp_path / "text.txt").read_text().startswith("The only copy")
        assert seqgen("generate", "--seed", "ice", "--length", 3, "--output", "text.txt").exit_code == 0
        assert len((tmp_path / "text.txt").read_text()) == len("ice") + 3 + len("\n")

    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("new.txt", ("--sampler", "regex:pattern=7{5}")),
            ("new.txt", ("--no-stream", "--length", 10**12)),
            ("new.json", ("--json", "--sampler", "regex:pattern=7{5}")),
            ("new.jsonl", ("--num-samples", 3, "--sampler", "regex:pattern=7{5}")),
        ],
    )
    def test_what_is_refused_leaves_no_file_that_was_not_there(self, refused, tmp_path, name, options):
        refused("generate", "--output", name, *options, exit_code=2)
        assert not (tmp_path / name).exists()

    def test_an_empty_prompt_is_told(self, refused, tmp_path):
        (tmp_path / "empty.txt").write_bytes(b"\xef\xbb\xbf")
        assert refused("generate", "--seed", "", exit_code=2) == (
            "The prompt is empty.  Give --seed some text, or leave it out to start from nothing."
        )
        assert refused("generate", "--seed-file", "empty.txt", exit_code=2) == (
            "The prompt's file empty.txt is empty.  Leave --seed-file out to start from nothing."
        )
        assert refused("generate", "--seed-file", "-", exit_code=2).startswith("Standard input is empty.")

    def test_a_prompt_of_unknown_symbols_alone_is_told_and_not_warned_about_as_well(self, refused):
        assert refused("generate", "--seed", "日本", exit_code=2) == (
            "No symbol of the prompt '日本' is known to novel:1.  Write of what its corpus is made of."
        )

    def test_strict_refuses_unknown_symbols_and_names_the_nearest(self, refused, seqgen):
        assert refused("generate", "--strict", "--seed", "icé ☃", exit_code=2) == (
            "novel:1 does not know 'é' (read as 'e'), '☃' (left out).  Without --strict the nearest is taken."
        )
        assert refused("generate", "--strict", "--stop", "☃", exit_code=2) == (
            "stop text '☃' can never come: novel:1 never writes '☃'.  Without --strict the text goes on to its length."
        )
        assert seqgen("generate", "--strict", "--seed", "ice", "--stop", "the", "--length", 3).exit_code == 0

    def test_half_a_surrogate_pair_is_an_unknown_symbol_like_any_other(self, refused, seqgen):
        assert "No symbol of the prompt '\\udcff' is known" in refused("generate", "--seed", "\udcff", exit_code=2)
        outcome = seqgen("generate", "--seed", "ice\udcff", "--length", 3)
        assert outcome.exit_code == 0
        assert outcome.stderr == "warning: novel:1 does not know '\ufffd' (left out).\n"

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (None, "The prompt's file prompt.txt cannot be read: No such file or directory."),
            (
                b"a caf\xe9 au lait",
                "prompt.txt is not UTF-8 text: byte 5 does not fit.  As latin-1 it would read 'café au lait'.  Save it as UTF-8",
            ),
            (b"\xff\xfea\0b", "prompt.txt is not UTF-16-LE text: byte 4 does not fit."),
            (b"\n", "The prompt's file prompt.txt is empty.  Leave --seed-file out to start from nothing."),
        ],
        ids=["missing", "latin-1", "half a character", "a line end alone"],
    )
    def test_a_prompt_file_that_cannot_be_read_is_told(self, refused, tmp_path, content, sentence):
        if content is not None:
            (tmp_path / "prompt.txt").write_bytes(content)
        assert refused("generate", "--seed-file", "prompt.txt", exit_code=2) == sentence

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            (("--seed", "a", "--seed-file", "b"), "--seed and --seed-file both give a prompt.  Leave one out."),
            (
                ("--length", "0"),
                'length is "0", but must be a whole number of tokens, at least 1, or of characters with a c, as 400c.',
            ),
            (("--length", "some"), 'length is "some", but must be a whole number of tokens, at least 1, or of '),
            (("--length", "0c"), 'length is "0c", but must be a whole number of tokens, at least 1, or of '),
            (("--length", "-5"), 'length is "-5", but must be a whole number of tokens, at least 1, or of '),
            (
                ("--sampler", "greedy", "--temperature", "2"),
                "Greedy() and Temperature(temperature=2.0) both set the temperature.  Leave one out.",
            ),
            (("--sampler", "top-k:k=3", "--top-k", "5"), "TopK(k=3) and TopK(k=5) both do the same.  Leave one out."),
            (("--best-of", "2", "--num-samples", "2"), "--best-of and --num-samples do not go together; leave out "),
            (
                ("--best-of", "3", "--output", "x.jsonl"),
                "--best-of and --jsonl do not go together; leave out --jsonl, which --output FILE.jsonl means.",
            ),
            (
                ("--json", "--output", "x.jsonl"),
                "--json and --jsonl do not go together; leave out --jsonl, which --output ",
            ),
            (
                ("--show-probabilities", "--output", "x.JSONL"),
                "--show-probabilities shows one text for people; leave out --jsonl, which ",
            ),
            (("--json", "--jsonl"), "--json and --jsonl do not go together; leave out --jsonl."),
            (("--num-samples", "0"), "Invalid value for '--num-samples': 0 is not in the range x>=1."),
            (("--random-seed", "-1"), "Invalid value for '--random-seed': -1 is not in the range x>=0."),
            (("--temperature", "-1"), "sampler temperature: temperature is -1.0, but must be a number at least 0."),
            (("--temperature", "nan"), "sampler temperature: temperature is nan, but must be a number at least 0."),
            (("--temperature", "inf"), "sampler temperature: temperature is inf, but must be a number at least 0."),
            (
                ("--top-k", "0"),
                "sampler top-k: k is 0, but must be a whole number at least 1.  Try --sampler top-k:k=40",
            ),
            (("--top-p", "1.5"), "sampler top-p: p is 1.5, but must be a number above 0 and at most 1.  Try "),
            (
                ("--sampler", "topk"),
                'No sampler "topk".  Nearest: top-k, top-p.  All: seqgen list-plugins --kind sampler',
            ),
            (("--sampler", "top-k:n=3"), 'sampler top-k has no option "n".  It has: k'),
            (
                ("--backend", "pytorch"),
                'No backend "pytorch".  Nearest: torch.  All: seqgen list-plugins --kind backend',
            ),
            # Only what it was trained with may have it; NumPy is asked for no device but the CPU.
            (("--device", "tpu"), 'Backend "torch" finds no device "tpu" here.  It has: '),
            (("--backend", "numpy", "--device", "tpu"), 'Backend "numpy" finds no device "tpu" here.  It has: cpu'),
            (
                ("--seed-file", "-", "--prefix-lines", "-"),
                "--seed-file and --prefix-lines both read standard input.  Name a file for one of them",
            ),
            (("--stop", ""), "stop is '', but must be text, at least a character."),
            (("--show-probabilities", "--json"), "--show-probabilities shows one text for people; leave out --json."),
            (
                ("--show-probabilities", "--num-samples", "2"),
                "--show-probabilities shows one text for people; leave out ",
            ),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
    )
    def test_a_wrong_option_is_told_with_what_is_allowed(self, refused, options, sentence):
        assert refused("generate", *options, exit_code=2).startswith(sentence)

    @pytest.mark.parametrize(
        ("output", "reason"),
        [
            (".", "Is a directory"),
            ("missing/text.txt", "No such file or directory"),
            ("novel.txt/text.txt", "Not a directory"),
        ],
    )
    def test_an_output_that_cannot_be_written_is_told_before_anything_is_generated(
        self, refused, corpus, output, reason
    ):
        sentence = refused("generate", "--output", output, "--length", 10**9, exit_code=1)
        assert sentence == f"{output} cannot be written: {reason}."

    def test_a_device_without_memory_for_the_model_is_told(self, refused, monkeypatch):
        def build(*_arguments, **_options):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

        torch = pytest.importorskip("torch")
        monkeypatch.setattr("seqgen.backends.torch.backend.TorchBackend.build", build)
        assert refused("generate", "--backend", "torch", exit_code=1) == (
            "There is not enough memory for this (OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB).  "
            "Give it less at a time, or use a smaller model"
        )

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_a_disk_that_is_full_is_told(self, refused):
        sentence = "/dev/full cannot be written: No space left on device."
        assert refused("generate", "--output", "/dev/full", exit_code=1) == sentence

    def test_a_read_only_folder_is_told(self, seqgen_cli, tmp_path, without_privileges):
        (tmp_path / "folder").mkdir(mode=0o500)
        result = seqgen_cli("generate", "--output", "folder/text.txt", through=without_privileges)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "error: folder/text.txt cannot be written: Permission denied.\n"
