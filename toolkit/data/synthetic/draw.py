"""One face from random numbers to picture and points."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.schemes import W300_68, Scheme
from toolkit.data.sample import ImageArray
from toolkit.data.synthetic import body, extras, features, hair, occluders
from toolkit.data.synthetic.arrays import Picture
from toolkit.data.synthetic.background import draw_background
from toolkit.data.synthetic.camera import photograph
from toolkit.data.synthetic.canvas import Canvas
from toolkit.data.synthetic.chance import between
from toolkit.data.synthetic.landmarks import hidden_by_head, points_of
from toolkit.data.synthetic.light import Lamp, Layer, draw_lamp, flat_light, splat
from toolkit.data.synthetic.look import Look, draw_look
from toolkit.data.synthetic.modes import Values, draw_expression, draw_identity
from toolkit.data.synthetic.mouth import paint_mouth
from toolkit.data.synthetic.pose import SIDES, View, draw_pose, view_of

FACE_SHARE = (0.45, 0.55)
"""Range of the 68 points' longer side, as a fraction of the image's."""
JITTER = 0.03
"""Standard deviation of their middle about the image's, as a fraction of the image's side."""


@dataclass(frozen=True)
class Face:
    """A face as drawn."""

    image: ImageArray
    """(S, S, 3) RGB."""
    view: View
    front: Picture
    """(S, S) how much of each pixel shows what hides the face, 0 to 1."""


def framed(view: View, size_px: int, rng: np.random.Generator) -> View:
    """The view placed so that its 68 points fill the usual share of the image, near its middle."""
    points = points_of(view, W300_68)[:, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    unit = between(rng, *FACE_SHARE) * size_px / (high - low).max()
    aim = (size_px - 1) / 2 + np.clip(rng.normal(0, JITTER, 2), -0.06, 0.06) * size_px
    return view.placed(float(unit), aim - unit * (low + high) / 2)


def _shine(canvas: Canvas, layer: Layer, lamp: Lamp) -> None:
    """Multiplies the head by the light on it and adds gloss."""
    light = np.empty_like(canvas.rgb)
    light[:] = flat_light(lamp)[:, None, None]
    light[:, layer.rows, layer.columns] = layer.light
    light -= 1
    light *= canvas.lit
    light += 1
    canvas.rgb[:] *= light
    part = canvas.planes[:3, layer.rows, layer.columns]
    part += layer.gloss * canvas.lit[layer.rows, layer.columns] * np.float32(110)


def _beard(canvas: Canvas, look: Look, layer: Layer, unit_px: float, rng: np.random.Generator) -> None:
    if max(look.beard, look.moustache) == 0:
        return
    side = len(canvas.lit)
    where = layer.rows, layer.columns
    shade = hair.hair_shade(rng, side, 0.7 * unit_px)[where]
    alpha = np.clip(2.2 * layer.beard - 0.4 + (shade - 1), 0, 1) * (layer.beard > 0.05)
    alpha *= canvas.lit[where]
    part = canvas.planes[:3, layer.rows, layer.columns]
    part += (look.hair[:, None, None] * shade - part) * alpha


def paint(view: View, look: Look, lamp: Lamp, modes: Values, size_px: int, rng: np.random.Generator) -> Canvas:
    """The face before the camera."""
    canvas = Canvas(draw_background(rng, size_px))
    layer = splat(view, look, lamp, size_px)
    shade = hair.hair_shade(rng, size_px, view.unit_px)
    heights = hair.hairline(look.hair_style, rng)
    hair.paint_back(canvas, view, look, shade, rng)
    body.paint_body(canvas, view, look, rng)
    body.paint_ears(canvas, view, look)
    hair.paint_bare_face(canvas, view, look, heights)
    features.paint_profile(canvas, view, look.skin)
    _beard(canvas, look, layer, view.unit_px, rng)
    features.paint_folds(canvas, view, look, modes.get("smile", 0.0), rng)
    eyes = [side for side in SIDES if view.seen(f"iris_{side}")]
    opening = features.paint_eyes(canvas, view, look, eyes, rng)
    features.paint_brows(canvas, view, look, [s for s in SIDES if view.seen(f"brow_lower_{s}")], rng)
    features.cover_by_nose(canvas, view, look.skin)
    features.paint_nose(canvas, view, look, rng)
    paint_mouth(canvas, view, look, rng)
    hair.paint_front(canvas, view, look, heights, shade, rng)
    extras.paint_hat(canvas, view, look, rng)
    _shine(canvas, layer, lamp)
    features.paint_glints(canvas, view, eyes, opening, lamp.direction, between(rng, 0, 1))
    extras.paint_glasses(canvas, view, look, rng)
    occluders.paint_occluder(canvas, view, look, rng)
    return canvas


def draw_view(rng: np.random.Generator) -> tuple[View, Values]:
    """A random head in a random pose, and the mode values that made it."""
    modes = draw_identity(rng) | draw_expression(rng)
    return view_of(modes, draw_pose(rng)), modes


def draw_face(rng: np.random.Generator, size_px: int) -> Face:
    """A random face in a picture of size_px."""
    view, modes = draw_view(rng)
    view = framed(view, size_px, rng)
    canvas = paint(view, draw_look(rng), draw_lamp(rng), modes, size_px, rng)
    return Face(photograph(canvas.rgb, rng), view, canvas.front)


def read_points(face: Face, scheme: Scheme) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The scheme's points (M, 2) in pixels, and (M,) which of them the head or something before it hides."""
    points = points_of(face.view, scheme)
    places = points[:, :2].astype(np.float32)[None]
    before = cv2.remap(face.front, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
    return points[:, :2], hidden_by_head(face.view, points, scheme) | (before > 0.6)
