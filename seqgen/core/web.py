"""Asking a web server for a file, by a URL as people write it."""

from __future__ import annotations

import base64
from contextlib import AbstractContextManager
from typing import IO, cast
from urllib.error import HTTPError
from urllib.parse import quote, unquote_to_bytes, urlsplit, urlunsplit
from urllib.request import Request, urlopen

TIMEOUT = 60.0
"""Seconds that a server may stay silent."""

_MEANT = "/%:@!$&'()*+,;=~?"  # what says something in a path or query, and % of what is quoted already


def opened(url: str) -> AbstractContextManager[IO[bytes]]:
    """The answer to a GET of an http or https URL; its user and password go as HTTP's Basic authentication (RFC 7617).

    urllib, since the http of fsspec needs aiohttp, which is much for one GET.

    Raises:
        ValueError: it is no URL.
        OSError: the server cannot be reached, or refuses.
    """
    request = Request(_quoted(url), headers={"User-Agent": "seqgen"})  # noqa: S310  http and https only: see find_sources
    user, at, _ = urlsplit(url).netloc.rpartition("@")
    if at:
        word = base64.b64encode(unquote_to_bytes(user if ":" in user else f"{user}:")).decode()
        request.add_unredirected_header("Authorization", f"Basic {word}")  # not to where a server sends us on
    try:
        return cast("AbstractContextManager[IO[bytes]]", urlopen(request, timeout=TIMEOUT))  # noqa: S310
    except HTTPError as error:
        error.close()  # it is the answer, too
        raise


def _quoted(url: str) -> str:
    """The URL in ASCII, without user and password.

    Raises:
        ValueError: it has no host, or its port is none; what is connected to such a one raises anything.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.port == 0:
        raise ValueError("it names no server")
    host = parts.netloc.rpartition("@")[2].encode("idna" if not parts.netloc.isascii() else "ascii").decode()
    return urlunsplit((parts.scheme, host, quote(parts.path, safe=_MEANT), quote(parts.query, safe=_MEANT), ""))
