"""The model card: a README for people, written from what is known (Mitchell et al. 2019; Hugging Face form)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqgen.checkpoint import ModelConfig


def model_card(name: str, config: ModelConfig, lineage: Mapping[str, Any]) -> str:
    """The text of a model folder's ``README.md``."""
    results, corpus, spec = lineage["results"], lineage["corpus"], config.model
    bits = results["bits_per_character"]
    figures = [
        ("bits per character", "-" if bits is None else f"{bits:.3f}"),
        ("parameters", f"{results['parameters']:,}"),
        ("training steps", f"{results['steps']:,}"),
        ("epochs", f"{results['epochs']:g}"),
        ("training seconds", f"{results['seconds']:,.0f}"),
        ("corpus characters", f"{corpus['characters']:,}"),
        ("corpus fingerprint", f"`{corpus['fingerprint'][:16]}`"),
    ]
    rows = "\n".join(f"| {label} | {value} |" for label, value in figures)
    return f"""---
library_name: seqgen
pipeline_tag: text-generation
tags: [seqgen, {spec.architecture}, {config.parts["tokenizer"].name}]
---
# {name}

Architecture `{spec.architecture}`, {spec.num_layers} x {spec.hidden_size} units, over {spec.vocab_size:,} tokens of the tokenizer `{config.parts["tokenizer"].name}`;
trained with seqgen {lineage["versions"]["seqgen"]} on {lineage["created"][:10]}.

    seqgen generate --model {name}

| | |
| --- | --- |
{rows}

It writes text like its corpus, and may repeat pieces of it word for word.  It knows nothing else.
"""
