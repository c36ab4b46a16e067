"""The synthetic faces: the same face every time, anatomy in order, and points that lie on what is drawn."""

import numpy as np
import pytest

from toolkit.core.schemes import W300_68
from toolkit.data.sample import box_of_points
from toolkit.data.synthetic import SyntheticFaces
from toolkit.data.synthetic.canvas import Canvas
from toolkit.data.synthetic.head import COLUMNS, ROWS, mean_head
from toolkit.data.synthetic.landmarks import points_68
from toolkit.data.synthetic.light import Lamp
from toolkit.data.synthetic.look import Look, draw_look
from toolkit.data.synthetic.modes import basis, draw_expression, draw_identity
from toolkit.data.synthetic.pose import Pose, draw_pose, view_of

FRONT = Pose(yaw=0, pitch=0, roll=0, distance=12)


def bright(image: np.ndarray, xy: np.ndarray) -> float:
    """Mean brightness of the pixel nearest to a point."""
    column, row = np.rint(xy).astype(int)
    return float(image[row, column].mean())


@pytest.fixture(scope="module")
def faces() -> SyntheticFaces:
    """A small set at the usual size."""
    return SyntheticFaces(40, seed=5)


def neutral_face(size_px: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """The mean head from the front, before the camera, in a plain look: light skin, black hair, red lips."""
    from toolkit.data.synthetic.draw import framed, paint

    look = Look(
        skin=np.array([220, 180, 150], np.float32), darkness=0.1, hair=np.full(3, 20, np.float32), hair_style="buzz",
        brow=np.full(3, 30, np.float32), iris=np.array([60, 40, 30], np.float32),
        lip=np.array([170, 30, 40], np.float32), lipstick=1.0, makeup=0.0, age=0.0,
        stubble=0.0, moustache=0.0, beard=0.0, blush=0.0, glasses="none", hat="none",
    )  # fmt: skip
    flat = Lamp(
        direction=np.array([0, 0, 1], np.float32), key=np.full(3, 0.2, np.float32), ambient=np.full(3, 0.8, np.float32),
        gloss=0.0,
    )  # fmt: skip
    rng = np.random.default_rng(3)
    view = framed(view_of({}, FRONT), size_px, rng)
    return paint(view, look, flat, {}, size_px, rng), points_68(view)


def test_the_same_seed_and_index_give_the_same_face_in_any_order(faces: SyntheticFaces) -> None:
    """Face i depends on seed and i alone, not on what was drawn before it nor on the set's size."""
    again = SyntheticFaces(1000, seed=5)
    backwards = [again[i] for i in (7, 3, 0)]
    for index, sample in zip((7, 3, 0), backwards, strict=True):
        assert np.array_equal(sample.image, faces[index].image)
        assert np.array_equal(sample.points_xy, faces[index].points_xy)


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
    assert SyntheticFaces(2000).title == "synthetic faces v1, seed 0, 2000"
    assert SyntheticFaces(5, seed=9).scheme is W300_68


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
    """Mean yaw and roll near 0 degrees (3 standard errors), most yaw within 30, none beyond 60."""
    rng = np.random.default_rng(0)
    poses = [draw_pose(rng) for _ in range(3000)]
    yaw, roll = np.array([p.yaw for p in poses]), np.array([p.roll for p in poses])
    for angle in (yaw, roll):
        assert abs(angle.mean()) < 3 * angle.std() / np.sqrt(len(angle))
    assert np.abs(yaw).max() <= 60
    assert (np.abs(yaw) < 30).mean() > 0.8


def test_yaw_turns_the_face_to_the_image_right_and_pitch_downwards() -> None:
    """The nose's tip moves against the eyes as the pose's signs say; distances in outer eye distances."""
    front = points_68(view_of({}, FRONT))
    right = points_68(view_of({}, Pose(yaw=25, pitch=0, roll=0, distance=12)))
    down = points_68(view_of({}, Pose(yaw=0, pitch=15, roll=0, distance=12)))

    def tip(p: np.ndarray) -> np.ndarray:
        return p[30] - (p[36] + p[45]) / 2

    assert tip(right)[0] - tip(front)[0] > 0.15
    assert tip(down)[1] - tip(front)[1] > 0.08


def test_the_far_contour_of_a_turned_head_follows_its_silhouette() -> None:
    """At 40 degrees no point of the far cheek lies outside the contour, and the jaw's own edge lies inside it."""
    view = view_of({}, Pose(yaw=40, pitch=0, roll=0, distance=12))
    rows = ROWS - 50
    far = view.outline[1][rows]
    assert view.grid[rows, 2 * COLUMNS // 3 :, 0].max() == pytest.approx(far[0], abs=1e-4)
    assert view.grid[rows, -1, 0] < far[0] - 0.05


def test_every_mode_moves_some_landmark() -> None:
    """A mode that no picture shows would be dead weight; 1 standard deviation or a full expression moves over 0.002."""
    rest = points_68(view_of({}, Pose(yaw=20, pitch=10, roll=0, distance=12)))
    unseen = {"forehead", "deep"}
    for name in set(basis().names) - unseen:
        value = 1.0 if name in draw_expression(np.random.default_rng(0)) else 0.2
        moved = points_68(view_of({name: value}, Pose(yaw=20, pitch=10, roll=0, distance=12)))
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
        assert bright(image, p[list(eye)].mean(axis=0)) < 90


def test_brow_and_contour_points_lie_on_what_is_drawn() -> None:
    """Brow points are on dark hair with skin above and below; the chin's points part the face from the neck."""
    image, p = neutral_face()
    for index in (18, 19, 20, 23, 24, 25):
        here = bright(image, p[index])
        assert bright(image, p[index] + (0, 6)) - here > 30
        assert bright(image, p[index] - (0, 6)) - here > 30
    for index in (7, 8, 9):
        assert bright(image, p[index] - (0, 4)) - bright(image, p[index] + (0, 4)) > 15


def test_a_polygon_is_painted_where_it_is_said_to_be() -> None:
    """A disc's centre of mass is its centre within 0.1 px and its area right within 4 %, wherever it lies."""
    rng = np.random.default_rng(0)
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    for _ in range(20):
        canvas, centre = Canvas(np.zeros((40, 60, 3), np.float32)), rng.uniform((20, 15), (35, 22))
        canvas.fill(centre + np.stack([9 * np.cos(turn), 7 * np.sin(turn)], -1), np.full(3, 1, np.float32))
        cover = canvas.rgb[..., 0]
        assert cover.sum() == pytest.approx(np.pi * 63, rel=0.04)
        assert (cover * np.arange(60)).sum() / cover.sum() == pytest.approx(centre[0], abs=0.1)
        assert (cover.T * np.arange(40)).sum() / cover.sum() == pytest.approx(centre[1], abs=0.1)


def test_what_lies_outside_the_canvas_is_left_out() -> None:
    """A polygon partly outside paints its inside part, one wholly outside nothing; the canvas is not square."""
    canvas = Canvas(np.zeros((40, 60, 3), np.float32))
    square = np.array([(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)])
    canvas.fill(square + np.array([100, 0]), np.full(3, 50, np.float32))
    assert canvas.rgb.max() == 0
    canvas.fill(square + np.array([54.5, 34.5]), np.full(3, 50, np.float32), lit=True)
    assert canvas.rgb[37, 57, 0] == pytest.approx(50, abs=0.01)
    assert canvas.rgb[30, 50, 0] == 0
    assert canvas.lit[37, 57] == pytest.approx(1, abs=0.01)


def test_looks_cover_light_and_dark_people_of_many_kinds() -> None:
    """Skin from very dark to very light, every hair style, and mostly but not only bare eyes, in 600 draws."""
    rng = np.random.default_rng(2)
    looks = [draw_look(rng) for _ in range(600)]
    skin = np.array([look.skin.mean() for look in looks])
    assert skin.min() < 70
    assert skin.max() > 190
    assert {look.hair_style for look in looks} == {"short", "buzz", "bald", "long", "bun", "afro", "medium"}
    assert 0.05 < np.mean([look.glasses != "none" for look in looks]) < 0.4


def test_the_mean_head_is_one_face_wide() -> None:
    """Its outer eye corners are one unit apart, which is the unit everything else is given in (within 0.001)."""
    head = mean_head()
    corners = [head.vertices[head.spans[f"lid_upper_{side}"]][-1] for side in ("left", "right")]
    assert corners[0][0] - corners[1][0] == pytest.approx(1.0, abs=1e-3)
