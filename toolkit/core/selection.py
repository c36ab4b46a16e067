"""Which of many faces to look at, where some stand for all."""

import numpy as np


def evenly_spaced(count: int, total: int) -> list[int]:
    """Up to `count` of the indices 0..total - 1, evenly spaced from the first to the last, in order."""
    return np.linspace(0, total - 1, min(count, total)).astype(int).tolist()  # type: ignore[no-any-return]
