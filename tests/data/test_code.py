"""What an earlier version of a plugin's part made is not taken for what the part makes now."""

from __future__ import annotations

import importlib
import sys

import pytest

from seqgen.core import files as core_files
from seqgen.data.code import code_of
from seqgen.data.store import fingerprint_of, open_or_build
from seqgen.datasets.text import TextDataset
from seqgen.tokenizers.byte import ByteTokenizer

TOKENIZER = """
from seqgen.tokenizers.byte import ByteTokenizer
from chess.words import changed

class ChessTokenizer(ByteTokenizer):
    def encode(self, document):
        return super().encode(changed(document))
"""
DATASET = """
from seqgen.core.types import Document
from seqgen.datasets.text import TextDataset
from chess.words import changed

class ChessDataset(TextDataset):
    def documents(self):
        for document in super().documents():
            yield Document(document.id, changed(document.content))
"""


@pytest.fixture
def chess(tmp_path, monkeypatch):
    """Installs a package whose parts pass each text through this expression; gives its tokenizer and its dataset."""
    folder = tmp_path / "site-packages" / "chess"
    folder.mkdir(parents=True)
    for name, code in {"__init__": "", "tokenizer": TOKENIZER, "dataset": DATASET}.items():
        (folder / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # which is told from its source by the second

    def forget():
        for name in [name for name in sys.modules if name.partition(".")[0] == "chess"]:
            del sys.modules[name]

    def install(expression):
        (folder / "words.py").write_text(f"def changed(text):\n    return {expression}\n")
        forget()
        importlib.invalidate_caches()
        parts = [importlib.import_module(f"chess.{kind}") for kind in ("tokenizer", "dataset")]
        return parts[0].ChessTokenizer, parts[1].ChessDataset

    yield install
    forget()


@pytest.fixture
def text(tmp_path, monkeypatch):
    """A file that tells of itself as soon as it is written."""
    monkeypatch.setattr(core_files, "SETTLED_NS", -1)
    path = tmp_path / "text.txt"
    path.write_text("abc")
    return str(path)


def test_a_tokenizer_whose_package_has_changed_encodes_anew(chess, text, tmp_path):
    dataset = TextDataset(sources=(text,))
    stores = []
    for expression in ("text", "text", "text.upper()"):
        tokenizer, _ = chess(expression)
        stores.append(open_or_build(dataset, tokenizer(), tmp_path / "tokens"))
    assert [store.tokens.tobytes().replace(b"\0", b"") for store in stores] == [b"abc", b"abc", b"ABC"]
    assert stores[0].folder == stores[1].folder


def test_a_dataset_whose_package_has_changed_is_read_anew(chess, text, tmp_path):
    fingerprints = []
    for expression in ("text", "text", "text.upper()"):
        _, dataset = chess(expression)
        fingerprints.append(fingerprint_of(dataset(sources=(text,)), tmp_path / "tokens"))
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_a_plugin_may_be_one_module(tmp_path, monkeypatch):
    (tmp_path / "draughts.py").write_text("class Part: ...")
    monkeypatch.syspath_prepend(tmp_path)
    part = importlib.import_module("draughts").Part
    before = code_of(part)
    (tmp_path / "draughts.py").write_text("class Part: ...\n")
    assert before != code_of(part)
    del sys.modules["draughts"]


def test_a_namespace_that_distributions_share_is_not_the_package(tmp_path, monkeypatch):
    for name in ("mine", "theirs"):
        (tmp_path / "games" / name).mkdir(parents=True)
        (tmp_path / "games" / name / "__init__.py").write_text("class Part: ...")
    monkeypatch.syspath_prepend(tmp_path)
    part = importlib.import_module("games.mine").Part
    before = code_of(part)
    (tmp_path / "games" / "theirs" / "__init__.py").write_text("class Part: ...\n")
    assert before == code_of(part) != ""
    (tmp_path / "games" / "mine" / "__init__.py").write_text("class Part: ...\n")
    assert before != code_of(part)
    for name in ("games", "games.mine"):
        del sys.modules[name]


def test_nothing_tells_of_the_code_of_our_own_parts_and_of_what_was_typed():
    assert code_of(ByteTokenizer) == ""
    assert code_of(type("Part", (), {"__module__": "typed"})) == ""
