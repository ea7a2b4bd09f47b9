"""What a list says of each version: read from its folder, or remembered from when it was read last."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seqgen.core.errors import DamagedModelError
from seqgen.manifest import CONFIG, MANIFEST, REQUIRED, check_sizes, read_lineage
from seqgen.registry import order
from seqgen.registry.folders import is_gone, readable_subfolders, subfolders
from seqgen.registry.index import Index
from seqgen.registry.labels import Labels
from seqgen.registry.names import BEST, LATEST, NAME, VERSION
from seqgen.registry.store import ModelVersion, Registry, best, held_out_bits
from seqgen.untrusted import read_json, shown


@dataclass  # frozen, each would take three times as long to make
class ModelSummary:
    """A version in a line.

    Attributes:
        model, version, folder: which it is, and where.
        created: when it was published, ISO 8601; empty where that is not known.
        corpus, fingerprint, corpus_characters: what it was trained on: sources, SHA-256, characters.
        tokenizer, backend: registered names.
        architecture, hidden_size, num_layers, parameters: its shape.
        bits_per_character: of the published weights, of the training text where nothing was held out; None where nothing was
            measured.
        held_out_bits_per_character: the same where it was measured on held-out text, and so can be compared; else None.
        steps, seconds: of training.
        bytes: of all its files.
        aliases: with ``latest`` and ``best``, which follow from the versions that there are.
        tags, note: what was said of it.
        damaged: what is wrong with it, in a sentence; then the rest is as far as it is known.
    """

    model: str
    version: int
    folder: str
    created: str = ""
    corpus: Sequence[str] = ()
    fingerprint: str | None = None
    corpus_characters: int = 0
    tokenizer: str = ""
    backend: str = ""
    architecture: str = ""
    hidden_size: int = 0
    num_layers: int = 0
    parameters: int = 0
    bits_per_character: float | None = None
    held_out_bits_per_character: float | None = None
    steps: int = 0
    seconds: float = 0.0
    bytes: int = 0
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    note: str = ""
    damaged: str = ""

    @property
    def path(self) -> Path:
        """Its folder."""
        return Path(self.folder)

    @property
    def reference(self) -> str:
        """``NAME:VERSION``."""
        return f"{self.model}:{self.version}"

    def age(self, now: datetime) -> float | None:
        """Seconds since it was published; None where it does not say when."""
        try:
            created = datetime.fromisoformat(self.created)
        except ValueError:
            return None
        return (now - (created if created.tzinfo else created.replace(tzinfo=UTC))).total_seconds()


FACTS = tuple(field.name for field in fields(ModelSummary))[3:-4]
"""The fields that follow from a version's folder alone."""


def summaries(registry: Registry) -> tuple[list[ModelSummary], list[str]]:
    """Every version, by name and number, and sentences about labels that cannot be read.

    A version is damaged here if its manifest or its configuration cannot be read, or one of the files that every model
    has is missing or of another size; whether all bytes are those that were written, ``models verify`` tells.
    """
    faults: list[str] = []
    by_name = _unlabelled(registry)
    return [each for name, found in by_name.items() for each in _labelled(registry, name, found, faults)], faults


def times(registry: Registry) -> list[tuple[datetime, ModelVersion]]:
    """When each version was made, in the order of :func:`seqgen.registry.order.made`; as little is read as for a list."""
    return [
        (order.made(each.path, each.created or None), ModelVersion(each.model, each.version, each.path))
        for found in _unlabelled(registry).values()
        for each in found
    ]


def selected(
    found: Iterable[ModelSummary],
    *,
    names: Sequence[str] = (),
    tags: Sequence[str] = (),
    alias: str | None = None,
    corpus: str | None = None,
    tokenizer: str | None = None,
    backend: str | None = None,
    architecture: str | None = None,
) -> list[ModelSummary]:
    """Those that are asked for.

    Args:
        found: to choose from.
        names: of models, or patterns with ``*`` and ``?``; one must fit.
        tags: it must have all.
        alias: it must have it; with or without ``@``.
        corpus: must occur in a source, or begin the fingerprint, of its corpus.
        tokenizer: must be its own, by name.
        backend: must be what trained it.
        architecture: must be its own.
    """
    patterns = re.compile("|".join(map(fnmatch.translate, names)))
    tests: list[Callable[[ModelSummary], bool]] = []
    if names:
        tests.append(lambda each: patterns.match(each.model) is not None)
    if tags:
        tests.append(lambda each: set(tags) <= set(each.tags))
    if alias is not None:
        tests.append(lambda each: alias.removeprefix("@") in each.aliases)
    if corpus is not None:
        tests.append(
            lambda each: (each.fingerprint or "").startswith(corpus) or any(corpus in source for source in each.corpus)
        )
    if tokenizer is not None:
        tests.append(lambda each: each.tokenizer == tokenizer)
    if backend is not None:
        tests.append(lambda each: each.backend == backend)
    if architecture is not None:
        tests.append(lambda each: each.architecture == architecture)
    chosen = [*found]
    for test in tests:
        chosen = [each for each in chosen if test(each)]
    return chosen


def _unlabelled(registry: Registry) -> dict[str, list[ModelSummary]]:
    """What the folders say: a name to its versions, oldest first, of which there is at least one."""
    index = Index.read(registry.folder, FACTS)
    by_name: dict[str, list[ModelSummary]] = {}
    for name in subfolders(registry.folder, NAME):
        folder = f"{registry.folder}/{name}"  # a Path for each version takes a tenth of the time of a list
        numbers = sorted(map(int, readable_subfolders(folder, VERSION)))
        found = [_summary(name, number, f"{folder}/{number}", index) for number in numbers]
        if there := [each for each in found if each is not None]:
            by_name[name] = there
    index.write()
    return by_name


def _labelled(registry: Registry, name: str, found: list[ModelSummary], faults: list[str]) -> list[ModelSummary]:
    try:
        labels = registry.labels(name)
    except DamagedModelError as error:
        labels = Labels()
        faults.append(str(error))
    computed = {len(found) - 1: [LATEST]}
    computed.setdefault(best([(each.fingerprint, each.held_out_bits_per_character) for each in found]), []).append(BEST)
    return [
        replace(
            each,
            aliases=(*computed.get(place, ()), *labels.aliases_of(each.version)),
            tags=labels.tags.get(each.version, ()),
            note=labels.notes.get(each.version, ""),
        )
        if place in computed or labels.says_of(each.version)
        else each
        for place, each in enumerate(found)
    ]


def _summary(name: str, number: int, folder: str, index: Index) -> ModelSummary | None:
    """What a version's folder says; None where another process has removed or renamed it since it was listed."""
    key = f"{name}:{number}"
    facts = index.get(key, folder)
    if facts is None:
        try:
            found = _facts(Path(folder), where=key)
        except (DamagedModelError, FileNotFoundError) as error:
            return None if is_gone(Path(folder)) else ModelSummary(name, number, folder, damaged=str(error))
        facts = [found[each] for each in FACTS]
        index.put(key, folder, facts)
    created, corpus, *others = facts
    return ModelSummary(name, number, folder, created, tuple(corpus), *others)


def _facts(folder: Path, *, where: str) -> dict[str, Any]:
    """What the manifest and the configuration say, as the fields of a summary that are in ``FACTS``.

    Raises:
        DamagedModelError: they say it wrongly, or a file has another size than was written.
    """
    manifest = read_lineage(folder, where=where)
    config = read_json(folder / CONFIG, where=f"{where}/{CONFIG}")
    results, corpus = manifest.get("results", {}), manifest.get("corpus", {})
    model, parts = config.get("model"), config.get("parts")
    tokenizer = parts.get("tokenizer") if isinstance(parts, dict) else None
    if not isinstance(model, dict) or not isinstance(tokenizer, dict):
        raise DamagedModelError(f"{where}/{CONFIG}: names no shape or no tokenizer.")
    fingerprint, held_out = held_out_bits(manifest)
    facts = {
        "created": manifest.get("created", ""),
        "corpus": [str(source) for source in corpus.get("sources", [])],
        "fingerprint": fingerprint,
        "corpus_characters": corpus.get("characters", 0),
        "tokenizer": tokenizer.get("name", ""),
        "backend": results.get("backend", ""),
        "architecture": model.get("architecture", "lstm"),
        "hidden_size": model.get("hidden_size", 512),
        "num_layers": model.get("num_layers", 1),
        "parameters": results.get("parameters", 0),
        "bits_per_character": results.get("bits_per_character"),
        "held_out_bits_per_character": held_out,
        "steps": results.get("steps", 0),
        "seconds": results.get("seconds", 0.0),
    }
    kinds = {"tokenizer": str, "architecture": str, "hidden_size": int, "num_layers": int, "steps": int}
    if wrong := [name for name, kind in kinds.items() if not isinstance(facts[name], kind)]:
        raise DamagedModelError(f"{where}: {wrong[0]} is not what a model says there; it was altered or damaged.")
    check_sizes(folder, manifest, where=where, names=[name for name in REQUIRED if name != MANIFEST])
    sizes: list[Any] = [entry.get("bytes") for entry in manifest["files"].values() if isinstance(entry, dict)]
    if wrong := [size for size in sizes if type(size) is not int or not 0 <= size < 2**63]:
        raise DamagedModelError(f"{where}/{MANIFEST}: a file of {shown(wrong[0])} bytes cannot be.")
    return {**facts, "bytes": sum(sizes) + (folder / MANIFEST).stat().st_size}
