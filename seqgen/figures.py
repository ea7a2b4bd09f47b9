"""What all figures that are written to a file have in common."""

from __future__ import annotations

from pathlib import Path

from seqgen.core.errors import MissingDependencyError, OptionError


def check_format(path: Path) -> None:
    """Refuse, before anything is measured, a file that matplotlib cannot write.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        OptionError: it does not know the format.
    """
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError as error:
        raise MissingDependencyError(
            'The plot needs matplotlib, which is not installed.  pip install "seqgen[plot]"'
        ) from error
    known = FigureCanvasBase.get_supported_filetypes()
    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in known:
        raise OptionError(f'A plot cannot be written as "{path.name}": its suffix must be one of {", ".join(known)}')
