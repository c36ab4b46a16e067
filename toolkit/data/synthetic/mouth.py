"""Lips and what shows between them."""

import numpy as np

from toolkit.data.synthetic.arrays import Floats
from toolkit.data.synthetic.canvas import Canvas
from toolkit.data.synthetic.chance import between, clamp
from toolkit.data.synthetic.features import DARK, area, mixed
from toolkit.data.synthetic.head import SAMPLES
from toolkit.data.synthetic.look import Look
from toolkit.data.synthetic.pose import View

_MIDDLE = slice(SAMPLES // 2 - 2, SAMPLES // 2 + 3)


def _paint_inside(canvas: Canvas, view: View, rng: np.random.Generator, gap: float) -> None:
    """Teeth, tongue and darkness between parted lips; `gap` in units."""
    u, high, low = view.unit_px, view.curve("lip_upper_inner"), view.curve("lip_lower_inner")
    opening = canvas.mask(area(high, low))
    canvas.lay(opening, np.array([52, 16, 16], np.float32) * np.float32(between(rng, 0.4, 1.5)))
    if gap < 0.015 or opening is None:
        return
    down = (low - high) / np.maximum(np.hypot(*(low - high).T), 1e-6)[:, None]
    enamel = np.array([238, 230, 214], np.float32) * np.float32(between(rng, 0.6, 1.0))
    if gap > 0.1:
        tongue = low[3:-3] - down[3:-3] * min(between(rng, 0.05, 0.13), 0.5 * gap) * u
        flesh = np.array([176, 86, 84], np.float32) * np.float32(between(rng, 0.6, 1.1))
        canvas.fill(area(tongue, low[3:-3]), flesh, alpha=0.85, soft_px=0.02 * u, within=opening)
    if rng.random() < 0.88:
        edge = high + down * between(rng, 0.05, 0.12) * u
        canvas.fill(area(high[1:-1], edge[1:-1]), enamel, soft_px=0.006 * u, within=opening)
        gaps = [(np.stack([high[i], edge[i]]), 1.0) for i in range(3, SAMPLES - 3, 2)]
        canvas.stroke(gaps, enamel * np.float32(0.55), 0.008 * u, alpha=between(rng, 0.1, 0.5), within=opening)
    if rng.random() < 0.25:
        edge = low - down * between(rng, 0.02, 0.06) * u
        canvas.fill(area(edge[2:-2], low[2:-2]), enamel * np.float32(0.88), soft_px=0.006 * u, within=opening)
    canvas.stroke(high, DARK, 0.03 * u, alpha=0.35, soft_px=0.012 * u, within=opening)


def paint_mouth(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """Lips, the seam between them or the mouth's inside, and the shadow below."""
    u = view.unit_px
    outer: list[Floats] = [view.curve(f"lip_{part}_outer") for part in ("upper", "lower")]
    inner: list[Floats] = [view.curve(f"lip_{part}_inner") for part in ("upper", "lower")]
    gap = float(np.median(np.hypot(*(inner[1] - inner[0])[_MIDDLE].T))) / u
    drop = (outer[1] - inner[1])[SAMPLES // 2] * 0.35
    canvas.stroke(outer[1][3:-3] + drop, look.crease, 0.05 * u, alpha=0.28, soft_px=0.025 * u)
    alpha = 1.0 if look.lipstick else between(rng, 0.45, 1.0)
    soft = (0.003 if look.lipstick else between(rng, 0.004, 0.016)) * u
    canvas.fill(area(outer[0], inner[0]), look.lip * np.float32(between(rng, 0.75, 0.95)), alpha=alpha, soft_px=soft)
    canvas.fill(area(inner[1], outer[1]), look.lip, alpha=alpha, soft_px=soft)
    _paint_inside(canvas, view, rng, gap)
    seam = mixed(look.crease, DARK, 0.5)
    shut = clamp(1 - gap / 0.05, 0.35, 1)
    corners = [(np.stack([outer[0][end], inner[0][step]]), 0.6) for end, step in ((0, 1), (-1, -2))]
    line = np.concatenate([outer[0][:1], inner[0], outer[0][-1:]])
    canvas.stroke([(line, 0.8 * shut), *corners], seam, 0.016 * u, soft_px=0.006 * u)
    if look.lipstick or rng.random() < 0.5:
        shine = 0.5 * (inner[1] + outer[1])[5:12]
        canvas.stroke(shine, np.minimum(look.lip * 1.5 + 30, 255), 0.018 * u, alpha=0.35, soft_px=0.012 * u)
