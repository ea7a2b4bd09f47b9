"""The command ``seqgen``: its commands, and the one place where errors become sentences."""

from __future__ import annotations

import atexit
import contextlib
import errno
import functools
import gc
import io
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from seqgen import __version__
from seqgen.cli import signals
from seqgen.cli.environment import Environment, completing
from seqgen.cli.group import COMMANDS, MainGroup
from seqgen.cli.printing import say, warn
from seqgen.core.errors import OutputError, SeqgenError, SeqgenWarning
from seqgen.core.memory import out_of_memory
from seqgen.core.plugin import in_a_line, in_words, text_of
from seqgen.core.redact import redacted
from seqgen.home import elsewhere

INTERRUPTED = 130
"""Exit code of a process that SIGINT ends: 128 and the signal's number."""


app = typer.Typer(
    name="seqgen",
    cls=MainGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Start with: seqgen train, then seqgen generate --seed "the ice"',
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"seqgen {__version__}")
        raise typer.Exit


def _leave_out_plugins(ctx: typer.Context, value: bool) -> bool:
    Environment.of(ctx).no_plugins = value
    return value


@app.callback()
def seqgen(
    ctx: typer.Context,
    _no_plugins: Annotated[
        bool,
        typer.Option(
            "--no-plugins",
            envvar="SEQGEN_NO_PLUGINS",
            callback=_leave_out_plugins,
            is_eager=True,  # also for the --help after it
            help="Start with the bundled parts only.",
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Train small generative sequence models on your own corpus, and generate from them."""
    Environment.of(ctx).debug = debug


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0, 2 for wrong use, 1 for failure, 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # it was closed before the program started
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        # UTF-8 whatever the locale says; half a surrogate pair, which it cannot hold, is written as JSON reads it.
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    atexit.register(gc.freeze)  # or Python's end looks through all that is still there for garbage
    environment = Environment()
    warnings.showwarning = functools.partial(_show_warning, warnings.showwarning, set())
    if _action(SeqgenWarning) != "ignore":  # also under python -W error, for by its text a person is told
        warnings.simplefilter("default", SeqgenWarning)
    code = _run_or_ended(arguments, environment)
    gone = code == signals.TERMINAL_GONE  # though what is still to be written may only be found out at Python's end
    try:
        sys.stdout.flush()
    except OSError as error:
        gone = True
        if not reader_is_gone(error) and not code:
            code = _fail(environment, _unwritten(error))
    if gone:
        # Python flushes once more at its end, and would say so if that fails, and exit with 120.
        with contextlib.suppress(io.UnsupportedOperation):  # a stream of whoever calls this, which is no file
            written_to = sys.stdout.fileno()
            os.dup2(os.open(os.devnull, os.O_WRONLY), written_to)
    if environment.importing:  # Python's end would wait for, or break off, what a plugin's import is doing there
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _action(category: type[Warning]) -> str:
    """What Python does with warnings of this kind, wherever they come from."""
    filters = warnings.filters
    actions = (
        action for action, text, kind, module, _ in filters if not (text or module) and issubclass(category, kind)
    )
    return next(actions, "default")


def _show_warning(
    otherwise: Callable[..., None], said: set[str], message: Warning | str, category: type[Warning], *where: Any
) -> None:
    """Say what parts warn of, once, without the line of code that did; other warnings are shown as Python does.

    Python itself forgets what it has shown as soon as a library changes its filters.
    """
    if issubclass(category, SeqgenWarning):
        if not completing() and str(message) not in said:
            said.add(str(message))
            warn(str(message))
    else:
        otherwise(message, category, *where)


def _run_or_ended(arguments: list[str] | None, environment: Environment) -> int:
    """The exit code, also of what a signal or SystemExit ends."""
    with signals.heeded() as came:
        try:
            code = _run(arguments, environment)
        # Of typer and rich, also where the reader of a pipe has gone; or of a plugin's command.
        except SystemExit as end:
            code = end.code or 0 if isinstance(end.code, int | None) else _fail(environment, text_of(end.code))
        except KeyboardInterrupt:  # while something else was told, as that the terminal has gone
            code = INTERRUPTED
    return 128 + came[0] if code and came else code  # whatever failed then, failed by the signal


def _run(arguments: list[str] | None, environment: Environment) -> int:
    try:
        # Not standalone, in which typer shows its errors in a box of its own.
        # Nor are arguments expanded, as typer does on Windows also where they are quoted: patterns and "~" may be text.
        result = app(arguments, prog_name="seqgen", obj=environment, standalone_mode=False, windows_expand_args=False)
    except SeqgenError as error:
        message = text_of(error) or in_words(error)
        advice = elsewhere(message) if isinstance(error, OutputError) else ""
        return _fail(environment, message + advice, error.exit_code)
    except typer.TyperException as error:
        message = error.format_message()
        if type(error).__name__ == "NoArgsIsHelpError":  # which typer does not export; the message is the help
            sys.stderr.write(message)
            return error.exit_code
        advice = f"{message.rstrip('.')}.  See {_command(error)} --help"
        return _fail(environment, _misplaced(error) or advice, error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except OSError as error:
        if environment.owner(error):
            return _fail(environment, _mistake(error, environment))
        return 1 if reader_is_gone(error) else _fail(environment, _unwritten(error))
    except SystemExit as end:
        if environment.owner(end) is None:
            raise
        # Typer exits at the end of any pipe or connection, as though it were that of standard output.
        broken = end.__context__
        return _fail(environment, _mistake(broken if isinstance(broken, BrokenPipeError) else end, environment))
    except BaseException as error:  # noqa: BLE001  a mistake of ours or of a plugin: a person gets a sentence all the same
        return _fail(environment, _mistake(error, environment))
    return result if isinstance(result, int) else 0  # typer.Exit's code; commands themselves give None


def _command(error: typer.TyperException) -> str:
    """The command that an error is about, as it is called."""
    context = getattr(error, "ctx", None)
    return context.command_path if context else "seqgen"


def _misplaced(error: typer.TyperException) -> str:
    """Where an option of the program itself goes, that somebody wrote after a command; empty where the error is another one."""
    context: Any = getattr(error, "ctx", None)
    if type(error).__name__ != "NoSuchOption" or context is None or context.parent is None:  # not exported either
        return ""
    option, program = str(getattr(error, "option_name", "")), context.find_root()
    if not any(option in parameter.opts for parameter in program.command.params):
        return ""
    command = _command(error).removeprefix(program.command_path)
    if option == "--no-plugins" and command.split()[0] not in COMMANDS:  # which is a plugin's, and would not be there
        return ""
    return f"{option} stands before the command: {program.command_path} {option}{command}"


def _fail(environment: Environment, message: str, exit_code: int = 1) -> int:
    if environment.debug:
        sys.stderr.write(redacted(traceback.format_exc()))
    say(message, label="error", style="bold red")
    return exit_code


def _mistake(error: BaseException, environment: Environment) -> str:
    """What cannot be the person's fault: whose it is, or may be, and whom to tell; or that memory does not suffice."""
    what = in_a_line(error).rstrip(".")
    plugin = environment.owner(error)
    if isinstance(error, Exception) and out_of_memory(error):
        where = f"what plugin {plugin.distribution} {plugin.version} does" if plugin else "this"
        return f"There is not enough memory for {where} ({what}).  Give it less at a time, or use a smaller model"
    show = "with what seqgen --debug ... shows"
    if plugin is not None:
        return f"Plugin {plugin.distribution} {plugin.version} failed: {what}.  Please tell its authors, {show}."
    if not (used := environment.used):
        return f"{what}\nThat is a mistake in seqgen: please report it, {show}."
    parts = " and ".join(f"{entry.kind} {entry.name} of plugin {entry.plugin.distribution}" for entry in used)
    were, they_keep = ("was", "it keeps") if len(used) == 1 else ("were", "they keep")
    checks = list(dict.fromkeys(f"seqgen check-plugin {entry.plugin.distribution}" for entry in used))
    tell = "tells" if len(checks) == 1 else "tell"
    return (
        f"{what}\nIt arose while {parts} {were} at work: {' and '.join(checks)} {tell} whether {they_keep} the contract.  "
        f"If so, that is a mistake in seqgen: please report it, {show}."
    )


def reader_is_gone(error: OSError, *, windows: bool = os.name == "nt") -> bool:
    """Whether writing to standard output failed since nobody reads it any more, which Windows tells by EINVAL."""
    told = windows and error.errno == errno.EINVAL and error.filename is None
    return isinstance(error, BrokenPipeError) or told


def _unwritten(error: OSError) -> str:
    """What the system refused: with the file, or else it was the output."""
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    return f"The output cannot be written: {error.strerror or text_of(error)}."
