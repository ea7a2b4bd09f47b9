"""Lengths in characters, the likeliest of several, JSON lines that can be continued, and a page of probabilities."""

from __future__ import annotations

import hashlib
import html.parser
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import seqgen as seqgen_api
from seqgen.cli.generate_samples import record
from tests.conftest import sealed

pytestmark = pytest.mark.usefixtures("novel")

COMMAND = ("generate", "--seed", "the ice", "--length", "30c", "--random-seed", 7, "--num-samples", 70)
"""More samples than are written side by side."""


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def by_number(records):
    return sorted(records, key=lambda record: record["sample"])


def test_a_length_with_a_c_counts_characters(seqgen):
    record = json.loads(seqgen("generate", "--length", "41c", "--json").stdout)
    assert [(len(sample["text"]), sample["finish_reason"]) for sample in record["samples"]] == [(41, "length")]


def test_best_of_shows_the_sample_that_is_likeliest_per_character(seqgen):
    options = ("generate", "--seed", "the ice", "--length", 20, "--stop", "s", "--random-seed")
    others = []
    for random_seed in range(4):
        generation = seqgen_api.load("novel").prepare("the ice", length=20, stop=["s"], random_seed=random_seed)
        samples = generation.samples(9, log_probabilities=True)
        # A token is a character, of the stop text too, which the text lacks.
        best = max(samples, key=lambda sample: sample.log_probability / sample.tokens)
        assert seqgen(*options, random_seed, "--best-of", 9).stdout == f"the ice{best.text}\n"
        others.append(best is not samples[0] and best is not max(samples, key=lambda sample: sample.log_probability))
    assert any(others)  # neither the first nor the likeliest as a whole
    assert json.loads(seqgen(*options, random_seed, "--best-of", 9, "--json").stdout)["samples"][0]["text"] == best.text
    assert seqgen(*options, 3, "--best-of", 1).stdout == seqgen(*options, 3).stdout


def test_the_speed_of_the_best_of_several_is_that_of_all_that_were_drawn():
    loaded = seqgen_api.load("novel")
    generation = loaded.prepare("the ice", length=20, random_seed=3)
    drawn = sum(sample.tokens for sample in generation.samples(9))
    made = record(loaded, generation, 1, 9, time.perf_counter())
    assert drawn > 5 * made["samples"][0]["tokens"]
    assert made["tokens_per_second"] * made["seconds"] >= drawn * (1 - 1e-9)  # no less, for the seconds begin earlier


@pytest.mark.parametrize("options", [(), ("--best-of", 3), ("--beam", 2)], ids=str)
def test_json_says_what_the_samples_depend_on_as_each_line_of_jsonl_does(seqgen, options):
    given = ("generate", "--seed", "the ice", "--length", "9c", "--stop", "z", "--sampler", "no-repeat-ngram:size=9")
    line = json.loads(seqgen(*given, "--random-seed", 7, "--jsonl").stdout)
    drawn = () if "--beam" in options else ("--random-seed", 7)
    made = json.loads(seqgen(*given, *drawn, *options, "--json").stdout)
    own = {"sample", "text", "tokens", "finish_reason", "notes"}
    common = {name: value for name, value in line.items() if name not in own}
    assert (common["length"], common["stop"], common["prompt"]) == ("9c", ["z"], "the ice")
    if "--beam" in options:  # which draws nothing
        common |= {"random_seed": None, "samplers": ["NoRepeatNgram(size=9)"]}
    assert {name: made[name] for name in common} == common
    assert (made["best_of"], made["beam"]) == ((3, None) if "--best-of" in options else (None, 2 if options else None))


def test_json_has_a_long_prompt_whole(seqgen, tmp_path):
    (tmp_path / "prompt.txt").write_text("the ice " * 200, "utf-8")
    made = json.loads(seqgen("generate", "--seed-file", "prompt.txt", "--length", 1, "--json").stdout)
    assert made["prompt"] == "the ice " * 200


def test_each_sample_is_a_line_with_the_text_that_it_has_alone(seqgen, tmp_path):
    said = [json.loads(line) for line in seqgen(*COMMAND, "--jsonl").stdout.splitlines()]
    assert sorted(record["sample"] for record in said) == list(range(70))
    alone = seqgen("generate", "--seed", "the ice", "--length", "30c", "--random-seed", 7).stdout
    assert f"the ice{by_number(said)[0]['text']}\n" == alone
    seqgen(*COMMAND, "--output", "samples.jsonl")
    assert lines(tmp_path / "samples.jsonl") == said


def test_a_file_that_was_cut_anywhere_is_continued_to_what_it_would_have_been(seqgen, tmp_path):
    path = tmp_path / "samples.jsonl"
    assert seqgen(*COMMAND, "--output", path).exit_code == 0
    whole = path.read_bytes()
    for cut in (0, 3, len(whole) // 2, whole.rindex(b"{"), len(whole) - 1, len(whole)):
        path.write_bytes(whole[:cut])
        assert seqgen(*COMMAND, "--output", path).exit_code == 0
        assert by_number(lines(path)) == by_number([json.loads(line) for line in whole.splitlines()]), cut


STOPPED_IN_THE_MIDDLE = """if True:
    import os, signal, sys
    from seqgen.cli.app import main
    from seqgen.cli.output import Out
    write, written = Out.line, []
    def write_and_stop(out, record):
        write(out, record)
        written.append(record)
        if len(written) == 99:
            os.kill(os.getpid(), signal.SIGSTOP)
    Out.line = write_and_stop
    main(sys.argv[1:])
"""


def test_a_killed_command_is_continued_by_the_same_one(seqgen, tmp_path):
    path = tmp_path / "samples.jsonl"
    command = [*COMMAND[:-1], 200, "--output", path]
    process = subprocess.Popen([sys.executable, "-c", STOPPED_IN_THE_MIDDLE, *map(str, command)])
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    refused = seqgen(*command)  # while the other one writes
    process.kill()
    process.wait()
    assert len(lines(path)) == 99
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"Another process is writing samples to {path}.  Wait for it, or name another" in refused.stderr
    assert seqgen(*command).exit_code == 0
    assert not [each.name for each in tmp_path.iterdir() if each.name.endswith(".lock")]
    assert [record["sample"] for record in by_number(lines(path))] == list(range(200))
    again = tmp_path / "again.jsonl"
    seqgen(*command[:-1], again)
    assert by_number(lines(path)) == by_number(lines(again))


def test_without_a_random_seed_the_one_in_the_file_is_taken(seqgen, tmp_path):
    for number in (2, 4):
        assert seqgen("generate", "--length", 9, "--num-samples", number, "--output", "samples.jsonl").exit_code == 0
    held = lines(tmp_path / "samples.jsonl")
    assert (len(held), len({record["random_seed"] for record in held})) == (4, 1)


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (("--length", "31c"), 'its line 1 has length "30c", and this command has "31c".'),
        (("--random-seed", 8), "its line 1 has random_seed 7, and this command has 8."),
        (("--top-k", 3), "its line 1 has samplers "),
        (("--stop", "x"), 'its line 1 has stop [], and this command has ["x"].'),
        (("--seed", "ice"), 'its line 1 has prompt "the ice", and this command has "ice".'),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_file_of_another_generation_is_not_continued(seqgen, refused, tmp_path, other, sentence):
    path = tmp_path / "samples.jsonl"
    seqgen(*COMMAND, "--output", path)
    before = path.read_bytes()
    assert sentence in refused(*COMMAND, "--output", path, *other, exit_code=2)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["ngrams.safetensors", "tokenizer.json"])
def test_a_file_of_another_model_that_has_the_same_weights_is_not_continued(seqgen, refused, novel, tmp_path, name):
    path = tmp_path / "samples.jsonl"
    seqgen(*COMMAND, "--output", path)
    if name == "tokenizer.json":
        (novel / name).write_text((novel / name).read_text().rstrip() + "\n\n")
    else:
        tensors = load_file(novel / name)
        tensors["weights"] = tensors["weights"][::-1].copy()
        with safe_open(novel / name, "np") as file:
            save_file(tensors, novel / name, file.metadata())
    sealed(novel)
    assert 'its line 1 has files "' in refused(*COMMAND, "--output", path, exit_code=2)


def test_a_file_of_a_backend_that_rounds_is_not_continued_by_one_that_does_not(seqgen, refused, tmp_path):
    pytest.importorskip("numba")
    path = tmp_path / "samples.jsonl"
    assert seqgen(*COMMAND, "--backend", "numba", "--output", path).exit_code == 0
    assert "its line 1 has rounded true, and this command has false" in refused(*COMMAND, "--output", path, exit_code=2)


def test_a_file_of_before_lines_said_whether_weights_were_rounded_is_continued(seqgen, tmp_path):
    path = tmp_path / "samples.jsonl"
    seqgen(*COMMAND, "--output", path)
    whole = lines(path)
    assert {line.pop("rounded") for line in whole} == {False}
    path.write_text("".join(json.dumps(line) + "\n" for line in whole[:1]))
    assert seqgen(*COMMAND, "--output", path).exit_code == 0
    assert [line["text"] for line in lines(path)] == [line["text"] for line in whole]


def test_a_long_prompt_is_not_repeated_in_every_line(seqgen, refused, tmp_path):
    path, prompt = tmp_path / "samples.jsonl", tmp_path / "prompt.txt"
    prompt.write_text("the ice " * 125)  # 1,000 characters
    command = ("generate", "--seed-file", prompt, "--length", 4, "--num-samples", 2)
    assert json.loads(seqgen(*command, "--jsonl").stdout.splitlines()[0])["prompt"] == prompt.read_text()
    prompt.write_text("the ice " * 126)
    command = (*command, "--output", path)
    assert seqgen(*command).exit_code == 0
    digest = hashlib.sha256(prompt.read_bytes()).hexdigest()
    assert [line["prompt"] for line in lines(path)] == [{"sha256": digest, "bytes": 1008}] * 2
    assert seqgen(*command, "--num-samples", 3).exit_code == 0
    assert len(lines(path)) == 3
    prompt.write_text("the sea " * 126)
    assert 'its line 1 has prompt {"sha256": "' in refused(*command, exit_code=2)


@pytest.mark.parametrize("content", [b"my diary", b"my diary\n", b"[]\n", b"{}\n", b"\xff\xfe\n"])
def test_a_file_of_something_else_is_left_alone(refused, tmp_path, content):
    path = tmp_path / "samples.jsonl"
    path.write_bytes(content)
    assert f"Line 1 of {path} is no sample that seqgen wrote." in refused(*COMMAND, "--output", path, exit_code=2)
    assert path.read_bytes() == content


@pytest.mark.parametrize("number", [[0], {}, "0", None])
def test_a_line_whose_sample_is_no_number_is_none_of_ours(seqgen, refused, tmp_path, number):
    path = tmp_path / "samples.jsonl"
    seqgen(*COMMAND, "--output", path)
    first, *others = lines(path)
    content = "".join(json.dumps(line) + "\n" for line in [{**first, "sample": number}, *others]).encode()
    path.write_bytes(content)
    assert f"Line 1 of {path} is no sample that seqgen wrote." in refused(*COMMAND, "--output", path, exit_code=2)
    assert path.read_bytes() == content


def test_probabilities_as_a_page_hold_the_text_and_nothing_from_elsewhere(seqgen, tmp_path):
    options = ("generate", "--seed", "the <b>ice & 'sea'", "--length", 40, "--random-seed", 2)
    said = seqgen(*options).stdout.removesuffix("\n")
    assert seqgen(*options, "--show-probabilities", "--output", "page.html").stdout == ""
    page = (tmp_path / "page.html").read_text("utf-8")
    texts, tags = [], set()

    class Reader(html.parser.HTMLParser):
        inside = False

        def handle_starttag(self, tag, attrs):
            tags.add(tag)
            self.inside = self.inside or tag == "pre"
            assert not {"src", "href"} & {name for name, _ in attrs}

        def handle_endtag(self, tag):
            self.inside = self.inside and tag != "pre"

        def handle_data(self, data):
            if self.inside:
                texts.append(data)

    Reader().feed(page)
    assert "".join(texts) == said
    assert not tags & {"b", "script", "link", "img"}


@pytest.mark.parametrize("temperature", [0, 1e-30, 1e9])
def test_any_temperature_that_is_a_number_writes_a_text(seqgen, temperature):
    outcome = seqgen("generate", "--temperature", temperature, "--length", "20c")
    assert (outcome.exit_code, len(outcome.stdout)) == (0, 21)


def test_a_length_of_a_million_million_streams_until_the_reader_goes_away():
    command = [sys.executable, "-m", "seqgen", "generate", "--length", str(10**12), "--temperature", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert len(process.stdout.read(200)) == 200
    process.stdout.close()
    stderr = process.stderr.read()
    process.wait(60)
    process.stderr.close()
    assert b"Traceback" not in stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_standard_output_that_is_full_is_told():
    with open("/dev/full", "wb") as full:  # noqa: PTH123  a device
        command = [sys.executable, "-m", "seqgen", "generate", "--length", "9"]
        outcome = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert outcome.returncode == 1
    assert outcome.stderr.startswith(b"error: ")
    assert b"Traceback" not in outcome.stderr


@pytest.mark.slow
def test_a_prompt_of_a_million_characters_is_read(seqgen, tmp_path):
    (tmp_path / "long.txt").write_text("the ice " * 125_000, "utf-8")
    outcome = seqgen("generate", "--seed-file", "long.txt", "--length", "5c")
    assert (outcome.exit_code, len(outcome.stdout)) == (0, 1_000_006)
    assert "note: the model reads 1,000,000 tokens of the prompt before it writes\n" in outcome.stderr
