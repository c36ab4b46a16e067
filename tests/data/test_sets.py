"""Sets made of other sets: mixtures, their epochs, their shares; and faces in another scheme."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.own import scheme_file
from toolkit.core.progress import finish
from toolkit.core.schemes import AFLW_68, COFW_29, FIVE_5, W300_68, Scheme, joint, own_scheme
from toolkit.data.audit import labels_of
from toolkit.data.augment import Augment
from toolkit.data.batches import training_faces
from toolkit.data.labels import Label, Photos, Reading
from toolkit.data.licences import SYNTHETIC, licence_of
from toolkit.data.pack import PackedFaces, write_pack
from toolkit.data.sample import Sample, Subset
from toolkit.data.sets import Mix, Portion, in_own_scheme, in_scheme
from toolkit.data.synthetic import SyntheticFaces


class Numbered:
    """Faces whose names are their numbers."""

    subsets: Mapping[str, Sequence[int]] = {}

    def __init__(self, title: str, count: int, scheme: Scheme = W300_68) -> None:
        self.title, self.count, self.scheme = title, count, scheme

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        points = np.zeros((self.scheme.points, 2))
        image = np.zeros((4, 4, 3), np.uint8)
        return Sample(name=f"{self.title}{index}", image=image, points_xy=points, box_xyxy=np.array([0.0, 0, 1, 1]))


def test_an_epoch_holds_every_share() -> None:
    """Once each, a quarter of them, and each of them two and a half times, in random order."""
    mix = Mix(
        [
            Portion(faces=Numbered("a", 10)),
            Portion(faces=Numbered("b", 8), share=0.25),
            Portion(faces=Numbered("c", 4), share=2.5),
        ]
    )
    order = mix.draw(np.random.default_rng(0))
    names = [mix[int(i)].name for i in order]
    count = {name: names.count(name) for name in names}
    assert len(names) == mix.an_epoch == 10 + 2 + 10
    assert {count[f"a{i}"] for i in range(10)} == {1}
    assert sum(v for k, v in count.items() if k[0] == "b") == 2
    assert {count[f"c{i}"] for i in range(4)} == {2, 3}
    assert names != sorted(names)


def test_other_epochs_draw_other_faces() -> None:
    """Over many epochs, a part with a small share is seen whole."""
    mix = Mix([Portion(faces=Numbered("b", 8), share=0.25)])
    seen = {int(i) for epoch in range(40) for i in mix.draw(np.random.default_rng(epoch))}
    assert seen == set(range(8))


def test_the_title_says_what_and_how_much() -> None:
    """Shares of 1 go without saying."""
    assert Mix([Portion(faces=Numbered("a", 1)), Portion(faces=Numbered("b", 1), share=0.5)]).title == "a + b x 0.5"


def test_schemes_do_not_mix() -> None:
    """The message names both."""
    with pytest.raises(ValueError, match=r"300w-68.*|.*cofw"):
        Mix([Portion(faces=Numbered("a", 1)), Portion(faces=Numbered("b", 1, COFW_29))])


def test_a_share_of_nothing_is_refused() -> None:
    """It would be no training set."""
    with pytest.raises(ValueError, match="above 0"):
        Portion(faces=Numbered("a", 1), share=0)


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
    whole = finish(training_faces(told, 32))
    patches = [whole.patch(i, 0) for i in range(2)]
    assert np.shares_memory(patches[0].image, packed.patch(2).image)
    np.testing.assert_array_equal(patches[1].points_xy[28], packed.patch(0).points_xy[8])
    covers = [patch.covered for patch in patches]
    assert all(cover is not None and cover.shape == (29,) for cover in covers)
    np.testing.assert_array_equal([cover[28] for cover in covers], [packed[i].covered[8] for i in (2, 0)])


def test_fresh_faces_are_others_in_each_epoch() -> None:
    """Three faces are others in the second epoch, and the same when that is asked for again; kept ones stay."""
    fresh, kept = SyntheticFaces(3, fresh=True), SyntheticFaces(2, seed=5)
    faces = finish(training_faces(Mix([Portion(faces=fresh), Portion(faces=kept)]), 32))
    plain = Augment.only()
    first, second, again = (next(iter(faces.epoch((0, epoch), 5, plain))) for epoch in (0, 1, 1))
    np.testing.assert_array_equal(second.images, again.images)
    shown = [{image.tobytes() for image in batch.images} for batch in (first, second)]
    assert len(shown[0]) == len(shown[1]) == 5 and len(shown[0] & shown[1]) == 2
    assert "3 fresh ones an epoch" in faces.faces.title and licence_of(fresh.title) == SYNTHETIC
    np.testing.assert_array_equal(fresh[1].image, SyntheticFaces(3)[1].image)


def test_five_points_train_those_of_68_that_they_are() -> None:
    """The nose's tip and the mouth's corners; an eye's centre is no point of the 68, and all others are missing."""
    told = in_scheme(Numbered("a", 2, FIVE_5), W300_68)
    known = np.isfinite(told[0].points_xy).all(axis=1)
    assert set(np.flatnonzero(known).tolist()) == {30, 48, 54}


def test_faces_take_points_of_ones_own_and_their_box(tmp_path: Path) -> None:
    """From photos, labels alone and a pack: the picked points, NaN where there is none, and their tight box."""
    own = own_scheme(scheme_file(tmp_path / "own.json", "sets-7", mapped=True))
    given = photos(3)
    finish(write_pack(given, "train", tmp_path / "t.faces", 64))
    assert in_own_scheme(given, own).title == "drawn, sets-7"
    picked = given[1].points_xy[[36, 45, 30, 48, 54]]
    for faces in (in_own_scheme(given, own), Subset(in_own_scheme(given, own), [0, 1, 2], "s")):
        np.testing.assert_allclose(faces[1].points_xy[:5], picked, atol=1e-6)
        assert np.isnan(faces[1].points_xy[5:]).all()
        np.testing.assert_allclose(faces[1].box_xyxy, [*picked.min(axis=0), *picked.max(axis=0)], atol=1e-6)
        known = labels_of(faces)
        assert known is not None
        np.testing.assert_array_equal(known[1].box_xyxy, faces[1].box_xyxy)
        np.testing.assert_array_equal(known[1].points_xy, faces[1].points_xy)
    pack = finish(training_faces(in_own_scheme(PackedFaces(tmp_path / "t.faces"), own), 64)).patches[1]
    cut = finish(training_faces(in_own_scheme(given, own), 64)).patches[1]
    assert pack is not None and cut is not None
    for patch in (pack, cut):
        there = patch.points_xy[:5]
        np.testing.assert_allclose(patch.box_xyxy, [*there.min(axis=0), *there.max(axis=0)], atol=1e-6)


def test_other_schemes_leave_faces_as_they_are(tmp_path: Path) -> None:
    """A known one, and one of one's own that has none of their points, in which nobody can ask for them."""
    alone = own_scheme(scheme_file(tmp_path / "alone.json", "sets-alone"))
    faces = Numbered("a", 1)
    assert in_own_scheme(faces, COFW_29) is faces and in_own_scheme(faces, alone) is faces
    with pytest.raises(ValueError, match="a is labelled by 300w-68, which has no point of sets-alone"):
        in_scheme(faces, alone)
