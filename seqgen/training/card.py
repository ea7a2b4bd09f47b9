"""The model card: a README for people, written from what is known (Mitchell et al. 2019; Hugging Face form)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from seqgen.core.bits import shown_bits
from seqgen.model_config import ModelConfig
from seqgen.training.curve import LossCurve
from seqgen.training.metrics import characters_per_token
from seqgen.training.reproduction import reproduction
from seqgen.training.sources import as_named

CURVE_COLUMNS = 76


def model_card(
    name: str,
    config: ModelConfig,
    lineage: Mapping[str, Any],
    *,
    samples: Sequence[str] = (),
    metrics: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The text of a model folder's ``README.md``; what is not known is left out.

    Args:
        name: of the model.
        config: of the folder.
        lineage: what the manifest says beside the list of files.
        samples: texts that it wrote.
        metrics: the lines of ``metrics.jsonl``.
    """
    sections = [
        _head(name, config, lineage),
        _what_it_is(name, config, lineage),
        _samples(samples),
        _curve(lineage, metrics),
        _figures(lineage),
        _training_data(lineage),
        _reproducing(name, config, lineage),
        _limits(),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(name: str, config: ModelConfig, lineage: Mapping[str, Any]) -> str:
    """YAML (https://huggingface.co/docs/hub/model-cards); strings as JSON writes them, which YAML reads."""
    results, sources = lineage.get("results", {}), _sources(lineage)
    tags = ["seqgen", config.model.architecture, config.parts["tokenizer"].name]
    lines = ["library_name: seqgen", "pipeline_tag: text-generation", f"tags: {_quoted(tags)}"]
    bits = results.get("bits_per_character")
    if bits is not None and sources:
        of = "validation" if results.get("validation_loss") is not None else "train"
        lines += [
            "model-index:",
            f"- name: {_quoted(name)}",
            "  results:",
            "  - task: {type: text-generation}",
            f"    dataset: {{name: {_quoted(', '.join(sources))}, type: {_quoted(sources[0])}, split: {of}}}",
            "    metrics:",
            f"    - {{type: bits_per_character, name: bits per character, value: {bits:.4f}}}",
        ]
    return "\n".join(["---", *lines, "---"])


def _what_it_is(name: str, config: ModelConfig, lineage: Mapping[str, Any]) -> str:
    spec, version = config.model, lineage.get("versions", {}).get("seqgen")
    by = f" with seqgen {version}" if version else ""
    on = f" on {str(lineage['created'])[:10]}" if lineage.get("created") else ""
    return f"""# {name}

A small generative sequence model: architecture `{spec.architecture}`, {spec.num_layers} x {spec.hidden_size} units, over {spec.vocab_size:,} tokens of the tokenizer `{config.parts["tokenizer"].name}`; made{by}{on}.

    seqgen generate --model {name}

Intended for writing text like its corpus, for play and for study. It knows nothing but that corpus: it answers no
questions, and what it states is not to be relied on."""


def _samples(samples: Sequence[str]) -> str:
    if not samples:
        return ""
    return "\n\n".join(
        ["## Samples", "Written when it was published, from the start, and not chosen.", *map(_block, samples)]
    )


def _curve(lineage: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]]) -> str:
    curve = LossCurve.of(metrics, characters_per_token(metrics, lineage.get("results", {})))
    lines = "\n".join(line.plain.rstrip() for line in curve.lines(CURVE_COLUMNS))
    return f"## How it learned\n\n{_block(lines)}" if lines else ""


def _figures(lineage: Mapping[str, Any]) -> str:
    results = lineage.get("results", {})
    of = "" if results.get("validation_loss") is not None else " of the training text"
    known = [
        (f"bits per character{of}", results.get("bits_per_character"), shown_bits),
        ("parameters", results.get("parameters"), "{:,}".format),
        ("training steps", results.get("steps"), "{:,}".format),
        ("epochs", results.get("epochs"), "{:g}".format),
        ("training seconds", results.get("seconds"), "{:,.0f}".format),
    ]
    rows = "\n".join(f"| {label} | {form(value)} |" for label, value, form in known if value is not None)
    return f"## Figures\n\n| | |\n| --- | --- |\n{rows}" if rows else ""


def _training_data(lineage: Mapping[str, Any]) -> str:
    corpus, sources = lineage.get("corpus", {}), _sources(lineage)
    if not sources:
        return ""
    parts = [f"`{'`, `'.join(each.replace('`', '') for each in sources)}`"]
    if corpus.get("characters"):
        parts.append(f"{corpus['characters']:,} characters")
    if corpus.get("fingerprint"):
        parts.append(f"fingerprint `{corpus['fingerprint']}`")
    started = f"\n\nTraining started from `{lineage['parent']}`." if lineage.get("parent") else ""
    return f"## Training data\n\n{'; '.join(parts)}.{started}"


def _reproducing(name: str, config: ModelConfig, lineage: Mapping[str, Any]) -> str:
    again = reproduction(config, lineage)
    if not again.sources:
        return ""
    command = again.command(name, sources=_sources(lineage))
    notes = "".join(f"\n\n{note}" for note in again.notes)
    return (
        f"## Reproducing it\n\n{_block(command, 'sh')}\n\nOr, from its folder: `seqgen models reproduce {name}`.{notes}"
    )


def _limits() -> str:
    return """## Limits

It may repeat pieces of its corpus word for word, and writes with the prejudices of that corpus."""


def _sources(lineage: Mapping[str, Any]) -> list[str]:
    """The names of the files alone: a card is shown to others, and where they lay is nobody's business."""
    sources = as_named(map(str, lineage.get("corpus", {}).get("sources", [])))
    return [each.rstrip("/").rpartition("/")[2] or each for each in sources]


def _block(text: str, language: str = "text") -> str:
    """A block of code, whatever backticks the text has."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
