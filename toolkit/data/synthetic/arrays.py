"""The array types of this package."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
"""Points, polygons and values of either precision."""
Picture = NDArray[np.float32]
"""(H, W) or (H, W, 3), or anything else kept in single precision."""


def single(values: Any) -> Picture:
    """The same array, known to be single precision; OpenCV's annotations promise less than it keeps."""
    return np.asarray(values, np.float32)
