"""Verovio in a process of its own: ``python -m seqgen_music.render.engraver`` reads a tune in ABC and writes JSON.

What is no ABC can end the process that verovio runs in; so nothing but this module imports it.
"""

from __future__ import annotations

import io
import json
import sys

_OPTIONS = {
    "pageWidth": 1600,  # tenths of a millimetre
    "pageHeight": 60_000,  # the most there is: a tune is one page, and its height is cut to the music
    "adjustPageHeight": True,
    "pageMarginTop": 50,
    "pageMarginBottom": 50,
    "scale": 50,
    "header": "auto",
    "footer": "none",
    "breaks": "auto",
    "svgViewBox": True,
    "xmlIdSeed": 1,  # the same tune gives the same file
}


def main() -> None:
    """Engrave standard input; an empty object where verovio makes nothing of it."""
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions(_OPTIONS)
    toolkit.setInputFrom("abc")
    done = {}
    tune = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8").read()  # whatever the machine takes for its encoding
    if toolkit.loadData(tune) and toolkit.getPageCount():
        done = {"svg": toolkit.renderToSVG(1)}
    sys.stdout.write(json.dumps(done))


if __name__ == "__main__":
    main()
