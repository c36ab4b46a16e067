"""The mean head: a grid of surface points and named curves on it, in our own units.

Units: the distance between the outer eye corners is 1. Axes: x to the image's right, y down, z towards the viewer; the
origin lies midway between the outer eye corners. The surface is a stack of half-ellipses, one a row: from the jaw's
edge on one side over the face's midline to the other, with Gaussian bumps for nose, sockets, cheeks, muzzle and chin.
Proportions follow common anthropometry, rounded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, Floats, SingleArray

CROWN_ROWS, JAW_ROWS, COLUMNS = 18, 33, 49
ROWS = CROWN_ROWS + JAW_ROWS
SAMPLES = 17
"""Samples on each named curve."""

PIVOT_SKULL = np.array([0.0, -0.3, -0.62])
"""The middle of the skull."""
CHIN_Y = 1.24
MOUTH_Y = 0.715
_MIRROR = np.array([-1.0, 1.0, 1.0])
_JAW_Z = (-0.62, -0.58, -0.53, -0.46, -0.35, -0.2, -0.03, 0.11, 0.16)
_PROFILE_Y = (-1.25, -1.2, -1.05, -0.8, -0.5, -0.2, 0.0, 0.3, 0.55, 0.72, 0.95, 1.1, 1.18, CHIN_Y)
_PROFILE_Z = (-0.55, -0.36, -0.09, 0.13, 0.25, 0.29, 0.27, 0.23, 0.2, 0.2, 0.19, 0.23, 0.22, 0.16)
_CROWN_Y = (-1.25, -1.2, -1.05, -0.8, -0.5, -0.2, 0.0)
_CROWN_X = (0.0, 0.26, 0.52, 0.71, 0.81, 0.845, 0.845)
_CROWN_Z = (-0.55, -0.6, -0.62, -0.62, -0.62, -0.62, -0.62)


@dataclass(frozen=True)
class HeadMesh:
    """The mean head's vertices, grid first, then the curves one after another."""

    vertices: SingleArray
    """(V, 3)"""
    spans: Mapping[str, slice]
    """Where each named curve, and the "grid", lies in `vertices`."""
    pairs: Mapping[str, slice]
    """Where the left and then the right of each curve that both sides have lie in `vertices`."""

    def mask(self, *prefixes: str) -> NDArray[np.bool_]:
        """(V,) true on the curves whose name starts with any of the prefixes."""
        chosen = np.zeros(len(self.vertices), bool)
        for name, span in self.spans.items():
            if name.startswith(prefixes):
                chosen[span] = True
        return chosen


@cache
def _spline(knots: int, samples: int) -> FloatArray:
    """(samples, knots) weights of the Catmull-Rom spline through knots, at places even in its parameter."""
    k = np.eye(knots)
    padded = np.concatenate([2 * k[:1] - k[1:2], k, 2 * k[-1:] - k[-2:-1]])
    at = np.linspace(0, knots - 1, samples)
    i = np.minimum(at.astype(int), knots - 2)
    t = (at - i)[:, None]
    a, b, c, d = (padded[i + n] for n in range(4))
    out: FloatArray = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return out


def smooth_line(knots: Sequence[Sequence[float]], samples: int = SAMPLES) -> FloatArray:
    """(samples, D) points on the Catmull-Rom spline through (K, D) knots, evenly spaced in its parameter."""
    out: FloatArray = np.einsum("sk,kd->sd", _spline(len(knots), samples), np.asarray(knots, float))
    return out


def ramp(low: float, high: float, value: Floats) -> FloatArray:
    """A smooth step: 0 below `low`, 1 above `high`."""
    t = np.clip((np.asarray(value, float) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def bell(x: Floats, y: Floats, at: tuple[float, float], size: tuple[float, float]) -> FloatArray:
    """A Gaussian of (|x|, y) around `at` with standard deviations `size`, so the same on both sides of the face."""
    out: FloatArray = np.exp(-0.5 * (((np.abs(x) - at[0]) / size[0]) ** 2 + ((y - at[1]) / size[1]) ** 2))
    return out


def _edge() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Half-width x, y and depth z of the surface's edge, a value a row, crown to chin."""
    angle = np.linspace(0, np.pi / 2, JAW_ROWS)
    jaw_x, jaw_y = 0.845 * np.maximum(np.cos(angle), 0) ** 0.85, CHIN_Y * np.sin(angle) ** 1.09
    part = np.linspace(0, 1, JAW_ROWS)
    jaw_x += np.sin(np.pi * part) * (
        0.045 * bell(part, part, (0.4, 0), (0.18, 9)) - 0.05 * bell(part, part, (0.87, 0), (0.1, 9))
    )
    jaw_z = smooth_line([[z] for z in _JAW_Z], JAW_ROWS)[:, 0]
    crown_y = np.linspace(_CROWN_Y[0], 0, CROWN_ROWS, endpoint=False)
    crown_x, crown_z = np.interp(crown_y, _CROWN_Y, _CROWN_X), np.interp(crown_y, _CROWN_Y, _CROWN_Z)
    return np.r_[crown_x, jaw_x], np.r_[crown_y, jaw_y], np.r_[crown_z, jaw_z]


def _bumps(x: Floats, y: Floats) -> FloatArray:
    """What nose, sockets, cheeks, muzzle, lips and chin add to the depth."""
    ridge_height = np.interp(
        y, (-0.12, 0.0, 0.2, 0.34, 0.4, 0.46, 0.53, 0.58), (0, 0.03, 0.15, 0.26, 0.285, 0.24, 0.12, 0)
    )
    ridge_width = np.interp(y, (-0.1, 0.1, 0.38, 0.55), (0.09, 0.085, 0.105, 0.12))
    out: FloatArray = ridge_height * np.exp(-0.5 * (x / ridge_width) ** 2)
    out += 0.10 * bell(x, y, (0.125, 0.445), (0.042, 0.05))
    out -= 0.14 * bell(x, y, (0.27, 0.0), (0.15, 0.1))
    out += 0.055 * bell(x, y, (0.35, 0.0), (0.1, 0.055))
    out += 0.035 * bell(x, y, (0.3, -0.2), (0.22, 0.07))
    out += 0.04 * bell(x, y, (0.42, 0.33), (0.16, 0.13))
    out -= 0.03 * bell(x, y, (0.3, 0.5), (0.07, 0.1))
    out += 0.09 * bell(x, y, (0.0, MOUTH_Y), (0.2, 0.15))
    out += 0.035 * bell(x, y, (0.0, MOUTH_Y - 0.035), (0.2, 0.03))
    out += 0.045 * bell(x, y, (0.0, MOUTH_Y + 0.055), (0.16, 0.035))
    out -= 0.03 * bell(x, y, (0.0, MOUTH_Y + 0.19), (0.2, 0.05))
    out += 0.05 * bell(x, y, (0.0, 1.09), (0.15, 0.07))
    return out


def depth(x: Floats, y: Floats) -> FloatArray:
    """The mean surface's z at (x, y)."""
    edge_x, edge_y, edge_z = _edge()
    half, back = np.maximum(np.interp(y, edge_y, edge_x), 1e-3), np.interp(y, edge_y, edge_z)
    front = np.interp(y, _PROFILE_Y, _PROFILE_Z)
    out: FloatArray = back + (front - back) * np.sqrt(np.clip(1 - (x / half) ** 2, 0, 1)) + _bumps(x, y)
    return out


def _grid() -> FloatArray:
    """(ROWS, COLUMNS, 3) surface points; a column is an angle round the row's half-ellipse, image left to right."""
    edge_x, edge_y, edge_z = _edge()
    angle = np.linspace(-np.pi / 2, np.pi / 2, COLUMNS)
    front = np.interp(edge_y, _PROFILE_Y, _PROFILE_Z)
    x = edge_x[:, None] * np.sin(angle)
    y = np.repeat(edge_y[:, None], COLUMNS, axis=1)
    z = edge_z[:, None] + (front - edge_z)[:, None] * np.cos(angle) + _bumps(x, y) * np.cos(angle) ** 0.5
    out: FloatArray = np.stack([x, y, z], axis=-1)
    return out


def _sided() -> dict[str, tuple[Sequence[Sequence[float]], float]]:
    """Curves of the face's left half (x > 0), inner to outer: (x, y) knots and how far they stand off the surface."""
    t = np.linspace(0, 1, 9)
    x, line, arc = 0.208 + 0.292 * t, 0.022 * (1 - t), 4 * t * (1 - t)
    upper, lower = line - 0.072 * arc**0.72, line + 0.034 * arc**0.7
    mid = [(0.133, -0.170), (0.275, -0.223), (0.425, -0.248), (0.565, -0.218), (0.672, -0.131)]
    half = (0.034, 0.042, 0.038, 0.027, 0.006)
    return {
        "lid_upper": (np.stack([x, upper], -1).tolist(), -0.005),
        "lid_lower": (np.stack([x, lower], -1).tolist(), -0.005),
        "brow_upper": ([(a, b - h) for (a, b), h in zip(mid, half, strict=True)], 0.01),
        "brow_lower": ([(a, b + h) for (a, b), h in zip(mid, half, strict=True)], 0.01),
        "crease": ([(0.215, -0.012), (0.28, -0.085), (0.37, -0.108), (0.45, -0.085), (0.52, -0.02)], 0.0),
        "bag": ([(0.22, 0.05), (0.3, 0.1), (0.38, 0.11), (0.47, 0.08)], 0.0),
        "ala": ([(0.115, 0.37), (0.165, 0.405), (0.18, 0.45), (0.162, 0.48)], 0.0),
        "nostril": ([(0.048, 0.484), (0.072, 0.464), (0.102, 0.462), (0.116, 0.484), (0.083, 0.497)], 0.02),
        "fold": ([(0.185, 0.42), (0.25, 0.52), (0.33, 0.63), (0.375, 0.75)], 0.0),
        "iris": ([(0.354, -0.012), (0.354, -0.011)], 0.0),
    }


def _central() -> dict[str, tuple[Sequence[Sequence[float]], float]]:
    """Curves across the midline: the ridge from the top down, the others image left to right."""

    def whole(half: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(-x, y) for x, y in half[:0:-1]] + half

    m = MOUTH_Y
    return {
        "ridge": ([(0, -0.025), (0, 0.11), (0, 0.24), (0, 0.372)], 0.0),
        "nose_base": (whole([(0, 0.515), (0.043, 0.51), (0.084, 0.495), (0.127, 0.49), (0.163, 0.47)]), 0.03),
        "lip_upper_outer": (whole([(0, m - 0.05), (0.08, m - 0.066), (0.19, m - 0.036), (0.3, m + 0.018)]), 0.0),
        "lip_upper_inner": (whole([(0, m + 0.003), (0.08, m - 0.001), (0.17, m + 0.008), (0.258, m + 0.022)]), -0.01),
        "lip_lower_inner": (whole([(0, m + 0.005), (0.08, m + 0.001), (0.17, m + 0.01), (0.258, m + 0.022)]), -0.01),
        "lip_lower_outer": (whole([(0, m + 0.102), (0.085, m + 0.099), (0.192, m + 0.074), (0.3, m + 0.018)]), 0.0),
    }


@cache
def mean_head() -> HeadMesh:
    """The mean head, built once."""
    parts: dict[str, FloatArray] = {"grid": _grid().reshape(-1, 3)}
    for name, (knots, lift) in _sided().items():
        xy = smooth_line(knots)
        wrap = 0.33 * float(name.startswith("brow")) * np.maximum(xy[:, 0] - 0.45, 0)
        xyz = np.column_stack([xy, depth(xy[:, 0], xy[:, 1]) + lift + wrap])
        parts[f"{name}_left"], parts[f"{name}_right"] = xyz, xyz * _MIRROR
    for name, (knots, lift) in _central().items():
        xy = smooth_line(knots)
        wrap = -0.9 * float(name.startswith("lip")) * xy[:, 0] ** 2
        parts[name] = np.column_stack([xy, depth(xy[:, 0], xy[:, 1]) + lift + wrap])
    outline = [(0, -0.1), (0.05, -0.2), (0.14, -0.22), (0.2, -0.12), (0.17, 0.05), (0.12, 0.2), (0.06, 0.3), (0, 0.28)]
    ear = smooth_line([(0.82 + 0.85 * d, y, -0.58 - 0.75 * d) for d, y in outline])
    parts["ear_left"], parts["ear_right"] = ear, ear * _MIRROR
    ends: list[int] = np.cumsum([0, *(len(p) for p in parts.values())]).tolist()
    spans = {name: slice(a, b) for name, a, b in zip(parts, ends[:-1], ends[1:], strict=True)}
    pairs = {n[:-5]: slice(span.start, 2 * span.stop - span.start) for n, span in spans.items() if n.endswith("_left")}
    return HeadMesh(np.concatenate(list(parts.values())).astype(np.float32), spans, pairs)
