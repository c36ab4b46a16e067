"""`python -m tools layout`: how far networks put points beside their labels."""

import numpy as np
import pytest

from tests.faces import face_points
from toolkit.core.geometry import rotation
from toolkit.core.progress import finish
from toolkit.core.zoo import released
from tools import layout
from tools.layout import Layout, beside

FACE = face_points((50, 50, 150, 150))
EYES = float(np.linalg.norm(FACE[36] - FACE[45]))


@pytest.mark.parametrize("turn_deg", [0.0, 30.0])
def test_offsets_are_in_the_faces_own_frame(turn_deg: float) -> None:
    """A tenth of the eye distance down is that on a face askew, too."""
    turn = rotation(turn_deg)
    moved = FACE.copy()
    moved[30, 1] += 0.1 * EYES
    off = beside(moved @ turn.T, FACE @ turn.T)
    assert off is not None
    assert off[30] == pytest.approx((0, 0.1)) and np.abs(np.delete(off, 30, axis=0)).max() < 1e-9


def test_turned_and_missed_faces_say_nothing() -> None:
    """A head turned aside, and a prediction that is elsewhere."""
    assert beside(FACE, face_points((50, 50, 150, 150), yaw=35.0)) is None
    aside = face_points((50, 50, 150, 150), yaw=35.0)
    assert beside(aside, aside) is None
    assert beside(FACE + 0.2 * EYES, FACE) is None


@pytest.mark.slow
def test_drawn_faces_are_where_networks_see_them() -> None:
    """All points within 4 % of the eye distance, of few faces; a table of 68 rows."""
    outcome = finish(layout.run(Layout(count=30, models=(released("float16", "sdhrnet-68pt-128"),))))
    rows = [line.split() for line in outcome.text.splitlines()[1:69]]
    assert [int(row[0]) for row in rows] == list(range(68))
    assert max(abs(int(value)) for row in rows for value in row[1:]) < 40
    with pytest.raises(ValueError, match="need the points of 300w-68"):
        finish(layout.run(Layout(models=(released("float16", "sdhrnet-98pt-128"),), count=1)))


def test_fewer_than_one_face_are_refused() -> None:
    """With the option's name."""
    with pytest.raises(ValueError, match="--count"):
        Layout(count=0)
