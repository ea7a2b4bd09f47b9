"""``seqgen models export``, ``import``, ``push`` and ``pull``."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import threading
import zipfile

import pytest

from .conftest import TINY


def test_a_model_goes_to_somebody_in_one_file_and_writes_the_same_text_there(seqgen, novel, tmp_path, monkeypatch):
    text = seqgen("generate", "--seed", "the ", "--length", 20, "--random-seed", 1).stdout
    outcome = seqgen("models", "export", "novel@best", "novel.zip")
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, "novel.zip\n", "")
    monkeypatch.setenv("SEQGEN_HOME", str(tmp_path / "theirs"))
    outcome = seqgen("models", "import", "novel.zip")
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, "novel:1\n", "")
    assert seqgen("generate", "--seed", "the ", "--length", 20, "--random-seed", 1).stdout == text


def test_importing_what_is_here_already_says_so(seqgen, novel):
    seqgen("models", "export", "novel", "novel.zip")
    outcome = seqgen("models", "import", "novel.zip")
    assert (outcome.stdout, outcome.stderr) == ("novel:1\n", "novel:1 is this model already.\n")
    record = json.loads(seqgen("models", "import", "novel.zip", "--json").stdout)
    assert record == {"model": "novel", "version": 1, "path": str(novel), "new": False}


def test_a_damaged_copy_is_told_to_have_its_files_anew(seqgen, novel, tmp_path):
    seqgen("models", "export", "novel", "novel.zip")
    seqgen("models", "push", "novel", "team")
    for damaged in (novel, tmp_path / "team" / "novel" / "1"):
        (damaged / "model.safetensors").write_bytes(b"")
    outcome = seqgen("models", "import", "novel.zip")
    assert (outcome.stdout, outcome.stderr) == ("novel:1\n", "novel:1 was damaged here, and has its files anew.\n")
    outcome = seqgen("models", "push", "novel", "team")
    assert outcome.stdout == "team/novel/1\n"
    assert "team/novel/1 was damaged there, and has its files anew.\n" in outcome.stderr
    assert seqgen("models", "verify", "novel", "team/novel/1").exit_code == 0


def test_exporting_as_json_names_the_file_and_its_form(seqgen, novel):
    record = json.loads(seqgen("models", "export", "novel", "folder", "--json").stdout)
    assert record == {"model": "novel:1", "path": "folder", "format": "safetensors", "left_out": []}


def test_what_cannot_be_exported_or_imported_is_a_sentence(refused, novel, tmp_path):
    shutil.copy(novel / "config.json", tmp_path / "config.zip")
    assert refused("models", "import", "config.zip", exit_code=1) == (
        "config.zip is not an archive of a model: File is not a zip file."
    )
    assert refused("models", "import", "none.zip", exit_code=1) == "There is no file none.zip."
    assert refused("models", "import", "http://ada:l0velace@h/x.zip", exit_code=2) == (
        "http://***@h/x.zip is a URL, and import takes a file.  Download it first; what was pushed, seqgen models pull fetches"
    )
    assert refused("models", "export", "novel", "novel.safetensors", exit_code=2) == (
        'No form has the suffix ".safetensors".  There are: zip (.zip), safetensors (a folder), onnx (.onnx), html (.html).  '
        "For a folder add --format safetensors"
    )
    assert refused("models", "export", "novel", "novel", "--format", "", exit_code=2).startswith('--format is "", but')
    for wrong in (("push", "novel", "team", "--as", ""), ("pull", ".", "novel", "--name", "")):
        assert refused("models", *wrong, exit_code=2).startswith(
            '--as is "", but' if "push" in wrong else '"" is not a'
        )
    assert refused("models", "reproduce", "novel", "--name", "", exit_code=2).startswith('"" is not a model name')
    assert refused("models", "export", "novel", "config.zip/x.zip", exit_code=1).startswith(
        "config.zip cannot be written"
    )


def test_names_from_a_stranger_cannot_steer_the_terminal(seqgen, terminal, tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("\x1b]0;title\x07\x1b[2J", "x")
    expected = 'bad.zip: entry "\\x1b]0;title\\x07\\x1b[2J" is not a plain file of the model\'s folder.'
    assert seqgen("models", "import", "bad.zip").stderr == f"error: {expected}\n"
    assert expected in terminal("models", "import", "bad.zip").stdout


def test_a_model_goes_through_a_team_folder(seqgen, novel, tmp_path, monkeypatch):
    pushed = seqgen("models", "push", "novel", "team", "--json")
    assert json.loads(pushed.stdout) == {"model": "novel:1", "where": "team/novel/1", "new": True}
    again = seqgen("models", "push", "novel", "team")
    assert (again.exit_code, again.stdout) == (0, "team/novel/1\n")
    assert "team/novel/1 is this model already." in again.stderr
    monkeypatch.setenv("SEQGEN_HOME", str(tmp_path / "theirs"))
    pulled = seqgen("models", "pull", "team", "novel:1")
    assert (pulled.exit_code, pulled.stdout) == (0, "novel:1\n")
    assert seqgen("generate", "--length", 5).exit_code == 0


def test_a_transfer_shows_a_bar_in_a_terminal(terminal, novel):
    shown = terminal("models", "push", "novel", "team").stdout
    assert re.search(r"team .*━.* kB", shown)


def test_pulling_what_is_not_there_says_what_is(refused, seqgen, novel):
    seqgen("models", "push", "novel", "team")
    assert refused("models", "pull", "team", exit_code=2) == "Say which model of team.  It has: novel:1"
    assert refused("models", "pull", "team", "tale", exit_code=1) == 'team has no model "tale".  It has: novel:1'
    assert refused("models", "pull", "nosuch", exit_code=1) == "There is no folder nosuch, so nothing was pushed there."
    assert refused("models", "pull", "hf://x", exit_code=2).startswith("hf://x is not a model on the Hugging Face Hub")


SECRETS = ("l0velace", "s3cr3t", "5e1f00d5")
URL = "gopher://ada:l0velace@team/models?sig=5e1f00d5"


@pytest.mark.parametrize(
    "command",
    [
        ("models", "push", "novel", URL),
        ("models", "pull", URL, "novel"),
        ("models", "pull", URL),
        ("--debug", "models", "push", "novel", URL),
        ("models", "push", "novel", "sftp://ada:l0velace@127.0.0.1:1/x"),
        ("models", "push", "novel", "ftp://ada:l0velace@127.0.0.1:1/x"),
        ("--debug", "models", "pull", "ftp://ada:l0velace@127.0.0.1:1/x", "novel"),
        ("train", URL),
        ("train", "http://ada:l0velace@127.0.0.1:1/novel.txt?sig=5e1f00d5"),
        ("--debug", "train", "http://ada:l0velace@127.0.0.1:1/novel.txt?sig=5e1f00d5"),
        ("train", "no-such-s3cr3t-file"),
        ("evaluate", "novel", "ftp://ada:l0velace@127.0.0.1:1/x"),
        ("train", "novel.txt", "--log-to", "csv:wrong=s3cr3t"),
    ],
    ids=" ".join,
)
def test_no_credentials_are_shown(seqgen, novel, corpus, monkeypatch, command):
    monkeypatch.setenv("MY_TOKEN", "s3cr3t")
    outcome = seqgen(*command)
    assert outcome.exit_code in (1, 2)
    for secret in SECRETS:
        assert secret not in outcome.stdout + outcome.stderr


def test_no_credentials_of_a_corpus_are_in_the_model(seqgen, tmp_path):
    """From a server on this machine, with a signature in the query and a password in the URL's place for it."""

    class Texts(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            content = b"a cat sat on a mat, and the cat ate a rat\n" * 100
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Texts) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/novel.txt?X-Amz-Signature=5e1f00d5&X-Amz-Credential=l0velace"
        outcome = seqgen("train", url, "--backend", "torch", *TINY, "--log-to", "csv", "--log-to", "tensorboard")
        server.shutdown()
    assert outcome.exit_code == 0, outcome.stderr
    (folder,) = (tmp_path / "home" / "models").glob("*/1")
    assert folder.parent.name == "novel"
    sources = json.loads((folder / "manifest.json").read_text())["corpus"]["sources"]
    assert sources == [f"http://127.0.0.1:{server.server_port}/novel.txt?***"]
    shown = (outcome.stdout + outcome.stderr + seqgen("models", "show").stdout).encode()
    for content in [shown, *(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())]:
        for secret in (b"5e1f00d5", b"l0velace"):
            assert secret not in content
