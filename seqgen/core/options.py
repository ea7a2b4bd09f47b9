"""Typed options: declared once as dataclass fields, then shown, parsed and checked everywhere from there.

    @dataclass(frozen=True, kw_only=True)
    class TopK(Sampler):
        k: Annotated[int, Ge(1), Doc("how many tokens stay")] = 40

A field annotated with ``Doc`` is an option.  Other fields (a vocabulary, the sources of a dataset) are not.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from annotated_doc import Doc

from seqgen.core.errors import OptionError
from seqgen.core.nearest import nearest_in_words

T = TypeVar("T")


@dataclass(frozen=True)
class Option:
    """One option of a part: its name, annotated type, sentence, default, and what it allows in words."""

    name: str
    annotation: Any
    text: str
    default: Any

    @property
    def allowed(self) -> str:
        """What values are allowed, in words: ``a number above 0 and at most 1``."""
        return _allowed(self.annotation)

    @property
    def any_key(self) -> AnyKey | None:
        """What its annotation says, if it takes all keys that name no option."""
        return next((data for data in _metadata(self.annotation) if isinstance(data, AnyKey)), None)

    @property
    def shown(self) -> str:
        """Its name as people are shown it: ``p``, or ``TEXT=WEIGHT`` where they choose the keys."""
        return f"{self.any_key.key}={self.any_key.value}" if self.any_key else self.name

    @property
    def example(self) -> str:
        """What one writes for it: ``p=0.9``, its default; where people choose the keys, an example."""
        value = "VALUE" if self.default is dataclasses.MISSING else written(self.default)
        return self.any_key.example if self.any_key else f"{self.name}={value}"


@dataclass(frozen=True)
class ReadAs:
    """Annotation for an option whose text form needs reading, such as a duration.

    Attributes:
        parse: text to value; raises ValueError.  Values that are not text are checked as they are.
        words: what is allowed, in words.
    """

    parse: Callable[[str], Any]
    words: str


@dataclass(frozen=True)
class AnyKey:
    """Annotation for an option that takes all keys that name no option: a mapping of text to values.

        bias: Annotated[Mapping[str, float], AnyKey("TEXT", "WEIGHT", "the=2,zebra=-5"), Doc("...")] = field(default_factory=dict)

    is written ``logit-bias:the=2,zebra=-5``.  A part has one such option at most.

    Attributes:
        key: what people are shown in the place of a key.
        value: and of its value.
        example: of some, as one writes them.
    """

    key: str
    value: str
    example: str


@dataclass(frozen=True)
class PartSpec:
    """A part as a person names it: ``NAME:key=value,key=value``; NAME may be ``distribution/name``."""

    name: str
    values: Mapping[str, Any]

    @classmethod
    def parse(cls, text: str) -> PartSpec:
        """Read ``NAME:key=value,key=value``.

        Within a value a backslash comes before a comma or a backslash, within a key also before an equals sign.

        Raises:
            OptionError: not of that form, or it gives a key twice.
        """
        name, colon, rest = text.partition(":")
        values: dict[str, Any] = {}
        for item in re.findall(r"(?s)(?:\\.|[^,\\]|\\\Z)+", rest):
            pair = re.fullmatch(r"(?s)((?:\\.|[^=\\])+)=(.*)", item)
            if pair is None:
                within = ", and \\, for a comma within a value" if values else ""
                msg = f'"{text}": "{item}" is not key=value.  Write {name}:key=value,key=value{within}'
                raise OptionError(msg)
            key, value = pair.groups()
            key = re.sub(r"\\([,=\\])", r"\1", key)
            if key in values:
                msg = f'"{text}" gives {key} twice.  Leave one out.'
                raise OptionError(msg)
            values[key] = re.sub(r"\\([,\\])", r"\1", value)
        if not name or (colon and not values):
            msg = f'"{text}" names no part.  Write NAME or NAME:key=value,key=value'
            raise OptionError(msg)
        return cls(name, values)

    def __str__(self) -> str:
        """The spec as it can be parsed again."""
        items: dict[str, Any] = {}
        for key, value in self.values.items():
            items |= value if isinstance(value, Mapping) else {key: value}
        return f"{self.name}:{written(items)}" if items else self.name


@functools.cache
def options_of(part: Any) -> tuple[Option, ...]:
    """The options that a dataclass declares, in order."""
    if not dataclasses.is_dataclass(part):
        return ()
    hints = typing.get_type_hints(part, include_extras=True)
    options = []
    for field in dataclasses.fields(part):
        annotation = hints[field.name]
        text = next((data.documentation for data in _metadata(annotation) if isinstance(data, Doc)), None)
        if text is None:
            continue
        default = field.default
        if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        options.append(Option(field.name, annotation, text, default))
    return tuple(options)


def option_values(part: Any) -> dict[str, Any]:
    """The options of a part as JSON-able values, in the form ``checked`` takes."""
    return {option.name: _jsonable(getattr(part, option.name)) for option in options_of(part.__class__)}


def checked(part: type, values: Mapping[str, Any], *, where: str, example: str = "") -> dict[str, Any]:
    """Values for options, converted to their types; strings are read as on the command line.

    Args:
        part: the dataclass that declares the options.
        values: option names to values; where an option takes any key (``AnyKey``), other keys are its own.
        where: who is speaking in the error message, for example ``sampler top-p``.
        example: a correct use, ended with the option's default, for example ``--sampler top-p``; empty: none is shown.

    Raises:
        OptionError: all faults at once, a sentence each.
    """
    options = {option.name: option for option in options_of(part)}
    rest = next((option for option in options.values() if option.any_key), None)
    result: dict[str, Any] = {}
    faults: list[str] = []
    for key, value in values.items():
        option = options.get(_field_name(key), rest)
        if option is None:
            nearest = nearest_in_words(_field_name(key), options, most=1)
            faults.append(f'{where} has no option "{key}".{nearest}  It has: {", ".join(options) or "none"}')
            continue
        items: Iterable[tuple[str, Any]] = [(option.name, value)]
        annotation, target = option.annotation, result
        if option.any_key:  # all of it, as a file or a program gives it, or one of its keys
            items = value.items() if key == option.name and isinstance(value, Mapping) else [(key, value)]
            annotation, target = typing.get_args(_bare(annotation))[1], result.setdefault(option.name, {})
        elif option.name in result:
            faults.append(f"{where}: {option.name} is given twice, the second time as {key}.  Leave one out.")
        for name, each in items:
            try:
                target[name] = convert(annotation, each)
            except ValueError:
                hint = f"  Try {example}:{option.example}" if example else ""
                faults.append(f"{where}: {name} is {_shown(each)}, but must be {_allowed(annotation)}.{hint}")
    if faults:
        raise OptionError("\n".join(faults))
    return result


def make(part: type[T], values: Mapping[str, Any], *, where: str, example: str = "", **fixed: Any) -> T:
    """An instance of a part with these options, and with fields that are not options.

    Raises:
        OptionError: see ``checked``; an option without a default has no value; or what ``__post_init__`` of the part finds wrong.
    """
    faults = []
    given: dict[str, Any] = {}
    try:
        given = checked(part, values, where=where, example=example)
    except OptionError as error:
        faults.append(str(error))
    lacking = [option for option in _lacking(part, {_field_name(key) for key in values}) if option.name not in fixed]
    hint = f"  Write {example}:{','.join(option.example for option in lacking)}" if example else ""
    faults += [f"{where} needs {option.shown}: {option.text.rstrip('.')}.{hint}" for option in lacking]
    if faults:
        raise OptionError("\n".join(faults))
    return part(**given, **fixed)


def _lacking(part: type, given: set[str]) -> list[Option]:
    """The options that have neither a default nor one of these names, nor take any key where one is of no option."""
    options = options_of(part)
    others = given - {option.name for option in options}
    lacking = [option for option in options if option.default is dataclasses.MISSING and option.name not in given]
    return [option for option in lacking if not (option.any_key and others)]


def convert(annotation: Any, value: Any) -> Any:
    """A value as the annotated type; strings are read as on the command line.

    Raises:
        ValueError: the value does not fit.
    """
    if _optional(annotation) and value in (None, "none", "None"):
        return None
    bare = _bare(annotation)
    if isinstance(value, bool) and bool not in (bare, *typing.get_args(bare)):
        raise ValueError(value)
    reading = next((data for data in _metadata(annotation) if isinstance(data, ReadAs)), None)
    if isinstance(value, str):
        if reading is not None:
            value = reading.parse(value)
        elif typing.get_origin(bare) is Literal:  # pydantic takes the number 2 for Literal[1, 2], and no text
            value = next((item for item in typing.get_args(bare) if str(item) == value), value)
        elif typing.get_origin(bare) in (tuple, list):
            value = tuple(item.strip() for item in value.split(",")) if value.strip() else ()
    if _fits(annotation, value):
        return value
    from pydantic import ValidationError

    try:
        converted = _adapter(annotation).validate_python(value)
    except ValidationError as error:
        raise ValueError(str(error)) from error
    if isinstance(converted, float) and not math.isfinite(converted):  # JSON, which keeps options, has no infinity
        raise ValueError(value)
    return converted


def written(value: Any) -> str:
    r"""A value of an option as one writes it in ``NAME:key=value``: ``true``, ``none``, ``left\,right``, ``the=2``; no default is empty."""
    if value is dataclasses.MISSING:
        return ""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ",".join(re.sub(r"([,=\\])", r"\\\1", key) + f"={written(item)}" for key, item in value.items())
    text = ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
    return re.sub(r"([,\\])", r"\\\1", text)


def _fits(annotation: Any, value: Any) -> bool:
    """Whether a value is plainly what is asked for, so that pydantic, which takes longer to import than NumPy, is not."""
    bare = _bare(annotation)
    if typing.get_origin(bare) is Literal:
        known = any(type(value) is type(item) and value == item for item in typing.get_args(bare))
    else:
        known = bare in (bool, int, float, str) and type(value) is bare
    if not known or (isinstance(value, float) and not math.isfinite(value)):
        return False
    return all(_meets(data, value) for data in _metadata(annotation))


def _meets(data: Any, value: Any) -> bool:
    """Whether a value meets what an annotation's metadata asks for; False also where that is not known here."""
    import annotated_types

    match data:
        case annotated_types.Gt(gt=bound):
            return bool(value > bound)
        case annotated_types.Ge(ge=bound):
            return bool(value >= bound)
        case annotated_types.Lt(lt=bound):
            return bool(value < bound)
        case annotated_types.Le(le=bound):
            return bool(value <= bound)
    return isinstance(data, Doc | ReadAs)


@functools.cache
def _adapter(annotation: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(annotation)


def _field_name(name: str) -> str:
    return name.strip().replace("-", "_")


def _metadata(annotation: Any) -> tuple[Any, ...]:
    return getattr(_some(annotation), "__metadata__", ())


def _bare(annotation: Any) -> Any:
    annotation = _some(annotation)
    return _some(typing.get_args(annotation)[0]) if _metadata(annotation) else annotation


def _some(annotation: Any) -> Any:
    """X of ``X | None``: metadata of an optional option stands on X."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        others = [item for item in typing.get_args(annotation) if item is not type(None)]
        if len(others) == 1:
            return others[0]
    return annotation


def _optional(annotation: Any) -> bool:
    inner = typing.get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation
    return type(None) in typing.get_args(inner)


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) and not re.fullmatch(r"[-+.\w]+", value) else str(value)


def _jsonable(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _jsonable(item) for key, item in value.items()}
    return [_jsonable(item) for item in value] if isinstance(value, tuple) else value


_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}


def _allowed(annotation: Any) -> str:
    bare = _bare(annotation)
    for data in _metadata(annotation):
        if isinstance(data, ReadAs):
            return data.words
    return " ".join([_kind(bare), *_bounds(_metadata(annotation))])


def _kind(bare: Any) -> str:
    origin, arguments = typing.get_origin(bare), typing.get_args(bare)
    if origin is Literal:
        return ("one of " if len(arguments) > 1 else "") + ", ".join(map(str, arguments))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_allowed(item) for item in arguments if item is not type(None))
    if origin in (tuple, list):
        return rf"a list (with \, between), each {_allowed(arguments[0])}"
    if origin is Mapping:
        return f"for each key {_allowed(arguments[1])}"
    return _WORDS.get(bare, getattr(bare, "__name__", str(bare)))


def _bounds(metadata: Iterable[Any]) -> list[str]:
    import annotated_types  # some 15 ms, which listing parts does without

    words = []
    for data in itertools.chain.from_iterable(
        each if isinstance(each, annotated_types.GroupedMetadata) else (each,) for each in metadata
    ):
        match data:
            case annotated_types.Gt(gt=bound):
                words.append(f"above {_number(bound)}")
            case annotated_types.Ge(ge=bound):
                words.append(f"at least {_number(bound)}")
            case annotated_types.Lt(lt=bound):
                words.append(f"below {_number(bound)}")
            case annotated_types.Le(le=bound):
                words.append(f"at most {_number(bound)}")
            case annotated_types.MultipleOf(multiple_of=divisor):
                words.append(f"divisible by {divisor}")
            case annotated_types.MinLen(min_length=length):
                words.append(f"of length at least {length}")
            case annotated_types.MaxLen(max_length=length):
                words.append(f"of length at most {length}")
    return [" and ".join(words)] if words else []


def _number(bound: Any) -> str:
    """A bound as people write it: ``1e9``, and neither ``1000000000.0`` nor ``1e+09``."""
    if not isinstance(bound, float):
        return str(bound)
    short = f"{bound:g}"
    return re.sub(r"e\+?(-?)0*", r"e\1", short if float(short) == bound else str(bound))
