import hashlib
import json
import os
import shutil
import stat
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen import locks
from seqgen.core import files as core_files
from seqgen.core.dataset import Dataset
from seqgen.core.errors import CorpusError, OutputError, PluginError, SeqgenWarning
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Document
from seqgen.data.reading import SEEN, Fingerprint
from seqgen.data.store import fingerprint_of, open_or_build
from seqgen.datasets.text import TextDataset
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer

ABC = CharTokenizer().fit(["abc"])  # a 0, b 1, c 2, end 3


def parts_of(store):
    return [store.tokens[start:stop].tolist() for start, stop in zip(store.starts, store.stops, strict=False)]


def test_one_document_is_its_tokens_alone(memory, tmp_path):
    store = open_or_build(memory("abcab"), ABC, tmp_path)
    assert store.tokens.tolist() == [0, 1, 2, 0, 1]
    assert store.tokens.dtype == np.uint8
    assert store.starts.tolist() == [0, 5]
    assert (store.has_ends, store.characters) == (False, 5)
    assert parts_of(store) == [[0, 1, 2, 0, 1]]


def test_several_documents_have_ends_around_them(memory, tmp_path):
    store = open_or_build(memory("ab", "", "c"), ABC, tmp_path)
    assert store.tokens.tolist() == [3, 0, 1, 3, 3, 2, 3]
    assert store.starts.tolist() == [0, 3, 4, 6]
    assert (store.has_ends, store.characters) == (True, 3)
    assert parts_of(store) == [[3, 0, 1, 3], [3, 3], [3, 2, 3]]


def test_documents_of_a_tokenizer_without_an_end_follow_one_another(memory, endless, tmp_path):
    store = open_or_build(memory("ab", "c"), endless, tmp_path)
    assert store.tokens.tobytes() == b"abc"
    assert store.has_ends is False
    assert [bytes(part) for part in parts_of(store)] == [b"ab", b"c"]


def test_nothing_can_be_written_into_a_store(memory, tmp_path):
    store = open_or_build(memory("abc"), ABC, tmp_path)
    with pytest.raises(ValueError, match="read-only"):
        store.tokens[0] = 1


def test_pieces_do_not_show_in_a_store(memory, tmp_path):
    whole = open_or_build(memory("abcab", "c"), ABC, tmp_path / "whole")
    pieces = open_or_build(memory(["ab", "", "cab"], ["c"]), ABC, tmp_path / "pieces")
    assert pieces.folder.name == whole.folder.name
    assert pieces.tokens.tolist() == whole.tokens.tolist()


def test_the_fingerprint_is_of_the_contents_and_of_where_documents_end(memory, tmp_path):
    def fingerprint(*contents):
        return open_or_build(memory(*contents), ABC, tmp_path).fingerprint

    assert (
        fingerprint("ab", "c")
        == hashlib.sha256(hashlib.sha256(b"ab").digest() + hashlib.sha256(b"c").digest()).hexdigest()
    )
    assert len({fingerprint("ab", "c"), fingerprint("a", "bc"), fingerprint("abc"), fingerprint("c", "ab")}) == 4


def test_equal_documents_have_equal_hashes(memory, tmp_path):
    hashes = open_or_build(memory("ab", "c", "ab"), ABC, tmp_path).document_hashes
    assert hashes.dtype == np.uint64
    assert hashes[0] == hashes[2] != hashes[1]
    assert hashes[0] == int.from_bytes(hashlib.sha256(b"ab").digest()[:8], "little")


def test_a_store_is_found_again_and_not_built_again(memory, tmp_path):
    first, second = memory("ab", "c"), memory("ab", "c")
    built = open_or_build(first, ABC, tmp_path)
    found = open_or_build(second, ABC, tmp_path)
    assert (len(first.readings), len(second.readings)) == (2, 1)
    assert found.tokens.tolist() == built.tokens.tolist()
    assert found.starts.tolist() == built.starts.tolist()
    assert found.document_hashes.tolist() == built.document_hashes.tolist()
    assert (found.characters, found.fingerprint, found.has_ends) == (built.characters, built.fingerprint, True)


def test_what_a_caller_knows_of_the_corpus_need_not_be_read_again(memory, tmp_path):
    built = open_or_build(memory("ab", "c"), ABC, tmp_path)
    found = open_or_build(
        again := memory("ab", "c"), ABC, tmp_path, fingerprint=Fingerprint(built.fingerprint, documents=2, size=3)
    )
    assert (len(again.readings), found.folder) == (0, built.folder)


@pytest.fixture
def files(tmp_path):
    """Two files that were written a while ago, and the dataset of them."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in ("1.txt", "2.txt"):
        (folder / name).write_text("abc")
    return folder


@pytest.fixture
def settled(monkeypatch):
    """Files tell of themselves as soon as they are written."""
    monkeypatch.setattr(core_files, "SETTLED_NS", -1)


def opened(path):
    raise AssertionError(f"{path} was read")


def test_files_that_are_as_they_were_are_not_read_again(files, settled, tmp_path, monkeypatch):
    built = open_or_build(TextDataset(sources=(str(files),)), ABC, tmp_path)
    again = TextDataset(sources=(str(files),))
    monkeypatch.setattr(core_files.Source, "blocks", opened)
    assert open_or_build(again, ABC, tmp_path).folder == built.folder


def test_what_was_passed_over_is_told_again_where_a_corpus_is_not_read(files, settled, tmp_path):
    @dataclass(frozen=True, kw_only=True)
    class Choosy(TextDataset):
        left_out: list[str] = field(default_factory=list)

        def documents(self):
            yield from super().documents()
            self.left_out[:] = ["2 of 4 files were passed over"]

        def passed_over(self):
            return self.left_out

    first = Choosy(sources=(str(files),))
    open_or_build(first, ABC, tmp_path)  # a reading warns itself
    open_or_build(first, ABC, tmp_path)
    with pytest.warns(SeqgenWarning, match="^2 of 4 files were passed over$") as told:
        open_or_build(Choosy(sources=(str(files),)), ABC, tmp_path)
    assert len(told) == 1


@pytest.mark.parametrize("change", ["longer", "of the same length and time", "renamed", "one more"])
def test_files_that_were_changed_are_read_again(files, settled, tmp_path, change):
    before = open_or_build(TextDataset(sources=(str(files),)), ABC, tmp_path)
    path = files / "2.txt"
    times = path.stat()
    match change:
        case "longer":
            path.write_text("abcc")
        case "of the same length and time":  # which a file's own time of change still tells
            while path.stat().st_ctime_ns == times.st_ctime_ns:
                path.write_text("cba")
                os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        case "renamed":
            path.rename(files / "0.txt")
        case _:
            (files / "3.txt").write_text("a")
    after = open_or_build(TextDataset(sources=(str(files),)), ABC, tmp_path)
    assert (after.fingerprint == before.fingerprint) == (change == "renamed")


def test_files_that_change_while_they_are_read_first_are_not_remembered_as_either(files, settled, tmp_path):
    class Changed(TextDataset):
        def documents(self):
            yield from super().documents()
            (files / "2.txt").write_text("abcabc")

    fingerprint_of(Changed(sources=(str(files),)), tmp_path)
    assert not (tmp_path / SEEN).exists()


def test_files_that_were_written_just_now_are_recognised_by_their_content_alone(files, tmp_path, monkeypatch):
    monkeypatch.setattr(core_files, "SETTLED_NS", 3600 * 10**9)
    assert TextDataset(sources=(str(files),)).stamp() is None
    open_or_build(TextDataset(sources=(str(files),)), ABC, tmp_path)
    assert not (tmp_path / SEEN).exists()


def test_another_encoding_of_the_same_files_is_another_corpus(files, settled, tmp_path):
    (files / "2.txt").write_bytes(b"\xe9")
    tokenizer = CharTokenizer().fit(["abc\xe9\u0449"])
    stores = [
        open_or_build(TextDataset(sources=(str(files),), encoding=encoding), tokenizer, tmp_path)
        for encoding in ("latin-1", "cp1251", "latin-1")
    ]
    assert stores[0].fingerprint == stores[2].fingerprint != stores[1].fingerprint


@pytest.mark.parametrize("content", ["", "[]", '{"sha256": 1, "documents": 1, "size": 1}', "[" * 100_000, '{"x": 1}'])
def test_what_is_remembered_of_files_and_damaged_counts_for_nothing(files, settled, tmp_path, content):
    built = open_or_build(TextDataset(sources=(str(files),)), ABC, tmp_path)
    (seen,) = (tmp_path / SEEN).iterdir()
    seen.write_text(content)
    assert open_or_build(TextDataset(sources=(str(files),)), ABC, tmp_path).fingerprint == built.fingerprint
    assert json.loads(seen.read_text())["sha256"] == built.fingerprint


def test_another_tokenizer_makes_another_store(memory, endless, tmp_path):
    tokenizers: list[Tokenizer] = [ABC, CharTokenizer().fit(["abcd"]), CharTokenizer(lowercase=True).fit(["abc"])]
    tokenizers += [ByteTokenizer(), endless]
    assert len({open_or_build(memory("abc"), each, tmp_path).folder for each in tokenizers}) == len(tokenizers)


@pytest.mark.parametrize("file", ["tokens.bin", "documents.bin"])
@pytest.mark.parametrize("damage", [lambda b: b[:-5], lambda b: b"\x01" + b[1:], lambda _: b"", None])
def test_a_damaged_store_is_built_again(memory, tmp_path, file, damage):
    expected = open_or_build(memory("ab", "c"), ABC, tmp_path)
    path = expected.folder / file
    if damage:
        path.write_bytes(damage(path.read_bytes()))
    else:
        path.unlink()
    again = memory("ab", "c")
    assert open_or_build(again, ABC, tmp_path).tokens.tolist() == [3, 0, 1, 3, 2, 3]
    assert len(again.readings) == 2
    assert list(tmp_path.glob("[!.]*")) == [expected.folder]


def test_builders_at_the_same_time_do_no_harm(memory, tmp_path):
    def build(_):
        return open_or_build(memory("ab" * 1000, "c"), ABC, tmp_path).tokens.tolist()

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(build, range(24)))
    assert all(result == results[0] for result in results)
    assert len(list(tmp_path.glob("[!.]*"))) == 1
    assert not list(tmp_path.glob(".building/*"))


def test_who_waits_for_another_builder_is_told_what_for(memory, tmp_path, monkeypatch):
    monkeypatch.setattr("seqgen.data.store.PATIENCE", 0.1)
    expected = open_or_build(memory("abc"), ABC, tmp_path)
    name = expected.folder.name
    shutil.rmtree(expected.folder)
    held = threading.Event()

    def build():
        with locks.locked(tmp_path / ".locks" / name, "held by nobody else"):
            held.set()
            time.sleep(0.5)

    other = threading.Thread(target=build)
    other.start()
    held.wait()
    with pytest.warns(SeqgenWarning, match=r"^Another process encodes this corpus: waiting until it has ended$"):
        assert open_or_build(memory("abc"), ABC, tmp_path).folder == expected.folder
    other.join()


def test_what_killed_builders_have_left_goes_after_a_day(memory, tmp_path):
    store = open_or_build(memory("abc"), ABC, tmp_path)
    left = [folder / f".new-{uuid.uuid4().hex}" for folder in (tmp_path, store.folder)]
    for path in left:
        path.write_bytes(b"half")
    open_or_build(memory("abc"), ABC, tmp_path)
    assert all(path.exists() for path in left)
    for path in left:
        os.utime(path, (0, 0))
    open_or_build(memory("abc"), ABC, tmp_path)
    assert not any(path.exists() for path in left)


def test_a_corpus_that_changes_while_it_is_read_is_said(memory, tmp_path):
    dataset = memory("ab")
    documents = dataset.documents

    class Changing(type(dataset)):
        def documents(self):
            yield from documents()
            dataset.contents.append("c")

    with pytest.raises(CorpusError, match="changed while it was read"):
        open_or_build(Changing(), ABC, tmp_path)
    assert not list(tmp_path.glob("[!.]*"))
    assert not list(tmp_path.glob(".building/*"))


def test_a_state_that_is_no_json_is_the_tokenizer_s_mistake(memory, tmp_path):
    class Stately(ByteTokenizer):
        def state(self):
            return {"count": np.int64(1)}

    with pytest.raises(PluginError, match=r"^Tokenizer \S*Stately has a state that JSON cannot hold: .*int64"):
        open_or_build(memory("a"), Stately(), tmp_path)


@pytest.mark.parametrize("document", ["a text", Document("1", None), None], ids=repr)
def test_what_is_no_document_is_the_dataset_s_mistake(tmp_path, document):
    class Texts(Dataset):
        def documents(self):
            yield document

    with pytest.raises(PluginError, match=r"^Dataset \S*Texts gives .*, which is no Document of text or bytes\."):
        open_or_build(Texts(), ABC, tmp_path)


def test_a_corpus_of_no_documents_is_empty(memory, tmp_path):
    with pytest.raises(CorpusError, match="The corpus is empty: no sources gave no documents"):
        open_or_build(memory(), ABC, tmp_path)


def test_a_folder_that_cannot_be_written_is_said(memory, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"The token store in .*file cannot be written: "):
        open_or_build(memory("abc"), ABC, tmp_path / "file")


@settings(max_examples=50)
@given(contents=st.lists(st.lists(st.text("abé👍 ", max_size=6), min_size=1, max_size=3), min_size=1, max_size=5))
def test_every_document_is_in_the_store_as_encoded(memory, tmp_path_factory, contents):
    tokenizer = CharTokenizer(normalization="NFD").fit(["abé👍 "])
    store = open_or_build(memory(*contents), tokenizer, tmp_path_factory.mktemp("stores"))
    end = [tokenizer.end_id] if len(contents) > 1 else []
    encoded = [tokenizer.encode("".join(pieces)).tolist() for pieces in contents]
    assert parts_of(store) == [[*end, *ids, *end] for ids in encoded]
    assert store.characters == sum(map(len, encoded))


@pytest.mark.slow
def test_a_folder_of_100_000_small_files_takes_little_memory(run_python, tmp_path):
    for number in range(100_000):
        if number % 1000 == 0:
            (folder := tmp_path / "files" / f"{number:06}").mkdir(parents=True)
        (folder / f"{number:06}.txt").write_text(f"file {number}\n")
    code = (
        "import pathlib, resource, sys\n"
        "from seqgen.core.catalog import load_catalog\n"
        "from seqgen.data.store import open_or_build\n"
        "from seqgen.tokenizers.char import CharTokenizer\n"
        "dataset = load_catalog().make('dataset', 'text', sources=(sys.argv[1],))\n"
        "tokenizer = CharTokenizer().fit(['file 0123456789\\n'])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "store = open_or_build(dataset, tokenizer, pathlib.Path(sys.argv[2]))\n"
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "print(len(store.starts) - 1, store.characters, grown // 1024 if sys.platform != 'darwin' else grown // 2**20)"
    )
    done = run_python(code, tmp_path / "files", tmp_path / "tokens", timeout=300)
    documents, characters, megabytes = map(int, done.stdout.split())
    assert (documents, characters) == (100_000, sum(len(f"file {number}\n") for number in range(100_000)))
    assert megabytes < 100


@pytest.mark.skipif(os.name == "nt", reason="permissions are another matter there")
def test_what_stores_share_is_for_whoever_may_write_their_folder(files, settled, tmp_path):
    folder = tmp_path / "tokens"
    folder.mkdir()
    folder.chmod(0o2775)
    open_or_build(TextDataset(sources=(str(files),)), ABC, folder)
    shared = [folder / name for name in (".building", ".locks", ".seen")]
    assert [stat.S_IMODE(path.stat().st_mode) for path in shared] == [0o2775] * 3
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder / ".locks").iterdir()] == [0o664]
