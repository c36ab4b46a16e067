"""Landmark schemes read from a view's curves, and which points the head itself hides.

A scheme is a table: each point is a weighted mean of a few vertices, but for the contour, whose points part the visible
edge of the jaw, from about ear level to the chin on each side, into pieces of equal length.

Annotators do not put points quite where an anatomist would draw the curves: the tip of the nose lies lower, and the
ends of the brows higher. How far was settled by what released networks say of drawn faces, mirrored too; what is left
beside the tables, `python -m tools layout` tells.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, Floats
from toolkit.core.schemes import COFW_29, W300_68, WFLW_98, Scheme
from toolkit.data.synthetic.head import SAMPLES, mean_head
from toolkit.data.synthetic.pose import ABOVE_EYES, HeadView

BROW_LINE = 0.35
"""How far below a brow's upper edge its single line of landmarks lies, as a fraction of its thickness."""

Offsets = Sequence[tuple[float, float]]
"""Units to the right and down, at even places of a curve: of one that each side has on the left side, from the inside
out; of the lips' from the middle to the image's right; of the nose's from end to end."""
ANNOTATED: Mapping[str, Offsets] = MappingProxyType(
    {
        "ridge": ((0.0, 0.003), (0.0, 0.014), (0.0, 0.021), (0.0, 0.024)),
        "nose_base": ((0.008, 0.019), (0.005, 0.015), (0.0, 0.019), (-0.005, 0.015), (-0.008, 0.019)),
        "lid_upper": ((0.005, 0.0), (-0.013, 0.0), (-0.016, -0.005), (-0.016, -0.010)),
        "lid_lower": ((0.005, 0.0), (-0.002, -0.002), (-0.006, 0.001), (-0.016, -0.010)),
        "lip_upper_outer": ((0.0, 0.005), (-0.004, 0.006), (-0.005, 0.009), (-0.009, 0.012)),
        "lip_lower_outer": ((0.0, 0.003), (0.0, 0.007), (0.0, 0.013), (-0.009, 0.012)),
        "lip_upper_inner": ((0.0, 0.006), (-0.001, 0.006), (-0.006, 0.009), (-0.010, 0.013)),
        "lip_lower_inner": ((0.0, 0.006), (-0.001, 0.006), (-0.006, 0.009), (-0.010, 0.013)),
    }
)
"""How far beside a curve its points are annotated."""
BROWS: Offsets = ((-0.015, -0.005), (-0.026, -0.013), (-0.025, -0.020), (-0.014, -0.028), (-0.009, -0.029))
"""The same of the single line of 300W's brows."""

Point = Sequence[tuple[int, float]]
"""Vertices and their weights."""


def _on(curve: str, *places: float) -> list[Point]:
    """Points of a curve at fractions of its parameter, linearly between samples."""
    first: int = mean_head().spans[curve].start
    out: list[Point] = []
    for place in places:
        at = place * (SAMPLES - 1)
        low = min(int(at), SAMPLES - 2)
        out.append([(first + low, 1 - at + low), (first + low + 1, at - low)])
    return out


def _amid(curve: str, other: str, share: float, *places: float) -> list[Point]:
    """Points that lie at a share of the way from one curve to the other."""
    pairs = zip(_on(curve, *places), _on(other, *places), strict=True)
    return [[*((v, w * (1 - share)) for v, w in a), *((v, w * share) for v, w in b)] for a, b in pairs]


def _whole(parts: int, *, back: bool = False) -> tuple[float, ...]:
    places = tuple(n / parts for n in range(parts + 1))
    return places[::-1] if back else places


def _brow(side: str, *places: float) -> list[Point]:
    return _amid(f"brow_upper_{side}", f"brow_lower_{side}", BROW_LINE, *places)


def _mouth(aside: float) -> list[Point]:
    """The 20 points of 68- and 98-point schemes; `aside` is where the inner lips' points beside the middle lie."""
    inner = (0.0, aside, 0.5, 1 - aside, 1.0)
    return [
        *_on("lip_upper_outer", *_whole(6)), *_on("lip_lower_outer", *_whole(6, back=True)[1:-1]),
        *_on("lip_upper_inner", *inner), *_on("lip_lower_inner", *inner[3:0:-1]),
    ]  # fmt: skip


def _eyes(places: Sequence[float]) -> list[Point]:
    """Both eyes, upper lid from the image's left, then the lower lid back."""
    back = places[::-1]
    return [
        *_on("lid_upper_right", *back), *_on("lid_lower_right", *places[1:-1]),
        *_on("lid_upper_left", *places), *_on("lid_lower_left", *back[1:-1]),
    ]  # fmt: skip


def _points_68() -> list[Point]:
    return [
        *_brow("right", *_whole(4, back=True)), *_brow("left", *_whole(4)),
        *_on("ridge", *_whole(3)), *_on("nose_base", *_whole(4)),
        *_eyes((0.0, 0.35, 0.71, 1.0)), *_mouth(1 / 3),
    ]  # fmt: skip


def _points_98() -> list[Point]:
    along = (0.03, 0.22, 0.41, 0.62, 0.88)
    under = along[:-1]
    return [
        *_on("brow_upper_right", *along[::-1]), *_on("brow_lower_right", *under),
        *_on("brow_upper_left", *along), *_on("brow_lower_left", *under[::-1]),
        *_on("ridge", *_whole(3)), *_on("nose_base", *_whole(4)),
        *_eyes(_whole(4)), *_mouth(0.25), *_on("iris_right", 0.0), *_on("iris_left", 0.0),
    ]  # fmt: skip


def _points_29() -> list[Point]:
    sides, out = ("right", "left"), []
    for place in (0.97, 0.07):
        out += [p for side in sides for p in _amid(f"brow_upper_{side}", f"brow_lower_{side}", 0.5, place)]
    out += [p for side in sides for edge in ("upper", "lower") for p in _on(f"brow_{edge}_{side}", 0.5)]
    out += [p for place in (1.0, 0.0) for side in sides for p in _on(f"lid_upper_{side}", place)]
    out += [p for side in sides for edge in ("upper", "lower") for p in _on(f"lid_{edge}_{side}", 0.5)]
    out += [p for side in sides for p in _on(f"iris_{side}", 0.0)]
    out += [*_on("ala_right", 0.55), *_on("ala_left", 0.55), *_on("ridge", 1.0), *_on("nose_base", 0.5)]
    out += _on("lip_upper_outer", 0.0, 1.0)
    names = ("lip_upper_outer", "lip_upper_inner", "lip_lower_inner", "lip_lower_outer")
    return out + [p for name in names for p in _on(name, 0.5)]


@dataclass(frozen=True)
class PointWeights:
    """How a scheme's points are read."""

    vertices: NDArray[np.intp]
    """(P, 4)"""
    weights: FloatArray
    """(P, 4)"""
    beside: FloatArray
    """(P, 3) how far from there they are annotated, in units of the head before it is turned."""
    contour: FloatArray
    """Places of the contour's points: 0 and 2 at the level of the outer eye corners, 1 at the chin."""
    clear: FloatArray
    """(M,) how far, in units, the head's surface may lie before each of the scheme's points and not hide it."""


def _beside(offsets: Mapping[str, Offsets]) -> FloatArray:
    """(V, 3) how far beside each vertex its points are annotated."""
    head, out = mean_head(), np.zeros(mean_head().vertices.shape)

    def at(places: FloatArray, of: Offsets) -> FloatArray:
        """(SAMPLES, 2)"""
        even = np.linspace(0, 1, len(of))
        return np.column_stack([np.interp(places, even, values) for values in np.transpose(of)])

    along = np.linspace(0, 1, SAMPLES)
    for name, of in offsets.items():
        if name in head.pairs:
            left = at(along, of)
            out[head.spans[f"{name}_left"], :2], out[head.spans[f"{name}_right"], :2] = left, left * (-1, 1)
        elif name.startswith("lip"):
            side = 2 * along - 1
            out[head.spans[name], :2] = at(np.abs(side), of) * np.column_stack([np.sign(side), np.ones(SAMPLES)])
        else:
            out[head.spans[name], :2] = at(along, of)
    return out


def _weights_of(
    scheme: Scheme, points: Iterable[Point], contour: FloatArray, offsets: Mapping[str, Offsets] = ANNOTATED
) -> PointWeights:
    padded = [[*p, *[(0, 0.0)] * (4 - len(p))] for p in points]
    table = np.array(padded)
    vertices, weights = table[..., 0].astype(np.intp), table[..., 1]
    clear = np.full(scheme.points, 0.35)
    clear[list(scheme.regions["eyes"])] = 0.2
    clear[list(scheme.regions["contour"])] = 0.5
    beside = np.einsum("pk,pkd->pd", weights, _beside(offsets)[vertices])
    return PointWeights(vertices, weights, beside, contour, clear)


@cache
def _weights() -> Mapping[str, PointWeights]:
    of_68 = {**ANNOTATED, "brow_upper": BROWS, "brow_lower": BROWS}
    return {
        W300_68.name: _weights_of(W300_68, _points_68(), np.linspace(0.0, 2.0, 17), of_68),
        WFLW_98.name: _weights_of(WFLW_98, _points_98(), np.linspace(-0.07, 2.07, 33)),
        COFW_29.name: _weights_of(COFW_29, _points_29(), np.ones(1)),
    }


@cache
def _drawn() -> PointWeights:
    return _weights_of(W300_68, _points_68(), np.linspace(0.025, 1.975, 17), {})


def _along_contour(view: HeadView, places: FloatArray) -> FloatArray:
    """(P, 3) x, y in pixels and depth in units at the given places of the contour."""
    line = view.contour
    middle = len(line) // 2
    step = line[1:] - line[:-1]
    length = np.zeros(len(line))
    np.hypot(step[:, 0], step[:, 1]).cumsum(out=length[1:])
    length -= length[middle]
    length[:middle] /= -length[ABOVE_EYES]
    length[middle:] /= length[-1 - ABOVE_EYES]
    length += 1
    out = np.empty((len(places), 3))
    for column, values in enumerate((*line.T, view.head.xyz[view.head.contour, 2])):
        out[:, column] = np.interp(places, length, values)
    return out


def _read(view: HeadView, scheme: Scheme, reading: PointWeights) -> FloatArray:
    """(M, 3) the scheme's points from a view's vertices."""
    pose = view.pose
    inner = np.empty((len(reading.vertices), 3))
    np.einsum("pk,pkd->pd", reading.weights, view.pixels[reading.vertices], out=inner[:, :2])
    np.einsum("pk,pk->p", reading.weights, view.head.xyz[reading.vertices, 2], out=inner[:, 2])
    beside = reading.beside @ pose.turn[:, :3].T
    inner[:, 2] += beside[:, 2]
    near = pose.distance / (pose.distance - inner[:, 2:])
    inner[:, :2] += view.directions(near * beside[:, :2])
    edge = _along_contour(view, reading.contour)
    first = scheme.regions["contour"][0] == 0
    return np.concatenate([edge, inner] if first else [inner, edge])


def drawn_68(view: HeadView) -> FloatArray:
    """(68, 2) where 300W's points would be, in pixels, if annotators put them on what is drawn: a picture's frame."""
    return _read(view, W300_68, _drawn())[:, :2]


def has_reading(scheme: Scheme) -> bool:
    """Whether points_of gives the scheme's points."""
    return scheme.name in _weights()


def points_of(view: HeadView, scheme: Scheme) -> FloatArray:
    """(M, 3) the scheme's points: x and y in pixels, and depth in units.

    Raises:
        ValueError: the synthetic face has no reading for the scheme.
    """
    if not has_reading(scheme):
        raise ValueError(
            f"synthetic faces know {', '.join(_weights())} and points picked from them; for {scheme.name} give --data"
        )
    head = view.head
    if scheme.name not in head.points:
        head.points[scheme.name] = _read(head.unplaced, scheme, _weights()[scheme.name])
    points = head.points[scheme.name].copy()
    for axis, shift in enumerate(view.shift_xy):
        points[:, axis] *= view.unit_px
        points[:, axis] += shift
    return points


def hidden_by_head(view: HeadView, points: Floats, scheme: Scheme) -> NDArray[np.bool_]:
    """(M,) which of the scheme's points (M, 3) lie behind the head's own surface, which is steep at its edge."""
    return view.hidden(points, _weights()[scheme.name].clear)
