"""A Griffe extension: cross-references that docstrings write as in Python's own become links: :func:`seqgen.load`."""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:attr|class|func|meth|mod):`(~?)([\w.]+)`")


class Roles(griffe.Extension):
    """Rewrites the docstring of every object before it is parsed."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring:
            obj.docstring.value = _ROLE.sub(_linked, obj.docstring.value)


def _linked(match: re.Match[str]) -> str:
    short, target = match.groups()
    shown = target.rpartition(".")[2] if short else target
    # Optional: what has no page here is shown all the same.
    return f'<autoref optional identifier="{target}"><code>{shown}</code></autoref>'
