"""A session without its terminal: what holds, the text that was written last, and what each line asks for."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from seqgen import files
from seqgen.cli.interactive.settings import OFF, Settings, text_of
from seqgen.core.errors import OutputError, UsageError
from seqgen.core.nearest import nearest_in_words
from seqgen.generation.generation import Generation
from seqgen.generation.length import Length
from seqgen.generation.stream import Stream
from seqgen.language_model import LanguageModel


class Command(NamedTuple):
    """How a command is written, and what it does."""

    argument: str
    summary: str


COMMANDS = {
    "again": Command("", "Write another text to the same prompt."),
    "more": Command("", "Go on where the text stopped."),
    "seed": Command("TEXT", 'Go on from a text that begins with a slash or, as "\\n", stands in quotation marks.'),
    "save": Command("FILE", "Write the last text, with its prompt, to a new file."),
    "temperature": Command("T", "Below 1 safer, above 1 wilder, 0 always the likeliest."),
    "top-k": Command("K", "Only the k likeliest tokens."),
    "top-p": Command("P", "Only the likeliest tokens that together reach p."),
    "min-p": Command("P", "Only tokens at least p times as likely as the likeliest."),
    "repetition-penalty": Command("R", "Above 1 makes tokens that occurred lately less likely."),
    "sampler": Command("SAMPLER", "Any sampler, as NAME:key=value; off takes all samplers away."),
    "length": Command("N", "How many tokens to write at most; with a c, characters; off: until Ctrl-C."),
    "stop": Command("TEXT", 'End before this text too; "\\n\\n" in quotation marks is an empty line.'),
    "random-seed": Command("N", "Fixes the draws; each /again takes the next number."),
    "model": Command("MODEL", "Write with another model: NAME, NAME:VERSION, NAME@best, or a folder."),
    "backend": Command("BACKEND", "What computes: numpy, torch, keras, numba; off: what suits."),
    "device": Command("DEVICE", "Where it runs: cpu, cuda, mps, ...; off: what suits."),
    "settings": Command("", "Show the settings that apply now."),
    "help": Command("", "Show this list."),
    "quit": Command("", "End the session, as Ctrl-D does."),
}
"""Name, without its slash, to the command."""


@dataclass
class Text:
    """A text and what goes on with it.

    Attributes:
        stream: has no end but a stop text or the end of a document: the session counts.
        number: how often it was begun anew; with a random seed N, that of the draws is N + number.
        live: whether the stream can be gone on with: nothing that it depends on has changed, and it did not fail.
        rest: drawn, but beyond the length in characters.
        told: what its samplers could not keep, as far as that was told.
    """

    prompt: str
    stream: Stream
    random_seed: int
    number: int = 0
    live: bool = True
    rest: str = ""
    written: io.StringIO = field(default_factory=io.StringIO)
    told: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.pieces: Iterator[Any] = self.stream.texts()

    def __str__(self) -> str:
        return self.prompt + self.written.getvalue()


class Session:
    """Prompts and commands in, text and words out.  Wrong ones raise ``SeqgenError`` and change nothing.

    Args:
        model: writes.
        settings: what holds at the start.
        prompt: what ``again`` goes on from while nothing has been written.
        load: finds the model of a name, and takes ``backend`` and ``device`` as :func:`seqgen.load` does.
        write: takes text, piece by piece.
        say: takes words for people.
        warn: takes warnings.
        tell: takes sentences about what the samplers promise and a text does not keep.
        reading: while it is entered, takes how many of so many tokens of the prompt have been read; None if nobody looks.
        interruptible: while it is entered, tells whether the text is to stop.

    Raises:
        UsageError: the model writes binary media, or documents with a frame.
    """

    def __init__(
        self,
        model: LanguageModel,
        settings: Settings,
        prompt: str,
        *,
        load: Callable[..., LanguageModel],
        write: Callable[[str], None],
        say: Callable[[str], None],
        warn: Callable[[str], None],
        tell: Callable[[Iterable[str]], None],
        reading: Callable[[int], AbstractContextManager[Callable[[int], None] | None]],
        interruptible: Callable[[], AbstractContextManager[Callable[[], bool]]],
    ) -> None:
        self._model = _writing_text(model)
        self._settings = settings
        self._prompt = prompt
        self._load = load
        self._write = write
        self._say = say
        self._warn = warn
        self._tell = tell
        self._reading = reading
        self._interruptible = interruptible
        self._text: Text | None = None
        self._saved: set[Path] = set()
        self._known: list[str] = []  # warnings of what holds, which are not said again with each text
        self.ended = False
        self._check(self._model, settings)

    def handle(self, line: str) -> None:
        """Do what a line asks for: a command after a slash, or else a prompt; an empty line asks for nothing.

        Raises:
            SeqgenError: a sentence about what is wrong.
        """
        if not line.startswith("/"):
            if line.strip():
                self._begin(line)
            return
        name, _, argument = line[1:].strip().partition(" ")
        argument = argument.strip()
        if name not in COMMANDS:
            nearest = nearest_in_words(name, COMMANDS, most=1, shown={each: f"/{each}" for each in COMMANDS})
            raise UsageError(f'No command "/{name}".{nearest}  All: /help; a prompt with a slash: /seed TEXT')
        if argument and not COMMANDS[name].argument:
            raise UsageError(f'/{name} takes nothing after it, but "{argument}" is there.')
        self._obey(name, argument)

    def _obey(self, name: str, argument: str) -> None:
        match name:
            case "again":
                self._begin(self._prompt, number=self._text.number + 1 if self._text else 0)
            case "more":
                self._more()
            case "seed":
                self._begin(text_of(_needed(name, argument)))
            case "save":
                self._save(Path(os.path.expanduser(_needed(name, argument))))  # noqa: PTH111  Path's raises where ~name is nobody
            case "settings":
                names = "model", "backend", "device", "length", "stop", "random-seed", "sampler"
                self._say("\n".join(map(self._told, names)))
            case "help":
                self._say(listing())
            case "quit":
                self.ended = True
            case "model":
                self._set_model(argument)
            case _:
                self._set(name, argument)

    def _begin(self, prompt: str, number: int = 0) -> None:
        """Write a text from its beginning."""
        stream, random_seed = self._stream(prompt, number, self._warn_anew)
        self._prompt = prompt
        self._text = Text(prompt, stream, random_seed, number)
        self._write(prompt)
        self._go_on(self._text)

    def _more(self) -> None:
        text = self._text
        if text is None:
            raise UsageError("There is no text yet to go on with.  Write a prompt, or /again")
        if not text.live:
            # What was drawn beyond the length belongs to what held before.
            stream, random_seed = self._stream(str(text), text.number + 1, lambda _: None)
            self._text = text = replace(
                text, stream=stream, random_seed=random_seed, number=text.number + 1, live=True, rest="", told=()
            )
        elif text.stream.finish_reason is not None and not text.rest:
            where = "a stop text" if text.stream.finish_reason == "stop" else "the end of its document"
            raise UsageError(f"The text has come to {where}, after which nothing follows.  Another one: /again")
        self._go_on(text)

    def _go_on(self, text: Text) -> None:
        """Write as much as the length allows, or until interrupted."""
        tokens = sys.maxsize if self._settings.length.tokens is None else self._settings.length.tokens
        characters = sys.maxsize if self._settings.length.characters is None else self._settings.length.characters
        try:
            with self._interruptible() as interrupted:
                while tokens > 0 and characters > 0 and not interrupted():
                    piece = text.rest or next(text.pieces, None)
                    if piece is None:
                        break
                    tokens -= not text.rest
                    piece, text.rest = piece[:characters], piece[characters:]
                    characters -= len(piece)
                    text.written.write(piece)
                    self._write(piece)
        except BaseException:
            text.live = False
            raise
        finally:
            self._write("\n")
        notes = text.stream.notes
        self._tell(note for note in notes if note not in text.told)
        text.told = notes

    def _stream(self, prompt: str, number: int, warn: Callable[[str], None]) -> tuple[Stream, int]:
        fixed = self._settings.random_seed
        settings = self._settings if fixed is None else replace(self._settings, random_seed=fixed + number)
        generation = _prepared(self._model, settings, prompt, warn)
        with self._reading(len(generation.prompt_ids)) as on_read:
            return replace(generation, on_read=on_read).stream(), generation.random_seed

    def _save(self, path: Path) -> None:
        if self._text is None:
            raise UsageError("There is no text yet to save.")
        content = f"{self._text}\n".encode("utf-8", "backslashreplace")
        with files.writing(path):
            path = path.resolve()
            if path not in self._saved and path.exists():
                raise OutputError(f"{path} is there already.  Give the name of a new file.")
            path.write_bytes(content)
        self._saved.add(path)
        self._say(f"saved in {path}")

    def _set_model(self, name: str) -> None:
        if name:
            model = self._loaded(name, self._settings)
            self._check(model, self._settings)
            self._model = model
            self._changed()
        self._say(self._told("model"))

    def _set(self, name: str, value: str) -> None:
        if value:
            settings, model = self._settings.changed(name, value), self._model
            if name in {"backend", "device"}:
                model = self._loaded(model.reference, settings)
            self._check(model, settings)
            if name == "random-seed" and self._text is not None:
                self._text.number = 0  # another text is that of the next number
            only_length = replace(self._settings, length=settings.length) == settings
            self._settings, self._model = settings, model
            if not only_length:
                self._changed()
        self._say(self._told(name))

    def _check(self, model: LanguageModel, settings: Settings) -> None:
        """Refuse a model and settings with which nothing can be written, before they hold, and warn of what is new in them."""
        found: list[str] = []
        _prepared(model, settings, "", found.append).stream()  # which looks at the stop texts
        for warning in found:
            self._warn_anew(warning)
        self._known = found

    def _warn_anew(self, warning: str) -> None:
        if warning not in self._known:
            self._warn(warning)

    def _loaded(self, name: str, settings: Settings) -> LanguageModel:
        return _writing_text(self._load(name, backend=settings.backend, device=settings.device))

    def _changed(self) -> None:
        if self._text is not None:
            self._text.live = False

    def _told(self, name: str) -> str:
        """A setting in words."""
        settings = self._settings
        match name:
            case "model":
                return f"model: {self._model.reference}"
            case "backend":
                rounds = ", which rounds the weights" if self._model.model.quantised else ""
                return f"backend: {self._model.backend}{rounds}"
            case "device":
                return f"device: {self._model.model.device}"
            case "length":
                return f"length: {OFF if settings.length == Length() else settings.length}"
            case "stop":
                return f"stop: {', '.join(json.dumps(text, ensure_ascii=False) for text in settings.stop) or OFF}"
            case "random-seed":
                last = "" if self._text is None else f" (that of the last text was {self._text.random_seed})"
                return f"random-seed: {OFF if settings.random_seed is None else settings.random_seed}{last}"
        return f"samplers: {', '.join(map(str, _prepared(self._model, settings, '', lambda _: None).samplers))}"


def listing() -> str:
    """All commands, a line each."""
    written = {f"/{name} {command.argument}".rstrip(): command.summary for name, command in COMMANDS.items()}
    width = max(map(len, written))
    lines = [f"{usage:{width}}  {summary}" for usage, summary in written.items()]
    return "\n".join([*lines, "A setting without a value is shown; off takes it away.  Ctrl-C stops a text."])


def _prepared(model: LanguageModel, settings: Settings, prompt: str, warn: Callable[[str], None]) -> Generation:
    return model.prepare(
        prompt,
        length=Length(),
        stop=settings.stop,
        samplers=settings.samplers,
        random_seed=settings.random_seed,
        strict=settings.strict,
        warn=warn,
    )


def _writing_text(model: LanguageModel) -> LanguageModel:
    if isinstance(model.empty, bytes):
        raise UsageError(
            f"{model.reference} writes binary media, which a session cannot show.  seqgen generate --output FILE"
        )
    if model.tokenizer.framed:  # nothing of it comes before it is whole, and the session's streams have no end
        raise UsageError(
            f"{model.reference} writes {model.tokenizer.media_type}, which a session cannot show piece by piece.  "
            "seqgen generate --output FILE"
        )
    return model


def _needed(name: str, argument: str) -> str:
    if not argument:
        raise UsageError(f"/{name} needs something after it: /{name} {COMMANDS[name].argument}")
    return argument
