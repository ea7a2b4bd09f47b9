"""A few short texts of a model, written once when it is published and kept beside its weights: ``samples.json``."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgen.core.errors import DamagedModelError
from seqgen.core.plugin import in_words
from seqgen.core.types import Content
from seqgen.untrusted import read_json

FORMAT_VERSION = 1

MAX_BYTES = 2**18
"""A file above this is not read; ours take a few kB."""


@dataclass(frozen=True)
class SavedSamples:
    """What a model wrote when it was published.

    Attributes:
        texts: one after another, drawn with the numbers 0, 1, 2 ...
        random_seed: that fixed the draws.
        samplers: the chain they were drawn with.
        length: of each, as ``generate --length`` takes it.
    """

    texts: tuple[Content, ...]
    random_seed: int
    samplers: tuple[str, ...]
    length: str

    def to_json(self) -> dict[str, Any]:
        """The content of the file; binary media in base64."""
        return {
            "format_version": FORMAT_VERSION,
            "random_seed": self.random_seed,
            "samplers": list(self.samplers),
            "length": self.length,
            "samples": [
                {"text": text} if isinstance(text, str) else {"base64": base64.b64encode(text).decode()}
                for text in self.texts
            ],
        }

    @classmethod
    def read(cls, path: Path, *, where: str) -> SavedSamples | None:
        """Those of a model folder; None where it has none.

        Raises:
            DamagedModelError: the file is not what this module writes.
        """
        if not path.exists():
            return None
        value = read_json(path, where=where, limit=MAX_BYTES)
        try:
            found = cls(
                texts=tuple(map(_content, value["samples"])),
                random_seed=value["random_seed"],
                samplers=tuple(value["samplers"]),
                length=value["length"],
            )
            fits = value["format_version"] == FORMAT_VERSION and isinstance(found.random_seed, int)
            fits = fits and all(isinstance(text, str) for text in (*found.samplers, found.length))
        except (KeyError, TypeError, ValueError) as error:
            msg = f"{where}: these are no samples: {error}"
            raise DamagedModelError(msg) from error
        if not fits:
            msg = f"{where}: these are no samples of format version {FORMAT_VERSION}."
            raise DamagedModelError(msg)
        return found


def _content(sample: Any) -> Content:
    if "text" in sample and isinstance(sample["text"], str):
        return str(sample["text"])
    try:
        return base64.b64decode(sample["base64"], validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def written(
    samples: Callable[[Path], SavedSamples], folder: Path, *, warn: Callable[[str], None]
) -> SavedSamples | None:
    """What a model writes; None where that fails, or somebody has no time for it: it is published all the same."""
    try:
        return samples(folder)
    except KeyboardInterrupt:
        warn("No samples are kept with the model.")
    except BaseException as error:  # noqa: BLE001  a third party's tokenizer or backend; what was trained must not suffer
        warn(f"No samples are kept with the model: {in_words(error)}")
    return None


def as_texts(samples: SavedSamples | None) -> Sequence[str]:
    """The samples that are text, for people to read."""
    return [text for text in samples.texts if isinstance(text, str)] if samples is not None else []
