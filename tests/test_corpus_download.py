"""The download of a public corpus, from a server on the loopback interface."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seqgen import files
from seqgen.core.errors import CorpusError, OutputError
from seqgen.corpora import Corpus
from seqgen.corpus_download import fetch

CONTENT = random.Random(0).randbytes(300_000)


@dataclass
class Server:
    """One file at every path, and how the server misbehaves."""

    content: bytes = CONTENT
    ranges: bool = True
    cut_after: int | None = None  # bytes of the body, then the connection breaks
    cuts: int = 10**9  # how many connections break
    status: int | None = None
    announce: int | str | None = None  # a Content-Length that may be a lie
    silent_length: bool = False  # no Content-Length
    wrong_range: bool = False
    asked: list[str | None] = field(default_factory=list)  # the Range of each request
    url: str = ""

    def corpus(self, path: str = "/a%20folder/text.txt") -> Corpus:
        return Corpus(
            name="tale",
            summary="",
            source="public",
            licence="",
            dataset="text",
            size=len(CONTENT),
            sha256=hashlib.sha256(CONTENT).hexdigest(),
            url=self.url + path,
        )


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = self.headers["Range"]
            server.asked.append(asked)
            if server.status is not None:
                self.send_error(server.status)
                return
            start = 0
            if asked is not None and server.ranges:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                if start >= len(server.content):
                    self.send_error(416)
                    return
                shown = start + 1 if server.wrong_range else start
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {shown}-{len(server.content) - 1}/{len(server.content)}")
            else:
                self.send_response(200)
            body = server.content[start:]
            if not server.silent_length:
                self.send_header("Content-Length", str(len(body) if server.announce is None else server.announce))
            self.send_header("Connection", "close")
            self.close_connection = True
            self.end_headers()
            if server.cut_after is not None and server.cuts > 0:
                server.cuts -= 1
                body = body[: server.cut_after]
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """The client of these tests may hang up; nobody needs to read about it."""


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    running: list[socketserver.BaseServer] = []

    def start(**behaviour: object) -> Server:
        server = Server(**behaviour)
        http = QuietServer(("127.0.0.1", 0), handler(server))
        server.url = f"http://127.0.0.1:{http.server_port}"
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        running.append(http)
        return server

    yield start
    for http in running:
        http.shutdown()
        http.server_close()


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_download_is_named_after_the_corpus_and_nothing_else_is_left(serve, tmp_path):
    path = fetch(serve().corpus(), tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "tale.txt"
    assert path.read_bytes() == CONTENT
    assert left_in(path.parent) == ["tale.txt"]


def test_a_second_download_asks_the_server_nothing(serve, tmp_path):
    server = serve()
    fetch(server.corpus(), tmp_path)
    fetch(server.corpus(), tmp_path)
    assert server.asked == [None]


def test_progress_begins_with_nothing_never_goes_back_and_ends_with_all(serve, tmp_path):
    seen = []
    fetch(serve().corpus(), tmp_path, progress=lambda done, total: seen.append((done, total)))
    done = [now for now, _ in seen]
    assert done[0] == 0
    assert done == sorted(done)
    assert done[-1] == len(CONTENT)
    assert {total for _, total in seen} == {len(CONTENT)}


def test_a_connection_cut_midway_is_taken_up_where_it_broke(serve, tmp_path):
    server = serve(cut_after=100_000)
    assert fetch(server.corpus(), tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=200000-"]


def test_a_file_without_announced_length_is_taken_up_too(serve, tmp_path):
    server = serve(cut_after=100_000, silent_length=True)
    assert fetch(server.corpus(), tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=200000-"]


def test_a_server_that_keeps_breaking_off_ends_with_what_to_do_and_the_next_call_goes_on(serve, tmp_path):
    server = serve(cut_after=50_000)
    with pytest.raises(CorpusError, match=r"broke off after 250,000 of 300,000 bytes.  The same command goes on"):
        fetch(server.corpus(), tmp_path)
    assert left_in(tmp_path) == ["tale.txt.part"]
    seen = []
    path = fetch(server.corpus(), tmp_path, progress=lambda done, _: seen.append(done))
    assert path.read_bytes() == CONTENT
    assert seen[0] == 250_000
    assert server.asked[-1] == "bytes=250000-"


def test_a_server_without_ranges_starts_anew(serve, tmp_path):
    server = serve(ranges=False, cut_after=100_000, cuts=1)
    assert fetch(server.corpus(), tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-"]


def test_an_answer_for_another_range_is_not_appended(serve, tmp_path):
    server = serve(wrong_range=True, cut_after=100_000, cuts=1)
    assert fetch(server.corpus(), tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", None]


def test_a_refused_range_starts_anew(serve, tmp_path):
    (tmp_path / "tale.txt.part").write_bytes(CONTENT[:100])
    server = serve()
    server.content = b""  # so that byte 100 does not exist
    with pytest.raises(CorpusError, match=r"it has 0 bytes instead of 300,000"):
        fetch(server.corpus(), tmp_path)
    assert server.asked == ["bytes=100-", None]


def test_a_beginning_that_was_of_another_file_is_thrown_away_and_loaded_anew(serve, tmp_path):
    (tmp_path / "tale.txt.part").write_bytes(b"x" * 100_000)
    server = serve()
    assert fetch(server.corpus(), tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=100000-", None]


@pytest.mark.parametrize("already", [len(CONTENT), len(CONTENT) + 5])
def test_a_part_as_long_as_the_file_is_checked_and_not_trusted(serve, tmp_path, already):
    (tmp_path / "tale.txt.part").write_bytes(b"x" * already)
    assert fetch(serve().corpus(), tmp_path).read_bytes() == CONTENT


def test_a_whole_part_with_the_right_checksum_needs_no_network(tmp_path):
    (tmp_path / "tale.txt.part").write_bytes(CONTENT)
    corpus = Server(url="http://127.0.0.1:9").corpus()
    assert fetch(corpus, tmp_path).read_bytes() == CONTENT


def test_other_bytes_of_the_same_length_are_refused_and_removed(serve, tmp_path):
    server = serve(content=bytes(len(CONTENT)))
    with pytest.raises(CorpusError, match=r"is not the corpus tale: its checksum is wrong"):
        fetch(server.corpus(), tmp_path)
    assert left_in(tmp_path) == []


def test_a_shorter_file_is_refused_by_its_length(serve, tmp_path):
    server = serve(content=b"<html>Please log in to this network</html>")
    with pytest.raises(CorpusError, match=r"it has 42 bytes instead of 300,000"):
        fetch(server.corpus(), tmp_path)
    assert left_in(tmp_path) == []


def test_a_server_that_sends_without_end_is_stopped_at_the_size(serve, tmp_path):
    server = serve(content=CONTENT * 50, silent_length=True)
    most = 0

    def watch(done: int, total: int) -> None:
        nonlocal most
        most = max(most, (tmp_path / "tale.txt.part").stat().st_size)

    with pytest.raises(CorpusError, match="checksum is wrong"):
        fetch(server.corpus(), tmp_path, progress=watch)
    assert most <= len(CONTENT) + 1
    assert left_in(tmp_path) == []


def test_a_length_that_is_announced_right_but_exceeded_changes_nothing(serve, tmp_path):
    server = serve(content=CONTENT + b"and more", announce=len(CONTENT))
    assert fetch(server.corpus(), tmp_path).read_bytes() == CONTENT


def test_a_length_that_is_no_number_is_no_length(serve, tmp_path):
    assert fetch(serve(announce="soon").corpus(), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (404, "It may have moved"),
        (503, "Try again later"),
        *((status, "Something between here and the server may answer in its place") for status in (202, 203, 204, 206)),
    ],
)
def test_an_error_of_the_server_is_named_with_its_url(serve, tmp_path, status, advice):
    server = serve(status=status)
    with pytest.raises(CorpusError, match=rf"text\.txt cannot be downloaded: the server says {status} .*{advice}"):
        fetch(server.corpus(), tmp_path)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("status", [503, 203, 204])
def test_an_error_of_the_server_keeps_what_was_received_before(serve, tmp_path, status):
    (tmp_path / "tale.txt.part").write_bytes(CONTENT[:1000])
    with pytest.raises(CorpusError, match=f"the server says {status}"):
        fetch(serve(status=status).corpus(), tmp_path)
    assert (tmp_path / "tale.txt.part").read_bytes() == CONTENT[:1000]


def test_what_another_user_left_that_may_not_be_written_is_begun_anew(serve, tmp_path, monkeypatch):
    (tmp_path / "tale.txt.part").write_bytes(CONTENT[:1000])
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everything
    server = serve()
    assert fetch(server.corpus(), tmp_path).read_bytes() == CONTENT
    assert server.asked == [None]


def test_a_corpus_is_on_the_disk_before_it_has_its_name_which_then_is_too(serve, tmp_path, flushed, monkeypatch):
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda *paths: flushed.append("renamed") or replace(*paths))
    path = fetch(serve().corpus(), tmp_path)
    assert flushed == [path.stat().st_ino, "renamed", tmp_path.stat().st_ino]


def test_a_disk_that_cannot_be_read_is_told_of_the_file_that_it_is(serve, tmp_path, monkeypatch):
    def fail(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(files, "sha256", fail)
    for name in ("tale.txt.part", "tale.txt"):
        (tmp_path / name).write_bytes(CONTENT)
        with pytest.raises(CorpusError, match=rf"{name} cannot be read: Input/output error\.$"):
            fetch(serve().corpus(), tmp_path)


def test_without_a_network_the_host_is_named(tmp_path):
    with socketserver.TCPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_address[1]
    corpus = Server(url=f"http://127.0.0.1:{port}").corpus()
    with pytest.raises(CorpusError, match=r"127\.0\.0\.1 cannot be reached .*refused.*Is there a network\?"):
        fetch(corpus, tmp_path)


def test_a_host_that_speaks_another_language_is_not_a_crash(tmp_path):
    class Greeter(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1000)
            self.request.sendall(b"220 mail.example ready\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Greeter) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        corpus = Server(url=f"http://127.0.0.1:{server.server_address[1]}").corpus()
        with pytest.raises(CorpusError, match="cannot be reached"):
            fetch(corpus, tmp_path)
        thread.join()


def test_a_second_download_to_the_same_place_is_refused_while_the_first_goes_on(serve, tmp_path):
    corpus, refusals = serve().corpus(), []

    def beside(there: int, size: int) -> None:
        if 0 < there < size and not refusals:
            with pytest.raises(OutputError, match=r"tale\.txt is being downloaded by another process") as refusal:
                fetch(corpus, tmp_path)
            refusals.append(refusal)

    assert fetch(corpus, tmp_path, progress=beside).read_bytes() == CONTENT
    assert refusals
    assert [path.name for path in tmp_path.iterdir()] == ["tale.txt"]


def test_a_file_of_that_name_with_other_content_is_never_overwritten(serve, tmp_path):
    (tmp_path / "tale.txt").write_text("my own notes")
    with pytest.raises(CorpusError, match=r"tale\.txt is there already and is not the corpus tale"):
        fetch(serve().corpus(), tmp_path)
    assert (tmp_path / "tale.txt").read_text() == "my own notes"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")  # noqa: PTH110
def test_a_full_disk_is_named_with_the_file(serve, tmp_path):
    (tmp_path / "tale.txt.part").symlink_to("/dev/full")
    with pytest.raises(CorpusError, match=r"tale\.txt\.part cannot be written: No space left on device\.  Free some"):
        fetch(serve().corpus(), tmp_path)


def test_a_folder_that_cannot_be_made_is_named(serve, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CorpusError, match="cannot be written"):
        fetch(serve().corpus(), tmp_path / "file" / "folder")
