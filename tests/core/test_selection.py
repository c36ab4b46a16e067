"""Which of many faces to look at."""

import numpy as np
import pytest

from toolkit.core.selection import evenly_spaced


@pytest.mark.parametrize(("count", "total"), [(256, 511), (12, 23), (64, 65), (2, 7), (200, 1104)])
def test_they_reach_from_the_first_to_the_last_in_like_steps(count: int, total: int) -> None:
    """As many as are asked for, whose steps differ by one index at most."""
    chosen = evenly_spaced(count, total)
    assert (len(chosen), chosen[0], chosen[-1]) == (count, 0, total - 1)
    assert np.ptp(np.diff(chosen)) <= 1


def test_few_are_all() -> None:
    """More than there are gives each once, in order; one is the first; of none there is none."""
    assert evenly_spaced(9, 4) == evenly_spaced(4, 4) == [0, 1, 2, 3]
    assert (evenly_spaced(1, 5), evenly_spaced(3, 0), evenly_spaced(0, 3)) == ([0], [], [])
