"""Commands as a person types them."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable


def command_line(words: Iterable[str], *, windows: bool = os.name == "nt") -> str:
    r"""Words as one line that the shell of this system takes apart into the same ones.

    Shells of Windows know double quotes only, and programs there take a quote within such as ``\"``, with backslashes before it
    doubled (Microsoft, Parsing C command-line arguments).  Whatever could mean something to cmd.exe or PowerShell is quoted; only
    variables are replaced within quotes too.

    Args:
        words: the program's name and its arguments.
        windows: whether it is for Windows.
    """
    if not windows:
        return shlex.join(words)
    return " ".join(word if re.fullmatch(r"[\w:./\\=-]+", word) else _quoted(word) for word in words)


def _quoted(word: str) -> str:
    word = re.sub(r'(\\*)"', r'\1\1\\"', word)
    return '"' + re.sub(r"(\\+)\Z", r"\1\1", word) + '"'
