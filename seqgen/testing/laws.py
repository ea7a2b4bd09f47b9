"""What the contracts share: laws, how one fails, how a part declares that it cannot keep one, and the laws of options."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import tracemalloc
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import pytest
from annotated_doc import Doc
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from seqgen.core.errors import OptionError
from seqgen.core.options import Option, convert, make, option_values, options_of

C = TypeVar("C", bound="Contract")


class LawBroken(AssertionError):  # noqa: N818  what pytest and a reader of its report see is a failed assertion
    """A part does not keep a law; the message shows the smallest example found and says what to change."""


def require(condition: object, message: str) -> None:
    """Hold that a condition is met.

    Raises:
        LawBroken: with this message.
    """
    __tracebackhide__ = True  # pytest shows where the law asks, not this
    if not condition:
        raise LawBroken(message)


def law(method: Callable[[C], None]) -> Callable[[C], None]:
    """Make a method ``test_...`` of a contract a law: skipped, with the reason, where the part declares an exception.

    The first line of its docstring is the law, the rest is why it matters.  It takes no fixtures, so that it can be
    called without pytest around it.
    """

    @functools.wraps(method)
    def checked(self: C) -> None:
        __tracebackhide__ = True
        reason = self.part.exceptions.get(method.__name__)
        if reason is not None:
            pytest.skip(f"declared exception: {reason}")
        method(self)

    checked.__dict__["law"] = True
    return checked


@dataclass(frozen=True)
class Law:
    """A law of a contract.

    Attributes:
        name: of its method.
        statement: what must hold.
        reason: why it matters.
    """

    name: str
    statement: str
    reason: str


def laws_of(contract: type[Contract]) -> list[Law]:
    """The laws of a contract in the order of its source, those that all contracts share last."""
    found: dict[str, Law] = {}
    for owner in contract.__mro__:
        for name, method in vars(owner).items():
            if getattr(method, "law", False) and name not in found:
                statement, _, reason = str(inspect.getdoc(method)).partition("\n")
                found[name] = Law(name, statement.strip(), " ".join(reason.split()))
    return list(found.values())


@dataclass(frozen=True)
class Verdict:
    """What came of one law.

    Attributes:
        outcome: passed, failed, or excepted: skipped, since the part declares an exception (then ``exceptions`` of the part has the
            law's name) or the law does not apply to it, or not here.
        message: why it failed, with the smallest example found, or why it was skipped.
    """

    law: Law
    outcome: Literal["passed", "failed", "excepted"]
    message: str = ""


def check_laws(contract: Contract) -> Iterator[Verdict]:
    """Hold a part against each law of its contract, as pytest would.

    Args:
        contract: an object of a class that gives the factory.
    """
    for each in laws_of(type(contract)):
        try:
            getattr(contract, each.name)()
        except pytest.skip.Exception as skipped:
            yield Verdict(each, "excepted", str(skipped.msg))
        except LawBroken as broken:
            yield Verdict(each, "failed", str(broken))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  a part may raise anything
            notes = getattr(error, "__notes__", [])
            yield Verdict(each, "failed", "\n".join([f"{type(error).__name__}: {error}", *notes]))
        else:
            yield Verdict(each, "passed")


class Contract(ABC):
    """What the contracts of all kinds share.

    Attributes:
        max_examples: how many examples hypothesis tries for each law.
        wrong_options: values that an option must refuse, beyond those that its type tells: ``{"encoding": ("?",)}``.
    """

    max_examples: ClassVar[int] = 20
    wrong_options: ClassVar[Mapping[str, tuple[Any, ...]]] = {}

    @abstractmethod
    def instance(self) -> Any:
        """A part to look at: its class, its options."""

    @property
    def part(self) -> Any:
        """The class of the part."""
        return type(self.instance())

    def for_all(self, check: Callable[..., None], **strategies: SearchStrategy[Any]) -> None:
        """Call a check with many examples; of those that fail, the smallest found is shown.

        Settings come from hypothesis's current profile, but for the number of examples and the deadline.
        """
        __tracebackhide__ = True
        examples = settings(
            max_examples=self.max_examples,
            deadline=None,  # a busy machine would fail what is right
            report_multiple_bugs=False,
            print_blob=False,
            phases=[phase for phase in settings().phases if phase not in (Phase.target, Phase.explain)],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        examples(given(**strategies)(check))()

    @law
    def test_every_exception_names_a_law(self) -> None:
        """An exception that a part declares names a law of its contract, and has a reason.

        A misspelt name would except nothing, and one left over would hide that the law is kept by now.
        """
        names = [each.name for each in laws_of(type(self))]
        for name, reason in self.part.exceptions.items():
            require(name in names, f'exceptions names "{name}", which is no law.  Laws: {", ".join(names)}.')
            require(
                reason.strip(), f'exceptions["{name}"] gives no reason.  Say in a sentence why the law cannot hold.'
            )

    @law
    def test_each_option_has_a_type_a_sentence_and_a_default_that_it_allows(self) -> None:
        """Each option has a type that can be read, a sentence, and a default that this type allows.

        The command line, plugin show and the check of values are all made from the declaration; what it leaves out nobody
        can set.  A callback alone, which may need an address, may have an option without a default; ``make`` of its test
        gives one.
        """
        part = self.part
        try:
            hints = typing.get_type_hints(part, include_extras=True)
        except NameError as error:
            msg = f"The types of {part.__name__} cannot be read: {error}.  Import at run time what options use."
            raise LawBroken(msg) from error
        declared = options_of(part)
        for name, hint in hints.items():
            if typing.get_origin(hint) is not ClassVar and any(isinstance(each, Doc) for each in _metadata(hint)):
                known = name in (option.name for option in declared)
                require(known, f"{name} is annotated with Doc, but is no field.  Put @dataclass on {part.__name__}.")
        for field in dataclasses.fields(part) if dataclasses.is_dataclass(part) else ():
            explained = not field.init or field.name in (option.name for option in declared)
            require(
                explained or self._is_no_option(field),
                f"{field.name} is no option: annotate it with Doc, or say field(init=False).",
            )
        for option in declared:
            require(option.text.strip(), f'Option {option.name} has no sentence.  Write one: Doc("...").')
            given = option.default is dataclasses.MISSING
            require(not given or self._gives_values(), no_default(option))
            value = getattr(self.instance(), option.name) if given else option.default
            try:
                same = convert(option.annotation, value) == value
            except ValueError:
                same = False
            which = "is made with" if given else "has the default"
            require(same, f"Option {option.name} {which} {value!r}, but allows {option.allowed}.  Change one.")

    def _gives_values(self) -> bool:
        """Whether ``make`` of a test gives a part of this kind the values of options that have no default."""
        return False

    def _is_no_option(self, field: dataclasses.Field[Any]) -> bool:
        """Whether a field without a sentence that ``__init__`` takes is of the kind's own, as the sources of a dataset are."""
        return False

    @law
    def test_each_option_refuses_wrong_values(self) -> None:
        """A wrong value for an option is refused with an OptionError that names the option.

        Values come from command lines and files; a person must see which is wrong instead of a traceback.
        """
        for option in options_of(self.part):
            for value in ([{}], *self.wrong_options.get(option.name, ())):
                refused = self._refuses(option.name, value)
                require(
                    refused,
                    f"Option {option.name} accepts {value!r}.  Give it a narrower type or bounds (Annotated[int, Ge(1), "
                    "...]), or raise OptionError in __post_init__.",
                )
            for text in ("", "x", "-1", "0", "1e999", "nan", "\0", "ä" * 999):
                self._refuses(option.name, text)  # or accepts: either is right, and another exception is not

    def _refuses(self, name: str, value: Any) -> bool:
        try:
            make(self.part, option_values(self.instance()) | {name: value}, where=self.part.__name__)
        except OptionError as error:
            require(
                name in str(error),
                f"{value!r} for option {name} is refused with {str(error)!r}, which does not name the option.",
            )
            return True
        except Exception as error:
            msg = (
                f"{value!r} for option {name} raises {type(error).__name__}: {error}.  Raise OptionError with a sentence "
                "that names the option."
            )
            raise LawBroken(msg) from error
        return False

    @law
    def test_the_options_survive_json(self) -> None:
        """The options written to JSON and read again make an equal part.

        A trained model remembers its parts in config.json by name and options.
        """
        before = option_values(self.instance())
        try:
            read = json.loads(json.dumps(before))
            after = option_values(make(self.part, read, where=self.part.__name__))
        except (TypeError, ValueError, OptionError) as error:
            msg = (
                f"The options {before} do not survive JSON: {error}.  Use numbers, text, true or false, tuples of them."
            )
            raise LawBroken(msg) from error
        require(after == before, f"The options {before} come back from JSON as {after}.")


def no_default(option: Option) -> str:
    """What is said of an option that has no default."""
    return f"Option {option.name} has no default, so the part cannot be named without it."


def _metadata(hint: Any) -> tuple[Any, ...]:
    return getattr(hint, "__metadata__", ())


def require_whole(number: object, what: str) -> None:
    """Hold that a number is a whole one of Python.

    Raises:
        LawBroken: it is one of NumPy, which JSON cannot hold, or none at all.
    """
    __tracebackhide__ = True
    kind = f"{type(number).__module__}.{type(number).__qualname__}".removeprefix("builtins.")
    require(type(number) is int, f"{what} is {number!r}, of type {kind}.  Give an int: int(...).")


def shown(value: object, limit: int = 300) -> str:
    """A value as it is shown in a message."""
    text = repr(value.tolist() if isinstance(value, np.ndarray) else value)
    return text if len(text) <= limit else f"{text[:limit]}..."


def hold_bounded(
    what: str, reader: Callable[[int], Callable[[], object]], besides: Callable[[int], int] = lambda _: 0
) -> None:
    """Hold that the memory that reading needs does not grow with what is read.

    Args:
        what: the name of what reads.
        reader: given a number of characters or bytes, prepares, and gives what then reads so many.
        besides: for what it prepared last for a number, bytes that nobody can do without.

    Raises:
        LawBroken: it grows by more than half of what is read.
    """
    # Who keeps a little passes the first at once, in a fraction of the time; the second is for buffers of a megabyte.
    for short, long in ((1 << 16, 1 << 18), (1 << 22, 1 << 23)):
        reader(1 << 16)()  # what is made once and kept is no growth
        held = [peak_memory(reader(size)) - besides(size) for size in (short, long)]
        if held[1] - held[0] < (long - short) / 2:
            return
    msg = (
        f"{what} holds {held[0]:,} bytes at most while it reads {short:,}, and {held[1]:,} while it reads {long:,}.  Keep "
        "neither what was read nor what was made of it.  If it cannot be helped, declare it in exceptions."
    )
    raise LawBroken(msg)


def peak_memory(read: Callable[[], object]) -> int:
    """The most bytes that Python and NumPy held at a time, beyond what they held before."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        read()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
