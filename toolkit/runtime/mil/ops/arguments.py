"""How an operation reads its inputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.runtime.mil.values import Array, Value

Inputs = Mapping[str, list[Value]]


@dataclass(frozen=True)
class Arguments:
    """The inputs of one operation by name, converted on demand.

    Every method takes a default for inputs that a program may leave out; a missing one without a default is an error.
    """

    inputs: Inputs

    def __contains__(self, name: str) -> bool:
        return name in self.inputs

    def arrays(self, name: str) -> list[Array]:
        """Several tensors, for operations such as concat."""
        values = self.inputs.get(name)
        if values is None:
            raise ValueError(f"input {name!r} is missing")
        return [np.asarray(v) for v in values]

    def array(self, name: str) -> Array:
        """One tensor."""
        return self.arrays(name)[0]

    def maybe(self, name: str) -> Array | None:
        """One tensor, or None where it is left out."""
        return self.array(name) if name in self else None

    def number(self, name: str, default: float | None = None) -> float:
        """A scalar."""
        return default if default is not None and name not in self else float(self.array(name))

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole scalar."""
        return default if default is not None and name not in self else int(self.array(name))

    def integers(self, name: str, default: list[int] | None = None) -> list[int]:
        """A vector of whole numbers; a scalar counts as a vector of one."""
        if default is not None and name not in self:
            return default
        return [int(v) for v in self.array(name).reshape(-1)]

    def text(self, name: str, default: str | None = None) -> str:
        """A string."""
        return default if default is not None and name not in self else str(self.array(name))

    def one_of(self, name: str, known: tuple[str, ...], default: str) -> str:
        """A string from a list.

        Raises:
            ValueError: it is another one.
        """
        text = self.text(name, default)
        if text not in known:
            raise ValueError(f"{name} {text!r} is not supported, only {', '.join(known)}")
        return text


Operator = Callable[[Arguments], Any]
"""Inputs -> an array or a list of them. Float16 comes as float32 of such values; the program rounds what goes out."""
