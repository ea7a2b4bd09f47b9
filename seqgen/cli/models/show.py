"""``seqgen models show``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.cli.environment import JsonOption, command, complete_model, default
from seqgen.cli.printing import add_row, print_json, readable, show, shown, styled, table, warn, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seqgen.checkpoint import SavedModel
    from seqgen.registry import ModelVersion, Registry

CURVE_COLUMNS = 80

EPILOG = """[bold]Examples[/bold]

seqgen models show novel@best

seqgen models show novel@best --plot novel.svg"""


@command(epilog=EPILOG)
def show_model(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]",
            help=f"NAME, NAME:VERSION, NAME@best, or a model folder.  {default('trained last')}",
            autocompletion=complete_model,
        ),
    ] = None,
    plot: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the losses on the way as a plot: .svg, .png, .pdf")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Everything about one model: results, how it learned, what it wrote, on what and how it was trained."""
    from seqgen import api
    from seqgen.core.errors import DamagedModelError
    from seqgen.manifest import METRICS, SAMPLES
    from seqgen.model_config import config_to_json
    from seqgen.registry import Registry
    from seqgen.training.metrics import characters_per_token, published_metrics
    from seqgen.training.samples import SavedSamples

    saved = api.find_model(model)
    metrics = published_metrics(saved.folder / METRICS)
    if plot is not None:
        from seqgen.training.figure import write_figure

        ratio = characters_per_token(metrics, saved.manifest.get("results", {}))
        write_figure(metrics, ratio, Path(plot), title=saved.where)
    samples = None
    try:
        samples = SavedSamples.read(saved.folder / SAMPLES, where=f"{saved.where}/{SAMPLES}")
    except DamagedModelError as error:
        warn(readable(str(error)))
    registry = Registry.at_home()
    said = _said(registry, saved)
    if json:
        written = samples.to_json() if samples is not None else None
        record = {"path": str(saved.folder), "manifest": saved.manifest, "config": config_to_json(saved.config)}
        print_json(record | {"labels": said, "samples": written, "metrics": metrics})
        return
    show(styled((saved.where, "bold"), f"  {saved.folder}"))
    _show_facts(saved, said, registry.parent_of(saved.manifest))
    _show_curve(saved.manifest, metrics)
    for number, text in enumerate(samples.texts if samples is not None else ()):
        show(styled((f"sample {number}", "bold"), f"  {_drawn(samples)}" if number == 0 else ""))
        show(f"{readable(text)}\n" if isinstance(text, str) else f"{len(text):,} bytes\n")
    _show_configuration(saved)


def _said(registry: Registry, saved: SavedModel) -> dict[str, Any]:
    """What it is called and was said of it, as far as it is in the registry and its labels can be read."""
    from seqgen.core.errors import DamagedModelError
    from seqgen.registry.labels import Labels
    from seqgen.registry.names import BEST, LATEST

    labels, version, computed = Labels(), registry.version_at(saved.folder), []
    if version is not None:
        computed = [alias for alias in (LATEST, BEST) if registry.find(f"{version.name}@{alias}") == version]
        try:
            labels = registry.labels(version.name)
        except DamagedModelError as error:
            warn(readable(str(error)))
    number = version.version if version is not None else 0
    tags, note = labels.tags.get(number, ()), labels.notes.get(number, "")
    return {"aliases": [*computed, *labels.aliases_of(number)], "tags": list(tags), "note": note}


def _drawn(samples: Any) -> str:
    drawn = f"(--random-seed {samples.random_seed} --length {samples.length}; {', '.join(samples.samplers)})"
    return readable(drawn)


def _show_facts(saved: SavedModel, said: Mapping[str, Any], parent: ModelVersion | None) -> None:
    facts = table("", "")
    for label, value in _facts(saved, said, parent):
        add_row(facts, label.replace("_", " "), shown(value))
    show(facts)


def _facts(saved: SavedModel, said: Mapping[str, Any], parent: ModelVersion | None) -> Iterator[tuple[str, Any]]:
    manifest = saved.manifest
    results, corpus, machine = (manifest.get(key, {}) for key in ("results", "corpus", "machine"))
    yield "aliases", ", ".join(f"@{alias}" for alias in said["aliases"]) or None
    yield "tags", ", ".join(said["tags"]) or None
    yield "note", said["note"] or None
    for key in ("bits_per_character", "validation_loss", "train_loss"):
        yield key, results.get(key)
    if "network_loss" in results:
        yield "validation loss of the network alone", results["network_loss"]
    for key in ("parameters", "steps", "best_step", "epochs", "seconds", "tokens", "tokens_per_second"):
        yield key, results.get(key)
    yield "size in bytes", sum(entry["bytes"] for entry in manifest["files"].values())
    yield "corpus", ", ".join(map(str, corpus.get("sources", [])))
    yield "corpus documents", corpus.get("documents")
    yield "corpus characters", corpus.get("characters")
    yield "corpus fingerprint", corpus.get("fingerprint")
    if isinstance(imported := manifest.get("imported"), dict):
        yield "imported from", f"{imported.get('file')}, {imported.get('form')}"
    yield "parent", _parent(manifest.get("parent"), parent)
    if isinstance(sweep := manifest.get("sweep"), dict):
        yield "sweep", _chosen(sweep)
    yield "published as", manifest.get("name")
    yield "created", manifest.get("created")
    for key in ("device", "precision"):
        yield key, results.get(key)
    if isinstance(machine, dict):
        yield "machine", ", ".join(str(machine[key]) for key in ("system", "processor") if key in machine) or None
    for name, version in manifest.get("versions", {}).items():
        yield f"version of {name}", version


def _parent(named: object, found: ModelVersion | None) -> str | None:
    """The model that training started from, and what that is called now."""
    if named is None:
        return None
    if found is None:
        return f"{named}, which is not here"
    return str(named) if str(found) == named else f"{named}, which is {found} now"


def _show_curve(manifest: Mapping[str, Any], metrics: list[dict[str, Any]]) -> None:
    from rich.text import Text

    from seqgen.training.curve import LossCurve
    from seqgen.training.metrics import characters_per_token
    from seqgen.training.plot import x_axis

    curve = LossCurve.of(metrics, characters_per_token(metrics, manifest.get("results", {})))
    columns = min(width(), CURVE_COLUMNS)
    if lines := curve.lines(columns):
        margin = lines[1].plain.index("┤") + 1
        steps = {0.0: f"{metrics[0]['step']:,}", 1.0: f"{metrics[-1]['step']:,} steps"}
        show(Text("\n").join([*lines, *x_axis(columns, margin, steps), Text()]))


def _show_configuration(saved: SavedModel) -> None:
    parts = table("part", "name", "of", "options")
    for kind, part in saved.config.parts.items():
        add_row(parts, kind, part.name, f"{part.distribution} {part.version}", shown(part.options or None))
    show(parts)
    options = table("option", "value", "from")
    for name, value in saved.config.training.items():
        add_row(options, name, shown(value), str(saved.config.origins.get(name, "")))
    show(options)


def _chosen(sweep: Mapping[str, Any]) -> str:
    search = sweep.get("search")
    options = ", ".join(map(str, search)) if isinstance(search, list) else shown(search)
    return f"trial {sweep.get('trial')}, the best of {sweep.get('trials')}: {options}"
