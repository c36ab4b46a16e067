"""Faces of one scheme as those of another."""

import numpy as np
import pytest

from toolkit.core.progress import finish
from toolkit.core.schemes import AFLW_68, COFW_29, W300_68, joint
from toolkit.data.batches import training_faces
from toolkit.data.labels import Label, Photos, Reading
from toolkit.data.pack import PackedFaces, write_pack
from toolkit.data.sample import Subset
from toolkit.data.synthetic import SyntheticFaces
from toolkit.data.translated import in_scheme

BOTH = joint((W300_68, AFLW_68, COFW_29))


def photos(count: int) -> Photos:
    """Synthetic faces as photos with labels."""
    samples = [SyntheticFaces(count)[i] for i in range(count)]
    labels = [
        Label(
            name=s.name,
            source=s.name,
            group=s.name,
            picture=lambda s=s: s.image,  # type: ignore[misc]
            points_xy=s.points_xy,
            box_xyxy=s.box_xyxy,
            covered=s.covered,
        )
        for s in samples
    ]
    return Photos(Reading(scheme=W300_68, title="drawn", labels=labels))


def test_points_boxes_and_covers_follow() -> None:
    """The box stays, covered points stay covered under their new number, and marks in another style go to it."""
    faces = photos(4)
    told = in_scheme(faces, BOTH, marked=AFLW_68)
    for i in range(4):
        before, after = faces[i], told[i]
        assert np.isnan(after.points_xy[:68]).all()
        np.testing.assert_array_equal(after.points_xy[68:136], before.points_xy)
        np.testing.assert_array_equal(after.box_xyxy, before.box_xyxy)
        assert before.covered is not None and after.covered is not None
        np.testing.assert_array_equal(after.covered[68:136], before.covered)
    assert in_scheme(faces, W300_68) is faces
    with pytest.raises(ValueError, match="not of COFW"):
        in_scheme(faces, BOTH, marked=COFW_29)


def test_packed_faces_stay_on_disk_when_translated(tmp_path) -> None:
    """Their patches are those of the pack, with the points told anew."""
    faces = photos(3)
    finish(write_pack(faces, "train", tmp_path / "a.faces", 32))
    packed = PackedFaces(tmp_path / "a.faces")
    told = in_scheme(Subset(packed, [2, 0], "two"), COFW_29)
    patches = finish(training_faces(told, 32)).patches
    assert np.shares_memory(patches[0].image, packed.patch(2).image)
    np.testing.assert_array_equal(patches[1].points_xy[28], packed.patch(0).points_xy[8])
