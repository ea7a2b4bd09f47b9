"""The page in a real browser, by its own keyboard and mouse events: it writes what the command line writes.

Chromium is driven over a pipe by the DevTools protocol (https://chromedevtools.github.io/devtools-protocol), so that nothing
else is needed.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shlex
import shutil
import signal
import time
from pathlib import Path

import pytest

from seqgen.interop.html import page as html_page
from seqgen.tokenizers.byte import ByteTokenizer

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed; on Debian: apt-get install chromium"),
]


class Browser:
    """A headless Chromium with one page.

    Attributes:
        events: what it told since it started, as (method, parameters).
    """

    def __init__(self, folder: Path) -> None:
        ours, theirs = os.pipe(), os.pipe()  # commands to it, answers from it; it has them as 3 and 4
        read, write = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (ours[0], theirs[1]))
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--remote-debugging-pipe",
        ]
        self._process = os.posix_spawn(
            CHROMIUM,
            [CHROMIUM, *options, f"--user-data-dir={folder}", "about:blank"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, read, 3),
                (os.POSIX_SPAWN_DUP2, write, 4),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
        )
        for end in (ours[0], theirs[1], read, write):
            os.close(end)
        self._commands, self._answers = ours[1], theirs[0]
        self._buffer, self._number, self._session = b"", 0, None
        self.events: list[tuple[str, dict]] = []
        (page,) = [each for each in self.call("Target.getTargets")["targetInfos"] if each["type"] == "page"]
        self._session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> dict:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append((answer["method"], answer["params"]))

    def _receive(self) -> dict:
        deadline = time.monotonic() + 60
        while b"\0" not in self._buffer:
            assert select.select([self._answers], [], [], max(0, deadline - time.monotonic()))[0], "it does not answer"
            self._buffer += os.read(self._answers, 1 << 16)
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def ask(self, expression: str) -> object:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> None:
        deadline = time.monotonic() + 60
        while not self.ask(condition):
            assert time.monotonic() < deadline, condition
            time.sleep(0.05)

    def click(self, element: str) -> None:
        box = f"document.getElementById({element!r}).getBoundingClientRect()"
        self.ask(f"document.getElementById({element!r}).scrollIntoView()")
        x, y = self.ask(f"{box}.x + {box}.width / 2"), self.ask(f"{box}.y + {box}.height / 2")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str, modifiers: int = 0, **more: object) -> None:
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, modifiers=modifiers, **more)

    def fill(self, element: str, text: str) -> None:
        """Click a field, replace what is in it, as a person does."""
        self.click(element)
        self.press("a", modifiers=2, code="KeyA", windowsVirtualKeyCode=65, commands=["selectAll"])
        self.press("Backspace", code="Backspace", windowsVirtualKeyCode=8)
        for character in text:
            self.call("Input.dispatchKeyEvent", type="char", text=character)

    def slide_to_zero(self, element: str) -> None:
        self.click(element)
        self.press("Home", code="Home", windowsVirtualKeyCode=36)
        assert self.ask(f"document.getElementById({element!r}).value") == "0"

    def close(self) -> None:
        os.kill(self._process, signal.SIGTERM)
        os.waitpid(self._process, 0)
        os.close(self._commands)
        os.close(self._answers)


@pytest.fixture
def browser(tmp_path):
    started = Browser(tmp_path / "profile")
    yield started
    started.close()


@pytest.fixture
def untrained(make_source, tmp_path):
    """The page of a model with random weights."""
    path = tmp_path / "page.html"
    path.write_text(html_page.page(make_source(ByteTokenizer(), "byte", hidden_size=32)), "utf-8")
    return path


@pytest.fixture
def trained(seqgen_cli, tmp_path):
    """The page of a model that was trained for a few seconds."""
    corpus = tmp_path / "ice.txt"
    corpus.write_text((ROOT / "corpora" / "ice.txt").read_text("utf-8")[:40000], "utf-8")
    options = ("--hidden-size", 64, "--embedding-size", 16, "--max-steps", 250, "--learning-rate", 0.01, "-q")
    for command in (("train", corpus, "--name", "ice", *options), ("models", "export", "ice", "ice.html")):
        result = seqgen_cli(*command, timeout=600)
        assert result.exit_code == 0, result.stderr
    return tmp_path / "ice.html"


def written(browser):
    browser.click("write")
    browser.wait_for("document.body.dataset.state === 'done'")
    return browser.ask("document.getElementById('written').textContent")


def test_what_a_person_types_is_gone_on_with_as_the_command_line_goes_on_with_it(browser, trained, seqgen_cli):
    browser.call("Page.navigate", url=trained.as_uri())
    browser.wait_for("document.body?.dataset.state === 'ready'")

    # Greedy.
    prompt = "The ice was so thick that"
    browser.fill("prompt", prompt)
    browser.slide_to_zero("temperature")
    browser.fill("length", "300")
    text = written(browser)
    expected = seqgen_cli("generate", "--model", "ice", "--seed", prompt, "--temperature", 0, "--length", 300, "--json")
    assert text == json.loads(expected.stdout)["samples"][0]["text"]
    assert len(text) == 300

    # Drawn, by the random seed that is typed; and by the command that the page shows.
    browser.call("Page.reload")
    time.sleep(0.2)
    browser.wait_for("document.body?.dataset.state === 'ready'")
    browser.fill("prompt", "It's Élodie, he said")
    browser.fill("random-seed", "17")
    text = written(browser)
    command = browser.ask("document.getElementById('command').textContent")
    assert "--temperature 0.8 --min-p 0.05 --length 400 --random-seed 17" in command
    expected = seqgen_cli(*shlex.split(command)[1:], "--json")
    assert text == json.loads(expected.stdout)["samples"][0]["text"]
    note = browser.ask("document.getElementById('note').textContent")
    assert note == 'The model does not know "É" (read as "E").'

    # Nothing was asked of the network, nothing was refused by the page's own policy, nothing threw.
    requests = [event["request"]["url"] for method, event in browser.events if method == "Network.requestWillBeSent"]
    assert set(requests) == {trained.as_uri()}
    told = [event for method, event in browser.events if method in ("Log.entryAdded", "Runtime.exceptionThrown")]
    assert told == []


def test_the_policy_keeps_the_page_from_asking_the_network_and_from_running_what_is_put_into_it(browser, untrained):
    browser.call("Page.navigate", url=untrained.as_uri())
    browser.wait_for("document.body?.dataset.state === 'ready'")
    assert browser.ask("fetch('http://127.0.0.1:9/').then(() => 'asked', () => 'refused')") == "refused"
    assert browser.ask("try { document.body.innerHTML = '<b>'; 'set' } catch (error) { error.name }") == "TypeError"
    browser.ask(
        "{ const s = document.createElement('img'); s.src = 'http://127.0.0.1:9/x.png'; document.body.append(s); }"
    )
    time.sleep(0.3)
    violated = [event["entry"]["text"] for method, event in browser.events if method == "Log.entryAdded"]
    assert any("connect-src" in text or "default-src" in text for text in violated)
    assert not [
        event
        for method, event in browser.events
        if method == "Network.requestWillBeSent"
        and event["request"]["url"].startswith("http://127")
        and event.get("requestId")
        in {each["requestId"] for name, each in browser.events if name == "Network.responseReceived"}
    ]


def test_stop_ends_the_text_where_it_is(browser, untrained):
    browser.call("Page.navigate", url=untrained.as_uri())
    browser.wait_for("document.body?.dataset.state === 'ready'")
    browser.fill("length", "100000")
    browser.click("write")
    browser.wait_for("document.getElementById('written').textContent.length > 50")
    browser.click("write")
    browser.wait_for("document.body.dataset.state === 'stopped'")
    length = browser.ask("document.getElementById('written').textContent.length")
    time.sleep(0.2)
    assert browser.ask("document.getElementById('written').textContent.length") == length
    assert browser.ask("document.getElementById('write').textContent") == "Write"
