"""One face from random numbers to picture and points."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, ImageArray, SingleArray, single
from toolkit.core.correspondence import translated
from toolkit.core.schemes import Scheme
from toolkit.core.schemes import scheme as named
from toolkit.data.synthetic import features, hair, objects
from toolkit.data.synthetic.canvas import FINE, Canvas, Painting, plain
from toolkit.data.synthetic.chance import between, clamp
from toolkit.data.synthetic.imaging import draw_background, hair_shade, photograph
from toolkit.data.synthetic.light import Lamp, draw_lamp
from toolkit.data.synthetic.look import Look, draw_look
from toolkit.data.synthetic.modes import Values, draw_expression, draw_identity
from toolkit.data.synthetic.pose import HeadView, draw_pose, view_of
from toolkit.data.synthetic.scheme_points import drawn_68, has_reading, hidden_by_head, points_of
from toolkit.data.synthetic.splat import Layer, splat

FACE_SHARE = (0.45, 0.55)
"""Range of the 68 points' longer side, as a fraction of the image's."""
JITTER = 0.03
"""Standard deviation of their middle about the image's, as a fraction of the image's side."""
COVERS = 0.6
"""How much of a pixel what hides the face takes up where a point there is covered."""
_BYTE = np.float32(1 / 255)


@dataclass(frozen=True)
class DrawnFace:
    """A face as drawn."""

    image: ImageArray
    """(S, S, 3) RGB."""
    view: HeadView
    front: SingleArray
    """(S, S) how much of each pixel shows what hides the face, 0 to 1."""


def framed(view: HeadView, size_px: int, rng: np.random.Generator) -> HeadView:
    """The view placed so that its 68 points, as drawn, fill the usual share of the image, near its middle."""
    x, y = drawn_68(view).T
    left, right, top, bottom = (float(edge) for edge in (x.min(), x.max(), y.min(), y.max()))
    unit = between(rng, *FACE_SHARE) * size_px / max(right - left, bottom - top)
    aside, below = (clamp(JITTER * rng.standard_normal(), -0.06, 0.06) * size_px for _ in range(2))
    middle = (size_px - 1) / 2
    return view.placed(unit, (middle + aside - unit * (left + right) / 2, middle + below - unit * (top + bottom) / 2))


def _three(plane: ImageArray) -> ImageArray:
    return np.asarray(cv2.merge([plane, plane, plane]), np.uint8)


def _multiply(rgb: ImageArray, by: ImageArray, one: int, share: ImageArray) -> None:
    """Multiplies a picture, in place and as far as `share` (S, S) says from 0 to 255, by another one over `one`.

    Sums of 16-bit integers: a third of the time of cv2.blendLinear, and the same bytes.
    """
    left, top, width, height = cv2.boundingRect(share)
    if not width:
        return
    where = slice(top, top + height), slice(left, left + width)
    below, weight = rgb[where], _three(share[where]).astype(np.uint16)
    both = cv2.multiply(below, by[where], scale=1 / one) * weight
    np.subtract(255, weight, out=weight)
    weight *= below
    both += weight
    below[:] = cv2.convertScaleAbs(both, alpha=1 / 255)


@cache
def _creases(side: int) -> ImageArray:
    """(S, S, 3) what small shadows multiply colours by, in 255ths."""
    return plain((side, side), (128, 97, 87))


def _beard(
    rgb: ImageArray, painting: Painting, layer: Layer, beard: SingleArray, look: Look, shade: ImageArray
) -> None:
    """Lays the beard on the picture, in place."""
    part, shade = rgb[layer.where], shade[layer.where]
    hair = cv2.multiply(_three(shade), plain(shade.shape, look.hair), scale=1 / 128)
    density = 1.6 * beard - 0.35 + (shade * np.float32(1 / 128) - 1)
    bare = painting.lit[layer.where] * _BYTE - painting.front[layer.where] > 0.5
    share = single(np.clip(density, 0, 1) * (beard > 0.05) * bare)
    part[:] = cv2.blendLinear(hair, part, share, 1 - share)


def lit(painting: Painting, layer: Layer, look: Look, shade: ImageArray) -> ImageArray:
    """The painting with strands in its hair, small shadows, a beard and the light on the head."""
    rgb, where = painting.rgb, layer.where
    _multiply(rgb, _three(shade), 128, painting.hair)
    _multiply(rgb, _creases(len(rgb)), 255, painting.dusk)
    if layer.beard is not None:
        _beard(rgb, painting, layer, layer.beard, look, shade)
    _multiply(rgb, layer.light, 128, painting.lit)
    if layer.gloss is not None:
        gloss = cv2.convertScaleAbs(layer.gloss * (painting.lit[where] * _BYTE), alpha=110)
        rgb[where] = cv2.add(rgb[where], _three(np.asarray(gloss, np.uint8)))
    return rgb


def paint(
    view: HeadView, look: Look, lamp: Lamp, modes: Values, size_px: int, rng: np.random.Generator
) -> tuple[ImageArray, SingleArray]:
    """The face before the camera, and how much of each pixel shows what hides the face."""
    canvas = Canvas(draw_background(rng, size_px, size_px * FINE))
    hairline = hair.hairline_on(view, hair.hairline(look.hair_style, rng))
    hair.paint_back(canvas, view, look, rng)
    features.paint_body(canvas, view, look, rng)
    features.paint_ears(canvas, view, look)
    hair.paint_bare_face(canvas, view, look, hairline, rng)
    features.paint_profile(canvas, view, look.skin)
    features.paint_folds(canvas, view, look, modes.get("smile", 0.0), rng)
    features.paint_eyes(canvas, view, look, view.seen_sides(56), rng)
    features.paint_brows(canvas, view, look, view.seen_sides(62), rng)
    features.cover_by_nose(canvas, view, look.skin)
    features.paint_nose(canvas, view, look, rng)
    features.paint_mouth(canvas, view, look, rng)
    hair.paint_front(canvas, view, look, hairline, rng)
    objects.paint_hat(canvas, view, look, rng)
    objects.paint_glasses(canvas, view, look, rng)
    objects.paint_occluder(canvas, view, look, rng)
    painting = canvas.finished(0.02 * view.unit_px)
    layer, shade = splat(view, look, lamp, size_px), hair_shade(rng, size_px, view.unit_px)
    return lit(painting, layer, look, shade), painting.front


def draw_view(rng: np.random.Generator) -> tuple[HeadView, Values]:
    """A random head in a random pose, and the mode values that made it."""
    modes = draw_identity(rng) | draw_expression(rng)
    return view_of(modes, draw_pose(rng)), modes


def draw_face(rng: np.random.Generator, size_px: int) -> DrawnFace:
    """A random face in a picture of size_px."""
    view, modes = draw_view(rng)
    view = framed(view, size_px, rng)
    scene, front = paint(view, draw_look(rng), draw_lamp(rng), modes, size_px, rng)
    return DrawnFace(photograph(scene, rng), view, front)


def readable(scheme: Scheme) -> bool:
    """Whether read_points gives the scheme's points."""
    if scheme.parts:
        return all(part.layout or readable(part) for part in scheme.parts)
    return readable(named(scheme.source)) if scheme.means else has_reading(scheme)


def read_points(face: DrawnFace, scheme: Scheme) -> tuple[FloatArray, NDArray[np.bool_]]:
    """The scheme's points (M, 2) in pixels, and (M,) which of them the head or something before it hides.

    In a joint scheme, a part in another style than the synthetic faces' own is missing. A mean is hidden where one of
    its points is.
    """
    if scheme.parts:
        pieces = [_missing(part) if part.layout else read_points(face, part) for part in scheme.parts]
        return np.concatenate([xy for xy, _ in pieces]), np.concatenate([hidden for _, hidden in pieces])
    if scheme.means:
        source = named(scheme.source)
        found, hidden = read_points(face, source)
        return translated(found, source, scheme), np.array([hidden[list(own)].any() for own in scheme.means])
    points = points_of(face.view, scheme)
    x, y = points[:, :2].astype(np.float32).T[..., None]
    before = cv2.remap(face.front, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0]
    return points[:, :2], hidden_by_head(face.view, points, scheme) | (before > COVERS)


def _missing(scheme: Scheme) -> tuple[FloatArray, NDArray[np.bool_]]:
    return np.full((scheme.points, 2), np.nan), np.zeros(scheme.points, bool)
