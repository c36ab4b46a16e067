"""The synthetic faces: the same face every time, anatomy in order, and points that lie on what is drawn."""

import numpy as np
import pytest

from toolkit.core.schemes import COFW_29, SCHEMES, W300_68, WFLW_98, Scheme
from toolkit.data.sample import box_of_points
from toolkit.data.synthetic import SyntheticFaces
from toolkit.data.synthetic.canvas import SKIN, THING, Canvas, inset
from toolkit.data.synthetic.chance import grey
from toolkit.data.synthetic.head import COLUMNS, ROWS, mean_head
from toolkit.data.synthetic.light import Lamp
from toolkit.data.synthetic.look import Look, draw_look
from toolkit.data.synthetic.modes import basis, draw_expression, draw_identity
from toolkit.data.synthetic.pose import HeadPose, HeadView, draw_pose, view_of
from toolkit.data.synthetic.scheme_points import ANNOTATED, drawn_68, points_of

FRONT = HeadPose(yaw=0, pitch=0, roll=0, distance=12)
PINNED = (
    (112.39, 95.72, 97.88, 139.02, 96.37, 76.25, 56.22),
    (109.61, 80.01, 67.26, 104.95, 61.20, 41.31, 52.28),
    (117.63, 109.91, 103.30, 142.16, 127.04, 112.56, 34.38),
    (76.40, 70.72, 58.49, 152.50, 135.35, 109.94, 51.62),
    (93.19, 93.04, 86.40, 103.96, 97.69, 84.39, 29.26),
    (71.14, 70.05, 47.38, 81.14, 62.91, 40.66, 41.42),
    (85.84, 85.82, 85.82, 126.24, 126.28, 126.25, 62.50),
    (126.80, 113.13, 117.39, 143.69, 100.29, 86.59, 60.48),
)
"""Of the first faces of seed 5: mean red, green and blue of the picture and of its middle, and the deviation."""


def points_68(view: HeadView) -> np.ndarray:
    """(68, 2)"""
    return points_of(view, W300_68)[:, :2]


def bright(image: np.ndarray, xy: np.ndarray) -> float:
    """Mean brightness of the pixel nearest to a point."""
    column, row = np.rint(xy).astype(int)
    return float(image[row, column].mean())


@pytest.fixture(scope="module")
def faces() -> SyntheticFaces:
    """A small set at the usual size."""
    return SyntheticFaces(40, seed=5)


def neutral_face(size_px: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """The mean head from the front, before the camera, in a plain look: light skin, black hair, red lips; and where its
    68 points would be if annotators put them on what is drawn."""
    from toolkit.data.synthetic.portrait import framed, paint

    look = Look(
        skin=(220, 180, 150), skin_kind=0, darkness=0.1, hair=grey(20), hair_style="buzz",
        brow=grey(30), brow_density=1.0, iris=(60, 40, 30), lip=(170, 30, 40), lipstick=1.0, makeup=0.0, age=0.0,
        stubble=0.0, moustache=0.0, beard=0.0, blush=0.0, glasses="none", hat="none",
    )  # fmt: skip
    flat = Lamp(
        direction=np.array([0, 0, 1], np.float32), key=np.full(3, 0.2, np.float32), ambient=np.full(3, 0.8, np.float32),
        gloss=0.0,
    )  # fmt: skip
    rng = np.random.default_rng(3)
    view = framed(view_of({}, FRONT), size_px, rng)
    return paint(view, look, flat, {}, size_px, rng)[0], drawn_68(view)


def test_the_same_seed_and_index_give_the_same_face_in_any_order(faces: SyntheticFaces) -> None:
    """Face i depends on seed and i alone, not on what was drawn before it nor on the set's size."""
    again = SyntheticFaces(1000, seed=5)
    backwards = [again[i] for i in (7, 3, 0)]
    for index, sample in zip((7, 3, 0), backwards, strict=True):
        assert np.array_equal(sample.image, faces[index].image)
        assert np.array_equal(sample.points_xy, faces[index].points_xy)


def test_the_pictures_are_those_that_networks_were_trained_on(faces: SyntheticFaces) -> None:
    """Means and deviation of whole faces within 0.05 levels; what changes them on purpose raises VERSION."""
    for index, pinned in enumerate(PINNED):
        image = faces[index].image.astype(float)
        middle = image[48:112, 48:112]
        found = (*image.mean(axis=(0, 1)), *middle.mean(axis=(0, 1)), image.std())
        assert found == pytest.approx(pinned, abs=0.05), index


def test_other_indices_and_seeds_give_other_faces(faces: SyntheticFaces) -> None:
    """Neither shape nor picture repeats."""
    other = SyntheticFaces(40, seed=6)
    for first, second in ((faces[0], faces[1]), (faces[0], other[0])):
        assert not np.array_equal(first.image, second.image)
        assert np.abs(first.points_xy - second.points_xy).max() > 1.0


def test_a_sample_has_the_promised_form(faces: SyntheticFaces) -> None:
    """RGB bytes, 68 finite points inside the image, and their own box."""
    for index in range(len(faces)):
        sample = faces[index]
        assert sample.image.shape == (160, 160, 3)
        assert sample.image.dtype == np.uint8
        assert sample.points_xy.shape == (W300_68.points, 2)
        assert sample.points_xy.min() >= 0
        assert sample.points_xy.max() <= 159
        assert np.array_equal(sample.box_xyxy, box_of_points(sample.points_xy))
        assert sample.image.std() > 5


def test_the_face_fills_about_half_of_any_image_size() -> None:
    """The box's longer side is 45 to 55 % of the image's, at sizes that are no round number too."""
    for size_px in (96, 131, 160):
        sample = SyntheticFaces(3, size_px=size_px)[2]
        side = (sample.box_xyxy[2:] - sample.box_xyxy[:2]).max() / size_px
        middle = (sample.box_xyxy[2:] + sample.box_xyxy[:2]) / 2 / size_px
        assert sample.image.shape == (size_px, size_px, 3)
        assert 0.44 < side < 0.56
        assert np.abs(middle - 0.5).max() < 0.08


def test_an_index_out_of_range_is_an_error_and_a_negative_one_counts_back() -> None:
    """A sequence of three has faces -3 to 2."""
    three = SyntheticFaces(3)
    assert len(three) == 3
    assert np.array_equal(three[-1].image, three[2].image)
    for index in (3, -4, 100):
        with pytest.raises(IndexError, match="synthetic faces"):
            three[index]
    assert len(list(three)) == 3


@pytest.mark.parametrize("bad", [{"count": 0}, {"count": 2, "seed": -1}, {"count": 2, "size_px": 8}])
def test_settings_that_make_no_sense_are_refused(bad: dict[str, int]) -> None:
    """The error names what was given."""
    with pytest.raises(ValueError, match="count >= 1"):
        SyntheticFaces(**bad)


def test_the_title_says_which_faces() -> None:
    """Records quote the title, so it holds generator version, seed and count."""
    assert SyntheticFaces(2000).title == "synthetic faces v4, seed 0, 2000"
    assert SyntheticFaces(5, seed=9).scheme is W300_68
    assert SyntheticFaces(7, scheme=WFLW_98).title == "synthetic faces v4, seed 0, 7, wflw-98"


def test_the_mean_face_is_in_anatomical_order() -> None:
    """From the front: brow above eye above nose above mouth above chin, left of the face on the image's right."""
    p = points_68(view_of({}, FRONT))
    y = p[:, 1]
    assert y[17:27].max() < y[36:48].min() < y[36:48].max() < y[30] < y[33] < y[48:68].min() < y[48:68].max() < y[8]
    assert y[50] < y[61] <= y[67] < y[58]
    for row in ((0, 36, 39, 27, 42, 45, 16), (17, 21, 22, 26), (48, 60, 62, 64, 54), (4, 48, 54, 12)):
        assert (np.diff(p[list(row), 0]) > 0).all()
    assert y[37] < y[41]
    assert y[43] < y[47]


def test_the_mean_face_is_its_own_mirror_image() -> None:
    """Mirroring x and swapping sides by the scheme gives the same points, to a thousandth of the outer eye distance."""
    p = points_68(view_of({}, FRONT))
    mirrored = p[list(W300_68.mirror)] * (-1, 1)
    assert np.abs(mirrored - p).max() < 1e-3


def test_poses_are_symmetric_on_average_and_within_their_limits() -> None:
    """Mean yaw and roll near 0 degrees (3 standard errors), most yaw within 30, few beyond 60, none beyond 90."""
    rng = np.random.default_rng(0)
    poses = [draw_pose(rng) for _ in range(3000)]
    yaw, roll = np.array([p.yaw for p in poses]), np.array([p.roll for p in poses])
    for angle in (yaw, roll):
        assert abs(angle.mean()) < 3 * angle.std() / np.sqrt(len(angle))
    assert 60 < np.abs(yaw).max() <= 90
    assert (np.abs(yaw) < 30).mean() > 0.8
    assert (np.abs(yaw) > 60).mean() < 0.05


def test_yaw_turns_the_face_to_the_image_right_and_pitch_downwards() -> None:
    """The nose's tip moves against the eyes as the pose's signs say; distances in outer eye distances."""
    front = points_68(view_of({}, FRONT))
    right = points_68(view_of({}, HeadPose(yaw=25, pitch=0, roll=0, distance=12)))
    down = points_68(view_of({}, HeadPose(yaw=0, pitch=15, roll=0, distance=12)))

    def tip(p: np.ndarray) -> np.ndarray:
        return p[30] - (p[36] + p[45]) / 2

    assert tip(right)[0] - tip(front)[0] > 0.15
    assert tip(down)[1] - tip(front)[1] > 0.08


def test_the_far_contour_of_a_turned_head_follows_its_silhouette() -> None:
    """At 40 degrees no point of the far cheek lies outside the contour, and the jaw's own edge lies inside it."""
    view = view_of({}, HeadPose(yaw=40, pitch=0, roll=0, distance=12))
    rows = ROWS - 25
    far = view.outline[1][rows]
    assert view.grid[rows, -COLUMNS // 3 :, 0].max() == pytest.approx(far[0], abs=1e-4)
    assert view.grid[rows, -1, 0] < far[0] - 0.05


def test_every_mode_moves_some_landmark() -> None:
    """A mode that no picture shows would be dead weight; 1 standard deviation or a full expression moves over 0.002."""
    rest = points_68(view_of({}, HeadPose(yaw=20, pitch=10, roll=0, distance=12)))
    unseen = {"forehead", "deep"}
    for name in set(basis().names) - unseen:
        value = 1.0 if name in draw_expression(np.random.default_rng(0)) else 0.2
        moved = points_68(view_of({name: value}, HeadPose(yaw=20, pitch=10, roll=0, distance=12)))
        assert np.abs(moved - rest).max() > 0.002, name


def test_random_faces_stay_faces() -> None:
    """In 300 random heads from the front, lids and lips never cross and the eyes stay inside the contour."""
    for seed in range(300):
        rng = np.random.default_rng([11, seed])
        p = points_68(view_of(draw_identity(rng) | draw_expression(rng), FRONT))
        assert p[0, 0] < p[36, 0] < p[39, 0] < p[42, 0] < p[45, 0] < p[16, 0]
        for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46), (61, 67), (62, 66), (63, 65)):
            assert p[upper, 1] < p[lower, 1] + 0.02
        assert p[33, 1] < p[51, 1] < p[57, 1] < p[8, 1]


def test_lid_and_lip_points_lie_on_edges_that_are_drawn() -> None:
    """Across the lip's and the lid's border the picture changes; a pixel off to each side tells skin from feature."""
    image, p = neutral_face()
    for index, inward in ((51, (0, 3)), (57, (0, -3)), (50, (0, 3)), (52, (0, 3))):
        outside, inside = (
            image[tuple(np.rint(p[index] - inward).astype(int)[::-1])],
            image[tuple(np.rint(p[index] + inward).astype(int)[::-1])],
        )
        assert outside[1] - inside[1] > 50, f"no lip border at {index}"
    for index in (37, 38, 43, 44):
        assert bright(image, p[index] - (0, 10)) - bright(image, p[index]) > 40, f"no dark lid at {index}"
    for eye in ((36, 39, 37, 38, 40, 41), (42, 45, 43, 44, 46, 47)):
        middle = p[list(eye)].mean(axis=0)
        assert min(bright(image, middle + np.array([x, 0])) for x in (-3, 3)) < 90


def test_brow_and_contour_points_lie_on_what_is_drawn() -> None:
    """Brow points are on dark hair with skin above and below; the chin's points part the face from the neck."""
    image, p = neutral_face()
    for index in (18, 19, 20, 23, 24, 25):
        here = bright(image, p[index])
        assert bright(image, p[index] + (0, 6)) - here > 30
        assert bright(image, p[index] - (0, 6)) - here > 30
    for index in (7, 8, 9):
        assert bright(image, p[index] - (0, 4)) - bright(image, p[index] + (0, 4)) > 15


@pytest.mark.parametrize("turn", [(0, 0), (40, -15)], ids=["front", "turned"])
def test_points_are_annotated_beside_what_is_drawn(turn: tuple[float, float]) -> None:
    """By what the table says, which turns with the head; the same in every scheme that has the point."""
    pose = HeadPose(yaw=turn[0], pitch=turn[1], roll=0, distance=1e6)
    view = view_of({}, pose)
    tip = view.curve("ridge")[-1]
    beside = pose.turn[:2, :3] @ (*ANNOTATED["ridge"][-1], 0)
    for scheme, place in ((W300_68, 30), (WFLW_98, 54)):
        assert points_of(view, scheme)[place, :2] - tip == pytest.approx(beside, abs=1e-4)


def test_a_polygon_is_painted_where_it_is_said_to_be() -> None:
    """A disc's centre of mass is its centre within 0.1 px and its area right within 3 %, wherever it lies."""
    rng = np.random.default_rng(0)
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    for _ in range(20):
        canvas, centre = Canvas(np.zeros((120, 120, 3), np.uint8)), rng.uniform((20, 15), (35, 42))
        canvas.fill(inset(centre + np.stack([9 * np.cos(turn), 7 * np.sin(turn)], -1)), grey(200))
        cover = canvas.finished(1.0).rgb[..., 0] / 200
        assert cover.sum() == pytest.approx(np.pi * 63, rel=0.03)
        assert (cover * np.arange(60)).sum() / cover.sum() == pytest.approx(centre[0], abs=0.1)
        assert (cover.T * np.arange(60)).sum() / cover.sum() == pytest.approx(centre[1], abs=0.1)


def test_what_lies_outside_the_canvas_is_left_out() -> None:
    """A polygon partly outside paints and marks its inside part, one wholly outside nothing, tinted or not."""
    canvas = Canvas(np.zeros((120, 120, 3), np.uint8))
    square = np.array([(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)])
    for away in (100, -100):
        canvas.fill(square + np.array([away, 0]), grey(50), THING)
        canvas.tint(square + np.array([0, away]), grey(50), 0.5)
    assert canvas.finished(1.0).rgb.max() == 0
    canvas.fill(square + np.array([54.5, 34.5]), grey(50), THING)
    done = canvas.finished(1.0)
    assert done.rgb[37, 57, 0] == 50
    assert done.rgb[30, 50, 0] == 0
    assert done.front[37, 57] == pytest.approx(1, abs=0.01)
    assert done.front[30, 50] == 0


def test_strokes_are_painted_in_their_order_whatever_form_they_have() -> None:
    """One polygon, several in an array or a list, in single and double precision: the last one painted shows."""
    square = np.array([(10.0, 10.0), (40.0, 10.0), (40.0, 30.0), (10.0, 30.0)])
    for forms in (
        (square, square.astype(np.float32), square[None]),
        (np.stack([square, square + 45.0]), [square.astype(np.float32)], square),
        ([square, square + 45.0], square.astype(np.float32)[None], square.astype(np.float32)),
    ):
        canvas = Canvas(np.zeros((200, 200, 3), np.uint8))
        for level, form in enumerate(forms, start=1):
            canvas.fill(form, grey(50 * level), SKIN)
            canvas.shadow(form, 0.2 * level)
        canvas.line(square[:2], grey(250), 2.0)
        done = canvas.finished(0.5)
        assert done.rgb[20, 25].tolist() == [150, 150, 150]
        assert done.rgb[10, 25].tolist() == [250, 250, 250]
        assert done.dusk[20, 25] == round(255 * 0.6)
        assert done.rgb[65, 75, 0] == (50 if len(forms[0]) == 2 else 0)


@pytest.mark.slow
def test_creases_are_computed_wherever_they_are_seen() -> None:
    """Against distances to 500 points of the line: the same Gaussian to 0.001, and under 1e-8 where it is left out."""
    from toolkit.data.synthetic.splat import _crease, _texels

    near, line = _crease([(0.2, 0.4), (0.3, 0.6)], 0.02)
    (aside, low), t = _texels(), np.linspace(0, 1, 500)
    far = np.hypot(aside[:, None] - (0.2 + 0.1 * t), low[:, None] - (0.4 + 0.2 * t)).min(axis=1)
    whole = np.exp(-0.5 * (far / 0.02) ** 2)
    assert line.max() > 0.9
    assert np.abs(line - whole[near]).max() < 1e-3
    assert np.delete(whole, near).max() < 1e-8
    assert len(near) < 0.1 * len(whole)


def test_looks_cover_light_and_dark_people_of_many_kinds() -> None:
    """Skin from very dark to very light, every hair style, and mostly but not only bare eyes, in 600 draws."""
    rng = np.random.default_rng(2)
    looks = [draw_look(rng) for _ in range(600)]
    skin = np.array([look.skin for look in looks]).mean(axis=1)
    assert skin.min() < 70
    assert skin.max() > 190
    assert {look.hair_style for look in looks} == {"short", "buzz", "bald", "long", "bun", "afro", "medium"}
    assert 0.05 < np.mean([look.glasses != "none" for look in looks]) < 0.4


def test_the_mean_head_is_one_face_wide() -> None:
    """Its outer eye corners are one unit apart, which is the unit everything else is given in (within 0.001)."""
    head = mean_head()
    corners = [head.vertices[head.spans[f"lid_upper_{side}"]][-1] for side in ("left", "right")]
    assert corners[0][0] - corners[1][0] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("scheme", list(SCHEMES.values()), ids=str)
def test_every_scheme_reads_the_same_picture_in_its_own_points(scheme: Scheme) -> None:
    """The picture does not depend on the scheme; points, flags and box have the scheme's shape."""
    sample, plain = SyntheticFaces(3, seed=4, size_px=96, scheme=scheme)[1], SyntheticFaces(3, seed=4, size_px=96)[1]
    assert np.array_equal(sample.image, plain.image)
    assert sample.points_xy.shape == (scheme.points, 2)
    assert np.isfinite(sample.points_xy).all()
    assert sample.covered is not None
    assert sample.covered.shape == (scheme.points,)
    assert np.array_equal(sample.box_xyxy, box_of_points(sample.points_xy))


@pytest.mark.parametrize("scheme", list(SCHEMES.values()), ids=str)
def test_every_scheme_is_mirrored_by_its_own_pairs(scheme: Scheme) -> None:
    """On the mean head, mirroring x and swapping sides gives the same points, to a thousandth of the eye distance."""
    p = points_of(view_of({}, FRONT), scheme)[:, :2]
    assert np.abs(p[list(scheme.mirror)] * (-1, 1) - p).max() < 1e-3


def test_shared_points_agree_between_schemes() -> None:
    """Eye and mouth corners, lips' middles, nose and chin are the same places wherever schemes share them."""
    view = view_of({"smile": 0.8, "jaw_open": 0.1}, HeadPose(yaw=25, pitch=8, roll=10, distance=9))
    p68, p98, p29 = (points_of(view, scheme)[:, :2] for scheme in (W300_68, WFLW_98, COFW_29))
    for first, second in (
        (p68[[*range(27, 36), *range(48, 61), 62, 64, 66, 8]], p98[[*range(51, 60), *range(76, 89), 90, 92, 94, 16]]),
        (p68[[36, 45, 39, 42, 48, 54, 30, 33, 51, 62, 66, 57, 8]], p29[[8, 9, 10, 11, 22, 23, 20, 21, *range(24, 29)]]),
        (p98[[96, 97, 62, 66, 70, 74]], p29[[16, 17, 12, 13, 14, 15]]),
    ):
        assert np.abs(first - second).max() < 1e-5


def test_contours_begin_where_annotators_begin_them() -> None:
    """On the mean head: WFLW's first contour point above the level of the eyes, 300W's about at it."""
    p68, p98 = (points_of(view_of({}, FRONT), scheme)[:, :2] for scheme in (W300_68, WFLW_98))
    level = p68[[36, 45], 1].mean()
    assert -0.2 < p98[0, 1] - level < -0.05
    assert -0.02 < p68[0, 1] - level < 0.05


def test_the_points_of_98_and_29_are_in_anatomical_order() -> None:
    """From the front: brow loops upper above lower, pupils between lids, tip above base, lips in order."""
    p = points_of(view_of({}, FRONT), WFLW_98)[:, :2]
    for upper, lower in ((34, 41), (36, 39), (43, 50), (62, 66), (70, 74), (79, 85), (79, 90), (94, 85)):
        assert p[upper, 1] < p[lower, 1]
    for pupil, (outer, inner, upper, lower) in ((96, (60, 64, 62, 66)), (97, (72, 68, 70, 74))):
        assert min(p[outer, 0], p[inner, 0]) < p[pupil, 0] < max(p[outer, 0], p[inner, 0])
        assert p[upper, 1] < p[pupil, 1] < p[lower, 1]
    q = points_of(view_of({}, FRONT), COFW_29)[:, :2]
    for row in ((0, 2, 3, 1), (8, 16, 10, 11, 17, 9), (18, 20, 19), (22, 24, 23)):
        assert (np.diff(q[list(row), 0]) > 0).all()
    for column in ((4, 5, 12, 16, 13, 20, 21, 24, 25, 26, 27, 28), (6, 7, 14, 17, 15)):
        assert (np.diff(q[list(column), 1]) > -1e-3).all()


def test_pupils_of_every_scheme_lie_on_dark_irises() -> None:
    """Around the pupil's point the picture is dark, away from the lamp's glint."""
    image, _ = neutral_face()
    from toolkit.data.synthetic.portrait import framed

    view = framed(view_of({}, FRONT), 256, np.random.default_rng(3))
    for pupil in points_of(view, WFLW_98)[96:, :2]:
        assert bright(image, pupil + np.array([3, 0])) < 90
        assert bright(image, pupil + np.array([12, 0])) > 110


def test_the_contour_is_parted_evenly() -> None:
    """Neighbouring contour points of each half are equally far apart, within 8 % of their mean distance."""
    for yaw in (0, 35, -35):
        p = points_68(view_of({}, HeadPose(yaw=yaw, pitch=0, roll=0, distance=12)))
        steps = np.hypot(*np.diff(p[:17], axis=0).T)
        for half in (steps[:8], steps[8:]):
            assert np.abs(half / half.mean() - 1).max() < 0.08


def test_a_profile_hides_the_far_eye_and_a_front_view_nothing() -> None:
    """Turned by 75 degrees to the image's right, the far eye's points are hidden and the near eye's are not."""
    from toolkit.data.synthetic.scheme_points import hidden_by_head

    turned, front = view_of({}, HeadPose(yaw=75, pitch=0, roll=0, distance=12)), view_of({}, FRONT)
    hidden = hidden_by_head(turned, points_of(turned, W300_68), W300_68)
    assert hidden[42:48].all()
    assert not hidden[36:42].any()
    assert not hidden_by_head(front, points_of(front, W300_68), W300_68).any()


def test_covered_points_lie_under_what_hides_them() -> None:
    """Something painted as lying before the face covers the points under it and no others."""
    from toolkit.data.synthetic.portrait import DrawnFace, read_points

    view = view_of({}, FRONT).placed(100.0, np.array([160.0, 130.0]))
    canvas = Canvas(np.zeros((640, 640, 3), np.uint8))
    points = points_of(view, W300_68)[:, :2]
    low, high = points[48:68].min(axis=0) - 4, points[48:68].max(axis=0) + 4
    canvas.fill(np.array([low, (high[0], low[1]), high, (low[0], high[1])]), grey(50), THING)
    face = DrawnFace(np.zeros((320, 320, 3), np.uint8), view, canvas.finished(1.0).front)
    xy, covered = read_points(face, W300_68)
    assert np.array_equal(xy, points)
    assert covered[48:68].all()
    assert not covered[:48].any()


def test_covered_points_are_a_share_of_all_and_as_many_on_each_side(faces: SyntheticFaces) -> None:
    """3 to 30 % of points are covered; left and right differ by less than 15 percentage points in 40 faces."""
    flags = np.stack([faces[i].covered for i in range(40)])
    assert 0.03 < flags.mean() < 0.3
    left, right = flags[:, [0, 1, 2, 3, 36, 37, 38]], flags[:, [16, 15, 14, 13, 45, 44, 43]]
    assert abs(left.mean() - right.mean()) < 0.15


def test_mirrored_shapes_are_as_likely() -> None:
    """Mean shape of 600 faces against its mirror image: within 4 standard errors in every coordinate."""
    from toolkit.data.synthetic.portrait import draw_view

    shapes = np.stack([points_68(draw_view(np.random.default_rng([3, i]))[0]) for i in range(600)])
    shapes = (shapes - shapes.mean(axis=1, keepdims=True)) / shapes.std(axis=(1, 2), keepdims=True)
    mirrored = shapes[:, list(W300_68.mirror)] * (-1, 1)
    error = shapes.std(axis=0) * np.sqrt(2 / len(shapes))
    assert (np.abs(shapes.mean(axis=0) - mirrored.mean(axis=0)) < 4 * error + 1e-3).all()
