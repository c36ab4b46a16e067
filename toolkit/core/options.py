"""What the options of all commands share: each is of the kind that it is declared as, whoever makes them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True, kw_only=True)
class Options:
    """The base of every command's options. The command line parses by the same annotations, a notebook does not."""

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if not _fits(value, hint):
                raise ValueError(f"{flag(name)} must be {_wanted(hint)}, got {value!r}")

    def at_least(self, least: int, *names: str) -> None:
        """Raises ValueError where one of these is given and lower."""
        for name in names:
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{flag(name)} must be at least {least}, got {value}")


def flag(name: str) -> str:
    """An option as the command line calls it."""
    return f"--{name.replace('_', '-')}"


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the kind; kinds that are not told apart here always fit."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is Literal:
        return value in inner
    if origin is tuple:
        return isinstance(value, tuple | list) and all(_fits(each, inner[0]) for each in value)
    if origin is dict:
        return isinstance(value, Mapping) and all(_fits(each, inner[1]) for each in value.values())
    if hint in (int, float):
        number = isinstance(value, int) or (hint is float and isinstance(value, float) and math.isfinite(value))
        return number and not isinstance(value, bool)
    return not isinstance(hint, type) or isinstance(value, hint)


def _wanted(hint: Any) -> str:
    *first, last = _kinds(hint)
    return f"{', '.join(first)} or {last}" if first else last


def _kinds(hint: Any) -> Iterator[str]:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        for each in inner:
            yield from _kinds(each)
    elif origin is Literal:
        yield from map(str, inner)
    elif origin in (tuple, dict):
        yield f"a {origin.__name__}, each {_wanted(inner[-1] if origin is dict else inner[0])}"
    else:
        names = {float: "a finite number", int: "a whole number", str: "a text", Path: "a path", NoneType: "None"}
        yield names.get(hint, getattr(hint, "__name__", str(hint)))
