"""Lips and what shows between them."""

import numpy as np

from toolkit.data.synthetic.canvas import Canvas, inset
from toolkit.data.synthetic.chance import between, clamp
from toolkit.data.synthetic.colour import grey, mixed, plus, times, within
from toolkit.data.synthetic.features import DARK, area
from toolkit.data.synthetic.head import SAMPLES
from toolkit.data.synthetic.look import Look
from toolkit.data.synthetic.pose import View

_MIDDLE = slice(SAMPLES // 2 - 2, SAMPLES // 2 + 3)


def _paint_inside(canvas: Canvas, view: View, rng: np.random.Generator, gap: float) -> None:
    """Teeth, tongue and darkness between parted lips; `gap` in units."""
    high, low = view.curve("lip_upper_inner"), view.curve("lip_lower_inner")
    canvas.fill(inset(area(high, low)), times((52, 16, 16), between(rng, 0.4, 1.5)))
    if gap < 0.015:
        return
    depth = low - high
    enamel = times((238, 230, 214), between(rng, 0.6, 1.0))
    if gap > 0.1:
        flesh = times((176, 86, 84), between(rng, 0.6, 1.1))
        rise = min(between(rng, 0.05, 0.13) / gap, 0.5)
        canvas.fill(area(low[3:-3] - depth[3:-3] * rise, low[3:-3]), flesh)
    if rng.random() < 0.88:
        edge = high + depth * min(between(rng, 0.05, 0.12) / gap, 0.95)
        canvas.fill(area(high[1:-1], edge[1:-1]), enamel)
        if rng.random() < 0.5:
            gaps = np.stack([high[3:-3:2], edge[3:-3:2]], axis=1)
            canvas.line(gaps, times(enamel, between(rng, 0.6, 0.95)), 0.008 * view.unit_px)
    if rng.random() < 0.25:
        edge = low - depth * min(between(rng, 0.02, 0.06) / gap, 0.4)
        canvas.fill(area(edge[2:-2], low[2:-2]), times(enamel, 0.88))
    canvas.shadow(high, 0.35, 0.035 * view.unit_px)


def paint_mouth(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """Lips, the seam between them or the mouth's inside, and the shadow below."""
    u = view.unit_px
    outer = view.curve("lip_upper_outer"), view.curve("lip_lower_outer")
    inner = view.curve("lip_upper_inner"), view.curve("lip_lower_inner")
    gap = sorted(np.hypot(*(inner[1] - inner[0])[_MIDDLE].T).tolist())[2] / u
    drop = (outer[1] - inner[1])[SAMPLES // 2] * 0.35
    canvas.shadow(outer[1][3:-3] + drop, between(rng, 0.1, 0.45), 0.07 * u)
    lip = look.lip if look.lipstick else mixed(look.skin, look.lip, between(rng, 0.35, 1.0))
    whole = inset(area(outer[0], outer[1]))
    canvas.shadow(whole, 0)
    canvas.fill(whole, lip)
    canvas.fill(inset(area(outer[0], inner[0])), times(lip, between(rng, 0.75, 0.97)))
    _paint_inside(canvas, view, rng, gap)
    seam, shut = mixed(look.crease, DARK, 0.5), clamp(1 - gap / 0.05, 0.3, 1)
    canvas.line(np.concatenate([outer[0][:1], inner[0], outer[0][-1:]]), mixed(lip, seam, 0.8 * shut), 0.016 * u)
    canvas.shadow([np.stack([outer[0][end], inner[0][step]]) for end, step in ((0, 1), (-1, -2))], 0.6, 0.03 * u)
    if look.lipstick or rng.random() < 0.4:
        canvas.line(0.5 * (inner[1] + outer[1])[5:12], within(plus(times(lip, 1.2), grey(15)), 0, 255), 0.03 * u)
