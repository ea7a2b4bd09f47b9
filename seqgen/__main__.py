"""``python -m seqgen`` is ``seqgen``, which begins here: until all is imported, Ctrl-C ends it as quietly as it does later."""

from __future__ import annotations

import sys
from typing import NoReturn

INTERRUPTED = 130
"""As in :mod:`seqgen.cli.app`, which may not be there yet."""


def main() -> NoReturn:
    """Run the command line and exit; see :func:`seqgen.cli.app.main`."""
    try:
        from seqgen.cli import app  # takes a twentieth of a second or more, in which no other code of ours runs

        app.main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
