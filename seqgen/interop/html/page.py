"""The page: a template, two scripts, a style sheet, and the model as data.

Nothing in a model can become a part of the page: text is escaped, the weights are base64, and what is JSON has no ``<``.
The page's Content-Security-Policy allows the two scripts and the style sheet by their SHA-256, and nothing else: no other
script, no request to any address, no image, no frame.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import unicodedata
from functools import cache
from importlib.resources import files as resources
from pathlib import Path
from string import Template
from typing import Any

from seqgen import files
from seqgen.checkpoint import SavedModel
from seqgen.core.catalog import Catalog
from seqgen.core.errors import UsageError
from seqgen.core.text import REPLACEMENT
from seqgen.core.tokenizer import Tokenizer
from seqgen.generation.selection import DEFAULT_MIN_P, DEFAULT_TEMPERATURE
from seqgen.interop.exported_model import ExportedModel
from seqgen.language_model import DEFAULT_LENGTH

LARGEST = 64 * 2**20
"""Bytes of weights in a page, which takes a third more: what a browser on a phone still opens."""

TOKENIZERS = ("char", "byte", "word")
"""The bundled tokenizers that the page's script knows."""

_UNKNOWN = REPLACEMENT
"""What the script reads a character as that nothing is near to, where the vocabulary has it, without being told for each."""


def export_html(saved: SavedModel, target: Path, catalog: Catalog) -> None:
    """Write a trained model as a page.

    Raises:
        UsageError: its tokenizer is one that the script does not know, or its weights are too large for a page.
        OutputError: the file cannot be written.
    """
    files.write_bytes(target, page(ExportedModel.of(saved, catalog)).encode())


def page(source: ExportedModel) -> str:
    """The whole page."""
    from safetensors.numpy import save

    if source.tokenizer_name not in TOKENIZERS or source.tokenizer_distribution != "seqgen":
        msg = (
            f'{source.name} has the tokenizer "{source.tokenizer_name}" of {source.tokenizer_distribution}, which the '
            f"script of a page does not know.  It knows: {', '.join(TOKENIZERS)}.  Use --format onnx or safetensors"
        )
        raise UsageError(msg)
    tensors = {**source.weights, **{f"ngrams.{name}": tensor for name, tensor in source.ngrams.items()}}
    size = sum(tensor.nbytes for tensor in tensors.values())
    if size > LARGEST:
        msg = (
            f"{source.name} has {size / 2**20:,.1f} MiB of weights, but a page holds at most {LARGEST / 2**20:.0f}.  "
            "Use --format onnx or safetensors"
        )
        raise UsageError(msg)
    style, engine, script = (_resource(name) for name in ("page.css", "engine.js", "page.js"))
    policy = [
        "default-src 'none'",
        f"script-src {_hash(engine)} {_hash(script)}",
        f"style-src {_hash(style)}",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
    ]
    return Template(_resource("page.html")).substitute(
        policy="; ".join(policy),
        generator=html.escape(source.about["exported_by"]),
        name=html.escape(source.name),
        summary=_summary(source),
        facts=_facts(source, size),
        temperature=DEFAULT_TEMPERATURE,
        min_p=DEFAULT_MIN_P,
        length=DEFAULT_LENGTH,
        about=_as_data(_about(source)),
        weights=base64.b64encode(save(tensors)).decode(),
        style=style,
        engine=engine,
        script=script,
    )


def _summary(source: ExportedModel) -> str:
    spec = source.spec
    layers = "one layer" if spec.num_layers == 1 else f"{spec.num_layers} layers"
    mixed = ", mixed with n-grams" if source.ngrams else ""
    architecture = html.escape(spec.architecture)
    return f"A small language model ({architecture}, {layers} of {spec.hidden_size:,} units{mixed}) that runs in this page."


def _facts(source: ExportedModel, size: int) -> str:
    parameters = sum(tensor.size for tensor in source.weights.values())
    created = f"; trained {html.escape(source.about['created'][:10])}" if source.about["created"] else ""
    return (
        f"{parameters:,} parameters, {size / 1e6:,.1f} MB; {source.spec.vocab_size:,} tokens of the tokenizer "
        f"{html.escape(source.tokenizer_name)}{created}.  Written by {html.escape(source.about['exported_by'])}."
    )


def _about(source: ExportedModel) -> dict[str, Any]:
    """What the script needs beside the weights."""
    tokenizer: dict[str, Any] = {"name": source.tokenizer_name, "state": source.tokenizer.state()}
    if source.tokenizer_name != "byte":
        tokenizer["nearest"] = nearest(source.tokenizer)
    spec = source.spec
    return {
        "name": source.name,
        "spec": {
            "architecture": spec.architecture,
            "input_encoding": spec.input_encoding,
            "vocab_size": spec.vocab_size,
            "embedding_size": spec.embedding_size,
            "hidden_size": spec.hidden_size,
            "num_layers": spec.num_layers,
            "tie_embeddings": spec.tie_embeddings,
        },
        "tokenizer": tokenizer,
        "has_ends": source.has_ends,
        "end_id": source.tokenizer.end_id,
    }


def nearest(tokenizer: Tokenizer) -> tuple[str, str]:
    """The characters that the vocabulary lacks and has something near to, and as many that are that."""
    answers = tokenizer.missing(_characters())
    found = {lacking: other for lacking, other in answers.items() if other not in (None, _UNKNOWN)}
    return "".join(found), "".join(found.values())


@cache
def _characters() -> str:
    """Characters that may have something near to them, a line for each, so that no normal form joins two.

    These are planes 0 to 2 of Unicode but for what is unassigned, private, a surrogate, or a letter without case and
    decomposition; what is above them is like nothing else.  A Hangul syllable decomposes by rule, into its jamo.
    """
    return "\n".join(
        character
        for character in map(chr, range(0x30000))
        if (category := unicodedata.category(character)) not in ("Cn", "Co", "Cs")
        and (category != "Lo" or unicodedata.normalize("NFKD", character) != character)
    )


def _resource(name: str) -> str:
    return resources(__package__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    """How a Content-Security-Policy names an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _as_data(value: Any) -> str:
    """JSON that may stand in a script element: ``<`` could end it, or open a comment."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
