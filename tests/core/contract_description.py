"""The contract between seqgen and its plugins as text, a line for each member.

    python tests/core/contract_description.py > tests/core/contract-1.0.txt

writes what the code is now.  Each version's file stays as it was when it was released; a new one is added with a new
``CONTRACT_VERSION`` of ``seqgen.core.contract``.
"""

from __future__ import annotations

import ast
import dataclasses
import enum
import functools
import importlib
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

CONTRACT: dict[str, tuple[str, ...]] = {
    "seqgen": ("hookimpl",),
    "seqgen.core.hookspecs": (
        "Register",
        "register_tokenizers",
        "register_datasets",
        "register_backends",
        "register_samplers",
        "register_callbacks",
        "register_commands",
    ),
    "seqgen.core.tokenizer": ("Tokenizer", "Decoder", "Grammar"),
    "seqgen.core.dataset": ("Dataset",),
    "seqgen.core.backend": ("Backend", "Model"),
    "seqgen.core.sampler": ("Sampler", "Stage", "Ahead"),
    "seqgen.core.callback": ("Callback",),
    "seqgen.core.types": ("Ids", "Array", "State", "Weights", "Content", "Document", "Batch"),
    "seqgen.core.spec": (
        "ModelSpec",
        "OptimizerSpec",
        "Architecture",
        "InputEncoding",
        "Optimizer",
        "Precision",
    ),
    "seqgen.core.canonical": ("GATES", "canonical_shapes", "check_weights", "initial_weights"),
    "seqgen.core.options": ("Option", "ReadAs", "AnyKey", "options_of", "option_values", "checked"),
    "seqgen.installed": ("find_part", "make_part"),
    "seqgen.core.text": ("cut_before_space", "last_cut"),
    "seqgen.core.files": ("Source", "find_sources", "check_encoding"),
    "seqgen.core.file_dataset": ("FileDataset", "TextFileDataset"),
    "seqgen.core.records": ("LONGEST", "Records", "records_of"),
    "seqgen.core.errors": (
        "SeqgenError",
        "SeqgenWarning",
        "UsageError",
        "UnknownPartError",
        "AmbiguousPartError",
        "OptionError",
        "PromptError",
        "PartError",
        "MissingDependencyError",
        "PluginError",
        "CorpusError",
        "TrainingError",
        "GenerationError",
        "ModelError",
        "ModelNotFoundError",
        "DamagedModelError",
        "OutputError",
    ),
    "seqgen.testing": (
        "Contract",
        "TokenizerContract",
        "DatasetContract",
        "BackendContract",
        "SamplerContract",
        "CallbackContract",
        "Law",
        "LawBroken",
        "Verdict",
        "check_laws",
        "laws_of",
    ),
    "seqgen.tokenizers.char": ("CharTokenizer",),  # what a plugin's tests of another part take
}
"""What the author of a plugin may use, by module."""

IMPLEMENTED = {
    "seqgen.core.tokenizer": ("Tokenizer", "Decoder", "Grammar"),
    "seqgen.core.dataset": ("Dataset",),
    "seqgen.core.backend": ("Backend", "Model"),
    "seqgen.core.sampler": ("Sampler",),
    "seqgen.core.callback": ("Callback",),
    "seqgen.testing": tuple(name for name in CONTRACT["seqgen.testing"] if name.endswith("Contract")),
}
"""The classes that plugins subclass, and seqgen calls."""

LINE = re.compile(
    r"(?P<name>[\w.]+): (?P<abstract>abstract )?"
    r"(?P<kind>class|hook|function|method|classmethod|staticmethod|property|attribute|law|type|value)"
    r"(?P<rest>(?:[ ,].*?)??)(?:  # deprecated: (?P<deprecated>.*))?"
)


@dataclass(frozen=True)
class Member:
    """A line of a description.

    Attributes:
        name: dotted.
        kind: class, hook, function, method, classmethod, staticmethod, property, attribute, law, type or value.
        rest: the signature; of an attribute its type and value; of a class what it is of.
        abstract: a plugin must implement it.
        deprecated: the text of its mark; empty without.
    """

    name: str
    kind: str
    rest: str = ""
    abstract: bool = False
    deprecated: str = ""

    def __str__(self) -> str:
        mark = f"  # deprecated: {self.deprecated}" if self.deprecated else ""
        return f"{self.name}: {'abstract ' if self.abstract else ''}{self.kind}{self.rest}{mark}"

    @property
    def owner(self) -> str:
        """The name of its class or module."""
        return self.name.rpartition(".")[0]


def parsed(text: str) -> dict[str, Member]:
    """The members of a description, by name."""
    members = {}
    for line in text.splitlines():
        match = LINE.fullmatch(line)
        if match is None:
            raise ValueError(line)
        given = match.groupdict()
        members[given["name"]] = Member(
            given["name"], given["kind"], given["rest"], bool(given["abstract"]), given["deprecated"] or ""
        )
    return members


# What the code is


def described() -> str:
    """The description of the contract in the code, sorted by name."""
    return "".join(f"{member}\n" for member in sorted(members(), key=lambda member: member.name))


def members() -> Iterator[Member]:
    """The members of the contract in the code."""
    for module, names in CONTRACT.items():
        found = importlib.import_module(module)
        for name in names:
            yield from members_of(
                f"{module}.{name}", getattr(found, name), implemented=name in IMPLEMENTED.get(module, ())
            )


def members_of(name: str, value: Any, *, implemented: bool = False) -> Iterator[Member]:
    """What is public of a value: itself, and of a class what it and its bases of ours have.

    Args:
        name: dotted.
        value: a class, function, type or anything.
        implemented: plugins subclass it.
    """
    if typing.get_origin(value) is not None or value is Any:
        yield Member(name, "type", _literal(value))
    elif inspect.isclass(value):
        yield from _class(name, value, implemented=implemented)
    elif inspect.isroutine(value) or hasattr(value, "__wrapped__"):
        kind = "hook" if hasattr(value, "seqgen_spec") else "function"
        yield Member(name, kind, f" {_signature(value)}", deprecated=_mark(value))
    else:
        yield Member(name, "value")


def _class(name: str, owner: type, *, implemented: bool) -> Iterator[Member]:
    ours = [each for each in owner.__mro__ if each.__module__.partition(".")[0] == owner.__module__.partition(".")[0]]
    public = {each for names in CONTRACT.values() for each in names}
    bases = [each.__name__ for each in ours[1:] if each.__name__ in public]
    rest = (", implemented by plugins" if implemented else "") + (f", of {', '.join(bases)}" if bases else "")
    yield Member(name, "class", rest, deprecated=_mark(owner))
    if issubclass(owner, enum.Enum):
        for each in owner.__members__.values():
            yield Member(f"{name}.{each.name}", "attribute", f" = {each.value!r}")
        return
    seen: set[str] = set()
    for each in ours:
        annotations = vars(each).get("__annotations__", {})
        for attribute in [*annotations, *vars(each)]:
            shown = attribute == "__call__" or (attribute == "__init__" and dataclasses.is_dataclass(each))
            if attribute not in seen and (shown or not attribute.startswith("_")):
                seen.add(attribute)
                yield _attribute(f"{name}.{attribute}", each, attribute, implemented=implemented)


def _attribute(name: str, owner: type, attribute: str, *, implemented: bool) -> Member:
    value = vars(owner).get(attribute)
    function = value
    kind = "method"
    if isinstance(value, property | functools.cached_property):
        function = value.fget if isinstance(value, property) else value.func
        given = f" -> {_typed(inspect.signature(function).return_annotation)}"
        return Member(name, "property", given, _is_abstract(value, owner, implemented), _mark(function))
    if isinstance(value, classmethod | staticmethod):
        function, kind = value.__func__, type(value).__name__
    if inspect.isfunction(function):
        if getattr(function, "law", False):
            return Member(name, "law", deprecated=_mark(function))
        return Member(name, kind, f" {_signature(function)}", _is_abstract(value, owner, implemented), _mark(function))
    annotation = vars(owner).get("__annotations__", {}).get(attribute)
    typed = f" {_typed(annotation)}" if annotation else ""
    return Member(name, "attribute", typed + (f" = {_shown(value)}" if attribute in vars(owner) else ""))


def _is_abstract(value: Any, owner: type, implemented: bool) -> bool:
    """Whether a plugin must implement it: so says the base class, or the protocol."""
    return implemented and (getattr(value, "__isabstractmethod__", False) or getattr(owner, "_is_protocol", False))


def _mark(value: Any) -> str:
    """The text of ``typing_extensions.deprecated``, which a subclass does not inherit."""
    return str(vars(value).get("__deprecated__", ""))


def _signature(function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    shown, before = [], None
    for parameter in signature.parameters.values():
        if before is inspect.Parameter.POSITIONAL_ONLY and parameter.kind is not before:
            shown.append("/")
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and before not in (
            inspect.Parameter.KEYWORD_ONLY,
            inspect.Parameter.VAR_POSITIONAL,
        ):
            shown.append("*")
        stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        typed = "" if parameter.annotation is parameter.empty else f": {_typed(parameter.annotation)}"
        equals = " = " if typed else "="
        default = "" if parameter.default is parameter.empty else f"{equals}{_shown(parameter.default)}"
        shown.append(f"{stars}{parameter.name}{typed}{default}")
        before = parameter.kind
    if before is inspect.Parameter.POSITIONAL_ONLY:
        shown.append("/")
    given = "" if signature.return_annotation is signature.empty else f" -> {_typed(signature.return_annotation)}"
    return f"({', '.join(shown)}){given}"


def _typed(annotation: Any) -> str:
    """A type as it is written, without bounds and sentences."""
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    written = ast.parse(text, mode="eval").body
    if isinstance(written, ast.Subscript) and ast.unparse(written.value) == "Annotated":
        assert isinstance(written.slice, ast.Tuple)
        return ast.unparse(written.slice.elts[0])
    return text


def _shown(value: Any) -> str:
    """A default as it is written, or ``...`` where that is nothing one could write down."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    try:
        ast.literal_eval(repr(value))
    except (ValueError, SyntaxError):
        return "..."
    return repr(value)


def _literal(alias: Any) -> str:
    """The values of a type that lists them."""
    bare = typing.get_args(alias)[0] if typing.get_origin(alias) is typing.Annotated else alias
    if typing.get_origin(bare) is not typing.Literal:
        return ""
    return f" Literal[{', '.join(map(repr, typing.get_args(bare)))}]"


if __name__ == "__main__":
    print(described(), end="")
