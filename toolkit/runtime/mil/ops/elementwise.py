"""Operations on each element, and reductions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from toolkit.runtime.mil.ops.arguments import Arguments, Operator
from toolkit.runtime.mil.values import Array


def _binary(function: Callable[[Any, Any], Any]) -> Operator:
    return lambda a: function(a.array("x"), a.array("y"))


def _unary(function: Callable[[Any], Any]) -> Operator:
    return lambda a: function(a.array("x"))


def _shifted(function: Callable[[Any], Any], epsilon: float) -> Operator:
    """function(x + epsilon), epsilon being in the element type of x."""
    return lambda a: function(a.array("x") + np.float32(a.number("epsilon", epsilon)))


def clip(a: Arguments) -> Array:
    """x between alpha and beta."""
    return np.asarray(np.clip(a.array("x"), a.array("alpha"), a.array("beta")))


def select(a: Arguments) -> Array:
    """A where cond holds, b elsewhere, broadcast."""
    return np.where(a.array("cond"), a.array("a"), a.array("b"))


def softmax(a: Arguments) -> Array:
    """Exponentials that sum to one along an axis."""
    x, axis = a.array("x"), a.integer("axis", -1)
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _reduce(function: Callable[..., Any]) -> Operator:
    def operator(a: Arguments) -> Any:
        x = a.array("x")
        axes = tuple(a.integers("axes", list(range(x.ndim))))
        return function(x, axis=axes, keepdims=bool(a.integer("keep_dims", 0)))

    return operator


def _reduce_index(function: Callable[..., Any]) -> Operator:
    """Among equal values the first index; CoreML leaves that open."""
    return lambda a: function(a.array("x"), axis=a.integer("axis", -1), keepdims=bool(a.integer("keep_dims", 0)))


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "real_div": np.true_divide,
    "floor_div": np.floor_divide,
    "mod": np.mod,
    "pow": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
}

UNARY: dict[str, Callable[[Any], Any]] = {
    "identity": np.asarray,
    "cast": np.asarray,  # the program converts every result to its declared type
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "abs": np.abs,
    "sign": np.sign,
    "square": np.square,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.round,
    "logical_not": np.logical_not,
}

OPERATORS: dict[str, Operator] = {
    **{name: _binary(function) for name, function in BINARY.items()},
    **{name: _unary(function) for name, function in UNARY.items()},
    "log": _shifted(np.log, 1e-45),
    "rsqrt": _shifted(lambda x: 1 / np.sqrt(x), 1e-12),
    "inverse": _shifted(lambda x: 1 / x, 1e-4),
    "clip": clip,
    "select": select,
    "softmax": softmax,
    "reduce_max": _reduce(np.max),
    "reduce_min": _reduce(np.min),
    "reduce_sum": _reduce(np.sum),
    "reduce_mean": _reduce(np.mean),
    "reduce_argmax": _reduce_index(np.argmax),
    "reduce_argmin": _reduce_index(np.argmin),
}
