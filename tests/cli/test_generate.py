"""``seqgen generate``: what it writes, where, and in which form."""

from __future__ import annotations

import json
import os
import re

import pytest

from seqgen.cli.generate_prompt import as_prompt
from tests.conftest import sealed

pytestmark = pytest.mark.usefixtures("novel")


def test_the_text_goes_on_after_the_seed(seqgen):
    outcome = seqgen("generate", "--seed", "the ice", "--length", 50)
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith("the ice")
    assert len(outcome.stdout) == len("the ice") + 50 + len("\n")


def test_the_same_random_seed_writes_the_same_text_and_another_writes_another(seqgen):
    def written(random_seed):
        return seqgen("generate", "--length", 60, "--random-seed", random_seed).stdout

    assert written(1) == written(1) != written(2)


def test_without_a_random_seed_the_text_differs_from_time_to_time(seqgen):
    assert seqgen("generate", "--length", 60).stdout != seqgen("generate", "--length", 60).stdout


def test_the_random_seed_that_was_drawn_is_told_and_repeats_the_text(seqgen):
    drawn = json.loads(seqgen("generate", "--length", 60, "--json").stdout)
    again = json.loads(seqgen("generate", "--length", 60, "--random-seed", drawn["random_seed"], "--json").stdout)
    assert again["samples"] == drawn["samples"]


def test_no_stream_writes_what_streaming_writes(seqgen):
    streamed = seqgen("generate", "--seed", "the ice", "--length", 80, "--random-seed", 3)
    whole = seqgen("generate", "--seed", "the ice", "--length", 80, "--random-seed", 3, "--no-stream")
    assert whole == streamed


def test_torch_writes_what_numpy_writes(seqgen):
    numpy, torch = (
        seqgen("generate", "--seed", "the ice", "--random-seed", 5, "--backend", backend)
        for backend in ("numpy", "torch")
    )
    assert numpy.stdout == torch.stdout
    assert len(numpy.stdout) == len("the ice") + 400 + 1


def test_numba_says_that_it_rounds_weights_and_writes_the_same_text_each_time_alone_or_among_others(seqgen):
    options = ("--seed", "the ice", "--length", 50, "--random-seed", 5, "--backend", "numba")
    alone, again = seqgen("generate", *options), seqgen("generate", *options)
    assert alone == again
    assert alone.exit_code == 0
    assert alone.stderr == "note: numba rounds the weights: what it gives may differ from what other backends give\n"
    assert len(alone.stdout) == len("the ice") + 50 + 1
    assert seqgen("generate", *options, "--num-samples", 3).stdout.startswith(alone.stdout)


def test_other_backends_say_nothing_of_rounding(seqgen):
    assert seqgen("generate", "--random-seed", 5, "--length", 5, "--backend", "torch").stderr == ""


def test_several_samples_come_one_after_another_with_an_empty_line_between_and_the_first_is_the_one_alone(seqgen):
    options = ("--seed", "the ice", "--length", 30, "--random-seed", 4)
    alone, three = seqgen("generate", *options).stdout, seqgen("generate", *options, "--num-samples", 3).stdout
    assert three.startswith(alone)
    assert three.count("the ice") >= 3
    samples = json.loads(seqgen("generate", *options, "--num-samples", 3, "--json").stdout)["samples"]
    assert three == "\n".join(f"the ice{sample['text']}\n" for sample in samples)


@pytest.mark.parametrize(
    ("tokenizer", "dataset", "between"), [("byte", "lines", ""), ("byte", "text", "\n"), ("char", "text", "")]
)
def test_where_each_sample_is_a_line_none_stands_between_them(seqgen, tmp_path, tokenizer, dataset, between):
    """As of names, whatever the tokenizer could write, or where a text has no line end."""
    (tmp_path / "names.txt").write_text("ann\nbea\ncal\n" * 30 if tokenizer == "byte" else "ann bea cal " * 30)
    shape = ("--hidden-size", 4, "--embedding-size", 2, "--max-steps", 1, "--ngram-order", 0)
    seqgen("train", "names.txt", "--dataset", dataset, "--tokenizer", tokenizer, *shape)
    options = ("--length", 9, "--random-seed", 4, "--num-samples", 3)
    samples = json.loads(seqgen("generate", *options, "--json").stdout)["samples"]
    assert seqgen("generate", *options).stdout == between.join(f"{sample['text']}\n" for sample in samples)


def test_it_stops_before_a_stop_text(seqgen):
    options = ("--seed", "the", "--length", 60, "--random-seed", 6)
    whole = seqgen("generate", *options).stdout.removesuffix("\n")
    stop, later = whole[20:22], whole[30:33]
    stopped = seqgen("generate", *options, "--stop", later, "--stop", stop)
    first = min(whole.index(text, len("the")) for text in (stop, later))
    assert stopped.stdout == whole[:first] + "\n"
    record = json.loads(seqgen("generate", *options, "--stop", stop, "--json").stdout)
    assert record["samples"][0]["finish_reason"] == "stop"


def test_a_stop_text_that_can_never_come_is_told(seqgen):
    options = ("generate", "--seed", "the ice", "--length", 20, "--random-seed", 6)
    stopped = seqgen(*options, "--stop", "snow ☃")
    assert stopped.stderr == "warning: stop text 'snow ☃' can never come: novel:1 never writes '☃'.\n"
    assert stopped.stdout == seqgen(*options).stdout


def test_a_backslash_and_an_n_in_a_stop_text_are_told_apart_from_a_new_line(seqgen):
    options = ("generate", "--seed", "the ice", "--length", 20, "--random-seed", 6, "--stop")
    note = "note: --stop \"\\n\" has a backslash and an n, and no new line, which bash and zsh write as $'\\n'\n"
    assert seqgen(*options, "\\n").stderr == (
        note + "warning: stop text '\\\\n' can never come: novel:1 never writes '\\\\'.\n"
    )
    assert seqgen(*options, "\n").stderr == ""


def test_temperature_0_writes_the_likeliest_whatever_the_random_seed(seqgen):
    def written(*options):
        return seqgen("generate", "--seed", "the ice", "--length", 40, *options).stdout

    greedy = written("--sampler", "greedy", "--random-seed", 1)
    assert written("--temperature", 0, "--random-seed", 2) == greedy
    assert written("--top-k", 1, "--random-seed", 3) == greedy
    assert written("--sampler", "top-k:k=1", "--temperature", 2, "--random-seed", 4) == greedy


@pytest.mark.parametrize(
    ("options", "unused"),
    [
        (("--top-k", 40), "TopK(k=40) changes"),
        (("--random-seed", 7, "--best-of", 2, "--min-p", 0.1), "MinP(p=0.1), --random-seed, --best-of change"),
    ],
)
def test_what_changes_nothing_at_temperature_0_is_told(seqgen, options, unused):
    outcome = seqgen("generate", "--seed", "the ice", "--length", 5, "--temperature", 0, *options)
    assert (outcome.exit_code, outcome.stderr) == (
        0,
        f"note: Temperature(temperature=0.0) takes the likeliest token each time: {unused} nothing\n",
    )
    assert outcome.stdout == seqgen("generate", "--seed", "the ice", "--length", 5, "--sampler", "greedy").stdout


def test_samplers_that_truncate_work_in_the_order_of_the_command_line(seqgen):
    # Of the five that top-k leaves top-p takes a share; the other way round top-k takes five of that share of all.
    def written(*options):
        return seqgen(
            "generate", "--seed", "the ice", "--length", 200, "--random-seed", 1, "--temperature", 1, *options
        )

    first_k = written("--top-k", 5, "--top-p", 0.6)
    first_p = written("--top-p", 0.6, "--top-k", 5)
    assert first_k.stdout != first_p.stdout
    assert written("--sampler", "top-k:k=5", "--sampler", "top-p:p=0.6") == first_k
    assert written("--sampler", "top-p:p=0.6", "--top-k", 5) == first_p
    assert written("--top-p", 0.6, "--sampler", "top-k:k=5") == first_p


def test_every_shorthand_is_the_sampler_of_its_name(seqgen):
    def written(*options):
        return seqgen("generate", "--seed", "the ice", "--random-seed", 1, *options).stdout

    plain = written()
    for option, value, sampler in [
        ("--temperature", 1.7, "temperature:temperature=1.7"),
        ("--top-k", 3, "top-k:k=3"),
        ("--top-p", 0.5, "top-p:p=0.5"),
        ("--min-p", 0.3, "min-p:p=0.3"),
        ("--repetition-penalty", 1.8, "repetition-penalty:penalty=1.8"),
    ]:
        assert written(option, value) == written("--sampler", sampler) != plain, option


def test_the_prompt_may_stand_in_a_file_or_come_from_standard_input(seqgen, tmp_path):
    options = ("--length", 20, "--random-seed", 1)
    said = seqgen("generate", "--seed", "the ice\nwas", *options)
    (tmp_path / "prompt.txt").write_bytes(b"the ice\r\nwas")
    assert seqgen("generate", "--seed-file", "prompt.txt", *options) == said
    assert seqgen("generate", "--seed-file", "-", *options, stdin=b"the ice\nwas") == said


def test_a_file_that_is_not_utf_8_is_read_in_the_encoding_of_the_corpus(seqgen, novel, tmp_path):
    path = novel / "config.json"
    config = json.loads(path.read_text("utf-8"))
    config["parts"]["dataset"]["options"]["encoding"] = "utf-8/cp1252"
    path.write_text(json.dumps(config), "utf-8")
    sealed(novel)
    options = ("--length", 20, "--random-seed", 1)
    for encoding in ("cp1252", "utf-8"):
        (tmp_path / "prompt.txt").write_bytes("the “ice” was".encode(encoding))
        assert seqgen("generate", "--seed-file", "prompt.txt", *options).stdout.startswith("the “ice” was")
        lines = seqgen("generate", "--prefix-lines", "prompt.txt", *options)
        assert lines.stdout.startswith("the “ice” was")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_line_end_that_every_file_ends_with_is_no_part_of_the_prompt_but_another_is(seqgen, end):
    def written(prompt):
        options = ("--length", 20, "--random-seed", 1, "--stop", "\n\n\n")
        return seqgen("generate", "--seed-file", "-", *options, stdin=prompt.encode())

    assert written(f"the ice{end}") == written("the ice")
    assert written(f"the ice{end}{end}").stdout.startswith("the ice\n")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding_of_a_file_as_it_does_in_a_corpus(seqgen, tmp_path, encoding):
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    (tmp_path / "text.txt").write_bytes(f"{mark}the ice\r\nwas\r\n".encode(encoding))
    options = ("--length", 20, "--random-seed", 1)
    assert seqgen("generate", "--seed-file", "text.txt", *options) == seqgen(
        "generate", "--seed", "the ice\nwas", *options
    )
    lines = seqgen("generate", "--prefix-lines", "text.txt", *options)
    assert [line[:3] for line in lines.stdout.splitlines()] == ["the", "was"]
    assert lines.stderr == ""


def test_output_goes_to_a_file_and_nothing_to_standard_output(seqgen, tmp_path):
    options = ("generate", "--seed", "the ice", "--length", 20, "--random-seed", 1)
    said = seqgen(*options)
    written = seqgen(*options, "--output", "text.txt")
    assert (written.exit_code, written.stdout, written.stderr) == (0, "", "")
    assert (tmp_path / "text.txt").read_text("utf-8") == said.stdout


@pytest.mark.parametrize(
    "options",
    [
        ("--num-samples", 3, "--output", "samples.jsonl"),
        ("--num-samples", 3, "--output", "samples.txt"),
        ("--num-samples", 3, "--json"),
        ("--best-of", 3),
    ],
    ids=str,
)
def test_a_bar_counts_the_samples_where_their_text_is_not_on_the_same_terminal(terminal, options):
    shown = terminal("generate", "--length", 5, *options).stdout
    assert re.search(r"samples .*0%", shown)


@pytest.mark.parametrize("options", [("--num-samples", 3), ("--num-samples", 3, "--jsonl"), ("--json",)], ids=str)
def test_no_bar_stands_between_the_samples_or_counts_to_one(terminal, options):
    assert "0%" not in terminal("generate", "--length", 5, "--temperature", 0, *options).stdout


def test_the_record_tells_what_a_program_may_want(seqgen):
    outcome = seqgen("generate", "--seed", "the ice", "--length", 20, "--num-samples", 2, "--random-seed", 8, "--json")
    assert outcome.stderr == ""
    assert outcome.stdout.count("\n") == 1
    record = json.loads(outcome.stdout)
    assert {name: record[name] for name in ("model", "version", "backend", "prompt", "random_seed")} == {
        "model": "novel",
        "version": 1,
        "backend": "numpy",
        "prompt": "the ice",
        "random_seed": 8,
    }
    assert [(sample["tokens"], len(sample["text"]), sample["finish_reason"]) for sample in record["samples"]] == [
        (20, 20, "length"),
        (20, 20, "length"),
    ]
    assert 0 < record["first_token_seconds"] <= record["seconds"]
    assert record["tokens_per_second"] > 0


def test_show_probabilities_lists_each_token_with_what_else_it_might_have_been(seqgen):
    options = ("generate", "--seed", "the ice", "--length", 12, "--random-seed", 2)
    text, listing = seqgen(*options, "--show-probabilities").stdout.split("\n\n", 1)
    assert text + "\n" == seqgen(*options).stdout  # plain: this is no terminal
    rows = listing.splitlines()
    assert len(rows) == 12
    for row, character in zip(rows, text.removeprefix("the ice"), strict=True):
        drawn, _, others = row.partition("   of   ")
        assert drawn.startswith(f"{character!r} ")
        probabilities = [float(other.split()[-1]) for other in others.split("  ")]
        assert probabilities == sorted(probabilities, reverse=True)
        assert 0 < float(drawn.split()[-1]) <= probabilities[0] <= 1


def test_show_probabilities_lists_no_token_of_the_stop_text(seqgen, tmp_path):
    options = ("generate", "--seed", "the ice", "--length", 40, "--random-seed", 2)
    whole = seqgen(*options).stdout.removeprefix("the ice")
    command = (*options, "--stop", whole[20:24], "--show-probabilities")
    shown = whole[: whole.index(whole[20:24])]
    text, listing = seqgen(*command).stdout.split("\n\n", 1)
    assert text == f"the ice{shown}"
    assert [row.split("'")[1] for row in listing.splitlines()] == list(shown)
    seqgen(*command, "--output", "page.html")
    assert (tmp_path / "page.html").read_text("utf-8").count("<tr><td>") == len(shown)


def test_show_probabilities_colours_tokens_in_a_terminal(terminal):
    shown = terminal("generate", "--seed", "the ice", "--length", 5, "--show-probabilities").stdout
    assert "\x1b[" in shown


def test_show_probabilities_leaves_an_old_console_of_windows_without_colours_which_it_would_show_as_codes(
    terminal, monkeypatch
):
    monkeypatch.setattr("rich.console.Console.legacy_windows", True, raising=False)
    monkeypatch.setattr("rich.console.detect_legacy_windows", lambda: True)
    shown = terminal("generate", "--seed", "the ice", "--length", 5, "--show-probabilities").stdout
    assert "the ice" in shown
    assert "\x1b" not in shown


def test_symbols_that_the_model_does_not_know_are_named_with_what_they_are_read_as(seqgen):
    options = ("--length", 5, "--random-seed", 1)
    outcome = seqgen("generate", "--seed", "the icé ☃", *options)
    assert outcome.exit_code == 0
    assert outcome.stderr == "warning: novel:1 does not know 'é' (read as 'e'), '☃' (left out).\n"
    assert outcome.stdout.removeprefix("the icé ☃") == seqgen("generate", "--seed", "the ice ", *options).stdout[8:]


def test_a_model_may_be_named_in_every_way(seqgen, novel):
    expected = seqgen("generate", "--length", 9, "--random-seed", 1).stdout
    for name in ("novel", "novel:1", "novel@latest", "novel@best", novel, os.path.relpath(novel)):
        assert seqgen("generate", "--model", name, "--length", 9, "--random-seed", 1).stdout == expected, name


def test_a_folder_that_is_called_as_a_model_does_not_hide_it(seqgen, tmp_path):
    (tmp_path / "novel").mkdir()
    assert seqgen("generate", "--model", "novel", "--length", 1).exit_code == 0


@pytest.mark.parametrize(
    ("options", "order"),
    [
        (
            ("--sampler", "typical:p=0.5", "--top-k", 5, "--sampler", "min-p:p=0.1"),
            ["Typical(p=0.5)", "TopK(k=5)", "MinP(p=0.1)"],
        ),
        (("--top-p", 0.9, "--sampler", "top-k:k=5", "--top-p", 0.8), ["TopP(p=0.8)", "TopK(k=5)"]),
    ],
)
def test_what_truncates_stands_in_the_order_of_the_command_line(seqgen, options, order):
    line = seqgen("generate", "--length", 2, "--temperature", 1, *options, "--jsonl").stdout
    assert json.loads(line)["samplers"] == ["Temperature(temperature=1.0)", *order]


def test_a_prompt_in_utf_8_is_read_so_whatever_its_corpus_was_in_though_it_has_a_nul():
    assert as_prompt("Café\0 où".encode(), like="", file="prompt.txt", encoding="cp1252") == "Café\0 où"
    assert as_prompt("Café où".encode("cp1252"), like="", file="prompt.txt", encoding="cp1252") == "Café où"
    one_hot = as_prompt(b"the ice", like="", file="prompt.txt", encoding="one-hot")  # what a plugin may call so
    assert one_hot == "the ice"
