"""What a later version of the contract may take from plugins, and how it is announced: judged on descriptions."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator

from contract_description import Member


def broken(old: dict[str, Member], new: dict[str, Member]) -> list[str]:
    """What a plugin that was written for a description may miss in a later one of the same major."""
    faults = []
    for name, before in old.items():
        if name in new:
            inherited = implemented(old, before) and not name.endswith(".__init__")
            faults += _broken_member(before, new[name], inherited=inherited)
        else:
            faults.append(f"{name} is gone")
    for name, after in new.items():
        if name not in old and after.owner in old and implemented(new, after):
            if after.abstract:
                faults.append(f"{name} is new and must be implemented")
            if after.kind == "attribute" and " = " not in after.rest:
                faults.append(f"{name} is new and has no value")
    return faults


def unannounced(old: dict[str, Member], new: dict[str, Member]) -> list[str]:
    """What is gone in a new major although the last description of the one before did not mark it as deprecated."""
    return [
        f"{name} is gone, and was not deprecated before"
        for name, member in old.items()
        if name not in new and not member.deprecated and not (member.owner in old and old[member.owner].deprecated)
    ]


def promises_broken(history: dict[tuple[int, int], dict[str, Member]]) -> list[str]:
    """What any version of a contract takes from plugins that it must not take.

    Args:
        history: the description of each version.
    """
    faults = []
    for old, new in itertools.combinations(sorted(history), 2):
        if new[0] == old[0]:
            found = broken(history[old], history[new])
        elif new == (old[0] + 1, 0) and old == max(version for version in history if version[0] == old[0]):
            found = unannounced(history[old], history[new])
        else:
            continue
        faults += [f"{old[0]}.{old[1]} to {new[0]}.{new[1]}: {fault}" for fault in found]
    return faults


def implemented(description: dict[str, Member], member: Member) -> bool:
    """Whether a member is one of a class that plugins subclass."""
    owner = description.get(member.owner)
    return owner is not None and ", implemented by plugins" in owner.rest


def _bases(member: Member) -> set[str]:
    _, _, bases = member.rest.partition(", of ")
    return set(bases.split(", ")) - {""}


def _broken_member(before: Member, after: Member, *, inherited: bool) -> Iterator[str]:
    if after.kind != before.kind:
        yield f"{before.name} was a {before.kind} and is a {after.kind}"
    elif before.kind in ("hook", "function", "method", "classmethod", "staticmethod"):
        yield from (f"{before.name}: {fault}" for fault in _broken_signature(before, after, inherited=inherited))
    elif before.kind == "attribute" and " = " in before.rest and " = " not in after.rest:
        yield f"{before.name} has no value any more"
    elif before.kind == "class" and (lost := _bases(before) - _bases(after)):
        yield f"{before.name} is no {' nor '.join(sorted(lost))} any more"
    if after.abstract and not before.abstract:
        yield f"{before.name} must be implemented now"


def _broken_signature(before: Member, after: Member, *, inherited: bool) -> Iterator[str]:
    old, new = _parameters(before.rest), _parameters(after.rest)
    for name, (kind, optional) in old.items():
        if name not in new:
            yield f"parameter {name} is gone"
        elif new[name][0] != kind:
            yield f"parameter {name} was {kind} and is {new[name][0]}"
        elif optional and not new[name][1]:
            yield f"parameter {name} has no default any more"
    by_place = [name for name, (kind, _) in old.items() if kind.startswith("positional")]
    places = [name for name, (kind, _) in new.items() if kind.startswith("positional")]
    if set(by_place) <= set(places) and places[: len(by_place)] != by_place:
        yield f"the parameters ({', '.join(by_place)}) are not the first ones, in this order, any more"
    for name, (_, optional) in new.items():
        if name not in old and before.kind != "hook":  # a hook takes those of its arguments that it names
            if inherited:
                yield f"parameter {name} is new, and what plugins implement does not take it"
            elif not optional:
                yield f"parameter {name} is new and has no default"


def _parameters(signature: str) -> dict[str, tuple[str, bool]]:
    """The parameters of a signature: of which kind each is, and whether it may be left out."""
    (function,) = ast.parse(f"def f{signature.strip()}: ...").body
    assert isinstance(function, ast.FunctionDef)
    given = function.args
    found: dict[str, tuple[str, bool]] = {}
    positional = [*given.posonlyargs, *given.args]
    required = len(positional) - len(given.defaults)
    for place, argument in enumerate(positional):
        kind = "positional only" if place < len(given.posonlyargs) else "positional"
        found[argument.arg] = (kind, place >= required)
    if given.vararg:
        found[given.vararg.arg] = ("*", True)
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        found[argument.arg] = ("by name only", default is not None)
    if given.kwarg:
        found[given.kwarg.arg] = ("**", True)
    return found


# What is deprecated

MARK = re.compile(r"since contract (\d+)\.(\d+), gone in (\d+)\.0: use .*\S instead")


def wrong_marks(members: dict[str, Member], current: tuple[int, int]) -> list[str]:
    """Deprecated members whose text does not say, as it must, since when, when it goes, and what to use instead."""
    faults = []
    for name, member in members.items():
        if not member.deprecated:
            continue
        found = MARK.fullmatch(member.deprecated)
        if found is None:
            faults.append(f'{name}: write "since contract 1.2, gone in 2.0: use X instead", not "{member.deprecated}"')
            continue
        since, gone = (int(found[1]), int(found[2])), int(found[3])
        if since > current:
            faults.append(
                f"{name}: deprecated since {since[0]}.{since[1]}, which is later than {current[0]}.{current[1]}"
            )
        if gone != current[0] + 1:
            faults.append(f"{name}: gone in {gone}.0, but the next major is {current[0] + 1}.0")
    return faults
