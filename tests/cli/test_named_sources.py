"""What a person names as a corpus or a place, by the commands that take one."""

from __future__ import annotations

import bz2
import json
import lzma
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from .conftest import TINY

QUIET = ("--backend", "torch", *TINY, "-q")
EMPTY = "A source is empty text: name a file, a folder, a URL, or - for standard input."
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


def corpus_of(seqgen_home, name):
    return json.loads((seqgen_home / "models" / name / "1" / "manifest.json").read_text())["corpus"]


def written_into(pipe, content):
    """Make a pipe, and write into it as soon as somebody reads."""
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True)
    writer.start()
    return writer


def test_a_text_that_is_named_twice_is_not_learned_from_where_it_is_held_out(seqgen, corpus, seqgen_home):
    assert seqgen("train", corpus, *QUIET, "--name", "once").exit_code == 0
    again = (corpus, corpus.parent / "." / corpus.name, os.path.relpath(corpus))
    assert seqgen("train", *again, *QUIET, "--name", "thrice").exit_code == 0
    once, thrice = (corpus_of(seqgen_home, name) for name in ("once", "thrice"))
    assert (once["documents"], once["characters"]) == (thrice["documents"], thrice["characters"])
    assert thrice["sources"] == [str(corpus)]


def test_empty_text_is_no_source_and_no_place(seqgen, refused, corpus, tmp_path):
    assert seqgen("train", corpus, *QUIET).exit_code == 0
    assert refused("train", "", exit_code=2) == EMPTY
    assert refused("train", corpus, "", exit_code=2) == EMPTY
    assert refused("evaluate", "novel", "", exit_code=2) == EMPTY
    assert refused("models", "push", "novel:1", "", exit_code=2) == "A place is empty text: name a folder or a URL."
    assert refused("models", "pull", "", "novel", exit_code=2) == "A place is empty text: name a folder or a URL."
    assert not (tmp_path / "novel").exists()


@pytest.mark.parametrize("own", ["file", "folder"])
def test_the_bundled_corpus_is_trained_on_again_beside_a_file_or_folder_of_its_name(seqgen, tmp_path, own):
    assert seqgen("train", "ice", *QUIET).exit_code == 0
    assert seqgen("models", "reproduce", "ice").stdout.startswith("seqgen train ice --")
    if own == "file":
        (tmp_path / "ice").write_text("my own " * 100)
    else:
        (tmp_path / "ice").mkdir()
        (tmp_path / "ice" / "a.txt").write_text("my own " * 100)
    command = seqgen("models", "reproduce", "ice").stdout.split()
    assert (command[1], Path(command[2]).name, Path(command[2]).is_absolute()) == ("train", "ice.txt", True)
    assert json.loads(seqgen("models", "reproduce", "ice", "--run", "-q", "--json").stdout)["same_weights"] is True


@needs_pipes
def test_a_run_of_what_came_through_a_pipe_is_reproduced_without_it(seqgen, corpus, tmp_path, seqgen_home):
    writer = written_into(tmp_path / "pipe", corpus.read_bytes())
    assert seqgen("train", tmp_path / "pipe", *QUIET).exit_code == 0
    writer.join()
    assert corpus_of(seqgen_home, "pipe")["sources"][0].startswith(str(seqgen_home / "corpora" / "pipe"))
    assert json.loads(seqgen("models", "reproduce", "pipe", "--run", "-q", "--json").stdout)["same_weights"] is True


@needs_pipes
def test_a_pipe_that_a_model_folder_names_is_not_waited_for(seqgen, corpus, tmp_path, seqgen_home):
    assert seqgen("train", corpus, *QUIET).exit_code == 0
    corpus.unlink()
    os.mkfifo(corpus)
    outcome = seqgen("models", "reproduce", "novel", "--run", "-q")
    assert outcome.exit_code == 1
    assert re.search(
        r"error: novel:1 says that it was trained on /.*, which is neither a file nor a folder, so that is not read\.  "
        r"Name it where it is, as it was, with --corpus FILE$",
        outcome.stderr.strip(),
    )


def test_standard_input_that_is_refused_is_called_that(refused):
    sentence = refused("train", "-", *QUIET, stdin=b"caf\xe9 au lait\n" * 50, exit_code=1)
    assert sentence.startswith("Standard input is not UTF-8 text: byte 3 (0xE9) does not fit.")


@pytest.mark.skipif(not Path("/dev/zero").is_char_device(), reason="needs a device without end")
def test_a_device_is_refused(refused):
    sentence = "/dev/zero is a device and no file.  Name a file, a folder, or - for standard input."
    assert refused("train", "/dev/zero", exit_code=1) == sentence


@pytest.mark.parametrize(("name", "pack"), [("novel.txt.bz2", bz2.compress), ("novel.txt.xz", lzma.compress)])
def test_texts_are_unpacked_and_models_called_after_them(seqgen, corpus, tmp_path, seqgen_home, name, pack):
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / name).write_bytes(pack(corpus.read_bytes()))
    assert seqgen("train", tmp_path / "packed" / name, *QUIET).exit_code == 0
    assert corpus_of(seqgen_home, "novel")["characters"] == len(corpus.read_text())


def test_what_is_no_url_is_no_mistake_of_ours(refused):
    assert refused("train", "http://[bad", exit_code=1) == "http://[bad cannot be read: Invalid IPv6 URL."


@pytest.mark.skipif(os.name != "posix", reason="a folder in use can be removed")
def test_a_current_folder_that_was_removed_is_said(seqgen_cli, tmp_path, corpus):
    code = "import os, sys; os.rmdir(os.getcwd()); from seqgen.cli.app import main; main(['train', 'novel.txt'])"
    (tmp_path / "gone").mkdir()
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "gone", capture_output=True, check=False)
    assert done.stderr.decode() == (
        "error: novel.txt is looked for in the current folder, which was removed.  Go to another one.\n"
    )
    assert done.returncode == 2
