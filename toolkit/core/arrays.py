"""The array types that the whole package speaks of; a docstring gives each one's shape, range and unit."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
"""Points, errors, matrices and other values, in double precision."""
ImageArray = NDArray[np.uint8]
"""An image or crop (H, W, 3) in RGB, a batch of them, or a map (H, W), 0..255."""
ComplexArray = NDArray[np.complex128]
"""Points as complex numbers, x + iy: a turn and a scale are one factor."""
