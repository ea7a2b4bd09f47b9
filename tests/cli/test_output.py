"""Where a command writes text: a terminal shows what would steer it, any other file gets what the model wrote."""

from __future__ import annotations

import io
import json
import os

import pytest

from seqgen.cli.output import Out, open_output
from seqgen.core.errors import OutputError

TITLE = "the\tice \x1b]0;owned\x07\x9b31m\x7f\r\n ж 👩‍🚀"
"""What sets the title and the colour of a terminal, beside text that is to stay as it is."""

SHOWN = "the\tice \\x1b]0;owned\\x07\\x9b31m\\x7f\\x0d\n ж 👩‍🚀"


class Terminal(io.BytesIO):
    def isatty(self):
        return True


def written(file, *pieces):
    out = Out(file)
    for piece in pieces:
        out.write(piece)
    out.end()
    return file.getvalue()


def test_a_terminal_is_shown_control_characters_however_the_text_is_cut():
    assert written(Terminal(), TITLE).decode() == SHOWN + "\n"
    assert written(Terminal(), *TITLE).decode() == SHOWN + "\n"


def test_any_other_file_gets_what_was_written():
    assert written(io.BytesIO(), *TITLE).decode() == TITLE + "\n"
    assert written(io.BytesIO(), TITLE.encode(), b"\xff\x1b") == TITLE.encode() + b"\xff\x1b"


def test_in_a_terminal_bytes_are_text_though_a_piece_ends_within_a_character():
    cut = [bytes([byte]) for byte in TITLE.encode()]
    assert written(Terminal(), *cut).decode() == SHOWN
    assert written(Terminal(), b"a\xff\x1b", b"\xd0") == b"a\\xff\\x1b\\xd0"


def test_a_line_of_json_stays_json_in_a_terminal():
    for file in (Terminal(), io.BytesIO()):
        Out(file).line({"text": TITLE})
        assert json.loads(file.getvalue()) == {"text": TITLE}
        assert (b"\xc2\x9b" in file.getvalue()) != file.isatty()


def test_what_is_styled_for_the_terminal_is_obeyed():
    file = Terminal()
    Out(file).write("\x1b[1mice\x1b[0m", styled=True)
    assert file.getvalue() == b"\x1b[1mice\x1b[0m"


def test_a_terminal_that_is_named_as_a_file_is_one():
    ours, theirs = os.openpty()
    with open_output(os.ttyname(theirs)) as out:
        out.write("ice \x1b[2J")
    assert os.read(ours, 100) == b"ice \\x1b[2J"
    os.close(theirs)
    os.close(ours)


def test_a_file_that_is_missing_to_what_writes_is_not_told_as_the_output(tmp_path):
    def read_and_write():
        with open_output(str(tmp_path / "out.txt")) as out:
            out.write("ice")
            (tmp_path / "missing").read_text()

    with pytest.raises(FileNotFoundError, match="missing"):
        read_and_write()
    assert (tmp_path / "out.txt").read_text() == "ice"


def test_a_file_that_does_not_take_the_text_is_named():
    refused = pytest.raises(OutputError, match=r"^/dev/full cannot be written: No space left on device\.$")
    with refused, open_output("/dev/full") as out:
        out.write("ice")


@pytest.mark.usefixtures("novel")
@pytest.mark.parametrize("options", [(), ("--no-stream",), ("--num-samples", 2), ("--show-probabilities",)], ids=str)
def test_what_is_generated_cannot_steer_a_terminal(seqgen, terminal, options):
    command = ("generate", "--seed", "the \x1b]0;owned\x07ice", "--length", 5, *options)
    shown = terminal(*command).stdout
    assert "the \\x1b]0;owned\\x07ice" in shown
    assert "\x07" not in shown
    assert "\x1b]" not in shown
    if "--show-probabilities" not in options:
        assert seqgen(*command).stdout.startswith("the \x1b]0;owned\x07ice")
