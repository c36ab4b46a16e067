"""From MediaPipe's box to the box of the landmarks."""

import numpy as np
import pytest

from toolkit.detect.boxes import CALIBRATION, SETTLED, Calibration, calibrate, fit_calibration, nearest, settled


def boxes(count: int) -> np.ndarray:
    """Boxes (count, 4) of many sizes, not square."""
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 500, (count, 2))
    return np.column_stack([corner, corner + rng.uniform(30, 300, (count, 1)) * [1.0, 1.1]])


def test_calibrate_moves_and_stretches():
    """By hand: a box of 100 x 80 at (10, 20), shifted by a tenth and a quarter, 0.9 and 0.5 as large."""
    found = calibrate(np.array([10.0, 20, 110, 100]), Calibration(shift_xy=(0.1, 0.25), scale_xy=(0.9, 0.5)))
    assert found == pytest.approx([70 - 45, 80 - 20, 70 + 45, 80 + 20])


def test_calibrate_knows_no_unit():
    """Moving and enlarging the picture moves and enlarges the calibrated box alike."""
    box = np.array([10.0, 20, 110, 120])
    assert calibrate(box * 3 + [7, 5, 7, 5]) == pytest.approx(calibrate(box) * 3 + [7, 5, 7, 5])


def test_fit_finds_a_known_calibration_among_outliers():
    """With a quarter of the detections off, fit returns the four numbers that made the truth, to 1e-9."""
    known = Calibration(shift_xy=(-0.02, 0.07), scale_xy=(0.95, 0.85))
    detected = boxes(200)
    truth = np.array([calibrate(b, known) for b in detected])
    detected[::8] += [500, 0, 700, 90]  # half of the outliers to each side, so that the medians stand
    detected[1::8] -= [500, 0, 700, 90]
    fitted = fit_calibration(detected[2:], truth[2:])
    assert fitted.shift_xy == pytest.approx(known.shift_xy, abs=0.02)
    assert fitted.scale_xy == pytest.approx(known.scale_xy, abs=0.05)
    clean = fit_calibration(boxes(200), truth)
    assert (*clean.shift_xy, *clean.scale_xy) == pytest.approx((*known.shift_xy, *known.scale_xy), abs=1e-9)


def test_the_longer_side_is_right_in_the_middle():
    """Faces that are now wide, now tall: the calibrated longer side over the true one has median 1."""
    rng = np.random.default_rng(1)
    detected = boxes(501)
    truth = np.array(
        [calibrate(b, Calibration(shift_xy=(0, 0), scale_xy=tuple(rng.uniform(0.8, 1.1, 2)))) for b in detected]
    )
    fitted = fit_calibration(detected, truth)
    sides = [(b[:, 2:] - b[:, :2]).max(axis=1) for b in (np.array([calibrate(d, fitted) for d in detected]), truth)]
    assert np.median(sides[1] / sides[0]) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("shapes", [((0, 4), (0, 4)), ((3, 4), (2, 4)), ((4,), (4,))])
def test_fit_refuses_what_does_not_match(shapes):
    """No boxes, different counts and a lone box raise ValueError."""
    with pytest.raises(ValueError, match=r"expected two arrays \(N, 4\)"):
        fit_calibration(*(np.zeros(shape) for shape in shapes))


def test_the_stored_calibration_is_near_the_identity():
    """MediaPipe's box and the landmarks' are much alike; a sign or unit slip would not be."""
    assert np.abs(CALIBRATION.shift_xy).max() < 0.1
    assert np.abs(np.array(CALIBRATION.scale_xy) - 1).max() < 0.1


@pytest.mark.parametrize(("move", "grow"), [((0.9, 0), 0), ((0, -0.9), 0), ((0, 0), 1.8), ((0.5, 0.5), -1.8)])
def test_a_crop_is_in_place_up_to_a_part_of_its_side(move, grow):
    """Moved along an axis or grown to both sides by nine tenths of SETTLED it is, twice as far it is not."""
    before = np.array([10.0, 20, 90, 120])  # 100 px high
    step = 100 * SETTLED * np.concatenate([np.array(move) - grow / 2, np.array(move) + grow / 2])
    assert settled(before + step, before)
    assert not settled(before + 2 * step, before)


def test_the_nearest_face_is_the_one_in_the_middle():
    """By shares of the box, which is not square; one whose middle is not in it is no answer, and no box is none."""
    box = np.array([0.0, 0, 100, 40])
    near, nearer, beside = (np.array([x - 5, y - 5, x + 5, y + 5]) for x, y in ((50, 35), (70, 20), (50, 41)))
    assert nearest(box, [beside, near, nearer, nearer]) == 2
    assert nearest(box, [beside]) is None and nearest(box, []) is None
