"""Finding and reading the files of a corpus, with real files, pipes and a server on the loopback interface."""

import bz2
import codecs
import gzip
import inspect
import io
import lzma
import os
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import fsspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core import files
from seqgen.core.errors import CorpusError, MissingDependencyError, OptionError, SeqgenWarning
from seqgen.core.files import BLOCK, Source, check_encoding, find_sources


def text_of(name, encoding="auto"):
    return "".join(piece for source in find_sources([str(name)]) for piece in source.text(encoding))


def of_bytes(content):
    return Source("file", lambda: io.BytesIO(content), named=True)


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(tree):
        for name, content in tree.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    return write


def names(sources):
    return [source.name for source in sources]


# Finding


def test_a_folder_gives_the_files_below_it_sorted_without_hidden_ones(corpus):
    corpus({"t/b.txt": "b", "t/a/z.md": "z", "t/a.txt": "a", "t/.git/x": "x", "t/.x": "x", "t/.DS_Store": b"\0\0"})
    assert names(find_sources(["t"])) == ["t/a/z.md", "t/a.txt", "t/b.txt"]


def test_of_files_in_a_folder_that_are_no_text_a_warning_says_how_many_are_left_out(corpus):
    corpus({"t/b.txt": "b", "t/p.png": b"\x89P\0\0"})
    with pytest.warns(SeqgenWarning, match=r"^t: 1 of 2 files is no text and is left out, the first: t/p\.png$"):
        assert names(find_sources(["t"])) == ["t/b.txt"]
    corpus({f"t/{number}.txt": "ice".encode("utf-16-le") for number in range(1000)})
    with pytest.warns(
        SeqgenWarning, match=r"^t/: 1,001 of 1,002 files are no text and are left out, the first: t/0\.txt$"
    ):
        assert names(find_sources(["t/"])) == ["t/b.txt"]


def test_what_is_left_out_is_said_once_however_often_the_files_are_found(corpus, run_python):
    corpus({"t/b.txt": "b", "t/p.png": b"\x89P\0\0"})
    code = "from seqgen.core.files import find_sources; [find_sources(['t']) for _ in range(3)]"
    assert run_python(code).stderr.count("left out") == 1


def test_an_encoding_tells_which_files_of_a_folder_are_text(corpus):
    corpus({"t/a.txt": "ice".encode("utf-16-le"), "t/b.txt": "b"})
    assert names(find_sources(["t"], encoding="utf-8/utf-16-le")) == ["t/a.txt", "t/b.txt"]


def test_a_file_knows_whether_it_was_found_alone(corpus):
    corpus({"t/a.txt": "a", "t/b.txt": "b"})
    assert [source.alone for source in find_sources(["t/a.txt"])] == [True]
    assert [source.alone for source in find_sources(["t/*.txt"])] == [False, False]


def test_a_folder_gives_the_files_with_the_suffixes_asked_for_also_compressed_ones(corpus):
    corpus({"t/b.abc": "b", "t/a.ABC.gz": gzip.compress(b"a"), "t/c.txt": "c", "t/d.mid": b"\0\0"})
    assert names(find_sources(["t"], suffixes=(".abc",))) == ["t/a.ABC.gz", "t/b.abc"]
    assert names(find_sources(["t"], suffixes=(".mid", ".midi"))) == ["t/d.mid"]


def test_folders_may_be_nested_deeper_than_python_calls_itself(corpus):
    folder = "/".join(["t", *["a"] * 300])
    corpus({f"{folder}/x.txt": "x", "t/z.txt": "z"})
    usual = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(len(inspect.stack()) + 200)
        found = find_sources(["t"])
    finally:
        sys.setrecursionlimit(usual)
    assert names(found) == [f"{folder}/x.txt", "t/z.txt"]


def test_a_folder_and_a_file_that_begin_alike_are_sorted_by_their_parts(corpus):
    corpus({"t/a/z.txt": "1", "t/a.txt": "2", "t/a-b/y.txt": "3", "t/B.txt": "4"})
    Path("c.txt").write_text("5")
    Path("t/link.txt").symlink_to("../c.txt")
    Path("t/folder").symlink_to("a")  # which is not followed, for it may lead round
    expected = ["t/B.txt", "t/a/z.txt", "t/a-b/y.txt", "t/a.txt", "t/link.txt"]
    assert names(find_sources(["t"])) == names(find_sources(["./t/"])) == expected
    os.chdir("t")
    assert names(find_sources(["."])) == [name.removeprefix("t/") for name in expected]


def test_thousands_of_files_take_little_memory_each(corpus):
    corpus({f"t/{number}.txt": "x" for number in range(2000)})
    find_sources(["t"])  # imports what it needs
    tracemalloc.start()
    try:
        sources = find_sources(["t"])
        assert tracemalloc.get_traced_memory()[0] < 300 * len(sources)
    finally:
        tracemalloc.stop()


def test_the_order_of_names_is_kept(corpus):
    corpus({"b.txt": "b", "a.txt": "a"})
    assert names(find_sources(["b.txt", "a.txt"])) == ["b.txt", "a.txt"]


def test_globs_are_sorted_and_may_go_down(corpus):
    corpus({"b.txt": "b", "a.txt": "a", "t/c.txt": "c", "t/u/d.txt": "d", "x.md": "x"})
    assert names(find_sources(["*.txt"])) == ["a.txt", "b.txt"]
    assert names(find_sources(["**/*.txt"])) == ["a.txt", "b.txt", "t/c.txt", "t/u/d.txt"]
    assert names(find_sources(["t*"])) == ["t/c.txt", "t/u/d.txt"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(corpus):
    corpus({"a[1].txt": "a"})
    assert text_of("a[1].txt") == "a"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("novle.txt", "novle.txt does not exist.  Nearest: novel.txt"),
        ("nowhere/at/all", "nowhere/at/all does not exist."),
        ("*.abc", "Nothing matches *.abc."),
        ("hollow", "Folder hollow is empty."),
        ("pictures", "Folder pictures has no text file (1 of other kinds)."),
        ("empty.txt", "empty.txt is empty."),
        ("x" * 300, "x" * 300 + " cannot be read: File name too long."),
        ("memory://nowhere/a.txt", "memory://nowhere/a.txt does not exist."),
        ("nosuch://a.txt", "nosuch://a.txt cannot be read: Protocol not known: nosuch."),
    ],
)
def test_what_cannot_be_found_is_said_in_a_sentence(corpus, name, sentence):
    corpus({"novel.txt": "n", "hollow/.hidden": "h", "pictures/p.png": b"\0", "empty.txt": ""})
    with pytest.raises(CorpusError) as error:
        text_of(name)
    assert str(error.value) == sentence


def test_a_folder_without_files_of_the_suffixes_is_said(corpus):
    corpus({"t/a.txt": "a"})
    with pytest.raises(CorpusError, match=re.escape("Folder t has no .mid or .midi file (1 of other kinds).")):
        find_sources(["t"], suffixes=(".mid", ".midi"))


def test_an_empty_file_in_a_folder_is_passed_over(corpus):
    corpus({"t/a.txt": "a", "t/b.txt": ""})
    assert text_of("t") == "a"


def test_a_file_that_may_not_be_read_is_said(run_python, tmp_path, without_privileges):
    (tmp_path / "secret.txt").write_text("s")
    (tmp_path / "secret.txt").chmod(0)
    code = "from seqgen.core.files import find_sources; [*find_sources(['secret.txt'])[0].text()]"
    result = run_python(code, through=without_privileges)
    assert result.stderr.splitlines()[-1].endswith("CorpusError: secret.txt cannot be read: Permission denied.")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file whose reading fails")
def test_a_file_whose_reading_fails_is_said():
    with pytest.raises(CorpusError, match=r"/proc/self/mem cannot be read: Input/output error\."):
        text_of("/proc/self/mem")


# Encodings


@pytest.mark.parametrize(
    "stored",
    [
        "né\n".encode(),
        codecs.BOM_UTF8 + "né\n".encode(),
        "né\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + "né\n".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "né\n".encode("utf-32-le"),
    ],
)
def test_a_byte_order_mark_tells_the_encoding_and_is_no_text(stored):
    assert "".join(of_bytes(stored).text()) == "né\n"


@pytest.mark.parametrize(
    ("stored", "encoding"),
    [
        ("né".encode("latin-1"), "latin-1"),
        ("n‘é’".encode("cp1252"), "cp1252"),
        ("né".encode("utf-16-le"), "utf-16-le"),
        ("né".encode("utf-16"), "utf-16-le"),
        ("né".encode("utf-8-sig"), "utf-8"),
        ("né".encode("shift_jis", "replace"), "shift_jis"),
    ],
)
def test_an_encoding_can_be_named(stored, encoding):
    assert "".join(of_bytes(stored).text(encoding)) == stored.decode(encoding).removeprefix("\ufeff")


@pytest.mark.parametrize("before", [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK + 5])
def test_a_wrong_encoding_is_said_with_the_place_and_what_fits(before):
    with pytest.raises(CorpusError) as error:
        list(of_bytes(b"a" * before + b"\xe9t\xe9").text())
    said = str(error.value)
    assert said.startswith(f"file is not UTF-8 text: byte {before:,} (0xE9) does not fit.  As latin-1 it would read '")
    assert said.endswith("été'.  Name its encoding, for example --dataset text:encoding=latin-1")


def test_the_place_counts_from_the_byte_order_mark():
    with pytest.raises(CorpusError, match="byte 5 "):
        list(of_bytes(codecs.BOM_UTF8 + b"ab\xff").text())


def test_text_that_ends_within_a_character_is_said():
    with pytest.raises(CorpusError, match=r"byte 2 \(0xC3\)"):
        list(of_bytes(b"ab\xc3").text())
    with pytest.raises(CorpusError, match=r"UTF-16-LE text: byte 4 \(0x62\)"):
        list(of_bytes("a".encode("utf-16") + b"b").text())


def test_quotes_of_windows_point_to_cp1252_and_the_dataset_is_named():
    with pytest.raises(CorpusError, match=r"--dataset lines:encoding=cp1252$"):
        list(of_bytes(b"\x93quoted\x94").text(dataset="lines"))


@pytest.mark.parametrize("before", [0, 7, BLOCK + 3])
def test_binary_is_said_with_the_place(before):
    with pytest.raises(CorpusError) as error:
        list(of_bytes(b"a" * before + b"\0\0\0\0\1\2").text())
    assert str(error.value) == f"file is not text, but binary: byte {before:,} is NUL.  Name text files only."


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_without_a_mark_is_recognised_in_the_advice(order):
    with pytest.raises(CorpusError, match=rf"--dataset text:encoding=utf-16-{order}$"):
        list(of_bytes("the ice".encode(f"utf-16-{order}")).text())


@pytest.mark.parametrize("stored", [b"the ice", b"t\0h\0e\0 \0", b"abc"])
def test_text_without_the_mark_that_an_encoding_asks_for_is_said(stored):
    with pytest.raises(CorpusError) as error:
        list(of_bytes(stored).text("utf-16"))
    assert str(error.value) == (
        "file does not begin with the mark that tells the order of bytes in utf-16.  Say which: "
        "--dataset text:encoding=utf-16-le, or -be"
    )
    with pytest.raises(CorpusError, match="utf-32|UTF-32"):
        list(of_bytes(stored).text("utf-32"))


@pytest.mark.parametrize("encoding", ["utf-9", "rot13", "base64", "a\0b"])
def test_an_unknown_encoding_is_a_wrong_option(encoding):
    with pytest.raises(OptionError, match="no text encoding"):
        check_encoding(encoding)


# Pieces


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(files, "BLOCK", 5)  # no less than the longest byte order mark


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_line_ends_and_characters_may_lie_across_blocks(small_blocks, encoding):
    @given(st.text(st.sampled_from("ab \r\né👍\u2028")))
    def holds(text):
        stored = text.encode(encoding)
        expected = text.replace("\r\n", "\n").replace("\r", "\n")
        source = Source("file", lambda: io.BytesIO(stored), named=False)
        assert "".join(source.text()) == expected

    holds()


def test_pieces_are_cut_before_white_space_where_there_is_any():
    text = "word another\n" * 300_000
    pieces = list(of_bytes(text.encode()).text())
    assert "".join(pieces) == text
    assert max(map(len, pieces)) < 1.1 * BLOCK
    assert all(piece[0] in " \n" for piece in pieces[1:])
    assert all(piece[-1] not in " \n" for piece in pieces[:-1])


def test_text_without_white_space_comes_in_bounded_pieces_too():
    pieces = list(of_bytes(b"a" * (3 * BLOCK)).text())
    assert [len(piece) for piece in pieces] == [BLOCK] * 3


# Compressed files


WAYS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.fixture(params=WAYS)
def compress(request):
    return WAYS[request.param]


def test_compressed_files_are_told_by_their_first_bytes(corpus, compress):
    corpus({"a.txt": compress(b"the ice"), "t/b.gz": compress("né".encode("utf-16"))})
    assert text_of("a.txt") == "the ice"
    assert text_of("t") == "né"


def test_compressed_files_may_be_several_joined(corpus, compress):
    corpus({"a.gz": compress(b"the ") + compress(b"ice")})
    assert text_of("a.gz") == "the ice"


def test_what_is_compressed_is_read_in_bounded_blocks(compress):
    assert [len(block) for block in of_bytes(compress(b"a" * (2 * BLOCK + 9))).blocks()] == [BLOCK, BLOCK, 9]


def test_a_compressed_file_that_is_cut_off_or_altered_is_said(compress):
    stored = compress(os.urandom(100_000))
    for damaged in (stored[:-1], stored[: len(stored) // 2], stored[:10]):
        with pytest.raises(CorpusError, match="file is compressed, but damaged or cut off: "):
            list(of_bytes(damaged).blocks())
    with pytest.raises(CorpusError, match="file is compressed, but damaged"):
        list(of_bytes(stored[:10] + b"\xff" * 100).blocks())


def test_what_only_begins_as_a_compressed_file_may_is_text():
    assert "".join(of_bytes(b"BZh91, the ice").text()) == "BZh91, the ice"


def test_xz_is_filled_up_with_nuls(corpus):
    corpus({"a.xz": lzma.compress(b"the ") + bytes(8) + lzma.compress(b"ice") + bytes(4)})
    assert text_of("a.xz") == "the ice"


def test_a_file_of_xz_that_asks_for_a_gigabyte_of_memory_is_not_given_it():
    # Packed with a dictionary of that size, for which lzma.compress itself would take six times as much.
    stored = bytes.fromhex(
        "fd377a585a000004e6d6b44602002101240000005e1fc7f901000269636500009f096535"
        "7420e29d00011b030b2fb9101fb6f37d010000000004595a"
    )
    with pytest.raises(CorpusError, match=r"^file needs more than 256 MB to be unpacked\.$"):
        list(of_bytes(stored).blocks())


def test_zstd_without_zstandard_says_what_to_install(monkeypatch):
    stored = zstandard.ZstdCompressor().compress(b"a")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingDependencyError, match=r'file is compressed with zstd.*pip install "seqgen\[zstd\]"'):
        list(of_bytes(stored).blocks())


# Standard input, pipes and URLs

READ_TWICE = """
import sys
from seqgen.core.files import find_sources
[source] = find_sources([sys.argv[1]])
print(source.name, ["".join(source.text()) for _ in range(2)])
"""


def run(program, *arguments, stdin):
    return subprocess.run([sys.executable, "-c", program, *arguments], input=stdin, capture_output=True, check=False)


def test_standard_input_can_be_read_again_also_compressed():
    for stdin in (b"the ice", gzip.compress(b"the ice")):
        assert run(READ_TWICE, "-", stdin=stdin).stdout == b"- ['the ice', 'the ice']\n"


def test_empty_standard_input_is_said():
    assert b"CorpusError: Standard input is empty." in run(READ_TWICE, "-", stdin=b"").stderr


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    for name, content in {"/t/b.txt": b"b", "/t/u/a.txt": b"a", "/t/.x": b"x", "/t/p.png": b"\0"}.items():
        system.pipe(name, content)
    yield
    system.rm("/t", recursive=True)


def test_urls_of_any_file_system_can_be_files_folders_and_globs(memory):
    assert text_of("memory://t/b.txt") == "b"
    with pytest.warns(SeqgenWarning, match="memory://t: 1 of 3 files is no text"):
        assert names(find_sources(["memory://t"])) == ["memory:///t/b.txt", "memory:///t/u/a.txt"]
    assert names(find_sources(["memory://t/*.txt"])) == ["memory:///t/b.txt"]


def test_a_url_whose_package_is_missing_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingDependencyError, match=r"s3://bucket/a.txt cannot be read: .*s3fs"):
        find_sources(["s3://bucket/a.txt"])


class RefusalError(Exception):
    pass


class Refusing(fsspec.AbstractFileSystem):
    """Raises what is no OSError, as botocore does without credentials."""

    protocol = "refusing"

    def info(self, path, **_):
        if "hidden" in path:
            raise RefusalError("Unable to locate credentials.")
        return {"name": path, "size": 7, "type": "file"}

    def exists(self, path, **_):
        return bool(self.info(path))

    def isdir(self, path):
        return self.info(path)["type"] == "directory"

    def open(self, path, mode="rb", **_):
        raise RefusalError


@pytest.fixture
def refusing():
    fsspec.register_implementation("refusing", Refusing, clobber=True)


def test_whatever_a_file_system_raises_is_a_sentence(refusing):
    with pytest.raises(CorpusError) as error:
        find_sources(["refusing://hidden"])
    assert str(error.value) == "refusing://hidden cannot be read: Unable to locate credentials."
    [source] = find_sources(["refusing://t"])
    for read in (source.looks_binary, lambda: [*source.blocks()]):
        with pytest.raises(CorpusError) as error:
            read()
        assert str(error.value) == "refusing://t cannot be read: RefusalError."


def test_a_file_system_that_will_not_say_what_it_has_leaves_it_to_reading_to_tell(refusing, monkeypatch):
    [source] = find_sources(["refusing://t"])
    monkeypatch.setattr(Refusing, "info", Refusing.open)
    assert source.stamp() is None


def test_a_mistake_in_what_reads_a_file_here_is_no_fault_of_the_corpus():
    def opener():
        raise KeyError("mistake")

    with pytest.raises(KeyError):
        next(Source("here.txt", opener, named=True).blocks())
