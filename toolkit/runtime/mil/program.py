"""Runs an ML Program operation by operation, each result rounded to the type that the program declares for it.

Float16 values are held as float32 arrays that contain only float16 numbers. A sum, product or quotient computed in
float32 and rounded to float16 is the correctly rounded float16 result, since 24 >= 2 * 11 + 2 bits.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.runtime.mil.ops import OPERATORS, Arguments, shape
from toolkit.runtime.mil.package import Feature, Operation, Package, ValueName, read
from toolkit.runtime.mil.values import Array, TensorType, Value

HALF_TINY = np.float32(2**-14)
"""The smallest normal float16; below it the spacing is 2**-24."""
HALF_OVERFLOW = np.float32(65520)
"""From here on float16 rounds to infinity."""

EXACT = (frozenset(shape.OPERATORS) - {"range_1d"}) | {
    "relu",
    "maximum",
    "minimum",
    "select",
    "reduce_max",
    "reduce_min",
}
"""Operations that only choose among their inputs' values: nothing to round where those are float16."""


class Program:
    """A package, ready to run. Thread-safe: a run keeps its values to itself."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._constants: dict[str, list[Value]] = {}
        self._steps: list[Operation] = []
        with np.errstate(all="ignore"):
            for operation in package.operations:
                self._prepare(operation)
        self._last_use = self._lifetimes()

    @property
    def features(self) -> tuple[Feature, ...]:
        """The inputs as the model describes them."""
        return self._package.features

    @property
    def inputs(self) -> Mapping[str, TensorType]:
        """The tensors it takes."""
        return self._package.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what it returns."""
        return self._package.outputs

    def __call__(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs for input tensors in the program's own layout, (1, C, H, W) for an image.

        Raises:
            ValueError: inputs of other names or shapes, or an operation that fails; the message names it.
        """
        types = {name: tensor for operation in self._steps for name, tensor in operation.outputs.items()}
        found: dict[str, Array] = {}
        for results in self.steps(values):
            found.update((name, value) for name, value in results.items() if name in self.outputs)
        return {name: found[name].astype(types[name].element.dtype) for name in self.outputs}

    def steps(self, values: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
        """The results of one operation after the other; for the arguments and errors see __call__."""
        if set(values) != set(self.inputs):
            raise ValueError(f"the program takes {', '.join(self.inputs)}; given: {', '.join(values) or 'nothing'}")
        held = {name: _declared(np.asarray(values[name]), tensor, name) for name, tensor in self.inputs.items()}
        for step, operation in enumerate(self._steps):
            with np.errstate(all="ignore"):  # infinities and NaN pass silently, as on a device
                results = _run(operation, self._arguments(operation, held))
            held.update(results)
            for name in self._last_use.get(step, ()):
                held.pop(name, None)
            yield results

    def _prepare(self, operation: Operation) -> None:
        """Take a constant in, expand a compressed one, or queue a step."""
        if operation.kind == "const":
            (name,) = operation.outputs
            self._constants[name] = [_widened(v) for v in _values(operation.arguments["val"])]
        elif operation.kind not in OPERATORS:
            raise ValueError(f"{operation} is not supported: run this package on macOS, or avoid the operation")
        elif operation.kind.startswith("constexpr_"):
            results = _run(operation, self._arguments(operation, {}))
            self._constants.update({name: [value] for name, value in results.items()})
        else:
            self._steps.append(operation)

    def _arguments(self, operation: Operation, held: Mapping[str, Array]) -> dict[str, list[Value]]:
        """Every input of an operation with its references resolved."""

        def resolve(item: Any) -> list[Value]:
            if not isinstance(item, ValueName):
                return [_widened(item)]
            if item.name in held:
                return [held[item.name]]
            if item.name in self._constants:
                return self._constants[item.name]
            raise ValueError(f"{operation} reads {item.name!r}, which nothing has made")

        return {key: [v for item in items for v in resolve(item)] for key, items in operation.arguments.items()}

    def _lifetimes(self) -> dict[int, list[str]]:
        """Values by the step that uses them last; outputs live on."""
        last = {
            item.name: step
            for step, operation in enumerate(self._steps)
            for items in operation.arguments.values()
            for item in items
            if isinstance(item, ValueName)
        }
        ends: dict[int, list[str]] = {}
        for name, step in last.items():
            if name not in self.outputs:
                ends.setdefault(step, []).append(name)
        return ends


def load(path: Path) -> Program:
    """The program of an .mlpackage.

    Raises:
        FileNotFoundError: a part of the package is not there.
        ValueError: it is damaged, no ML Program, or uses an operation that is not supported; the message says which.
    """
    package = read(path)
    try:
        return Program(package)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def round_half(x: Array) -> Array:
    """The nearest float16 to each float32, ties to even, still as float32; several times faster than a cast."""
    x = np.ascontiguousarray(x, np.float32)
    size = np.abs(x)
    if not size.max(initial=0) < HALF_OVERFLOW:  # also where there is NaN
        return x.astype(np.float16).astype(np.float32)
    bits = x.view(np.uint32)
    rounded: Array = ((bits + (0xFFF + ((bits >> 13) & 1))) & 0xFFFFE000).view(np.float32)
    # adding 0.75 leaves float32 a spacing of 2**-24
    return np.where(size < HALF_TINY, (x + np.float32(0.75)) - np.float32(0.75), rounded)


def _values(items: list[Any]) -> list[Value]:
    assert not any(isinstance(item, ValueName) for item in items)
    return items


def _widened(value: Value) -> Value:
    return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == np.float16 else value


def _run(operation: Operation, inputs: dict[str, list[Value]]) -> dict[str, Array]:
    """An operation's results in their declared types."""
    try:
        results = OPERATORS[operation.kind](Arguments(inputs))
        results = results if isinstance(results, list) else [results]
        exact = operation.kind in EXACT
        return {
            name: _declared(np.asarray(result), tensor, name, exact=exact)
            for (name, tensor), result in zip(operation.outputs.items(), results, strict=True)
        }
    except (ValueError, IndexError, TypeError) as error:
        raise ValueError(f"{operation} failed: {error}") from error


def _declared(value: Array, tensor: TensorType, name: str, *, exact: bool = False) -> Array:
    """A value in its declared type, float16 as rounded float32.

    Raises:
        ValueError: its shape is not the declared one.
    """
    fits = len(value.shape) == len(tensor.shape) and all(
        n in (None, side) for side, n in zip(value.shape, tensor.shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{name} has shape {value.shape}, the program declares {tensor}")
    if not tensor.half:
        return value.astype(tensor.element.dtype, copy=False)
    return value.astype(np.float32, copy=False) if exact else round_half(value)
