"""Text without credentials, for manifests, logs and messages."""

from __future__ import annotations

import os
import re

HIDDEN = "***"

_SCHEME = r"[A-Za-z][\w+.-]{0,63}://"  # bounded, or a long word is searched from each of its letters to its end
_USER = re.compile(rf"(?P<scheme>{_SCHEME})[^\s/?#\"'<>]*@")
_QUERY = re.compile(
    rf"(?P<url>{_SCHEME}[^\s?#\"'<>]*)[?#](?=[^\s\"'<>]*[=&]|[\w%-]{{16}})[^\s\"'<>]*[^\s\"'<>.,;:)\]}}]"
)
_TOKEN = re.compile(  # and no name of a file: Basic Training.txt, ASIAN_NOVELS.txt, hf_wikitext_103.txt
    r"""(?x) (?P<kind> (?i: \b authorization ['"]? \s* [:=] \s* ['"]? [a-z]+ [ ] )
      | \b Bearer [ ] (?= [\w+/=.~-]* (?: [0-9=] | [a-z][A-Z] ) )
      | \b Basic [ ] (?= [A-Za-z0-9+/]* (?: [0-9=] | [a-z][A-Z] ) ) (?= [A-Za-z0-9+/]{8,} ={0,2} (?! [.]?\w ) )
      | \b hf_ (?= [a-z0-9]* [A-Z] ) (?= [A-Za-z0-9]{14,} \b )
      | \b A[KS]IA (?= [A-Z0-9]{16} \b )
    ) [\w+/=.~-]{8,}"""
)
_SECRET_NAME = re.compile(
    r"TOKEN(?!IZ)|SECRET|PASSWORD|PASSWD|(API|ACCESS|ACCOUNT|PRIVATE)_?KEY|CONNECTION_?STRING", re.IGNORECASE
)
_PATH_NAME = re.compile(r"_(PATH|FILE|DIR)\Z", re.IGNORECASE)  # of where a secret lies, which is none: HF_TOKEN_PATH
_SHORTEST = 6  # characters of a secret in the environment; a shorter one may be part of any word


def redacted(text: str) -> str:
    """The text with ``***`` for what lets somebody in.

    That is, in URLs, the user and password, and the query or fragment, in which signed URLs carry their signature; tokens as the
    Hugging Face Hub, Amazon and HTTP write them; and whatever stands in an environment variable that is named after a
    token, a secret, a password, a key or a connection string.

        redacted("s3://ada:lace@bucket/x?X-Amz-Signature=5e1f")  # "s3://***@bucket/x?***"
    """
    text = _USER.sub(rf"\g<scheme>{HIDDEN}@", text)
    text = _QUERY.sub(rf"\g<url>?{HIDDEN}", text)
    text = _TOKEN.sub(rf"\g<kind>{HIDDEN}", text)
    for name, value in os.environ.items():
        # By its name and not by its value: a key of Amazon's may begin with a slash.
        secret = _SECRET_NAME.search(name) and not _PATH_NAME.search(name)
        if secret and len(value) >= _SHORTEST and value in text:
            text = text.replace(value, HIDDEN)
    return text
