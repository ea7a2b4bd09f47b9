"""A team's registry behind a web server: what fails is told, and what broke off goes on, also where no part of a file is to be had."""

from __future__ import annotations

import functools
import http.server
import threading
import time

import pytest

from seqgen.core.errors import ModelExistsError, ModelNotFoundError, RemoteError
from seqgen.registry import ModelVersion
from seqgen.sharing.exchange import pull, push
from seqgen.sharing.place import Place

from .conftest import files_of, write_model


def quiet(done, total):
    """Progress that nobody looks at."""


class Handler(http.server.SimpleHTTPRequestHandler):
    """What ``python -m http.server`` answers: never a part of a file."""

    def send_head(self):
        name = self.path.rpartition("/")[2]
        self.server.asked.append((self.command, name))
        if status := self.server.refused.get((self.command, name), self.server.refused.get(name)):
            self.send_error(status)
            return None
        return super().send_head()

    def list_directory(self, path):
        if self.server.lists == 200:
            return super().list_directory(path)
        self.send_error(self.server.lists)
        return None

    def send_header(self, keyword, value):
        if keyword != "Content-Length" or self.server.says_sizes:
            super().send_header(keyword, value)

    def end_headers(self):
        if self.server.streams:
            self.send_header("Accept-Ranges", "none")
        super().end_headers()

    def copyfile(self, source, outputfile):
        if self.path.endswith(".safetensors") and self.server.cuts:
            outputfile.write(source.read(self.server.cuts.pop()))
            return
        while piece := source.read(50_000):
            outputfile.write(piece)
            if self.server.streams:
                time.sleep(0.001)  # so that it arrives in pieces

    def log_message(self, *arguments):
        """Nothing."""


class Server(http.server.ThreadingHTTPServer):
    """A folder at a URL.

    Attributes:
        refused: the status that a file, or a method and a file, is answered with.
        lists: the status that a folder is answered with; 200 where it is listed.
        says_sizes: whether answers have a Content-Length.
        streams: whether answers say that no part of a file is to be had, and come in pieces.
        cuts: after how many bytes the connection is closed when weights are asked for, the next one last.
        asked: the method and the name of each request.
    """

    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
        self.refused, self.says_sizes, self.streams, self.cuts, self.asked = {}, True, False, [], []
        self.lists = 200

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def team(tmp_path):
    """The server of a team's folder, ``team`` in ``tmp_path``."""
    (tmp_path / "team").mkdir()
    with Server(tmp_path / "team") as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def pushed(saved, team, tmp_path):
    """The model ``novel:1`` in that folder."""
    push(saved, str(tmp_path / "team"), progress=quiet)
    return saved


@pytest.mark.parametrize("streams", [False, True])
def test_large_weights_are_pulled_from_a_server_that_gives_no_parts_and_go_on_where_they_broke_off(
    team, registry, tmp_path, streams
):
    saved = ModelVersion("novel", 1, write_model(tmp_path / "big", hidden_size=700)).open()
    assert (saved.folder / "model.safetensors").stat().st_size > 7_000_000
    push(saved, str(tmp_path / "team"), progress=quiet)
    team.streams, team.cuts = streams, [6_000_000, 5_000_000] if streams else [6_000_000, 10**8]
    assert files_of(pull(team.url, "novel", registry, progress=quiet).version.folder) == files_of(saved.folder)
    assert not team.cuts


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "401 Unauthorized"), (403, "403 Forbidden"), (503, "503 Service Unavailable")]
)
def test_a_server_that_refuses_is_told_and_is_no_place_without_models(pushed, team, registry, status, reason):
    team.refused["manifest.json"] = status
    for reference in ("novel", "novel:1"):
        with pytest.raises(RemoteError) as refusal:
            pull(team.url, reference, registry, progress=quiet)
        assert str(refusal.value) == (
            f"{team.url}/novel/1/manifest.json cannot be looked up: the server answers {reason}."
        )
    with pytest.raises(RemoteError, match=f"manifest.json cannot be read: the server answers {reason}"):
        (Place.at(team.url) / "novel" / "1" / "manifest.json").read_small()


@pytest.mark.parametrize("status", [404, 410])
def test_what_a_server_says_is_not_there_is_not_there(pushed, team, registry, status):
    team.refused["manifest.json"] = status
    with pytest.raises(ModelNotFoundError, match='has no model "novel".  It lists none.'):
        pull(team.url, "novel", registry, progress=quiet)
    assert (Place.at(team.url) / "novel" / "1" / "manifest.json").read_small() is None


@pytest.mark.parametrize("status", [403, 404])
def test_from_a_server_that_lists_no_folders_a_version_is_pulled_by_its_number(
    pushed, team, registry, tmp_path, status
):
    team.lists = status
    assert str(pull(team.url, "novel:1", registry, progress=quiet).version) == "novel:1"
    other = ModelVersion("novel", 1, write_model(tmp_path / "other", seed=2)).open()
    with pytest.raises(ModelExistsError, match=r"novel/1 is another model, .* --as novel:2$"):
        push(other, team.url, progress=quiet)
    if status == 404:
        sentence = (
            r'has no model "novel"\.  It lists none\.  If that server lists no folders, name the version too: NAME:'
        )
        with pytest.raises(ModelNotFoundError, match=sentence):
            pull(team.url, "novel", registry, progress=quiet)


def test_a_server_that_does_not_say_how_large_a_file_is_cannot_be_pulled_from(pushed, team, registry):
    team.says_sizes = False
    with pytest.raises(RemoteError, match="cannot be looked up: the server does not say how large it is"):
        pull(team.url, "novel", registry, progress=quiet)


def test_a_server_that_fails_during_a_pull_does_not_lose_what_has_arrived(pushed, team, registry):
    team.refused["GET", "tokenizer.json"] = 503
    with pytest.raises(RemoteError, match="tokenizer.json cannot be read: the server answers 503"):
        pull(team.url, "novel", registry, progress=quiet)
    (folder,) = registry.folder.glob(".pull-*[!k]")
    assert files_of(folder)["model.safetensors"] == files_of(pushed.folder)["model.safetensors"]
    team.refused.clear()
    assert files_of(pull(team.url, "novel", registry, progress=quiet).version.folder) == files_of(pushed.folder)
    assert [path.name for path in registry.folder.iterdir()] == ["novel"]


def test_a_small_file_that_arrives_in_pieces_is_read_whole(team, tmp_path):
    content = b"x" * 1_000_000
    (tmp_path / "team" / "small.json").write_bytes(content)
    team.streams = True
    assert (Place.at(team.url) / "small.json").read_small() == content
