"""How heads differ: identity and expression modes, each a linear field of displacements over the mean head."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, SingleArray
from toolkit.data.synthetic.chance import between, clamp, pick
from toolkit.data.synthetic.head import MOUTH_Y, HeadMesh, bell, mean_head, ramp

Field = FloatArray
Values = Mapping[str, float]

IDENTITY_SD: Values = {
    "width": 0.072, "jaw_width": 0.07, "chin_width": 0.13, "jaw_square": 0.03, "length": 0.055, "chin_length": 0.05,
    "chin_forward": 0.04, "deep": 0.05, "forehead": 0.06, "midface": 0.03, "nose_length": 0.028, "nose_width": 0.12,
    "nose_forward": 0.13, "nose_hump": 0.02, "nose_tilt": 0.015, "nose_bend": 0.01, "eye_spacing": 0.022,
    "eye_width": 0.05, "eye_height": 0.17, "eye_tilt": 0.011, "eye_depth": 0.02, "brow_height": 0.03,
    "brow_arch": 0.022, "brow_tilt": 0.02, "brow_gap": 0.04, "brow_length": 0.03, "brow_thick": 0.25,
    "mouth_width": 0.09, "mouth_height": 0.028, "upper_lip": 0.24, "lower_lip": 0.2, "cupid": 0.009,
    "mouth_corner": 0.01, "cheekbone": 0.03, "cheeks": 0.04, "philtrum": 0.015, "skew": 0.025, "mouth_side": 0.02,
    "brow_lopsided": 0.014, "jaw_lopsided": 0.03,
}  # fmt: skip
"""Standard deviations of the identity modes; fractions where a mode scales, else units."""


@dataclass(frozen=True)
class Basis:
    """The fields by axis, without those that are 0 there: vertices = mean + sum(value[k] * fields[k])."""

    names: tuple[str, ...]
    used: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
    """(K,) which modes move vertices along each axis."""
    fields: tuple[SingleArray, SingleArray, SingleArray]
    """(K, V) how far those do."""

    def move(self, values: Values) -> SingleArray:
        """(V, 3) vertices of the head that has these mode values; absent modes are 0."""
        weights = np.array([values.get(name, 0.0) for name in self.names], np.float32)
        out = mean_head().vertices.copy()
        for axis, (used, fields) in enumerate(zip(self.used, self.fields, strict=True)):
            out[:, axis] += np.einsum("k,kv->v", weights[used], fields)
        return out


def _along(x: Field | float = 0.0, y: Field | float = 0.0, z: Field | float = 0.0) -> Field:
    out: Field = np.stack(np.broadcast_arrays(x, y, z), axis=-1).astype(float)
    return out


def _shape_fields(head: HeadMesh) -> dict[str, Field]:
    """Identity of the skull and jaw."""
    x, y, z = head.vertices.T.astype(float)
    outer = ramp(0.25, 0.6, np.abs(x))
    low, jaw = ramp(0.3, 0.9, y), bell(x, y, (0.6, 0.85), (0.22, 0.28))
    side = np.tanh(x / 0.3)
    return {
        "width": _along(x * (0.35 + 0.65 * outer)),
        "jaw_width": _along(x * low * (0.3 + 0.7 * outer)),
        "chin_width": _along(x * ramp(0.85, 1.15, y)),
        "jaw_square": _along(side * jaw, jaw),
        "length": _along(y=np.maximum(y, 0) * (0.3 + 0.7 * ramp(0.6, 1.1, y))),
        "chin_length": _along(y=ramp(0.85, 1.2, y)),
        "chin_forward": _along(z=bell(x, y, (0, 1.12), (0.3, 0.16))),
        "deep": _along(z=z + 0.2),
        "forehead": _along(y=np.minimum(y + 0.3, 0) * 1.0, z=0.5 * bell(x, y, (0, -0.6), (0.5, 0.25))),
        "midface": _along(y=ramp(0.05, 0.45, y)),
        "cheekbone": _along(side * bell(x, y, (0.62, 0.3), (0.2, 0.18)), z=bell(x, y, (0.42, 0.3), (0.18, 0.15))),
        "cheeks": _along(side * bell(x, y, (0.62, 0.62), (0.22, 0.2)), z=bell(x, y, (0.42, 0.6), (0.18, 0.18))),
        "skew": _along(ramp(-0.3, 1.2, y)),
        "jaw_lopsided": _along(bell(x, y, (0.6, 0.85), (0.4, 0.32))),
    }


def _nose_fields(head: HeadMesh) -> dict[str, Field]:
    x, y, _ = head.vertices.T.astype(float)
    tip, nose = bell(x, y, (0, 0.43), (0.16, 0.1)), bell(x, y, (0, 0.45), (0.2, 0.1))
    bridge = bell(x, y, (0, 0.2), (0.08, 0.15))
    height = np.exp(-0.5 * (x / 0.1) ** 2) * np.interp(y, (-0.1, 0.1, 0.4, 0.52, 0.58), (0, 0.1, 0.3, 0.2, 0))
    return {
        "nose_length": _along(y=ramp(0.05, 0.4, y) * (1 - ramp(0.53, 0.68, y)) * (1 - ramp(0.2, 0.4, np.abs(x)))),
        "nose_width": _along(x * nose * 1.3),
        "nose_forward": _along(z=height),
        "nose_hump": _along(z=bridge),
        "nose_tilt": _along(y=-tip * np.interp(y, (0.3, 0.4, 0.53), (1, 1, 0))),
        "nose_bend": _along(tip),
        "philtrum": _along(y=(ramp(0.5, 0.56, y) * (1 - ramp(0.58, 0.66, y)) - ramp(0.6, 0.66, y) * 0.5) * (y < 0.9)),
    }


def _eye_fields(head: HeadMesh) -> dict[str, Field]:
    x, y, _ = head.vertices.T.astype(float)
    side = np.tanh(x / 0.02)
    around = bell(x, y, (0.354, 0.0), (0.22, 0.1))
    eyes = head.mask("lid", "iris", "crease", "bag")
    around[eyes] = 1
    t = (np.abs(x) - 0.354) / 0.146
    arc = np.where(head.mask("lid", "crease"), np.minimum(y - 0.011, 0) + np.maximum(y - 0.011, 0), 0)
    brows = head.mask("brow")
    u = np.clip((np.abs(x) - 0.133) / 0.54, 0, 1)
    middle = np.interp(np.abs(x), (0.133, 0.275, 0.425, 0.565, 0.672), (-0.170, -0.223, -0.248, -0.218, -0.131))
    over = np.where(brows, 1.0, 0.5 * bell(x, y, (0.35, -0.22), (0.22, 0.08)) * ~eyes)
    return {
        "eye_spacing": _along(side * around),
        "eye_width": _along(side * t * 0.146 * around),
        "eye_height": _along(y=arc),
        "eye_tilt": _along(y=-t * around),
        "eye_depth": _along(z=around),
        "brow_height": _along(y=-over),
        "brow_arch": _along(y=-over * np.sin(np.pi * u**1.3)),
        "brow_tilt": _along(y=-over * (2 * u - 1)),
        "brow_gap": _along(side * over * (1 - u)),
        "brow_length": _along(side * over * u * brows),
        "brow_thick": _along(y=(y - middle) * brows),
        "brow_lopsided": _along(y=over * side),
    }


def _mouth_fields(head: HeadMesh) -> dict[str, Field]:
    x, y, _ = head.vertices.T.astype(float)
    lips = head.mask("lip")
    window = np.where(lips, 1.0, bell(x, y, (0, MOUTH_Y), (0.36, 0.16)))
    corner = np.clip(np.abs(x) / 0.308, 0, 1) ** 1.5
    bow = bell(x, y, (0, 0.67), (0.035, 1)) - bell(x, y, (0.09, 0.67), (0.04, 1))
    return {
        "mouth_width": _along(x * window),
        "mouth_height": _along(y=window),
        "upper_lip": _along(y=head.mask("lip_upper_outer") * (y - MOUTH_Y - 0.004)),
        "lower_lip": _along(y=head.mask("lip_lower_outer") * (y - MOUTH_Y - 0.004)),
        "cupid": _along(y=head.mask("lip_upper_outer") * bow),
        "mouth_corner": _along(y=window * corner),
        "mouth_side": _along(y=window * x / 0.3, x=0.6 * window),
    }  # fmt: skip


def _expression_fields(head: HeadMesh) -> dict[str, Field]:
    x, y, _ = head.vertices.T.astype(float)
    lips, side = head.mask("lip"), np.tanh(x / 0.1)
    window = np.where(lips, 1.0, bell(x, y, (0.15, MOUTH_Y), (0.2, 0.1)))
    t = np.clip(np.abs(x) / 0.308, 0, 1)
    corner = window * t**1.5
    upper, lower = head.mask("lip_upper"), head.mask("lip_lower")
    near = 1 - ramp(0.2, 0.5, np.abs(x))
    drop = near * ramp(0.70, 0.80, y) + (1 - near) * ramp(0.4, 1.05, y)
    drop[upper], drop[lower] = (0.4 * t**3)[upper], (1 - 0.6 * t**3)[lower]
    cheek = bell(x, y, (0.42, 0.38), (0.14, 0.12)) * ~lips
    outer = head.mask("lip_upper_outer") * -1.0 + head.mask("lip_lower_outer")
    brows = head.mask("brow")
    inner = np.clip(1 - (np.abs(x) - 0.133) / 0.4, 0, 1) * np.where(brows, 1, bell(x, y, (0.2, -0.2), (0.15, 0.08)))
    smile = _along(
        side * corner * 0.068, -0.045 * corner - 0.03 * cheek + 0.02 * lips * (1 - t), -0.06 * corner + 0.05 * cheek
    )
    return {
        "jaw_open": _along(-0.22 * side * corner, drop, -0.3 * drop),
        "smile": smile,
        "smirk": smile * (x > 0)[:, None] - 0.5 * smile * (x < 0)[:, None],
        "part": _along(y=np.where(lower, 1 - t**2, 0) - 0.55 * np.where(upper, 1 - t**2, 0)),
        "sneer": _along(y=-np.where(upper, 1 - t**2, 0) - 0.5 * bell(x, y, (0.12, 0.47), (0.08, 0.06)) * ~lips),
        "pout": _along(-0.11 * side * corner, 0.03 * outer * (1 - t**2), 0.08 * window),
        "press": _along(y=-0.025 * outer * (1 - t**2)),
        "sulk": _along(y=corner * 0.05),
        "brow_raise": _along(y=-np.where(brows, 1.0, 0.5 * bell(x, y, (0.35, -0.24), (0.25, 0.09)))),
        "frown": _along(-0.35 * side * inner, inner),
    }  # fmt: skip


@cache
def basis() -> Basis:
    """All modes' fields, built once."""
    head = mean_head()
    makers: tuple[Callable[[HeadMesh], dict[str, Field]], ...] = (
        _shape_fields, _nose_fields, _eye_fields, _mouth_fields, _expression_fields,
    )  # fmt: skip
    named = {name: field for make in makers for name, field in make(head).items()}
    stacked = np.stack(list(named.values())).astype(np.float32)
    x, y, z = (np.flatnonzero(stacked[..., axis].any(axis=1)) for axis in range(3))
    fields = stacked[x, :, 0], stacked[y, :, 1], stacked[z, :, 2]
    return Basis(tuple(named), (x, y, z), fields)


def draw_identity(rng: np.random.Generator) -> dict[str, float]:
    """Random identity mode values; a child now and then: shorter face, small nose and chin, high brows, large eyes."""
    draws = np.clip(rng.standard_normal(len(IDENTITY_SD)), -2.6, 2.6).tolist()
    values = {name: sd * draw for (name, sd), draw in zip(IDENTITY_SD.items(), draws, strict=True)}
    if rng.random() < 0.15:
        young = between(rng, 0.4, 1.0)
        for name, shift in (
            ("length", -0.07), ("chin_length", -0.05), ("nose_forward", -0.25), ("nose_length", -0.03),
            ("cheeks", 0.06), ("eye_height", 0.2), ("brow_height", 0.02), ("jaw_width", 0.03),
            ("nose_hump", -0.02), ("brow_thick", -0.3),
        ):  # fmt: skip
            values[name] += young * shift
    return values


def draw_expression(rng: np.random.Generator) -> dict[str, float]:
    """Random expression: a mood with its own typical mode values, and a little of everything else.

    Besides the linear modes it names `blink_left`, `blink_right` (0 open, 1 shut), `squint` (lower lids, 0 to 1), and
    `gaze_x`, `gaze_y`, the irises' displacement in units.
    """
    mood = pick(rng, range(6), (0.27, 0.18, 0.30, 0.12, 0.08, 0.05))
    u = rng.random(8).tolist()
    normal = rng.standard_normal
    e = {"smile": 0.25 * normal(), "smirk": 0.25 * normal(), "frown": 0.012 * normal()}
    e |= {"brow_raise": 0.02 * normal(), "part": 0.02 * max(0.0, normal()), "jaw_open": 0.0}
    blink, squint = 0.1 * normal(), 0.1 * u[0]
    if mood == 1:
        e |= {"smile": 0.4 + 0.7 * u[1], "press": 0.6 * u[2]}
        squint += 0.3 * u[3]
    elif mood == 2:
        e |= {
            "smile": 0.6 + 0.8 * u[1],
            "part": 0.03 + 0.06 * u[2],
            "jaw_open": 0.1 * u[3] ** 2 + 0.02,
            "press": 0.4 * u[4],
        }
        squint += 0.5 * u[5]
        blink += 0.15 * u[5]
    elif mood == 3:
        e |= {
            "jaw_open": 0.04 + 0.3 * u[1] ** 1.6,
            "part": 0.02 * u[2],
            "brow_raise": 0.07 * u[3],
            "smile": u[4] - 0.4,
        }
        blink -= 0.15 * u[5]
    elif mood == 4:
        e |= {"sulk": u[1], "frown": 0.05 * u[2], "press": u[3], "sneer": 0.03 * u[4] ** 2}
        squint += 0.4 * u[5]
    elif mood == 5:
        e |= {"pout": 0.5 + 0.7 * u[1], "jaw_open": 0.04 * u[2]}
    if rng.random() < 0.07:
        blink = between(rng, 0.55, 1.0)
    wink = between(rng, 0.4, 0.9) if rng.random() < 0.02 else 0.05 * normal()
    side = rng.integers(2)
    return e | {
        "blink_left": blink + wink * (side == 0),
        "blink_right": blink + wink * (side == 1),
        "squint": squint,
        "gaze_x": clamp(0.03 * normal(), -0.075, 0.075),
        "gaze_y": clamp(0.012 * normal(), -0.03, 0.03),
    }
