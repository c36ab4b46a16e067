"""The contract: one JSON object that says how a platform detects, crops, runs, tracks, smooths and draws.

Every number is read from the module that uses it here, so that no platform types one.
"""

from collections.abc import Sequence
from typing import cast

from toolkit.core import heatmap
from toolkit.core.draw import DOUBTFUL, STYLE, FaceStyle
from toolkit.core.files import sha256
from toolkit.core.geometry import BOX_SCALE
from toolkit.core.schemes import scheme
from toolkit.core.smoothing import SMOOTHING
from toolkit.detect.blazeface import CANDIDATE_SCORE, GRIDS, INPUT_PX, KEYPOINTS, RANGE, SUPPRESSED, detector_file
from toolkit.detect.boxes import CALIBRATION, FARTHEST, SAME_FACE, SETTLED
from toolkit.detect.detector import (
    CERTAIN,
    CLOSE_UP,
    FINEST,
    LARGE,
    MARGIN,
    MIN_SCORE,
    NEAR,
    SMALLEST_TILE_PX,
    VIEW_PX,
)
from toolkit.detect.first_crop import FIRST_CROP
from toolkit.detect.landmarks import PASSES
from toolkit.detect.tracking import BEHIND, LARGEST, SAME_TRACK, TRACKING
from toolkit.detect.turned import CLEAR, LEVEL_DEG, QUARTERS
from toolkit.runtime.landmarker import known_floor
from toolkit.runtime.sidecar import OUTPUTS, Sidecar
from tools.contract.terms import Detector, Drawing, Input, Model, ModelFile, Style, Tensor, Terms, TrackingTerms

FORMAT = 2
"""The version of this JSON; a platform refuses a higher one. What each one changed stands in deploy/README.md."""

PIXELS = (
    "0-based, x before y, origin at the top left, whole numbers at pixel centres: a picture of width W covers "
    "[-0.5, W - 0.5]"
)
CROP = (
    "a square around the box's centre c, its side box_scale times the box's longer side; image pixel p goes to crop "
    "pixel scale * R(-roll) * (p - c) + (size_px - 1) / 2 with scale = size_px / (box_scale * longer side), where "
    "R(d) = [[cos d, -sin d], [sin d, cos d]] turns points by d degrees clockwise on the screen, and roll is that of "
    "the face, see turning"
)
SHRINK = (
    "where block = floor(1 / scale) is above 1, the picture is first averaged over blocks of block x block pixels, "
    "counted from its top left; pixels beyond its right and bottom edges repeat the edge; means are rounded to whole "
    "levels; block (i, j) has its centre at image pixel block * (i, j) + (block - 1) / 2"
)
BORDER = "outside the picture (or its blocks) the nearest pixel is repeated"
DETECTED = (
    "for platforms without MediaPipe, whose steps these are. The picture's longer side is scaled to input_px, in the "
    "middle of a black square: square pixel q shows picture pixel (q - (input_px - s * size) / 2) / s for s = input_px "
    "/ longer side, without the half pixel of centres, sampled bilinearly, not averaged, black beyond the picture, and "
    "rounded to whole levels; 0 to 255 become `range`. Of its outputs, the wider one has 4 + 2 * keypoints numbers an "
    "anchor, the other one a logit: score = 1 / (1 + exp(-logit)). Anchors lie at the centres ((column, row) + 0.5) / "
    "cells of a grid's cells, cells = input_px / stride, rows first, so many in each cell, grid after grid ([stride, "
    "count]). The numbers over input_px are centre and size of a box, and keypoints, x before y, centre and keypoints "
    "from the anchor: places r in [0, 1] of the square. Scores below min_score are dropped. Then the surest box and "
    "all that overlap it by more than `suppressed` (intersection over union) are one face: their mean weighted by "
    "score, with the score of the surest; and so on with the rest. r is picture pixel r * longer side + (size - longer "
    "side) / 2 - 0.5"
)
SEARCHED = (
    "what the toolkit and the page do beyond one look, by MediaPipe's detector or by its network; the apps and "
    "deploy/python take the faces of one look at the whole picture as they are, find fewer small ones, and leave it to "
    "min_confidence (see tracking) to drop what is none. "
    "A face under a sixth of the picture's longer side is easily missed: the detector looks at the whole picture; "
    "where that shows no face, with a black border of `margin` times the longer side; and, unless there are faces so "
    "far and all take `large` of the longer side, or where it is asked to, at square tiles, the longer side halved "
    "`finest` times but not below smallest_tile_px, each half over the next. What it looks at is first halved, by "
    "means of 2 x 2 pixels without an odd last column or row, while its longer side is 2 * view_px or more and its "
    "shorter one above 1. Each time means are rounded to whole levels, halves up. A face of the whole picture that "
    "scores `certain` or more, with a box that takes `near` of the longer side, counts; any other when a second look, "
    "at a square of close_up times its box, scores min_score or more. A film's frames are looked at without tiles, but "
    "by `sdhrnet video`, which takes those of the first halving"
)
CALIBRATED = (
    "per axis: centre + shift * side of the detector's box, the shift turned by R(roll), with scale * its side; "
    "relative detector coordinates r are image pixels r * W - 0.5"
)
FIRST_CROPPED = (
    "the box of a detected face's first prediction, before it is turned: with c the mean of the keypoints, s the root "
    "of their mean squared distance from c, and roll that of the first two (see turning), keypoint k becomes R(-roll) "
    "* (k - c) / s. The x and y of all, one after the other, and then 1 are multiplied with a row of `weights` each; "
    "the sum of the rows is (x, y, width, height) of the box whose centre is c + s * R(roll) * (x, y) and whose sides "
    "are s * (width, height). Where keypoints are missing, or s is 0, or a side of this box is not above 0, or it is "
    "not similar (see tracking) to that of `calibration`, the latter is taken"
)
TURNED = (
    "eyes at right and left, as the person has them, are turned by r = atan2(left - right) in (-180, 180]; their "
    "crop's roll is sign(r) * min(|r|, 2 * max(|r| - level_deg, 0)). A detected face has the roll of the detector's "
    "first two keypoints, points that of the points `eyes`. The box of points with a roll is the tight box of "
    "R(-roll) * points, its centre c moved to R(roll) * c. A picture is looked at as it is. What has a side that is "
    "not above 0, or a place that is not finite, is no face. Where no face is seen, it is looked at after `quarters` "
    "quarter turns to the left too: a photo after each of them, a film's frame after one, the next one each time, and "
    "only while none is followed. Where a face that is seen scores below `clear`, the picture is looked at after all "
    "of them. Turned back, what shares more than same_face with a face of a higher score is another view of it; a face "
    "that is seen in turned pictures alone counts where none is seen in the picture as it is. Each view is predicted, "
    "and the one with the highest mean confidence is the face"
)
TRACKED = (
    "a new face is predicted in its first_crop, and up to `passes` times in all, each time cropped by the box and roll "
    "of the points before, while that box is similar (below) to the one it was cropped by and its centre along an "
    "axis, or half its longer side, differs by more than `settled` of that one's longer side; then once a frame, "
    "cropped by those of the last frame's points, before smoothing, moved on by v * min(t - t1, ahead_s): v is 0 at "
    "first, then d * max(0, 1 - leeway * side / |d|) / (t1 - t0) for the shift d of the box's centre from t0 to t1, "
    "the last two frames, and the longer side of the last box. It is lost when the mean confidence is below "
    "min_confidence, which is the model's (`confidence_floor` of its sidecar), when less than min_inside of the "
    "points' box is in the picture, when its longer side is not below `largest` times that of the picture, or when "
    "that box is not similar to the one it was cropped by: its longer side within 1 / farthest and farthest times, its "
    "centre less than half that side away along each axis. The detector looks while fewer than `faces` are followed: "
    "in every frame while none is or a lost one is remembered (remember_s), else every look_again_s. Shared areas are "
    "over the smaller box: what shares more than same_face with a followed face is that face; with a remembered one, "
    "where that was or where it was going, moved on by all of v * (t - t1), gets its number back; of two followed ones "
    "that share more than same_track the surer one stays. Beyond this, the toolkit compares what faces look like, so "
    f"that people who cross keep their numbers; remembers one that was lost beside another {BEHIND:g} times as long, "
    "and finds it anywhere in twice that other's box; and ends all tracks at a film's hard cuts. Of black pictures "
    "with faces apart, as in the golden film, it decides by place alone"
)
SMOOTHED = (
    "One-Euro on every coordinate p of a frame T seconds after the last: v = (p - q) / size / T, where q is the last "
    "*smoothed* value and size the longer side of the box of this frame's points, at least 1 px; the speed u becomes u "
    "+ w(derivative_cutoff_hz) * (v - u), and q becomes q + w(min_cutoff_hz + beta * |u|) * (p - q), with w(f) = 1 / "
    "(1 + 1 / (2 * pi * f * T)). A new track starts with the points as they are and u = 0"
)
DECODED = (
    "confidence is the highest value of the map as it is, before it is smoothed, clipped to [0, 1]. dark: smooth with "
    "the kernel along rows and columns (zeros outside), take the first highest pixel in reading order, and add a "
    "Newton step of L(x, y) = ln(max(value, log_floor)) around it (outside the map its nearest pixel): gx = (L(1, 0) - "
    "L(-1, 0)) / 2, gy = (L(0, 1) - L(0, -1)) / 2, hxx = L(1, 0) + L(-1, 0) - 2 L(0, 0), hyy = L(0, 1) + L(0, -1) - 2 "
    "L(0, 0), hxy = (L(1, 1) + L(-1, -1) - L(1, -1) - L(-1, 1)) / 4, det = hxx * hyy - hxy^2. Where hxx < 0, hyy < 0 "
    "and det > 1e-6 the step is (-(hyy * gx - hxy * gy), -(hxx * gy - hxy * gx)) / det, each coordinate within half a "
    "pixel, else 0. centroid: take the first highest pixel of the map as it is, and add the mean of the offsets (x, y) "
    "to all pixels as far as radius along each axis (outside the map its nearest pixel), weighted by max(value, 0)^2: "
    "the weighted sum of offsets over the sum of weights, which is mass_floor at least; each coordinate within half a "
    "pixel. quarter: 0.25 * sign(value(1, 0) - value(-1, 0)) along x, and so along y, of the map as it is; "
    "argmax: nothing. Heatmap pixel h is crop pixel stride * (h + 0.5) - 0.5"
)

DRAWN = (
    "lines, then dots, each over an edge of its own, in pixels of what is drawn on, with s the longer side of the box "
    "of the face's points there: a line is w = max(1, stroke * s) wide, its edge w + max(line_edge_px, w); a dot has "
    "the radius r = max(1, dot * s), its edge r + max(dot_edge_px, r / 3). A dot's colour is unsure + "
    "min(confidence / sure_from, 1) * (sure - unsure)"
)


def contract_of(about: Sidecar, siblings: Sequence[Sidecar]) -> Terms:
    """The contract of a converted file.

    Args:
        about: of the file that the demos take and the cases are made with.
        siblings: of all files that were converted from the same bundle, for benchmarks.
    """
    return {
        "format": FORMAT,
        "pixels": PIXELS,
        "model": _chosen(about),
        "models": [_model(each) for each in siblings],
        "input": _input(about),
        "outputs": _outputs(about),
        "crop": {
            "rule": CROP,
            "box_scale": BOX_SCALE,
            "interpolation": "bilinear, levels rounded to the nearest",
            "border": BORDER,
            "shrink": SHRINK,
        },
        "heatmaps": {
            "rule": DECODED,
            "decoder": about.decoder,
            "sigma_px": about.sigma_px,
            "kernel": [round(weight, 12) for weight in heatmap.smoothing_kernel(about.sigma_px).tolist()],
            "log_floor": heatmap.LOG_FLOOR,
            "radius": heatmap.centroid_radius(about.sigma_px),
            "mass_floor": heatmap.CENTROID_FLOOR,
            "stride": heatmap.STRIDE,
        },
        "detector": _detector(),
        "turning": {
            "rule": TURNED,
            "level_deg": LEVEL_DEG,
            "clear": CLEAR,
            "quarters": list(QUARTERS),
            "eyes": scheme(about.scheme).eyes,
        },
        "tracking": _tracking(about),
        "smoothing": {
            "rule": SMOOTHED,
            "min_cutoff_hz": SMOOTHING.min_cutoff_hz,
            "beta": SMOOTHING.beta,
            "derivative_cutoff_hz": SMOOTHING.derivative_cutoff_hz,
        },
        "drawing": _drawing(about.scheme),
    }


def _model(about: Sidecar) -> ModelFile:
    return {
        "file": about.model,
        "file_sha256": about.file_sha256,
        "precision": about.precision,
        "output": about.output,
        "source_bundle": about.source_bundle,
    }


def _chosen(about: Sidecar) -> Model:
    own = {} if about.own_scheme is None else {"own_scheme": about.own_scheme}
    rest = {"size_px": about.size_px, "scheme": about.scheme, **own, "points": about.points}
    return cast(Model, {**_model(about), **rest})


def _input(about: Sidecar) -> Input:
    side = about.size_px
    shapes = {"NCHW": [1, 3, side, side], "NHWC": [1, side, side, 3], "image": [side, side]}
    return {
        "name": "image",
        "layout": about.input_layout,
        "shape": shapes[about.input_layout],
        "dtype": "image" if about.input_layout == "image" else "float32",
        "colours": about.input_colours,
        "range": about.input_range,
    }


def _outputs(about: Sidecar) -> dict[str, Tensor]:
    side = about.size_px // heatmap.STRIDE
    shapes = {
        "points": [1, about.points, 2],
        "confidence": [1, about.points],
        "heatmaps": [1, side, side, about.points],
    }
    return {
        name: {"shape": shapes[name], "dtype": "float32", "meaning": meaning}
        for name, meaning in OUTPUTS[about.output].items()
    }


def _detector() -> Detector:
    return {
        "file": detector_file().name,
        "file_sha256": sha256(detector_file()),
        "min_score": CANDIDATE_SCORE,
        "network": {
            "rule": DETECTED,
            "input_px": INPUT_PX,
            "range": RANGE,
            "grids": list(GRIDS),
            "keypoints": KEYPOINTS,
            "suppressed": SUPPRESSED,
        },
        "search": {
            "rule": SEARCHED,
            "min_score": MIN_SCORE,
            "close_up": CLOSE_UP,
            "certain": CERTAIN,
            "near": NEAR,
            "large": round(LARGE, 6),
            "finest": FINEST,
            "smallest_tile_px": SMALLEST_TILE_PX,
            "view_px": VIEW_PX,
            "margin": MARGIN,
        },
        "calibration": {"rule": CALIBRATED, "shift_xy": CALIBRATION.shift_xy, "scale_xy": CALIBRATION.scale_xy},
        "first_crop": {"rule": FIRST_CROPPED, "weights": FIRST_CROP.tolist()},
    }


def _tracking(about: Sidecar) -> TrackingTerms:
    return {
        "rule": TRACKED,
        "faces": TRACKING.faces,
        "look_again_s": TRACKING.look_again_s,
        "min_confidence": known_floor(about.confidence_floor),
        "min_inside": TRACKING.min_inside,
        "remember_s": TRACKING.remember_s,
        "leeway": TRACKING.leeway,
        "ahead_s": TRACKING.ahead_s,
        "passes": PASSES,
        "settled": SETTLED,
        "farthest": FARTHEST,
        "largest": LARGEST,
        "same_face": SAME_FACE,
        "same_track": SAME_TRACK,
    }


def _drawing(name: str) -> Drawing:
    """What to draw, and how: colours in RGB, widths over the longer side of the face."""
    known = scheme(name)
    return {
        "rule": DRAWN,
        "lines": [{"indices": list(line.indices), "closed": line.closed} for line in known.lines],
        "regions": {region: list(indices) for region, indices in known.regions.items()},
        "style": _style(STYLE),
        "doubtful": _style(DOUBTFUL),
    }


def _style(style: FaceStyle) -> Style:
    return {
        "sure": list(style.sure),
        "unsure": list(style.unsure),
        "sure_from": style.sure_from,
        "line": list(style.line),
        "box": list(style.box),
        "edge": list(style.edge),
        "dot": style.dot,
        "stroke": style.stroke,
        "line_edge_px": style.line_edge_px,
        "dot_edge_px": style.dot_edge_px,
    }
