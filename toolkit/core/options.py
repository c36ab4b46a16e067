"""What the options of all commands share: each is of the kind that it is declared as, whoever makes them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, get_args, get_type_hints

from toolkit.core.validation import MOST_THREADS, check, shown
from toolkit.core.zoo import resolved

LARGEST = 1_000_000
"""Whole numbers lie no further from 0: an engine, an array or a lifetime takes no more."""
LARGEST_OF: Mapping[str, int] = MappingProxyType(
    {
        **{"threads": MOST_THREADS, "seed": 2**32 - 1},
        **dict.fromkeys(("size", "sizes", "hidden"), 4096),
    }
)
"""The same of options of these names, in every command."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The base of every command's options. The command line parses by the same annotations, a notebook does not."""

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self), include_extras=True).items():
            value = getattr(self, name)
            check(float(value) if isinstance(value, float) else value, hint, flag(name))  # NumPy's float64 is one, too
            if not all(math.isfinite(number) for number in _numbers(value) if isinstance(number, float)):
                raise ValueError(f"{flag(name)}: expected finite numbers, got {value}")
            if _whole(hint):
                self._at_most(LARGEST_OF.get(name, LARGEST), name)
            object.__setattr__(self, name, resolved(value, hint))  # a released model's name becomes its path

    def at_least(self, least: int, *names: str) -> None:
        """Raises ValueError where one of these is given and lower."""
        for name in names:
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{flag(name)} must be at least {least}, got {value}")

    def _at_most(self, most: int, name: str) -> None:
        """Raises ValueError where a whole number of the option is higher, or as far below 0."""
        for value in _numbers(getattr(self, name)):
            if abs(value) > most:
                bound = f"at most {most:,}" if value > 0 else f"at least {-most:,}"
                raise ValueError(f"{flag(name)} must be {bound}, got {shown(value)}")


def _whole(hint: Any) -> bool:
    """Whether an option of this type takes whole numbers alone."""
    return hint is int or any(map(_whole, get_args(hint)))


def flag(name: str) -> str:
    """An option as the command line calls it."""
    return f"--{name.replace('_', '-')}"


def _numbers(value: Any) -> Iterator[float]:
    """The numbers of an option, one or several."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    for each in value if isinstance(value, tuple | list) else (value,):
        if isinstance(each, int | float) and not isinstance(each, bool):
            yield each
