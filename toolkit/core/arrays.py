"""The array types that the whole package speaks of; a docstring gives each one's shape, range and unit."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
"""Points, errors, matrices and other values, in double precision."""
ImageArray = NDArray[np.uint8]
"""An image or crop (H, W, 3) in RGB, a batch of them, or a map (H, W), 0..255."""
ComplexArray = NDArray[np.complex128]
"""Points as complex numbers, x + iy: a turn and a scale are one factor."""
SingleArray = NDArray[np.float32]
"""(H, W) or (H, W, 3), or anything else kept in single precision."""
Floats = NDArray[np.floating[Any]]
"""Points, polygons and values of either precision."""


def single(values: Any) -> SingleArray:
    """The same array, known to be single precision; OpenCV's annotations promise less than it keeps."""
    return np.asarray(values, np.float32)
