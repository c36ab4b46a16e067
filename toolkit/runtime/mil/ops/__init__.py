"""MIL's operations in NumPy: those that landmark networks and their decoders are made of."""

from toolkit.runtime.mil.ops import convolution, elementwise, resize, shape, weights
from toolkit.runtime.mil.ops.arguments import Arguments, Inputs

OPERATORS = {
    **convolution.OPERATORS,
    **elementwise.OPERATORS,
    **resize.OPERATORS,
    **shape.OPERATORS,
    **weights.OPERATORS,
}

__all__ = ["OPERATORS", "Arguments", "Inputs", "shape"]
