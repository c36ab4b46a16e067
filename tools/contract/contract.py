"""The contract: one JSON object that says how a platform detects, crops, runs, tracks, smooths and draws.

Every number is read from the module that uses it here, so that no platform types one.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from toolkit.core import heatmap
from toolkit.core.draw import DOUBTFUL, STYLE
from toolkit.core.files import sha256
from toolkit.core.geometry import BOX_SCALE
from toolkit.core.schemes import scheme
from toolkit.core.smoothing import SMOOTHING
from toolkit.detect.blazeface import CANDIDATE_SCORE, detector_file
from toolkit.detect.boxes import CALIBRATION, FARTHEST, SAME_FACE
from toolkit.detect.landmarks import PASSES
from toolkit.detect.tracking import LARGEST, SAME_TRACK, TRACKING
from toolkit.detect.turned import CLEAR, LEVEL_DEG, QUARTERS
from toolkit.runtime.sidecar import OUTPUTS, Sidecar

FORMAT = 1
"""The version of this JSON; a platform refuses a higher one."""

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
CALIBRATED = (
    "per axis: centre + shift * side of the detector's box, the shift turned by R(roll), with scale * its side; "
    "relative detector coordinates r are image pixels r * W - 0.5"
)
TURNED = (
    "eyes at right and left, as the person has them, are turned by r = atan2(left - right) in (-180, 180]; their "
    "crop's roll is sign(r) * min(|r|, 2 * max(|r| - level_deg, 0)). A detected face has the roll of the detector's "
    "first two keypoints, points that of the points `eyes`. The box of points with a roll is the tight box of "
    "R(-roll) * points, its centre c moved to R(roll) * c. A picture is looked at as it is. Where no face is seen, it "
    "is looked at after `quarters` quarter turns to the left too: a photo after each of them, a film's frame after "
    "one, the next one each time, and only while none is followed. Where a face that is seen scores below `clear`, "
    "the picture is looked at after all of them. Turned back, what shares more than same_face with a face of a higher "
    "score is another view of it; a face that is seen in turned pictures alone counts where none is seen in the "
    "picture as it is. Each view is predicted, and the one with the highest mean confidence is the face"
)
TRACKED = (
    "a new face is predicted `passes` times, each time cropped by the box and roll of the points before; then once a "
    "frame, cropped by those of the last frame's points, before smoothing, moved on by v * min(t - t1, ahead_s): v "
    "is 0 at first, then d * max(0, 1 - leeway * side / |d|) / (t1 - t0) for the shift d of the box's centre from t0 "
    "to t1, the last two frames, and the longer side of the last box. It is lost when the mean confidence is below "
    "min_confidence, when less than min_inside of the points' box is in the picture, when its longer side is not "
    "below `largest` times that of the picture, or when that box is not similar to the one it was cropped by: its "
    "longer side within 1 / farthest and farthest times, its centre less than half that side away along each axis. The "
    "detector looks while fewer than `faces` are followed: in every "
    "frame while none is or a lost one is remembered (remember_s), else every look_again_s. Shared areas are over the "
    "smaller box: what shares more than same_face with a followed face is that face, with a remembered one gets its "
    "number back; of two followed ones that share more than same_track the surer one stays"
)
SMOOTHED = (
    "One-Euro on every coordinate, speeds in face sizes a second; the size is the longer side of the points' box, at "
    "least 1 px; a new track starts with the points as they are"
)
DECODED = (
    "confidence is the highest value, clipped to [0, 1]. dark: smooth with the kernel (zeros outside), take the first "
    "highest pixel in reading order, and add the Newton step -H^-1 g of the logarithm (values below log_floor count as "
    "log_floor; outside the map its nearest pixel), each coordinate within half a pixel, where H is negative definite "
    "with a determinant above 1e-6, else nothing. quarter: a quarter pixel towards the higher neighbour. Heatmap pixel "
    "h is crop pixel stride * (h + 0.5) - 0.5"
)


def contract_of(about: Sidecar, siblings: Sequence[Sidecar]) -> dict[str, Any]:
    """The contract of a converted file.

    Args:
        about: of the file that the demos take and the cases are made with.
        siblings: of all files that were converted from the same bundle, for benchmarks.
    """
    return {
        "format": FORMAT,
        "pixels": PIXELS,
        "model": _model(about) | {"size_px": about.size_px, "scheme": about.scheme, "points": about.points},
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
            "stride": heatmap.STRIDE,
        },
        "detector": {
            "file": detector_file().name,
            "file_sha256": sha256(detector_file()),
            "min_score": CANDIDATE_SCORE,
            "calibration": {"rule": CALIBRATED, **dataclasses.asdict(CALIBRATION)},
        },
        "turning": {
            "rule": TURNED,
            "level_deg": LEVEL_DEG,
            "clear": CLEAR,
            "quarters": list(QUARTERS),
            "eyes": list(scheme(about.scheme).eyes),
        },
        "tracking": {"rule": TRACKED, **_tracking()},
        "smoothing": {"rule": SMOOTHED, **dataclasses.asdict(SMOOTHING)},
        "drawing": _drawing(about.scheme),
    }


def _model(about: Sidecar) -> dict[str, Any]:
    return {
        "file": about.model,
        "file_sha256": about.file_sha256,
        "precision": about.precision,
        "output": about.output,
        "source_bundle": about.source_bundle,
    }


def _input(about: Sidecar) -> dict[str, Any]:
    side = about.size_px
    shapes = {"NCHW": [1, 3, side, side], "NHWC": [1, side, side, 3], "image": [side, side]}
    return {
        "name": "image",
        "layout": about.input_layout,
        "shape": shapes[about.input_layout],
        "dtype": "image" if about.input_layout == "image" else "float32",
        "colours": about.input_colours,
        "range": list(about.input_range),
    }


def _outputs(about: Sidecar) -> dict[str, Any]:
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


def _tracking() -> dict[str, Any]:
    settings = {name: value for name, value in dataclasses.asdict(TRACKING).items() if name != "smoothing"}
    return {
        **settings,
        "passes": PASSES,
        "farthest": FARTHEST,
        "largest": LARGEST,
        "same_face": SAME_FACE,
        "same_track": SAME_TRACK,
    }


def _drawing(name: str) -> dict[str, Any]:
    """What to draw, and how: colours in RGB, widths over the longer side of the face."""
    known = scheme(name)
    return {
        "lines": [dataclasses.asdict(line) for line in known.lines],
        "regions": dict(known.regions),
        "style": dataclasses.asdict(STYLE),
        "doubtful": dataclasses.asdict(DOUBTFUL),
    }
