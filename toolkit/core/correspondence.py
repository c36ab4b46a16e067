"""Points of one scheme that are points of another: with them, faces of one scheme train a network for another.

A target point is the mean of one or more source points, or has no counterpart and is missing (NaN). Sources: WFLW marks
all of iBUG's 68 points among its 98 (Wu et al. 2018); COFW's 29 are those of LFPW (Belhumeur et al. 2011), all but the
lower edges of the brows points of the 68 or midpoints of some.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from toolkit.core.arrays import FloatArray
from toolkit.core.schemes import COFW_29, FIVE_5, W300_68, WFLW_98, Scheme, scheme

Means = Mapping[int, tuple[int, ...]]
"""Target point -> the source points whose mean it is."""

_BROWS = (33, 34, 35, 36, 37, 42, 43, 44, 45, 46)
_EYES = (60, 61, 63, 64, 65, 67, 68, 69, 71, 72, 73, 75)
_68_IN_98 = (*range(0, 33, 2), *_BROWS, *range(51, 60), *_EYES, *range(76, 96))
"""iBUG's points by their places among WFLW's."""

_29_OF_68: Means = MappingProxyType(
    {
        **{0: (17,), 4: (19,), 2: (21,), 3: (22,), 6: (24,), 1: (26,)},  # brows: outer end, middle, inner end
        **{8: (36,), 12: (37, 38), 10: (39,), 13: (40, 41), 16: (37, 38, 40, 41)},  # left eye, its pupil last
        **{9: (45,), 14: (43, 44), 11: (42,), 15: (46, 47), 17: (43, 44, 46, 47)},
        **{18: (31,), 19: (35,), 20: (30,), 21: (33,)},  # nose: wings, tip, base
        **{22: (48,), 23: (54,), 24: (51,), 25: (62,), 26: (66,), 27: (57,)},  # mouth: corners, lips from above
        28: (8,),
    }
)
_29_OF_98: Means = MappingProxyType(
    {
        **{target: tuple(_68_IN_98[i] for i in sources) for target, sources in _29_OF_68.items()},
        **{5: (40,), 7: (48,), 16: (96,), 17: (97,)},  # the brows' lower edges, and pupils, are marked in WFLW
    }
)
_5_OF_68: Means = MappingProxyType(
    {
        0: tuple(range(36, 42)),
        1: tuple(range(42, 48)),
        2: (30,),
        3: (48,),
        4: (54,),
    }  # an eye's centre: of all its points
)
_5_OF_98: Means = MappingProxyType(
    {target: tuple(_68_IN_98[i] for i in sources) for target, sources in _5_OF_68.items()}
)
_5_OF_29: Means = MappingProxyType({0: (8, 10, 12, 13), 1: (9, 11, 14, 15), 2: (20,), 3: (22,), 4: (23,)})


def _inverse(means: Means) -> Means:
    """Source points that are single points of the target, by the target's."""
    return MappingProxyType({sources[0]: (target,) for target, sources in means.items() if len(sources) == 1})


_68_OF_98: Means = MappingProxyType({i: (place,) for i, place in enumerate(_68_IN_98)})
_TABLES: Mapping[tuple[str, str], Means] = MappingProxyType(
    {
        (WFLW_98.name, W300_68.name): _68_OF_98,
        (W300_68.name, WFLW_98.name): _inverse(_68_OF_98),
        (W300_68.name, COFW_29.name): _29_OF_68,
        (COFW_29.name, W300_68.name): _inverse(_29_OF_68),
        (WFLW_98.name, COFW_29.name): _29_OF_98,
        (COFW_29.name, WFLW_98.name): _inverse(_29_OF_98),
        **{(W300_68.name, FIVE_5.name): _5_OF_68, (FIVE_5.name, W300_68.name): _inverse(_5_OF_68)},
        **{(WFLW_98.name, FIVE_5.name): _5_OF_98, (FIVE_5.name, WFLW_98.name): _inverse(_5_OF_98)},
        **{(COFW_29.name, FIVE_5.name): _5_OF_29, (FIVE_5.name, COFW_29.name): _inverse(_5_OF_29)},
    }
)
_JAW_ENDS = tuple(i for i in W300_68.regions["contour"] if not 6 <= i <= 10)
_BROW_ENDS_AND_WINGS = {0: 17, 1: 26, 2: 21, 3: 22, 18: 31, 19: 35}
_APART: Mapping[tuple[str, str], frozenset[int]] = MappingProxyType(
    {
        (WFLW_98.name, W300_68.name): frozenset(_JAW_ENDS),
        (W300_68.name, WFLW_98.name): frozenset(_68_IN_98[i] for i in _JAW_ENDS),
        (W300_68.name, COFW_29.name): frozenset(_BROW_ENDS_AND_WINGS),
        (COFW_29.name, W300_68.name): frozenset(_BROW_ENDS_AND_WINGS.values()),
        (WFLW_98.name, COFW_29.name): frozenset(_BROW_ENDS_AND_WINGS),
        (COFW_29.name, WFLW_98.name): frozenset(_68_IN_98[i] for i in _BROW_ENDS_AND_WINGS.values()),
    }
)
"""Target points whose counterpart has the same name but another place: brow ends and nose wings of 291 of Helen's
training faces that were marked by both 68 and 29 points lie 6 % of the eye distance apart (all others 2 to 4 %), and
WFLW's jaw line ends higher up than 300W's."""


def correspondence(source: Scheme, target: Scheme, *, close: bool = False) -> Means:
    """Which points of `source`, neither of them joint, give each point of `target`; those without are left out. Points
    of one's own that pick none of another scheme's have no counterparts anywhere.

    Args:
        source: what is given.
        target: what is wanted.
        close: leave out, too, what annotators of the two place apart by more than about 5 % of the eye distance.
    """
    names = (source.layout or source.name, target.layout or target.name)
    if names[0] == names[1]:
        return MappingProxyType({i: (i,) for i in range(target.points)})
    if target.means:
        via = correspondence(source, scheme(target.source), close=close)
        found = {i: own for i, own in enumerate(target.means) if own and all(point in via for point in own)}
        return MappingProxyType({i: tuple(point for each in own for point in via[each]) for i, own in found.items()})
    if source.means:
        there = _inverse(dict(enumerate(source.means)))
        via = correspondence(scheme(source.source), target, close=close)
        known = {i: own for i, own in via.items() if all(point in there for point in own)}
        return MappingProxyType({i: tuple(there[point][0] for point in own) for i, own in known.items()})
    if target.own or source.own:
        return MappingProxyType({})
    apart = _APART.get(names, frozenset()) if close else frozenset()
    return MappingProxyType({point: means for point, means in _TABLES[names].items() if point not in apart})


def translated(
    points_xy: FloatArray, source: Scheme, target: Scheme, *, close: bool = False, own: bool = False
) -> FloatArray:
    """Points (..., M, 2) of one scheme as those of another, NaN where it has no counterpart or one of them is missing.

    In a joint target that has a part for the source, other parts of the same layout stay empty: they are for faces that
    are marked in their own way.

    Args:
        points_xy: (..., source.points, 2).
        source: not joint.
        target: any; of a joint one each part is filled.
        close: as for correspondence.
        own: fill nothing but the source's own part of a joint target.
    """
    if source == target:
        return points_xy
    if target.parts:
        return np.concatenate([_part(points_xy, source, part, target, close, own) for part in target.parts], axis=-2)
    found = np.full((*points_xy.shape[:-2], target.points, 2), np.nan)
    for point, means in correspondence(source, target, close=close).items():
        found[..., point, :] = points_xy[..., list(means), :].mean(axis=-2)
    return found


def _part(points_xy: FloatArray, source: Scheme, part: Scheme, target: Scheme, close: bool, own: bool) -> FloatArray:
    siblings = source in target.parts and (part.layout or part.name) == (source.layout or source.name)
    if part != source and (own or siblings):
        return np.full((*points_xy.shape[:-2], part.points, 2), np.nan)
    return translated(points_xy, source, part, close=close)


def span_of(part: Scheme, whole: Scheme) -> slice:
    """Where the points of a joint scheme's part stand in it; of any other scheme, the whole of itself.

    Raises:
        ValueError: it is none of its parts.
    """
    parts = whole.parts or (whole,)
    if part not in parts:
        raise ValueError(f"{whole.name} has no points of {part.name}")
    start = sum(p.points for p in parts[: parts.index(part)])
    return slice(start, start + part.points)


def channels(source: Scheme, target: Scheme) -> Means:
    """Which maps of a network for `source` are, or whose mean is, each map of one for `target`; either may be joint.

    Each part of the target takes from the source's part of the same name, if there is one, before all others.
    """
    found: dict[int, tuple[int, ...]] = {}
    for part in target.parts or (target,):
        first = span_of(part, target).start
        for origin in sorted(source.parts or (source,), key=lambda other: other != part):
            start = span_of(origin, source).start
            for point, means in correspondence(origin, part).items():
                found.setdefault(first + point, tuple(start + i for i in means))
    return MappingProxyType(found)
