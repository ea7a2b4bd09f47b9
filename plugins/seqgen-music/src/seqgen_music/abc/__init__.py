"""ABC notation: reading it, its rhythm and keys, and the parts for it.

What is read here is the part of the ABC standard 2.1 (https://abcnotation.com/wiki/abc:standard:v2.1) that tunes of one
voice are written in.
"""

MEDIA_TYPE = "text/vnd.abc"

SUFFIXES = (".abc",)
"""Of tune books."""
