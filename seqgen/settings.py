"""Options from several places, in order of precedence, with the origin of each kept.

Call or command line, then environment (``SEQGEN_HIDDEN_SIZE``), then configuration file, then preset, then default.
"""

from __future__ import annotations

import os
import tomllib
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from seqgen.core import options
from seqgen.core.errors import OptionError, SeqgenWarning
from seqgen.core.nearest import nearest
from seqgen.origins import COMMAND_LINE, DEFAULT, ENVIRONMENT, in_brackets, of_file, of_preset

PREFIX = "SEQGEN_"

OF_OTHERS = ("disable_plugins", "home", "no_plugins")
"""Variables that set no option: :mod:`seqgen.home` and :mod:`seqgen.installed` read them."""

_ALIKE = 0.8
"""How much of a variable's name must be that of another to be that one misspelt; others may be those of a plugin."""


def resolve(
    declared: type,
    given: Mapping[str, Any],
    *,
    config_file: Path | None,
    presets: Mapping[str, Mapping[str, object]],
    preset: str | None,
    environment: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Values for the options that ``declared`` declares, and where each came from.

    Args:
        declared: the dataclass of options.
        given: on the command line or in the call; None means not given.
        config_file: a TOML file of options, or None.
        presets: named sets of options.
        preset: the name of one, or None; environment and file may name it too.
        environment: variables to their texts; None: those of the process.

    Raises:
        OptionError: a value is not allowed; names the place it came from.
    """
    environment = os.environ if environment is None else environment
    names = {option.name for option in options.options_of(declared)}
    for variable, meant in _misspelt(declared, environment).items():
        warnings.warn(f"{variable} in the environment sets nothing.  Nearest: {meant}", SeqgenWarning, stacklevel=2)
    layers: list[tuple[str, Mapping[str, Any]]] = [
        (COMMAND_LINE, {key: value for key, value in given.items() if value is not None}),
        (ENVIRONMENT, {name: text for name in names if (text := environment.get(_variable(name)))}),
    ]
    from_file = read_config_file(config_file) if config_file else {}
    named = {
        "": preset,
        f" ({_variable('preset')} in the environment)": environment.get(_variable("preset")) or None,
        f" ({config_file})": from_file.pop("preset", None),
    }
    if config_file:
        layers.append((of_file(config_file), from_file))
    where, chosen = next(((where, name) for where, name in named.items() if name is not None), ("", None))
    if chosen is not None:
        if not isinstance(chosen, str) or chosen not in presets:
            msg = f'No preset "{chosen}"{where}.  There are: {", ".join(presets)}'
            raise OptionError(msg)
        layers.append((of_preset(chosen), presets[chosen]))

    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        for name, value in _checked(declared, layer, origin).items():
            if name not in values:
                values[name], origins[name] = value, origin
    for option in options.options_of(declared):
        if option.name not in values:
            values[option.name], origins[option.name] = option.default, DEFAULT
    return values, origins


def _checked(declared: type, layer: Mapping[str, Any], origin: str) -> dict[str, Any]:
    if origin == ENVIRONMENT:  # one by one, so that a message names the variable
        where = {name: f"train ({_variable(name)} in the environment)" for name in layer}
        return {
            name: options.checked(declared, {name: value}, where=where[name])[name] for name, value in layer.items()
        }
    return options.checked(declared, layer, where=f"train{in_brackets(origin)}")


def variables_that_set(names: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment that set these options, and no other."""
    variables = map(_variable, names)
    return {variable: environment[variable] for variable in variables if variable in environment}


def named_config(named: str | Path | None) -> Path | None:
    """The file of options that a person names, if one does.

    Raises:
        OptionError: its name is empty, as that of an unset variable is.
    """
    if named is None:
        return None
    if not str(named):
        raise OptionError("The name of the configuration file is empty.  Name a TOML file, or leave --config out.")
    return Path(named)


def read_config_file(path: Path) -> dict[str, Any]:
    """A TOML file of options, written with hyphens or underscores.

    Raises:
        OptionError: missing, or not TOML; or it gives an option twice.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))  # editors of Windows begin a file with a mark
    except FileNotFoundError as error:
        msg = f"Configuration file {path} does not exist."
        raise OptionError(msg) from error
    except RecursionError as error:
        msg = f"Configuration file {path} cannot be read: something in it is nested too deeply."
        raise OptionError(msg) from error
    except (OSError, ValueError) as error:  # not UTF-8, not TOML, not a path
        reason = getattr(error, "strerror", None)
        msg = f"Configuration file {path} cannot be read: {reason + '.' if reason else error}"
        raise OptionError(msg) from error
    given: dict[str, Any] = {}
    for key, value in content.items():
        name = key.replace("-", "_")
        if name in given:
            written = " and as ".join(key for key in content if key.replace("-", "_") == name)
            msg = f"Configuration file {path} gives {name} twice, as {written}.  Leave one out."
            raise OptionError(msg)
        given[name] = value
    return given


def _misspelt(declared: type, environment: Mapping[str, str]) -> dict[str, str]:
    """Variables of the environment that nobody reads, each with the one that seems to be meant.

    Only those whose name is like that of another: plugins have variables of their own.
    """
    known = [_variable(name) for name in ("preset", *OF_OTHERS, *(each.name for each in options.options_of(declared)))]
    found = {}
    for variable, text in environment.items():
        if text and variable.startswith(PREFIX) and variable not in known:
            name = variable.removeprefix(PREFIX).replace("-", "_")
            if near := nearest(name, (each.removeprefix(PREFIX) for each in known), likeness=_ALIKE):
                found[variable] = PREFIX + near[0]
    return found


def _variable(name: str) -> str:
    return PREFIX + name.upper()
