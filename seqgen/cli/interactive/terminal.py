"""The terminal of a session: its lines with history and completion, and Ctrl-C, which stops the text alone."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from seqgen import home
from seqgen.cli import signals
from seqgen.cli.environment import complete_model
from seqgen.cli.generate_reading import reading
from seqgen.cli.generate_samples import tell
from seqgen.cli.interactive.session import COMMANDS, Session
from seqgen.cli.interactive.settings import Settings
from seqgen.cli.output import open_output
from seqgen.cli.printing import say, warn
from seqgen.core.errors import MissingDependencyError, SeqgenError, UsageError
from seqgen.core.options import PartSpec

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.history import History

    from seqgen.generation.length import Length
    from seqgen.language_model import LanguageModel


def check_usable() -> None:
    """Refuse a session that could not be held, before a model is loaded.

    Raises:
        UsageError: standard input or output is no terminal.
        MissingDependencyError: prompt_toolkit is not installed.
    """
    for stream, name in [(sys.stdin, "input"), (sys.stdout, "output")]:
        if stream is None or not stream.isatty():
            raise UsageError(f"--interactive needs a terminal, but standard {name} is none.  Leave --interactive out.")
    try:
        import prompt_toolkit  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            '--interactive needs prompt_toolkit, which is not installed.  pip install "seqgen[interactive]"'
        ) from error


def run(
    model: LanguageModel,
    prompt: str,
    load: Callable[..., LanguageModel],
    length: Length,
    stop: tuple[str, ...],
    samplers: Iterable[str | PartSpec],
    random_seed: int | None,
    *,
    strict: bool,
    backend: str | None,
    device: str,
) -> None:
    """Hold a session until Ctrl-D or /quit; a prompt that is not empty is written from at once."""
    settings = Settings(
        length=length,
        stop=stop,
        samplers=tuple(PartSpec.parse(each) if isinstance(each, str) else each for each in samplers),
        random_seed=random_seed,
        strict=strict,
        backend=backend,
        device=device,
    )
    # A line editor in its midst cannot be unwound, and a session has nothing half written.
    with signals.left_to_the_system(), open_output(None) as out:
        session = Session(
            model,
            settings,
            prompt,
            load=load,
            write=out.write,
            say=say,
            warn=warn,
            tell=tell,
            reading=reading,
            interruptible=_interruptible,
        )
        lines = _lines({kind: [entry.name for entry in model.catalog.entries(kind)] for kind in ("sampler", "backend")})
        say(f"{model.reference} goes on from what you write.  Commands: /help; end: Ctrl-D")
        waiting = ["/again"] if prompt else []
        while not session.ended:
            try:
                session.handle(waiting.pop() if waiting else lines.prompt("> "))
            except SeqgenError as error:
                say(str(error), label="error", style="bold red")
            except KeyboardInterrupt:  # drops the line, or the command that loads a model or reads a prompt
                continue
            except EOFError:
                return


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C asks the text to stop after its token, so that it can be gone on with; a second one leaves at once."""
    asked = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def _lines(parts: dict[str, list[str]]) -> PromptSession[str]:
    """Where lines are written, with all that helps; the names of parts, by their kinds."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.shortcuts import CompleteStyle

    return PromptSession(
        history=_history(),
        completer=_completer(parts),
        complete_style=CompleteStyle.READLINE_LIKE,
        complete_while_typing=False,
    )


def _history() -> History:
    """The lines of all sessions, in a file that only its owner reads; of this session alone where it cannot be written."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    path = home.history_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.open("ab").close()
    except OSError as error:
        warn(f"{path} cannot be written, so the lines of this session are not kept: {error.strerror or error}.")
        return InMemoryHistory()
    return FileHistory(path)


def _completer(parts: dict[str, list[str]]) -> Completer:
    """Commands, and after some of them what they take."""
    from prompt_toolkit.completion import (
        CompleteEvent,
        Completer,
        Completion,
        PathCompleter,
        WordCompleter,
    )
    from prompt_toolkit.document import Document

    commands = WordCompleter([f"/{name}" for name in COMMANDS], sentence=True)
    arguments = {
        "/model": WordCompleter(complete_model, sentence=True),
        **{f"/{kind}": WordCompleter(names, sentence=True) for kind, names in parts.items()},
        "/save": PathCompleter(expanduser=True),
    }

    class OfLine(Completer):
        """Nothing in a prompt, which begins with no slash."""

        def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
            command, space, argument = document.text_before_cursor.partition(" ")
            if not command.startswith("/"):
                return
            if not space:
                yield from commands.get_completions(document, complete_event)
            elif command in arguments:
                yield from arguments[command].get_completions(Document(argument), complete_event)

    return OfLine()
