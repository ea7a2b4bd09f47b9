"""The page writes what the command line writes: its script in Node, and the page's own promises.

The page in a browser: ``test_html_in_chromium.py``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from seqgen.backends.numpy.model import NumpyModel
from seqgen.core.errors import UsageError
from seqgen.generation.draw import RandomStreams
from seqgen.generation.generate import generate
from seqgen.generation.prompt import ending, opening
from seqgen.interop.html import page as html_page
from seqgen.ngrams.mixture import Mixture
from seqgen.samplers.min_p import MinP
from seqgen.samplers.temperature import Temperature
from seqgen.tokenizers.bpe import BpeTokenizer
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer
from seqgen.tokenizers.word import WordTokenizer

from .conftest import TEXT

NODE = shutil.which("node")
in_node = pytest.mark.skipif(
    NODE is None, reason="Node.js is not installed: the page's script runs in test_html_in_chromium"
)

MARKED = "हिन्दी भाषा, مَلِكٌ ที่นี่ cafe\u0301s l'e\u0301te\u0301 \u0301x x\u20dd"
"""Words with marks that their letters have, a mark of none, and one that encloses."""

CHARS = CharTokenizer().fit([TEXT])
TOKENIZERS = {
    "char": CHARS,
    "char lower": CharTokenizer(lowercase=True).fit([TEXT]),
    "char NFC": CharTokenizer(normalization="NFC", min_count=2).fit([TEXT]),
    "char NFD lower": CharTokenizer(normalization="NFD", lowercase=True).fit([TEXT]),
    "char NFKC": CharTokenizer(normalization="NFKC").fit([TEXT]),
    "char jamo": CharTokenizer().fit([TEXT, unicodedata.normalize("NFD", "가각")]),
    "byte": ByteTokenizer(),
    "word": WordTokenizer(min_count=1).fit([TEXT]),
    "word lower": WordTokenizer(lowercase=True, min_count=1).fit([TEXT, TEXT]),
    "word marks": WordTokenizer(min_count=1).fit([MARKED]),
}
SLOW = ("char lower", "char NFC", "char NFKC", "word")
SHAPES = [
    {"architecture": "lstm"},
    {"architecture": "lstm", "input_encoding": "scalar"},
    {"architecture": "gru", "num_layers": 2, "embedding_size": 16, "tie_embeddings": True},
    {"architecture": "gru", "input_encoding": "one-hot"},
    {"architecture": "rnn", "num_layers": 2},
    {"architecture": "rnn", "ngram_order": 5},  # of whose contexts the longest take numbers of 64 bits
]


@pytest.fixture
def exported(make_source, tmp_path):
    """Exports a model; gives its source, and a function that asks the page's script in Node."""

    def export(tokenizer, name="char", **options):
        source = make_source(tokenizer, name, **{"hidden_size": 16, "embedding_size": 9, **options})
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.html"
        path.write_text(html_page.page(source), "utf-8")

        def ask(*requests):
            script = Path(__file__).with_name("page_in_node.js")
            done = subprocess.run(
                [NODE, script, path], input=json.dumps(requests), capture_output=True, text=True, check=True, timeout=60
            )
            return json.loads(done.stdout)

        return source, ask

    return export


def model_of(source):
    network = NumpyModel(source.spec, source.weights)
    return Mixture.of(network, source.ngrams, where="made") if source.ngrams else network


@in_node
def test_the_script_computes_our_logits(exported):
    largest = 0.0
    for shape in SHAPES:
        source, ask = exported(ByteTokenizer(), "byte", **shape)
        ids = np.random.default_rng(5).integers(0, 257, (1, 60))
        model = model_of(source)
        state, expected = model.initial_state(1), []
        for step in range(60):
            logits, state = model.next_logits(ids[:, step], state)
            expected.append(logits[0])
        (given_logits,) = ask(("logits", ids[0].tolist()))
        largest = max(largest, float(np.abs(np.array(given_logits) - np.array(expected)).max()))
    assert largest < 1e-4


@in_node
@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in TOKENIZERS])
def test_the_script_reads_and_writes_text_as_the_tokenizer_does(exported, name):
    tokenizer = TOKENIZERS[name]
    _, ask = exported(tokenizer, name.split()[0])
    # Every character that this Python and an older Unicode both know, in short texts, beside what normal forms join.
    assigned = [chr(code) for code in range(0x30000) if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")]
    rng = np.random.default_rng(6)
    texts = [TEXT, "", *("".join(assigned[start : start + 40]) for start in range(0, len(assigned), 40))][::5]
    texts += ["".join(rng.choice(list(TEXT + "éÅ\u0301\u0308e\u200d\ud800"), 12)) for _ in range(300)]
    texts += [MARKED]
    answers = ask(*(("encode", text) for text in texts))
    for text, answer in zip(texts, answers, strict=True):
        assert answer["ids"] == tokenizer.encode(text).tolist(), text
        if name != "byte":
            known = {character: read or None for character, read in answer["missing"]}
            expected = tokenizer.missing(text)
            assert known.items() <= expected.items(), text
    ids = [tokenizer.encode(text).tolist() for text in texts[:200]]
    ids += [rng.integers(0, tokenizer.vocab_size, 30).tolist() for _ in range(200)]
    for each, text in zip(ids, ask(*(("decode", each) for each in ids)), strict=True):
        decoder = tokenizer.decoder()
        assert text == "".join(map(decoder.push, each)) + decoder.finish()


def test_the_page_lists_no_character_that_only_the_unknown_one_stands_for():
    tokenizer = TOKENIZERS["char NFC"]
    assert tokenizer.missing("漢á") == {"漢": "\ufffd", "á": "a"}
    lacking, near = html_page.nearest(tokenizer)
    assert dict(zip(lacking, near, strict=True)).items() >= {("á", "a")}
    assert "\ufffd" not in near


def test_a_syllable_of_hangul_is_read_as_its_first_letter_as_the_tokenizer_reads_it():
    lacking, near = html_page.nearest(TOKENIZERS["char jamo"])
    read = dict(zip(lacking, near, strict=True))
    assert read["각"] == "\u1100"
    assert "까" not in read


@in_node
def test_random_numbers_are_those_of_the_core(exported):
    _, ask = exported(CHARS)
    for seed in (0, 1, 2**63 - 1):
        (numbers,) = ask(("uniforms", {"randomSeed": str(seed), "count": 600}))
        streams = RandomStreams(seed, [0])
        assert numbers == [float(streams.next()[0]) for _ in range(600)]


@in_node
@pytest.mark.parametrize(
    ("name", "how"),
    [
        *((name, {"has_ends": ends}) for name in ("char", "byte", "word") for ends in (False, True)),
        ("char", {"ngram_order": 4}),
    ],
)
def test_the_text_is_that_of_the_core_for_each_temperature_and_random_seed(exported, name, how):
    tokenizer = TOKENIZERS[name]
    source, ask = exported(tokenizer, name, **how)
    model = model_of(source)
    end_id, forbid = ending(tokenizer, has_ends=source.has_ends)
    cases = [
        {"prompt": prompt, "length": 120, "temperature": temperature, "minP": min_p, "randomSeed": seed}
        for prompt, temperature, min_p, seed in [
            ("The ice", 0, 0, 1), ("", 0, 0.05, 1), ("gulls", 0.8, 0.05, 7), ("", 1, 0, 8), ("said", 1.3, 0.1, 2**40),
        ]
    ]  # fmt: skip
    for case, text in zip(cases, ask(*(("write", case) for case in cases)), strict=True):
        samplers = [Temperature(temperature=case["temperature"])]
        samplers += [MinP(p=case["minP"])] if case["minP"] else []
        (expected,) = generate(
            model,
            tokenizer,
            opening(tokenizer, case["prompt"], has_ends=source.has_ends),
            length=case["length"],
            samplers=samplers,
            random_seed=case["randomSeed"],
            end_id=end_id,
            forbid=forbid,
        )
        assert text == expected.text, case


class _Parser(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.content, self.inside = [], {}, ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

        self.inside = dict(attrs).get("id", tag)

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        self.content[self.inside] = self.content.get(self.inside, "") + data


def parsed(page):
    parser = _Parser()
    parser.feed(page)
    return parser


def test_the_policy_allows_the_page_its_own_scripts_and_style_and_nothing_else(make_source):
    page = parsed(html_page.page(make_source(CHARS, "char", hidden_size=8)))
    (policy,) = [attributes["content"] for tag, attributes in page.tags if "http-equiv" in attributes]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    hashes = {
        name: "'sha256-" + base64.b64encode(hashlib.sha256(page.content[name].encode()).digest()).decode() + "'"
        for name in ("engine", "page", "style")
    }
    assert rules == {
        "default-src": "'none'",
        "script-src": f"{hashes['engine']} {hashes['page']}",
        "style-src": hashes["style"],
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
    }
    asking = [attributes for _, attributes in page.tags if attributes.keys() & {"src", "href", "action", "style"}]
    assert asking == []
    assert not re.search(r"https?:|innerHTML|\beval\b|fetch\(|import\(", page.content["engine"] + page.content["page"])


def test_text_of_any_script_has_its_direction_and_is_of_no_language(make_source):
    tags = parsed(html_page.page(make_source(CHARS, "char", hidden_size=4))).tags
    of_text = [attributes for tag, attributes in tags if tag in ("textarea", "pre")]
    assert [(each["id"], each["dir"], each["lang"]) for each in of_text] == [
        ("prompt", "auto", ""),
        ("text", "auto", ""),
    ]


HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>&\"'"


@pytest.mark.parametrize("hostile", [HOSTILE, "<!--<script>", "$name ${about} {{weights}}\u2028]]>"])
def test_what_a_model_is_called_and_made_of_is_text_in_the_page_and_never_a_part_of_it(make_source, hostile):
    source = make_source(WordTokenizer(min_count=1).fit([hostile]), "word", hidden_size=4)
    named = replace(source, name=hostile, about=dict.fromkeys(source.about, hostile))
    found, plain = parsed(html_page.page(named)), parsed(html_page.page(source))
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in plain.tags]
    assert json.loads(found.content["about"])["name"] == hostile
    assert json.loads(found.content["about"])["tokenizer"]["state"] == source.tokenizer.state()
    assert found.content["h1"].strip() == hostile


def test_a_tokenizer_that_the_script_does_not_know_is_refused_with_those_it_knows(make_model, catalog, tmp_path):
    tokenizer = BpeTokenizer(vocab_size=260).fit(["the ice the ice"])
    with pytest.raises(UsageError) as refused:
        html_page.export_html(make_model(tokenizer, "bpe", hidden_size=8), tmp_path / "page.html", catalog)
    assert str(refused.value) == (
        'made:1 has the tokenizer "bpe" of seqgen, which the script of a page does not know.  It knows: char, byte, '
        "word.  Use --format onnx or safetensors"
    )
    assert not (tmp_path / "page.html").exists()


def test_weights_too_large_for_a_page_are_refused_with_their_size(make_source, monkeypatch):
    monkeypatch.setattr(html_page, "LARGEST", 2**20)
    source = make_source(CHARS, "char", hidden_size=8, embedding_size=6000)
    with pytest.raises(UsageError, match=r"made:1 has 1\.\d MiB of weights, but a page holds at most 1\."):
        html_page.page(source)


def test_the_page_says_how_large_the_model_is_and_when_it_was_trained(make_source):
    source = make_source(CHARS, "char", hidden_size=8, embedding_size=4)
    numbers = sum(tensor.size for tensor in source.weights.values())
    shown = html_page.page(source)
    assert f"{numbers:,} parameters, 0.0 MB" in shown
    assert "trained 2026-01-02" in shown


def test_the_two_scripts_of_a_page_declare_no_name_twice():
    """In a browser they share one scope: a second declaration would end the second script before it begins."""
    scripts = Path(html_page.__file__).parent
    declared = [
        set(
            re.findall(
                r"^(?:async )?(?:function\*?|const|let|class) (\w+)", (scripts / name).read_text("utf-8"), re.MULTILINE
            )
        )
        for name in ("engine.js", "page.js")
    ]
    assert all(declared)
    assert declared[0].isdisjoint(declared[1])
