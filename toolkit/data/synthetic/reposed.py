"""Portraits seen anew: a photographed face turned, with another expression, in other light, before something else.

What drawn heads know of turning and of expressions moves the points of a photographed one, whose picture is warped
after them by a thin-plate spline (Bookstein 1989). Teeth, a beard, light, glasses, hats and what is held before a face
are those of drawn faces, so is the background; skin, eyes, hair and clothes are the photo's.

A portrait is one from the front with its mouth closed, before an even background, as studios take them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from math import radians, sin
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, Floats, ImageArray, SingleArray, single
from toolkit.core.geometry import lengths_along, on_line
from toolkit.core.schemes import W300_68
from toolkit.data.synthetic import objects
from toolkit.data.synthetic.canvas import FINE, Canvas, plain
from toolkit.data.synthetic.chance import Colour, between, clamp
from toolkit.data.synthetic.imaging import draw_background, hair_shade, photograph
from toolkit.data.synthetic.light import Lamp, draw_lamp, flat_light
from toolkit.data.synthetic.look import draw_look
from toolkit.data.synthetic.modes import Values, draw_expression, draw_identity
from toolkit.data.synthetic.portrait import COVERS, lit
from toolkit.data.synthetic.pose import PIVOT, HeadPose, HeadView, draw_pose, projected, turned, view_of
from toolkit.data.synthetic.scheme_points import hidden_by_head, points_of
from toolkit.data.synthetic.splat import Layer, splat

FROM_FRONT = HeadPose(yaw=0, pitch=0, roll=0, distance=1e6)
MOST_YAW = 40.0
"""Degrees; beyond them half of a face would be made of what the photo does not show."""
OTHER_FACE = 0.6
"""How much of the difference between two drawn people a portrait is given."""
FACE_SHARE = (0.38, 0.46)
"""Range of the 68 points' longer side, as a fraction of the picture's."""
IN_PLACE = 0.15
"""Share of the pictures whose background stays."""
BACKGROUND = 14.0
"""CIELAB distance from the studio's background beyond which a pixel is the person's."""
EVEN = 0.4
"""Share of the upper edges that must be background."""
CLOSED = 0.02
"""Units between lids, or lips, that are drawn shut."""
OPENED = 0.025
"""Units by which lips part more than in the photo before one looks into the mouth."""
EXPOSED = 110.0
"""Mean level of the picture's middle under a lamp, as a camera exposes it."""
TAKEN_FROM = 15.0
"""Units from the head's pivot to the studio's camera, whose perspective portraits already have."""
NEARER = MappingProxyType(
    {
        **{17: 19, 20: -30, 21: -14, 27: 25, 28: 28, 29: 19, 30: 9, 31: -60, 32: -86, 33: -40},
        **{36: 12, 37: 11, 38: 9, 40: 16, 41: 12, 48: 39, 49: 35, 50: 42, 51: 15},
        **{57: 37, 58: 27, 59: 37, 60: 8, 61: 13, 62: 3, 66: -6, 67: 6},
    }
)
"""Thousandths of a unit by which photographed points lie before those of the drawn head, which is not built by them:
on the face's middle and the image's left; those on the right are their mirror's."""
START = np.array([-0.035, 0.245, 0.11])
"""Units along the contour by which it begins lower than the portrait's own: always, per sine of the pitch and per
squared sine of the yaw, since annotators begin about beside the eyes, whichever way the ears go."""
START_ASIDE, CHIN_ASIDE = np.array([-0.06, 0.08]), np.array([0.055, 0.25])
"""Units along the contour, from the image's left to its right, by which its ends and its middle lie further: per sine
of the yaw, and per sine of yaw times sine of pitch.

These, and the depths, were settled by what sdhrnet-68pt-160, mirrored too, says of such pictures."""
VERSION = 2
"""Of the poses and of where points lie; pictures are drawn as drawn faces of their own version are."""
FOLDED = 0.01
"""Share of the face and what is about it that may show the photo turned over."""
TRIES = 50
"""Poses and expressions that are drawn for one picture, until one does not fold the photo."""
SPAN = 2
"""Pixels between the places that the spline is computed at."""
_EYES = slice(36, 42), slice(42, 48)
_LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))
_LIPS = ((61, 67), (62, 66), (63, 65))
_UPPER, _LOWER = [61, 62, 63], [67, 66, 65]
_AROUND = np.array([(x, y) for x in (-2.2, 0.0, 2.2) for y in (-2.2, 2.6)] + [(-2.2, 0.2), (2.2, 0.2)])
"""Places in units about a head that turn with it as a plane does."""


@dataclass(frozen=True)
class Portrait:
    """A photo to be seen anew."""

    image: ImageArray
    """(H, W, 3) RGB."""
    points_xy: FloatArray
    """(68, 2) in its pixels."""
    matte: SingleArray
    """(H, W) how much of each pixel is the person, 0 to 1."""

    @classmethod
    def of(cls, image: ImageArray, points_xy: FloatArray) -> "Portrait":
        """From a photo (H, W, 3) before an even background and its 68 points (68, 2). Raises as matte does."""
        return cls(image, points_xy, matte(image))


@dataclass(frozen=True)
class ReposedFace:
    """A portrait seen anew."""

    image: ImageArray
    """(S, S, 3) RGB."""
    points_xy: FloatArray
    """(68, 2) in its pixels."""
    covered: NDArray[np.bool_]
    """(68,) which of them the head or something before it hides."""


def matte(image: ImageArray) -> SingleArray:
    """How much of each pixel of a studio's photo is the person: what differs from the background, and all in between.

    Args:
        image: (H, W, 3) RGB; the background is smooth and reaches the upper edges.

    Returns:
        (H, W) from 0 to 1.

    Raises:
        ValueError: the background is not even.
    """
    height, width = image.shape[:2]
    colours = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float32)
    y, x = np.mgrid[:height, :width]
    terms = np.stack([np.ones(x.shape), x / width, y / height, (x / width - 0.5) ** 2, (y / height) ** 2], -1)
    edge, rim = max(8, width // 16), np.zeros((height, width), bool)
    rim[:edge] = rim[: height // 2, :edge] = rim[: height // 2, -edge:] = True
    upper = rim.copy()
    for _ in range(3):  # what hair there is at the rim is left out
        smooth = np.linalg.lstsq(terms[rim], colours[rim], rcond=None)[0]
        apart = np.linalg.norm(colours - terms @ smooth, axis=2)
        rim &= apart <= np.quantile(apart[rim], 0.85)
    if (apart[upper] <= BACKGROUND).mean() < EVEN:
        raise ValueError("not before an even background, as a studio's")
    _, parts = cv2.connectedComponents((apart <= BACKGROUND).astype(np.uint8), connectivity=4)
    at_rim = np.unique(np.concatenate([parts[0], parts[: height // 2, 0], parts[: height // 2, -1]]))
    person = ~np.isin(parts, at_rim[at_rim > 0])
    return single(cv2.GaussianBlur(person.astype(np.float32), (0, 0), 1.2))


def from_front(modes: Values) -> FloatArray:
    """(68, 3) points of a drawn head, in units about its pivot, seen from the front."""
    return points_of(view_of(modes, FROM_FRONT), W300_68)


def repose(portrait: Portrait, size_px: int, rng: np.random.Generator) -> ReposedFace:
    """A portrait in a random pose, expression and light, in a picture of size_px.

    Raises:
        ValueError: any pose folds the photo, as its points cannot be of a face seen from the front.
    """
    frame = _Frame.of(portrait.points_xy)
    head_on = frame.into_units(portrait.points_xy)
    at_rest = _parted(head_on, _LIPS)
    for _ in range(TRIES):
        modes = {name: OTHER_FACE * value for name, value in draw_identity(rng).items()} | draw_expression(rng)
        view = view_of(modes, _pose(rng))
        posed = _parted(_moved(head_on, modes, view), (*_LIDS, *_LIPS))
        view = _framed(view, posed, size_px, rng)
        points = view.unit_px * posed + view.shift_xy
        coarse = _warp(points, at_rest, frame, size_px)
        if not _folds(coarse, points, size_px):
            break
    else:
        raise ValueError("its points cannot be of a face seen from the front: any pose folds the photo")
    x, y = cv2.split(_finer(coarse, size_px))
    picture, person = (
        cv2.remap(source, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for source in (portrait.image, portrait.matte)
    )
    if _gap(posed) > _gap(at_rest) + OPENED:
        picture = _mouth(np.asarray(picture, np.uint8), points, view.unit_px, rng)
    if rng.random() >= IN_PLACE:
        picture = cv2.blendLinear(picture, draw_background(rng, size_px, size_px), single(person), single(1 - person))
    scene, front = _dressed(np.asarray(picture, np.uint8), single(person), points, view, rng)
    contour = list(W300_68.regions["contour"])
    points[contour] = _respaced(points[contour], view)  # after all that is drawn by them
    hidden = hidden_by_head(view, points_of(view, W300_68), W300_68)
    column, row = np.clip(np.rint(points), 0, size_px - 1).astype(np.intp).T
    return ReposedFace(photograph(scene, rng), points, hidden | (front[row, column] > COVERS))


def _pose(rng: np.random.Generator) -> HeadPose:
    """As drawn heads have, upright, and now and then evenly up to the most that a portrait can be turned by."""
    pose = draw_pose(rng)
    yaw = between(rng, -MOST_YAW, MOST_YAW) if rng.random() < 0.25 else clamp(pose.yaw, -MOST_YAW, MOST_YAW)
    return replace(pose, yaw=yaw, roll=0.0)


@dataclass(frozen=True)
class _Frame:
    """Between a photo's pixels and units about a drawn head's pivot, by the eyes' middles."""

    origin: FloatArray
    """(2,) the middle between the eyes, in pixels."""
    across: FloatArray
    """(2,) a unit to the right, in pixels."""
    level: FloatArray
    """(2,) the middle between the eyes, in units."""

    @classmethod
    def of(cls, points_xy: FloatArray) -> "_Frame":
        """From a photo's 68 points."""
        (left, right), (near, far) = ([p[eye, :2].mean(0) for eye in _EYES] for p in (points_xy, from_front({})))
        return cls((left + right) / 2, (right - left) / (far - near)[0], (near + far) / 2)

    def into_units(self, pixels: FloatArray) -> FloatArray:
        """(N, 2) of pixels (N, 2)."""
        (c, s), size = self.across, self.across @ self.across
        return np.asarray((pixels - self.origin) @ np.array([[c, -s], [s, c]]) / size + self.level, np.float64)

    def into_pixels(self, units: Floats) -> FloatArray:
        """(N, 2) of units (N, 2)."""
        c, s = self.across
        return np.asarray((units - self.level) @ np.array([[c, s], [-s, c]]) + self.origin, np.float64)


def _moved(head_on: FloatArray, modes: Values, view: HeadView) -> FloatArray:
    """(68, 2) a portrait's points (68, 2), in units, moved as a drawn head's are from what it is at rest, seen from the
    front, to a view: its depth is about the mean head's, and its contour is what is seen of it."""

    def seen(points: FloatArray) -> FloatArray:
        return np.asarray(projected(turned(single(points + PIVOT), view.pose), view.pose), np.float64)

    rest, changed = from_front({}), from_front(modes)
    depth = rest[:, 2] + _nearer()
    flat = head_on * ((TAKEN_FROM - depth) / (TAKEN_FROM - depth[36:48].mean()))[:, None]  # as seen from afar
    own = np.column_stack([flat, depth]) + changed - rest
    return seen(own) + points_of(view, W300_68)[:, :2] - seen(changed)


def _respaced(line_xy: FloatArray, view: HeadView) -> FloatArray:
    """(17, 2) the contour's points where annotators put them on the line through (17, 2), by the head's pose."""
    across, nod = sin(radians(view.pose.yaw)), sin(radians(view.pose.pitch))
    lower = START @ (1, nod, across * across)
    aside, chin = (slide @ (across, across * nod) for slide in (START_ASIDE, CHIN_ASIDE))
    along = lengths_along(line_xy)
    first, middle, last = along[[0, 8, 16]] + view.unit_px * np.array([aside + lower, chin, aside - lower])
    return on_line(line_xy, np.concatenate([np.linspace(first, middle, 9), np.linspace(middle, last, 9)[1:]]))


@cache
def _nearer() -> FloatArray:
    """(68,) NEARER of every point, in units."""
    out = np.zeros(W300_68.points)
    for place, nearer in NEARER.items():
        out[[place, W300_68.mirror[place]]] = nearer / 1000
    return out


def _parted(points: FloatArray, pairs: tuple[tuple[int, int], ...]) -> FloatArray:
    """The points with upper ones above their lower ones, so that a warp does not fold."""
    out = points.copy()
    for upper, lower in pairs:
        more = max(CLOSED - (out[lower, 1] - out[upper, 1]), 0) / 2
        out[upper, 1] -= more
        out[lower, 1] += more
    return out


def _gap(points: FloatArray) -> float:
    return float(np.mean(points[_LOWER, 1] - points[_UPPER, 1]))


def _framed(view: HeadView, points: FloatArray, size_px: int, rng: np.random.Generator) -> HeadView:
    """The view placed so that these points (68, 2), in units, lie about the picture's middle."""
    low, high = points.min(axis=0), points.max(axis=0)
    unit = between(rng, *FACE_SHARE) * size_px / float(np.max(high - low))
    return view.placed(unit, ((size_px - 1) / 2 - unit * (low + high) / 2).tolist())


def _spline(at: FloatArray, values: FloatArray) -> Callable[[FloatArray], SingleArray]:
    """The thin-plate spline through values (N, 2) at places (N, 2) of a scale of 1."""

    def bent(places: Floats) -> Floats:
        square = np.square(places[:, None, 0] - at[:, 0].astype(places.dtype))
        square += np.square(places[:, None, 1] - at[:, 1].astype(places.dtype))
        square *= np.log(np.maximum(square, 1e-12))
        return np.asarray(square)

    def flat(places: Floats) -> Floats:
        return np.column_stack([np.ones(len(places), places.dtype), places])

    count = len(at)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = bent(at) + 1e-7 * np.eye(count)
    system[:count, count:] = flat(at)
    system[count:, :count] = system[:count, count:].T
    weights = np.linalg.solve(system, np.concatenate([values, np.zeros((3, 2))]))

    def spline(places: FloatArray) -> SingleArray:
        near = single(places)
        return single(bent(near) @ single(weights[:count]) + flat(near) @ single(weights[count:]))

    return spline


def _warp(points: FloatArray, head_on: FloatArray, frame: _Frame, size_px: int) -> SingleArray:
    """(C, C, 2) which place of the photo is shown by each of a grid of the picture's."""
    plane = np.linalg.lstsq(np.column_stack([head_on, np.ones(len(head_on))]), points, rcond=None)[0]
    around = np.column_stack([_AROUND, np.ones(len(_AROUND))]) @ plane
    source = _spline(np.concatenate([points, around]) / size_px, np.concatenate([head_on, _AROUND]))
    count = size_px // SPAN
    even = np.linspace(0, size_px - 1, count)
    places = np.stack(np.meshgrid(even, even), axis=-1).reshape(-1, 2) / size_px
    return single(frame.into_pixels(source(places)).reshape(count, count, 2))


def _folds(coarse: SingleArray, points: FloatArray, size_px: int) -> bool:
    """Whether the photo is folded about the face, as it may be in the seam of the lips alone."""
    (down_x, across_x), (down_y, across_y) = (np.gradient(coarse[..., axis]) for axis in (0, 1))
    low, high = points.min(axis=0), points.max(axis=0)
    (left, top), (right, bottom) = (
        ((np.stack([1.2 * low - 0.2 * high, 1.2 * high - 0.2 * low])) / SPAN).clip(0).astype(int)
    )
    turned_over = across_x * down_y - across_y * down_x <= 0
    return bool(turned_over[top : bottom + 1, left : right + 1].mean() > FOLDED)


def _finer(coarse: SingleArray, size_px: int) -> SingleArray:
    """(S, S, 2) the same of every pixel."""
    between_them = single(np.linspace(0, len(coarse) - 1, size_px))
    column, row = np.meshgrid(between_them, between_them)
    return np.asarray(cv2.remap(coarse, column, row, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _filled(size_px: int, outline: FloatArray) -> FloatArray:
    """(S, S, 1) how much of each pixel lies within an outline (P, 2)."""
    mask = np.zeros((size_px, size_px), np.uint8)
    cv2.fillPoly(mask, [np.rint(outline * 8).astype(np.int32)], (255,), cv2.LINE_AA, 3)
    return mask[..., None] / 255


def _mouth(picture: ImageArray, points: FloatArray, unit_px: float, rng: np.random.Generator) -> ImageArray:
    """The picture with what one sees between parted lips: the dark, mostly upper teeth, now and then lower ones."""
    size_px = len(picture)
    inside = np.full(picture.shape, between(rng, 10, 60)) * (1, 0.45, 0.4)
    high, top, bottom = between(rng, 0.05, 0.11) * unit_px, points[60:65], points[[60, 67, 66, 65, 64]]
    middle = np.array([0, 1, 1, 1, 0])[:, None] * (0, 1)
    rows: list[tuple[FloatArray, Colour]] = []
    if rng.random() < 0.75:
        rows.append((np.concatenate([top - (0, 1), (top + middle * high)[::-1]]), (245, 238, 225)))
        if rng.random() < 0.35:
            rows.append(
                (np.concatenate([np.add(bottom, (0, 1)), (bottom - middle * 0.6 * high)[::-1]]), (220, 210, 195))
            )
    for outline, enamel in rows:
        teeth = _filled(size_px, outline)
        inside = inside * (1 - teeth) + teeth * between(rng, 0.5, 0.95) * np.array(enamel)
    share = cv2.GaussianBlur(_filled(size_px, points[60:68]), (0, 0), 0.8)[..., None]
    return np.clip(picture * (1 - share) + inside * share, 0, 255).astype(np.uint8)


def _dressed(
    picture: ImageArray, person: SingleArray, points: FloatArray, view: HeadView, rng: np.random.Generator
) -> tuple[ImageArray, SingleArray]:
    """The picture with what is worn, held and grown, in a lamp's light, and (S, S) what hides the face, 0 to 1."""
    size_px, lamp = len(picture), draw_lamp(rng)
    column, row = np.rint((points[30] + points[33]) / 2).astype(int).tolist()
    skin = np.median(picture[row - 2 : row + 3, column - 2 : column + 3], axis=(0, 1)).tolist()
    look = replace(draw_look(rng), skin=(skin[0], skin[1], skin[2]))
    fine = cv2.resize(picture, (size_px * FINE, size_px * FINE), interpolation=cv2.INTER_LINEAR)
    canvas = Canvas(np.asarray(fine, np.uint8))
    objects.paint_hat(canvas, view, look, rng)
    objects.paint_glasses(canvas, view, look, rng)
    objects.paint_occluder(canvas, view, look, rng)
    painting = canvas.finished(0.02 * view.unit_px)
    own = np.asarray(255 * person * (1 - painting.front), np.uint8)
    painting = replace(painting, lit=np.maximum(painting.lit, own))
    layer = _soft_edged(splat(view, look, lamp, size_px), view, lamp)
    scene = lit(painting, layer, look, hair_shade(rng, size_px, view.unit_px))
    third = slice(size_px // 3, 2 * size_px // 3)
    exposure = clamp(EXPOSED / float(scene[third, third].mean() + 5), 0.6, 3)
    return np.asarray(cv2.convertScaleAbs(scene, alpha=exposure), np.uint8), painting.front


def _soft_edged(layer: Layer, view: HeadView, lamp: Lamp) -> Layer:
    """The light of the surface going over into that of all else beyond the surface's edge."""
    size_px = len(layer.light)
    outline = cv2.convexHull(np.ascontiguousarray(view.planes.reshape(2, -1).T))
    share = single(
        cv2.GaussianBlur(_filled(size_px, np.asarray(outline[:, 0], np.float64)), (0, 0), 0.12 * view.unit_px)
    )
    around = plain((size_px, size_px), flat_light(lamp))
    return replace(layer, light=np.asarray(cv2.blendLinear(layer.light, around, share, 1 - share), np.uint8))
