"""Which samplers a generation uses: those that are asked for, what stands in where nothing is, and what a beam has no use for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seqgen.core.catalog import Catalog
from seqgen.core.errors import OptionError
from seqgen.core.options import PartSpec
from seqgen.core.sampler import Sampler, Stage
from seqgen.generation.length import at_least
from seqgen.generation.several import several

DEFAULT_TEMPERATURE = 0.8
"""A little below 1: small models give too much probability to what never occurs (Holtzman et al. 2020, section 4)."""

DEFAULT_MIN_P = 0.05
"""What is this improbable beside the likeliest is mostly error, which a recurrent state carries on (Nguyen et al. 2024)."""

_SHORTHANDS = {
    "repetition_penalty": ("repetition-penalty", "penalty"),
    "temperature": ("temperature", "temperature"),
    "top_k": ("top-k", "k"),
    "top_p": ("top-p", "p"),
    "min_p": ("min-p", "p"),
}
"""Keyword to the bundled sampler and its option; in this order they truncate."""


def asked_for(
    named: str | PartSpec | Sampler | Iterable[str | PartSpec | Sampler] | None,
    keywords: Mapping[str, Any],
    catalog: Catalog,
) -> tuple[Sampler, ...]:
    """The samplers that a person names, and those that keywords stand for, in that order.

    Args:
        named: as objects or ``NAME:key=value``; one alone may be given as it is.
        keywords: ``top_k`` and its like to values; None where it is not given.
        catalog: what is named is looked up there.

    Raises:
        UnknownPartError, OptionError: a sampler or an option of one.
    """
    chain = [
        sampler if isinstance(sampler, Sampler) else catalog.make("sampler", sampler)
        for sampler in several("samplers", named, (str, PartSpec, Sampler), "samplers, as objects or NAME:key=value")
    ]
    given = {name: value for name, value in keywords.items() if value is not None}
    chain += [catalog.make("sampler", shorthand(keyword, value)) for keyword, value in given.items()]
    _refuse_contradiction(chain)
    return tuple(chain)


def with_defaults(chain: Sequence[Sampler], catalog: Catalog) -> tuple[Sampler, ...]:
    """The chain as it is used: with a temperature where it has none, and truncated where it has neither."""
    stages = {sampler.stage for sampler in chain}
    added = []
    if Stage.TEMPERATURE not in stages:
        added.append(shorthand("temperature", DEFAULT_TEMPERATURE))
        if Stage.TRUNCATION not in stages:
            added.append(shorthand("min_p", DEFAULT_MIN_P))
    return (*chain, *(catalog.make("sampler", spec) for spec in added))


def takes_likeliest(chain: Sequence[Sampler], catalog: Catalog) -> Sampler | None:
    """The sampler of a chain that leaves the likeliest token alone, so that nothing is drawn; None where none does."""
    those = [catalog.make("sampler", spec) for spec in ("seqgen/greedy", shorthand("temperature", 0.0))]
    return next((sampler for sampler in chain if sampler in those), None)


def check_beam(beam: int, chain: Sequence[Sampler], *, prefix_lines: Sequence[str], random_seed: int | None) -> None:
    """Refuse what a search has no use for, rather than pass over it.

    Raises:
        OptionError: names it.
    """
    at_least(1, beam=beam)
    for sampler in chain:
        if sampler.stage >= Stage.TEMPERATURE:
            raise OptionError(f"beam searches for the likeliest text and draws nothing: leave out {sampler}")
    if random_seed is not None:
        raise OptionError("beam draws nothing, so a random seed fixes nothing: leave it out.")
    if prefix_lines:
        raise OptionError("beam and prefix_lines do not go together; leave one out.")


def shorthand(keyword: str, value: Any) -> PartSpec:
    """The bundled sampler that a keyword such as ``top_k`` stands for, whatever plugins call theirs."""
    name, option = _SHORTHANDS[keyword]
    return PartSpec(f"seqgen/{name}", {option: value})


def _refuse_contradiction(chain: Sequence[Sampler]) -> None:
    """Refuse a chain in which two samplers settle the same thing.

    Two set the temperature (greedy is temperature 0), or one that truncates is there twice: only the stricter counts.

    Raises:
        OptionError: names both.
    """
    settled: dict[Any, Sampler] = {}
    for sampler in chain:
        if sampler.stage < Stage.TEMPERATURE:
            continue
        key = Stage.TEMPERATURE if sampler.stage == Stage.TEMPERATURE else type(sampler)
        if key in settled:
            what = "set the temperature" if sampler.stage == Stage.TEMPERATURE else "do the same"
            raise OptionError(f"{settled[key]} and {sampler} both {what}.  Leave one out.")
        settled[key] = sampler
