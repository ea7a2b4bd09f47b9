"""The command that trains a model again, from what its folder says, and how near the outcome comes to what is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqgen.core.options import options_of
from seqgen.core.shell import command_line
from seqgen.manifest import NGRAMS, WEIGHTS
from seqgen.model_config import ModelConfig
from seqgen.origins import RESUME
from seqgen.training.options import OPTIONS_OF_BEFORE, TrainingOptions, unused
from seqgen.training.sources import named_here

TOLERANCE = 0.01
"""Share of the bits per character within which another machine's arithmetic may lead; runs that differ in nothing but
their random seed differ by about as much (docs/explanation/defaults.md)."""

CLOCK = "It ended by the clock"

MACHINE = ("device", "checkpoint_every", "keep")
"""Options that change where a run computes and what it leaves behind, and not what it learns."""


@dataclass(frozen=True)
class Reproduction:
    """How a model was trained, as arguments of ``train``.

    Attributes:
        sources: its corpus: paths and URLs, and not the names of corpora, for a file here could have such a name.
        values: every option that has one.
        parent: the model that training started from, or None.
        notes: sentences on what cannot come out the same.
    """

    sources: tuple[str, ...]
    values: Mapping[str, Any]
    parent: str | None
    notes: tuple[str, ...]

    @property
    def options(self) -> Mapping[str, Any]:
        """The options that must be given: where they are left out, something else is used today."""
        defaults = {option.name: option.default for option in options_of(TrainingOptions)}
        return {name: value for name, value in self.values.items() if value != defaults[name]}

    def command(self, name: str, *, sources: Sequence[str] | None = None) -> str:
        """The command line, as a shell takes it in this folder.

        Args:
            name: of the new model.
            sources: what stands for the corpus; None: its paths, or the name of one that is known.
        """
        if sources is None:
            sources = named_here(self.sources, dataset=str(self.values.get("dataset")))
        words = ["seqgen", "train", *sources]
        if self.parent is not None:
            words += ["--from", self.parent]
        for option, value in self.options.items():
            flag = f"--{option.replace('_', '-')}"
            words += [flag if value else f"--no-{flag[2:]}"] if isinstance(value, bool) else [flag, _as_typed(value)]
        return command_line([*words, "--name", name])


def reproduction(config: ModelConfig, manifest: Mapping[str, Any]) -> Reproduction:
    """What is needed to train the model of a folder again.

    A run that ended by the clock is repeated by its number of steps, since another machine does others in that time; and so
    is one that was interrupted, or that a callback ended.  One that ended before its time did, by its steps or passes, is
    repeated by these.  Where the network is published alone, it is asked for alone; and an option that there was not yet has
    the value of what was done then.
    """
    results, corpus = manifest.get("results", {}), manifest.get("corpus", {})
    values = {**OPTIONS_OF_BEFORE, **config.training}
    # They were not worth it; or they were left out, by Ctrl-C or for want of memory, which would not happen again.
    if (
        (results.get("steps") or results.get("best_step"))
        and values.get("validation_fraction")
        and "ngram_order" not in results
    ):
        values["ngram_order"] = 0
    changed, notes = _steps(values, results)
    values |= changed
    if setbacks := results.get("setbacks"):
        notes.append(
            f"It went back {'once' if setbacks == 1 else f'{setbacks:,} times'}, with half the learning rate, since its loss was "
            "no number any more.  Checkpoints are made by the clock, so another run may go back to another step."
        )
    if values.get("precision") == "auto" and results.get("precision"):
        values["precision"] = results["precision"]
    given = (name for name, origin in config.origins.items() if origin == RESUME)
    if resumed := sorted(name for name in given if name not in MACHINE):
        notes.append(f"It was resumed with another {', '.join(resumed)}, which one run cannot repeat.")
    if corpus.get("sources_left_out"):
        named = len(corpus.get("sources", []))
        notes.append(
            f"Its folder names only {named:,} of its sources; name a folder or a glob of them all with --corpus."
        )
    if isinstance(manifest.get("sweep"), Mapping):
        notes.append("It was chosen by a sweep, which stopped other runs early; this is the one that was chosen.")
    parent = manifest.get("parent")
    # Recorded all the same; a person who says what changes nothing is refused.
    left_out = {*MACHINE, *unused(values), *(("unseen",) if parent is None else ())}
    names = [option.name for option in options_of(TrainingOptions) if option.name not in left_out]
    return Reproduction(
        sources=tuple(map(str, corpus.get("sources", []))),
        values={name: values[name] for name in names if values.get(name) is not None},
        parent=parent if isinstance(parent, str) else None,
        notes=tuple(notes),
    )


def _steps(values: Mapping[str, Any], results: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What of the options changes so that as many steps are done, and what there is to say of it."""
    steps, best_step = results.get("steps") or 0, results.get("best_step") or 0
    if best_step > steps:
        note = (
            f"It went back, and ended before it had done as well again: what is published is of step {best_step:,}, and as many "
            "are asked for."
        )
        return {"max_time": None, "max_steps": best_step}, [note]
    if not steps:
        return {}, []
    ended = _ended(values, results)
    if not ended:
        return {"max_time": None}, []  # the steps or passes were done before it was over
    if ended == CLOCK:
        note = (
            f"{ended}, after {steps:,} steps, and its learning rate fell with the time; the same number of steps comes "
            "near, not to the same bits."
        )
    else:
        note = (
            f"{ended} after {steps:,} steps, and as many are asked for.  A learning rate that was to fall over a larger "
            "budget falls faster over these, so the outcome differs."
        )
    return {"max_time": None, "max_steps": steps}, [note]


def _ended(values: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """What ended a run that will not end there again by itself; empty where its steps or passes were done."""
    if results.get("failed") is True:
        return "It failed"
    limit, seconds = values.get("max_time"), results.get("seconds")
    left = limit - seconds if isinstance(limit, int | float) and isinstance(seconds, int | float) else None
    in_time, done = left is not None and left > 0, _all_done(values, results)
    # Else it was the counting of n-grams after the training.
    if results.get("interrupted") is True and not done and (in_time or left is None):
        return "It was interrupted"
    if results.get("stopped_by_callback") is True:
        return "A callback ended it"
    if limit is None or done:
        return ""
    if in_time and values.get("patience") is not None:
        return "Its patience ended it"
    counted = values.get("epochs") is not None or values.get("max_steps") is not None
    return "" if in_time and counted else CLOCK


def _all_done(values: Mapping[str, Any], results: Mapping[str, Any]) -> bool:
    """Whether all steps or passes were done.  The evaluation after the last may have ended when the time was over, too."""
    steps, passes = results.get("steps"), results.get("epochs")
    most = [values["max_steps"]] if values.get("max_steps") else []
    if values.get("epochs") and passes:
        most.append(max(1, round(values["epochs"] * steps / passes)))
    return any(steps >= each for each in most)


@dataclass(frozen=True)
class Comparison:
    """What a run came to beside what was recorded.

    Attributes:
        same_weights: whether the weights are the same to the bit, and the n-grams, if there are any.
        figures: name to (recorded, now).
        versions: of what differs, name to (recorded, now).
    """

    same_weights: bool
    figures: Mapping[str, tuple[Any, Any]]
    versions: Mapping[str, tuple[Any, Any]]

    @property
    def difference(self) -> float | None:
        """How far the bits per character are apart, as a share of what was recorded; None where there are none."""
        recorded, now = self.figures["bits_per_character"]
        numbers = isinstance(recorded, int | float) and isinstance(now, int | float)
        return abs(now - recorded) / recorded if numbers and recorded else None

    @property
    def reproduced(self) -> bool:
        """Whether the weights are the same, or the bits per character within ``TOLERANCE``."""
        return self.same_weights or (self.difference is not None and self.difference <= TOLERANCE)


def compare(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> Comparison:
    """Hold the manifest of a repeated run against the recorded one."""

    def weights(manifest: Mapping[str, Any]) -> Any:
        return {name: manifest["files"][name].get("sha256") for name in (WEIGHTS, NGRAMS) if name in manifest["files"]}

    def table(key: str, names: Sequence[str]) -> dict[str, tuple[Any, Any]]:
        return {name: (recorded.get(key, {}).get(name), now.get(key, {}).get(name)) for name in names}

    figures = table("results", ("bits_per_character", "validation_loss", "train_loss", "steps", "parameters"))
    versions = table("versions", sorted({*recorded.get("versions", {}), *now.get("versions", {})}))
    versions |= table("machine", ("system", "processor", "device"))
    return Comparison(
        same_weights=weights(recorded) == weights(now),
        figures=figures,
        versions={name: pair for name, pair in versions.items() if pair[0] != pair[1]},
    )


def _as_typed(value: Any) -> str:
    return f"{value!r}" if isinstance(value, float) else str(value)
