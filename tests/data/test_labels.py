"""Whether points are of their picture: of its upright pixels, and within it."""

import numpy as np
import pytest

from tests.faces import face_points
from toolkit.core.images import Stored
from toolkit.core.schemes import SCHEMES, W300_68, Scheme
from toolkit.data.labels import Label, misplaced
from toolkit.data.sample import box_of_points

FACE = face_points((30, 40, 130, 150))
IMAGE = np.zeros((200, 300, 3), np.uint8)


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=lambda scheme: scheme.name)
def test_points_of_stored_pixels_are_told_from_those_of_the_upright_picture(orientation: int, scheme: Scheme) -> None:
    """Whichever way EXIF turns or mirrors a picture, also where both ways lie within it."""
    upright = face_points((30, 40, 130, 150), scheme)
    image = IMAGE if orientation < 5 else IMAGE.transpose(1, 0, 2)
    how = Stored(size_wh=(300, 200), orientation=orientation)
    assert misplaced(upright, image, how, scheme) == ""
    back = {6: 8, 8: 6}.get(orientation, orientation)
    of_stored = Stored(size_wh=how.upright_wh, orientation=back).upright(upright)
    np.testing.assert_allclose(how.upright(of_stored), upright, atol=1e-9)
    assert f"EXIF orientation {orientation}" in misplaced(of_stored, image, how, scheme)


@pytest.mark.parametrize("name", ["../../escaped", "/escaped", "..\\escaped", "sub/escaped", "a\0"])
def test_a_label_has_no_name_that_leads_out_of_a_folder(name: str) -> None:
    """Since files are written by it, whichever file it was read from."""
    with pytest.raises(ValueError, match="may lead out of its folder"):
        Label(name=name, source="s", group="g", picture=lambda: IMAGE, points_xy=FACE, box_xyxy=box_of_points(FACE))


def test_points_of_another_picture_are_told() -> None:
    """More than half of them lie outside."""
    how = Stored(size_wh=(300, 200), orientation=1)
    assert misplaced(FACE + np.array([180, 0]), IMAGE, how, W300_68) == ""
    beyond = misplaced(FACE + np.array([230, 0]), IMAGE, how, W300_68)
    assert beyond.endswith("are outside the picture of 300 x 200 pixels")
