"""Encoding that is interrupted goes on where it was, and several processes give what one gives."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.core.errors import OutputError, PluginError
from seqgen.data import encoding, workers
from seqgen.data.store import BUILDING, open_or_build
from seqgen.data.workers import portable
from seqgen.tokenizers.bpe import BpeTokenizer
from seqgen.tokenizers.byte import ByteTokenizer
from seqgen.tokenizers.char import CharTokenizer
from seqgen.tokenizers.word import WordTokenizer

TEXT = "The sea is wide, the ice is white.\nÉté 👍 "


def text_of(store):
    return bytes(store.tokens[store.tokens < 256].astype(np.uint8))


class Interrupted(ByteTokenizer):
    """Bytes; counts what it encodes, and raises when that is enough."""

    encoded = 0
    enough = None

    def encode(self, document):
        if Interrupted.encoded == Interrupted.enough:
            raise KeyboardInterrupt
        Interrupted.encoded += 1
        return super().encode(document)


class Uncut(Interrupted):
    """The same; its documents cannot be cut."""

    def encode_pieces(self, pieces):
        yield from map(self.encode, pieces)


class Mistaken(ByteTokenizer):
    """Bytes, but for what is put in their place."""

    def __init__(self, ids):
        object.__setattr__(self, "ids", ids)

    def encode(self, document):
        return self.ids


class MistakenAndUncut(Mistaken):
    """The same; its documents cannot be cut."""

    def encode_pieces(self, pieces):
        yield from map(self.encode, pieces)


@pytest.mark.parametrize("kind", [Mistaken, MistakenAndUncut])
@pytest.mark.parametrize("ids", [[1, 2], np.array([[1]]), np.array([0.5]), np.array([257]), np.array([-1])], ids=str)
def test_ids_that_are_none_are_the_tokenizer_s_mistake(memory, tmp_path, kind, ids):
    sentence = rf"^Tokenizer \S*test_encoding:{kind.__name__} encodes a document as .* from 0 to vocab_size - 1, which is 256\."
    with pytest.raises(PluginError, match=sentence):
        open_or_build(memory("a"), kind(ids), tmp_path)


def test_no_ids_may_be_of_any_type(memory, tmp_path):
    assert open_or_build(memory("a", "b"), Mistaken(np.array([])), tmp_path).tokens.tolist() == [256, 256, 256]


class Summed(ByteTokenizer):
    """Bytes; counts characters as NumPy sums them."""

    def characters(self, ids):
        return (ids < 256).sum()


class SummedAndUncut(Summed):
    """The same; its documents cannot be cut."""

    def encode_pieces(self, pieces):
        yield from map(self.encode, pieces)


@pytest.mark.parametrize("kind", [Summed, SummedAndUncut])
def test_characters_that_are_counted_in_numbers_of_numpy_can_be_saved(memory, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(encoding, "BATCH", 1)
    monkeypatch.setattr(encoding, "SAVE_SECONDS", 0)
    assert open_or_build(memory("ab", "c"), kind(), tmp_path).characters == 3


class UpToAFullStop(ByteTokenizer):
    """Bytes, of each document those of its first piece."""

    def encode_pieces(self, pieces):
        yield self.encode(next(pieces))


def test_pieces_that_a_tokenizer_does_not_read_are_no_documents(memory, tmp_path):
    store = open_or_build(memory(["ab.", "cd", "ef"], ["gh."], ["ij.", "kl"]), UpToAFullStop(), tmp_path)
    assert text_of(store) == b"ab.gh.ij."
    whole = open_or_build(memory(["ab.", "cd", "ef"], ["gh."], ["ij.", "kl"]), ByteTokenizer(), tmp_path)
    assert store.document_hashes.tolist() == whole.document_hashes.tolist()


@settings(max_examples=60)
@given(
    contents=st.lists(st.lists(st.text("abé", max_size=3), min_size=1, max_size=3), min_size=1, max_size=5),
    interruptions=st.lists(st.integers(0, 4), max_size=3),
    kind=st.sampled_from([Interrupted, Uncut]),
)
def test_what_was_encoded_before_an_interruption_is_not_encoded_again(
    memory, tmp_path_factory, contents, interruptions, kind
):
    folder = tmp_path_factory.mktemp("stores")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "BATCH", 1)
        expected = open_or_build(memory(*contents), ByteTokenizer(), folder)
        Interrupted.encoded = 0
        for more in interruptions:
            Interrupted.enough = Interrupted.encoded + more
            try:
                open_or_build(memory(*contents), kind(), folder)
            except KeyboardInterrupt:
                continue
        Interrupted.enough = None
        store = open_or_build(memory(*contents), kind(), folder)
    assert np.array_equal(store.tokens, expected.tokens)
    assert store.starts.tolist() == expected.starts.tolist()
    assert store.document_hashes.tolist() == expected.document_hashes.tolist()
    assert store.characters == expected.characters
    if kind is Interrupted:
        pieces = sum(map(len, contents))
        # A batch is of one byte at least, so that empty pieces wait for the next one, and are then encoded with it again.
        assert pieces <= Interrupted.encoded <= pieces + sum(not piece for each in contents for piece in each) * 3
    assert not list(folder.glob(f"{BUILDING}/*"))


def test_progress_is_told_in_bytes_of_the_whole(memory, tmp_path):
    megabyte = "é" * 2**19
    told = []
    dataset = memory([megabyte, megabyte, "ab"], megabyte)
    open_or_build(dataset, ByteTokenizer(), tmp_path, progress=lambda *how_far: told.append(how_far))
    size = 3 * 2**20 + 2
    assert told == [(2**20, size), (2**21, size), (size, size)]
    open_or_build(dataset, ByteTokenizer(), tmp_path, progress=lambda *_: pytest.fail("it was there"))


KILLED = """if True:
    import os, signal, sys
    from pathlib import Path
    from seqgen.data import encoding
    from seqgen.data.store import open_or_build
    from seqgen.datasets.text import TextDataset
    from seqgen.tokenizers.byte import ByteTokenizer

    folder, corpus, kill_at = sys.argv[1:]
    encoding.SAVE_SECONDS, encoding.BATCH = 0, 1
    saves, write = 0, os.fsync
    encoded = 0
    class Counting(ByteTokenizer):
        def encode(self, document):
            global encoded
            encoded += 1
            return super().encode(document)
    def fsync(descriptor):
        global saves
        saves += 1
        if saves == int(kill_at):
            os.kill(os.getpid(), signal.SIGKILL)
        write(descriptor)
    os.fsync = fsync
    store = open_or_build(TextDataset(sources=(corpus,)), Counting(), Path(folder))
    print(encoded, bytes(store.tokens.astype('u1')) == Path(corpus).read_bytes())
"""


@pytest.mark.parametrize("kill_at", [1, 4, 12])
def test_after_a_kill_it_goes_on_from_what_was_saved_last(tmp_path, kill_at):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(TEXT * 110_000)  # some five megabytes, a part each
    command = [sys.executable, "-c", KILLED, tmp_path / "stores", corpus]
    killed = subprocess.run([*command, str(kill_at)], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed
    again = subprocess.run([*command, "0"], capture_output=True, check=True, text=True).stdout.split()
    parts = -(-corpus.stat().st_size // 2**20)
    # Each save, after each part, flushes four files: those of numbers, and how far they are.
    assert again == [str(parts - (kill_at - 1) // 4), "True"]


@pytest.mark.parametrize("name", ["tokens.bin", "starts.bin", "hashes.bin", "progress.json"])
@pytest.mark.parametrize("damage", [lambda _: b"", lambda content: content[:-1], lambda c: b"\x07" + c[1:]])
def test_what_an_interruption_left_and_is_damaged_is_encoded_again(memory, tmp_path, monkeypatch, name, damage):
    monkeypatch.setattr(encoding, "BATCH", 1)
    contents = ("ab", "c", "dd")
    Interrupted.encoded, Interrupted.enough = 0, 2
    with pytest.raises(KeyboardInterrupt):
        open_or_build(memory(*contents), Interrupted(), tmp_path)
    (left,) = (tmp_path / BUILDING).glob("*")
    (left / name).write_bytes(damage((left / name).read_bytes()))
    Interrupted.enough = None
    store = open_or_build(memory(*contents), Interrupted(), tmp_path)
    assert text_of(store) == b"abcdd"
    assert store.starts.tolist() == [0, 3, 5, 8]
    assert not list((tmp_path / BUILDING).glob("*"))


def test_a_full_disk_is_said_and_the_same_call_goes_on_once_there_is_room(memory, tmp_path, monkeypatch):
    class Full(encoding.Encoding):
        def _append(self, name, values):
            if self._at.units == 2:
                raise OSError(28, "No space left on device")
            return super()._append(name, values)

    monkeypatch.setattr(encoding, "BATCH", 1)
    with monkeypatch.context() as patch:
        patch.setattr("seqgen.data.store.Encoding", Full)
        with pytest.raises(OutputError, match="cannot be written: No space left on device"):
            open_or_build(memory("ab", "c", "dd"), ByteTokenizer(), tmp_path)
    store = open_or_build(memory("ab", "c", "dd"), ByteTokenizer(), tmp_path)
    assert text_of(store) == b"abcdd"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no file here is always full")
def test_every_file_is_closed_though_one_of_them_finds_no_room(tmp_path):
    begun = encoding.Encoding(tmp_path / "store", ByteTokenizer(), np.dtype(np.uint16), has_ends=False)
    streams = begun._streams
    with pytest.raises(OSError, match="No space left"), begun:
        first = next(iter(streams))
        streams[first].close()
        streams[first] = Path("/dev/full").open("ab")  # noqa: SIM115  closed by what is tested
        streams[first].write(b"ids")
    assert [stream.closed for stream in streams.values()] == [True] * len(streams)
    assert len(streams) > 1


def test_nothing_is_open_that_is_renamed_when_a_store_is_whole(memory, tmp_path, as_on_windows):
    store = open_or_build(memory("ab", "c", "dd"), ByteTokenizer(), tmp_path)
    assert (text_of(store), as_on_windows) == (b"abcdd", [])
    assert not list((tmp_path / BUILDING).glob("*"))


def test_a_store_that_cannot_be_finished_is_said_and_what_was_encoded_stays(memory, tmp_path, monkeypatch):
    Interrupted.encoded, Interrupted.enough = 0, None

    def refuse(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.raises(OutputError, match="cannot be written: No space left on device"):
            open_or_build(memory("ab", "c", "dd"), Interrupted(), tmp_path)
    store = open_or_build(memory("ab", "c", "dd"), Interrupted(), tmp_path)
    assert (text_of(store), Interrupted.encoded) == (b"abcdd", 3)


TOKENIZERS = [
    CharTokenizer(),
    CharTokenizer(lowercase=True, normalization="NFC"),
    ByteTokenizer(),
    WordTokenizer(min_count=1),
    BpeTokenizer(vocab_size=300),
]


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda tokenizer: type(tokenizer).__name__)
def test_processes_side_by_side_give_what_one_gives(memory, tmp_path, monkeypatch, tokenizer):
    contents = ([TEXT * 30] * 3, "", "a\udcffb", TEXT)
    tokenizer = tokenizer.fit([TEXT])
    alone = open_or_build(memory(*contents), tokenizer, tmp_path / "alone")
    monkeypatch.setattr(encoding, "LARGE", 0)
    monkeypatch.setattr(encoding, "BATCH", 500)
    monkeypatch.setattr(encoding, "cores", lambda: 2)
    assert portable(tokenizer)
    together = open_or_build(memory(*contents), tokenizer, tmp_path / "together")
    for name in ("tokens.bin", "documents.bin"):
        assert (together.folder / name).read_bytes() == (alone.folder / name).read_bytes()


def test_a_process_that_is_killed_leaves_its_work_to_the_others(memory, tmp_path, monkeypatch):
    start = workers._Worker.start

    def killed(*arguments):
        worker = start(*arguments)
        worker.process.kill()
        return worker

    monkeypatch.setattr(encoding, "LARGE", 0)
    monkeypatch.setattr(workers._Worker, "start", killed)
    assert text_of(open_or_build(memory(TEXT * 99), ByteTokenizer(), tmp_path)) == (TEXT * 99).encode()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs processes that can be stopped")
def test_what_processes_are_at_when_all_ends_is_not_encoded_here_instead(monkeypatch):
    encoded = []
    monkeypatch.setattr(workers, "encode", lambda *given: encoded.append(given))

    def batches(at_work):
        for worker in at_work._all:
            worker.process.send_signal(signal.SIGSTOP)  # so that they are at it still
        yield from (["a"], ["b"])
        while not at_work._free.empty():
            time.sleep(0.01)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), workers.Workers(ByteTokenizer(), np.dtype(np.uint16), 2) as at_work:
        next(at_work.map(batches(at_work)))
    assert encoded == []


def test_a_tokenizer_that_another_process_could_not_import_is_not_sent_there():
    class Local(ByteTokenizer):
        pass

    assert not portable(Local())
