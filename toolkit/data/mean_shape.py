"""Whether labelled points form a face: each face against the scheme's mean shape, seen from many sides.

The mean shape is that of the synthetic head, whose points are known exactly and belong to nobody. A face is compared
with every view under the similarity that fits best, as complex numbers, where turning and scaling is a product.
Expression, age and person change a face by far less than a wrong order of points or exchanged axes does (see LIMIT).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from toolkit.core import schemes
from toolkit.core.arrays import ComplexArray, FloatArray
from toolkit.core.correspondence import translated
from toolkit.core.schemes import W300_68, Scheme

YAWS_DEG, PITCHES_DEG, DISTANCE = range(-90, 91, 15), (-20, 0, 20), 8.0
"""The views of the mean head, and how far it is from the camera, in distances of the outer eye corners."""
LIMIT = 0.36
"""Root mean square distance of a face's points from the nearest view, over that of its points from their centre. Of
10,732 real faces of nine sets, up to profile and from babies on, all but four stay below 0.31, and those four are
labelled wrong; exchanged axes, mirrored or reversed order and numbers shifted by one lie between 0.37 and 0.97 for
faces of which every point is given."""
FAR = 0.55
"""A point this far from where the others put it, in the nearest view's distance of the outer eye corners, is wrong. Of
the real faces five have such a point."""
CLOSE = 0.2
"""Outer eye corners nearer than this share of their distance in the nearest view are one place given twice."""
UPSIDE_DOWN_DEG = 135
"""The most tilted of the real faces, a baby, lies at 107 degrees."""
USUAL = 0.25
"""As FAR, of a point's median place over a set: babies' lie within 0.16, those of other sets within 0.08; the points of
nose, mouth or brows in mirrored order lie 0.32 off and more, which for the nose no single face shows."""
LEAST_FACES = 20
"""Fewer have no usual place of a point."""
LEAST_POINTS = 8
"""Fewer fit any view."""
LEAST_PX = 4
"""Points within fewer pixels are no pixels."""
SPARED = 1 / 3
"""At most this share of a face's points is called wrong; else the whole face is."""
LISTED = 6
"""Points that a message names."""
TINY = np.finfo(float).tiny

ORDERS: Mapping[str, Callable[[ComplexArray], ComplexArray]] = MappingProxyType(
    {
        "the points are in reversed order": lambda z: z[:, ::-1],
        "the points are in reversed order and mirrored": lambda z: np.conj(z[:, ::-1]),
        "the numbering is shifted by one: each point is where the next one belongs": lambda z: np.roll(z, 1, axis=1),
        "the numbering is shifted by one: each point is where the one before belongs": lambda z: np.roll(z, -1, axis=1),
    }
)
"""What puts wrong points right, by what is then wrong with them; what mirrored ones are is for `_mirrored` to say."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The nearest view of each of N faces."""

    view: NDArray[np.intp]
    """(N,) its number."""
    shift: ComplexArray
    """(N,) where the view's origin is."""
    turn: ComplexArray
    """(N,) turn and size: pixels of a unit of the view, which is the distance of the outer eye corners."""
    points: ComplexArray
    """(N, M) the view's points where the face is."""
    residual: FloatArray
    """(N,) as LIMIT."""

    @property
    def roll_deg(self) -> FloatArray:
        """(N,) how far each face is turned clockwise on the screen."""
        return np.asarray(np.degrees(np.angle(self.turn)))


def nearest(points_xy: FloatArray, scheme: Scheme) -> Fit | None:
    """The nearest views of faces (N, M, 2) with LEAST_POINTS or more; None for a scheme without a mean shape."""
    views = _views(scheme.layout or scheme.name)
    return None if views is None else _fit(points_xy @ [1, 1j], views)


def doubts(points_xy: FloatArray, scheme: Scheme) -> dict[int, str]:
    """What is wrong with the points of some faces, by the face's index; nothing for a scheme without a mean shape.

    Args:
        points_xy: (N, M, 2) in pixels, NaN where a point is missing.
        scheme: what they are.
    """
    views = _views(scheme.layout or scheme.name)
    judged = np.flatnonzero(np.isfinite(points_xy).all(axis=2).sum(axis=1) >= LEAST_POINTS)
    if views is None or not len(judged):
        return {}
    points_xy = points_xy[judged]
    z = points_xy @ [1, 1j]
    found = _fit(z, views)
    unlike = (found.residual > LIMIT) | (_off(z, found) > FAR).any(axis=1)
    texts: dict[int, str] = {}
    for i in np.flatnonzero((np.nanmax(points_xy, axis=1) - np.nanmin(points_xy, axis=1)).max(axis=1) < LEAST_PX):
        texts[i] = f"all points lie within {LEAST_PX} pixels: expected pixels of the picture, not shares of it"
    for i in np.flatnonzero(~unlike & (np.abs(found.roll_deg) > UPSIDE_DOWN_DEG)):
        texts.setdefault(i, f"the face is upside down, turned by {found.roll_deg[i]:.0f} degrees")
    if unlike.any():
        trimmed = _trimmed(z[unlike], views)
        for i, text in zip(np.flatnonzero(unlike), _explained(z[unlike], trimmed, views), strict=True):
            texts.setdefault(i, text)
        for whole, part in ((found.points, trimmed.points), (found.residual, trimmed.residual)):
            whole[unlike] = part
    eyes, eyes_seen = (np.abs(p[:, scheme.eyes[0]] - p[:, scheme.eyes[1]]) for p in (z, found.points))
    for i in np.flatnonzero((found.residual <= LIMIT) & (eyes < CLOSE * eyes_seen)):
        texts[i] = f"the outer eye corners, points {scheme.eyes[0]} and {scheme.eyes[1]}, are the same place"
    return {int(judged[i]): texts[i] for i in sorted(texts)}


def whole_boxes(points_xy: FloatArray, scheme: Scheme) -> FloatArray:
    """The (N, 4) tight boxes of all 68 points, as far as a few points of each face tell: those of the mean head there.

    Args:
        points_xy: (N, M, 2) in pixels, NaN where a point is missing; at least three of each face.
        scheme: what they are.
    """
    whole = _views(W300_68.name)
    assert whole is not None
    some = translated(np.stack([whole.real, whole.imag], axis=-1), W300_68, scheme) @ [1, 1j]
    found = _fit(points_xy @ [1, 1j], some)
    points = found.turn[:, None] * whole[found.view] + found.shift[:, None]
    corners = [function(axis, axis=1) for function in (np.min, np.max) for axis in (points.real, points.imag)]
    return np.stack(corners, axis=1)


def common_doubt(points_xy: FloatArray, scheme: Scheme) -> str:
    """What is wrong with the order of the points of a whole set (N, M, 2) of faces that are like faces one by one."""
    judged = points_xy[np.isfinite(points_xy).all(axis=2).sum(axis=1) >= LEAST_POINTS]
    found = nearest(judged, scheme) if len(judged) >= LEAST_FACES else None
    if found is None:
        return ""
    off = (judged @ [1, 1j] - found.points) / found.turn[:, None]
    given = np.flatnonzero(np.isfinite(off).any(axis=0))
    usual = np.nanmedian(off.real[:, given], axis=0) + 1j * np.nanmedian(off.imag[:, given], axis=0)
    wrong = given[np.abs(usual) > USUAL]
    return f"in most faces not where faces have them: points {_named(wrong)}" if len(wrong) else ""


@cache
def _views(name: str) -> ComplexArray | None:
    """(K, M) the mean head from all sides, upright, in distances of the outer eye corners; None where it has no such
    points."""
    from toolkit.data.synthetic.pose import HeadPose, view_of
    from toolkit.data.synthetic.scheme_points import points_of  # its tables take a moment to build

    poses = [HeadPose(yaw=yaw, pitch=pitch, roll=0, distance=DISTANCE) for yaw in YAWS_DEG for pitch in PITCHES_DEG]
    try:
        return np.array([points_of(view_of({}, pose), schemes.scheme(name))[:, :2] @ [1, 1j] for pose in poses])
    except ValueError:
        return None


def _fit(z: ComplexArray, views: ComplexArray) -> Fit:
    """The view of least squared distance under its best similarity, for faces (N, M); NaN points count for nothing."""
    known = np.isfinite(z)
    weight = known.astype(float)
    count = weight.sum(axis=1, keepdims=True)
    centre = np.where(known, z, 0).sum(axis=1, keepdims=True) / count
    spread = np.where(known, z - centre, 0)
    energy = (np.abs(spread) ** 2).sum(axis=1)
    middle = weight @ views.T / count  # (N, K), as is what follows
    view_energy = weight @ (np.abs(views) ** 2).T - count * np.abs(middle) ** 2
    product = spread @ np.conj(views).T
    gain = np.abs(product) ** 2 / view_energy
    each, best = np.arange(len(z)), gain.argmax(axis=1)
    turn = product[each, best] / view_energy[each, best]
    shift = centre[:, 0] - turn * middle[each, best]
    return Fit(
        view=best,
        shift=shift,
        turn=turn,
        points=turn[:, None] * views[best] + shift[:, None],
        residual=np.sqrt(np.maximum(0, 1 - gain[each, best] / np.maximum(energy, TINY))),
    )


def _off(z: ComplexArray, found: Fit) -> FloatArray:
    """(N, M) as FAR; NaN where a point is missing."""
    return np.asarray(np.abs(z - found.points) / np.maximum(np.abs(found.turn), TINY)[:, None])


def _explained(z: ComplexArray, trimmed: Fit, views: ComplexArray) -> list[str]:
    """What is wrong with faces (N, M) that are like no view, or have points far off what the others form."""
    plain, mirrored = _fit(z, views), _fit(np.conj(z), views)
    ordered = {text: _fit(order(z), views).residual for text, order in ORDERS.items()}
    texts = []
    for i, off in enumerate(_off(z, trimmed)):
        far = np.flatnonzero(off > FAR)
        residuals = {_mirrored(mirrored.turn[i]): mirrored.residual[i]}
        residuals |= {text: residual[i] for text, residual in ordered.items()}
        best = min(residuals, key=residuals.__getitem__)
        if residuals[best] <= LIMIT and residuals[best] < plain.residual[i]:
            texts.append(best)
        elif trimmed.residual[i] <= LIMIT and 0 < len(far) <= SPARED * np.isfinite(off).sum():
            texts.append(f"far from where the other points put them: {_named(far)}")
        else:
            texts.append(
                f"the points form no face: they are {100 * plain.residual[i]:.0f} % of its size from the mean shape, "
                f"whatever side it is seen from (limit {100 * LIMIT:.0f})"
            )
    return texts


def _named(points: NDArray[np.intp]) -> str:
    """The first of some points' indices, and how many there are more."""
    more = f" and {len(points) - LISTED} more" if len(points) > LISTED else ""
    return ", ".join(map(str, points[:LISTED].tolist())) + more


def _mirrored(turn: complex) -> str:
    """What mirrored points have been through, by where the top of the face then is."""
    top = np.degrees(np.angle(np.conj(turn) * 1j))
    if abs(top) >= 135:
        return "x and y are swapped"
    if abs(top) <= 45:
        return "the points are mirrored and lie on their side"
    if top < 0:
        return "left and right are exchanged: the order is that of the mirrored face, or only the picture was mirrored"
    return "y counts from the bottom of the picture: expected from the top"


def _trimmed(z: ComplexArray, views: ComplexArray) -> Fit:
    """The nearest view of each face (N, M) without the points that are far from where the others put them."""
    centre = np.nanmedian(z.real, axis=1) + 1j * np.nanmedian(z.imag, axis=1)
    apart = np.abs(z - centre[:, None])
    kept = np.where(apart <= 4 * np.nanmedian(apart, axis=1)[:, None], z, np.nan)
    for _ in range(6):
        off = _off(z, _fit(kept, views))
        kept = np.where(off <= np.maximum(FAR / 2, 3 * np.nanmedian(off, axis=1))[:, None], z, np.nan)
    return _fit(kept, views)
