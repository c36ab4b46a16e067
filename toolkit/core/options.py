"""What the options of all commands share: each is of the kind that it is declared as, whoever makes them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from toolkit.core.validation import check
from toolkit.core.zoo import resolved


@dataclass(frozen=True, kw_only=True)
class Options:
    """The base of every command's options. The command line parses by the same annotations, a notebook does not."""

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self), include_extras=True).items():
            value = getattr(self, name)
            check(float(value) if isinstance(value, float) else value, hint, flag(name))  # NumPy's float64 is one, too
            if not all(map(math.isfinite, _floats(value))):
                raise ValueError(f"{flag(name)}: expected finite numbers, got {value}")
            object.__setattr__(self, name, resolved(value, hint))  # a released model's name becomes its path

    def at_least(self, least: int, *names: str) -> None:
        """Raises ValueError where one of these is given and lower."""
        for name in names:
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{flag(name)} must be at least {least}, got {value}")


def flag(name: str) -> str:
    """An option as the command line calls it."""
    return f"--{name.replace('_', '-')}"


def _floats(value: Any) -> Iterator[float]:
    """The numbers of an option that may be infinite, or none."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    for each in value if isinstance(value, tuple | list) else (value,):
        if isinstance(each, float):
            yield each
