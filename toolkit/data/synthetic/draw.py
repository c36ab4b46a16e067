"""One face from random numbers to picture and points."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.sample import ImageArray
from toolkit.data.synthetic import extras, features, hair
from toolkit.data.synthetic.arrays import Picture
from toolkit.data.synthetic.background import draw_background
from toolkit.data.synthetic.camera import photograph
from toolkit.data.synthetic.canvas import Canvas
from toolkit.data.synthetic.landmarks import points_68
from toolkit.data.synthetic.light import Lamp, draw_lamp, splat
from toolkit.data.synthetic.look import Look, draw_look
from toolkit.data.synthetic.modes import Values, draw_expression, draw_identity
from toolkit.data.synthetic.noise import noise_patch
from toolkit.data.synthetic.pose import View, draw_pose, view_of

FACE_SHARE = (0.45, 0.55)
"""Range of the landmark box's longer side, as a fraction of the image's."""
JITTER = 0.03
"""Standard deviation of the box's middle about the image's, as a fraction of the image's side."""


def framed(view: View, size_px: int, rng: np.random.Generator) -> View:
    """The view placed so that its 68 points fill the usual share of the image, near its middle."""
    points = points_68(view)
    low, high = points.min(axis=0), points.max(axis=0)
    unit = rng.uniform(*FACE_SHARE) * size_px / (high - low).max()
    aim = (size_px - 1) / 2 + np.clip(rng.normal(0, JITTER, 2), -0.06, 0.06) * size_px
    return view.placed(float(unit), aim - unit * (low + high) / 2)


def _shine(canvas: Canvas, layer: Picture, rng: np.random.Generator) -> None:
    """Multiplies the head by the light on it and adds gloss and the skin's grain."""
    size = len(canvas.lit)
    grain = noise_patch(rng, "grain", size) + noise_patch(rng, "cloud", size, 0.7)
    grain *= np.float32(rng.uniform(0.005, 0.03))
    grain += 1
    whole = cv2.resize(layer[..., :4], (size, size), interpolation=cv2.INTER_LINEAR)
    light = whole[..., :3] * cv2.merge([grain] * 3) - 1
    body = cv2.merge([canvas.lit] * 3)
    light *= body
    light += 1
    canvas.rgb *= light
    canvas.rgb += (whole[..., 3] * canvas.lit * np.float32(110))[..., None]


def _beard(canvas: Canvas, look: Look, layer: Picture, rng: np.random.Generator) -> None:
    if max(look.beard, look.moustache) == 0:
        return
    size = len(canvas.lit)
    density = cv2.resize(layer[..., 4], (size, size), interpolation=cv2.INTER_LINEAR)
    alpha = np.clip(2.2 * density - 0.4 + 0.25 * noise_patch(rng, "strand", size), 0, 1) * (density > 0.05)
    picture = hair.hair_picture(canvas, look.hair, rng, 0.6)
    canvas.rgb += (picture - canvas.rgb) * alpha[..., None]


def paint(view: View, look: Look, lamp: Lamp, modes: Values, size_px: int, rng: np.random.Generator) -> Picture:
    """(size_px, size_px, 3) the face before the camera."""
    canvas = Canvas(draw_background(rng, size_px))
    layer = splat(view, look, lamp, size_px)
    picture = hair.hair_picture(canvas, look.hair, rng)
    heights = hair.hairline(look.hair_style, rng)
    hair.paint_back(canvas, view, look, picture, rng)
    hair.paint_neck(canvas, view, look, rng)
    hair.paint_ears(canvas, view, look)
    canvas.fill(hair.face_window(view, heights), look.skin, lit=True)
    features.paint_profile(canvas, view, look.skin)
    _beard(canvas, look, layer, rng)
    features.paint_lines(canvas, view, look, modes, rng)
    irises = features.paint_eyes(canvas, view, look, rng)
    features.paint_brows(canvas, view, look, rng)
    features.cover_by_nose(canvas, view, look.skin)
    features.paint_nose(canvas, view, look, rng)
    features.paint_mouth(canvas, view, look, rng)
    hair.paint_front(canvas, view, look, heights, picture, rng)
    extras.paint_hat(canvas, view, look, rng)
    _shine(canvas, layer, rng)
    features.paint_glints(canvas, view, irises, lamp.direction, float(rng.uniform(0, 1)))
    extras.paint_glasses(canvas, view, look, rng)
    extras.paint_occluder(canvas, view, look, rng)
    return canvas.rgb


def draw_face(rng: np.random.Generator, size_px: int) -> tuple[ImageArray, NDArray[np.float64]]:
    """A random face: (size_px, size_px, 3) RGB and its (68, 2) points in pixels."""
    modes = draw_identity(rng) | draw_expression(rng)
    view = framed(view_of(modes, draw_pose(rng)), size_px, rng)
    picture = paint(view, draw_look(rng), draw_lamp(rng), modes, size_px, rng)
    return photograph(picture, rng), points_68(view)
