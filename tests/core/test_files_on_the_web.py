"""A corpus that a web server has, on the loopback interface, by URLs as people write them."""

import base64
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from seqgen.core import web
from seqgen.core.errors import CorpusError
from seqgen.core.files import find_sources


def text_of(url):
    return "".join(piece for source in find_sources([url]) for piece in source.text())


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        self.server.words.append(self.headers["Authorization"])
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/a.txt")
        elif self.path.startswith("/locked") and self.headers["Authorization"] is None:
            self.send_response(401)
        else:
            self.send_response(404 if self.path == "/nothing" else 200)
        self.send_header("Content-Length", "100" if self.path == "/short" else "7")
        self.end_headers()
        self.wfile.write(b"the ice")

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.words = [], []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_http_is_asked_once(server):
    url = f"http://127.0.0.1:{server.server_port}/a.txt"
    [source] = find_sources([url])
    assert ["".join(source.text()) for _ in range(3)] == ["the ice"] * 3
    assert source.name == url
    assert server.asked == ["/a.txt"]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("nothing", "cannot be read: Not Found."), ("short", "cannot be read whole: the connection was closed early.")],
)
def test_what_the_server_does_wrong_is_said(server, path, sentence):
    url = f"http://127.0.0.1:{server.server_port}/{path}"
    with pytest.raises(CorpusError, match=f"{re.escape(url)} {re.escape(sentence)}"):
        text_of(url)


def test_a_server_that_is_not_there_is_said():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"  # bound, but nobody listens
        with pytest.raises(CorpusError, match=r"cannot be read: .*Connection refused"):
            text_of(url)


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("my novel.txt", "/my%20novel.txt"),
        ("é.txt?q=ü b", "/%C3%A9.txt?q=%C3%BC%20b"),
        ("a%20b.txt?x=%C3%A9&y=1", "/a%20b.txt?x=%C3%A9&y=1"),
        ("a.txt#chapter 1", "/a.txt"),
        ("", "/"),
        ("moved", "/moved"),
    ],
)
def test_a_url_is_quoted_where_it_was_not(server, written, asked):
    url = f"http://127.0.0.1:{server.server_port}/{written}"
    [source] = find_sources([url])
    assert ("".join(source.text()), source.name) == ("the ice", url)
    assert server.asked[0] == asked


def test_user_and_password_are_sent_and_not_shown(server):
    place = f"127.0.0.1:{server.server_port}"
    assert text_of(f"http://ada:se%20cr%40et@{place}/locked.txt") == "the ice"
    assert server.words == ["Basic " + base64.b64encode(b"ada:se cr@et").decode()]
    with pytest.raises(CorpusError, match="Unauthorized"):
        text_of(f"http://{place}/locked.txt")
    with pytest.raises(CorpusError) as raised:
        text_of(f"http://ada:lace-of-silk@{place}/nothing")
    assert str(raised.value) == f"http://***@{place}/nothing cannot be read: Not Found."


def test_user_and_password_are_not_sent_on(server):
    assert text_of(f"http://ada@127.0.0.1:{server.server_port}/moved") == "the ice"
    assert server.words == ["Basic " + base64.b64encode(b"ada:").decode(), None]


@pytest.mark.parametrize(
    "url",
    [
        "http://[bad",
        "http://",
        "http://127.0.0.1:99999999/a.txt",
        "http://127.0.0.1:one/a.txt",
        f"http://{'é' * 80}/a.txt",
        "http://x..é/",
        "http://a b/c.txt",
        "http://127.0.0.1:9/\udce9.txt",
    ],
)
def test_what_is_no_url_is_said_in_a_sentence(url):
    with pytest.raises(CorpusError, match=rf"^{re.escape(url)} cannot be read: .+\.$"):
        text_of(url)


def test_a_server_with_letters_of_any_script_is_asked_by_its_name_in_ascii():
    assert web._quoted("http://ada:lace@münchen.example:81/ü?q=ü#ü") == (
        "http://xn--mnchen-3ya.example:81/%C3%BC?q=%C3%BC"
    )
