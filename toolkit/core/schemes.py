"""Landmark schemes as values: point order, mirror order, the NME normaliser and the lines that draw a face.

A scheme is data. Code asks it for what it needs and never branches on a number of points.
Indices are 0-based. Sources: 300W (Sagonas et al. 2013), COFW (Burgos-Artizzu et al. 2013), WFLW (Wu et al. 2018).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from toolkit.core.validation import Text, check, parse


@dataclass(frozen=True, kw_only=True)
class Line:
    """A polyline of landmark indices; closed lines return to their first point."""

    indices: tuple[int, ...]
    closed: bool = False


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """What one annotation standard means by its points."""

    name: str
    title: str
    mirror: tuple[int, ...]
    """mirror[i] is the index whose place point i takes in the left-right mirrored face."""
    eyes: tuple[int, int]
    """The outer eye corners; their distance divides the NME (equation 5)."""
    regions: Mapping[str, tuple[int, ...]]
    """Disjoint named groups that together hold every point."""
    lines: tuple[Line, ...]
    layout: str = ""
    """Name of the scheme whose points these are, where only the way of marking them differs."""
    parts: tuple["Scheme", ...] = ()
    """Of a joint scheme: those whose points stand side by side in it."""
    source: str = ""
    """Of a scheme of one's own: the name of the one whose points it picks, if it does."""
    means: tuple[tuple[int, ...], ...] = ()
    """Beside `source`: for each point those of which it is the mean; empty for a point that has no counterpart."""
    names: tuple[str, ...] = ()
    """Of a scheme of one's own: its points' names, where its file says them."""
    own: bool = False
    """Whether a file of one's own says it."""

    @property
    def points(self) -> int:
        """The number of landmarks M."""
        return len(self.mirror)


def _span(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


def _open(*spans: tuple[int, ...]) -> tuple[Line, ...]:
    return tuple(Line(indices=span) for span in spans)


def _closed(*spans: tuple[int, ...]) -> tuple[Line, ...]:
    return tuple(Line(indices=span, closed=True) for span in spans)


def _mirror(points: int, pairs: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    order = list(range(points))
    for left, right in pairs:
        order[left], order[right] = right, left
    return tuple(order)


def _facing(*spans: tuple[int, int]) -> list[tuple[int, int]]:
    """Pairs (a, b), (a + 1, b - 1), ... of spans that mirror onto themselves reversed."""
    return [(first + i, last - i) for first, last in spans for i in range((last - first + 1) // 2)]


W300_68 = Scheme(
    name="300w-68",
    title="300W / iBUG, 68 points",
    mirror=_mirror(
        68,
        [
            *_facing((0, 16), (17, 26), (31, 35), (48, 54), (55, 59), (60, 64), (65, 67)),
            *[(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)],
        ],
    ),
    eyes=(36, 45),
    regions=MappingProxyType(
        {
            "contour": _span(0, 16),
            "brows": _span(17, 26),
            "nose": _span(27, 35),
            "eyes": _span(36, 47),
            "mouth": _span(48, 67),
        }
    ),
    lines=(
        *_open(_span(0, 16), _span(17, 21), _span(22, 26), _span(27, 30), _span(31, 35)),
        *_closed(_span(36, 41), _span(42, 47), _span(48, 59), _span(60, 67)),
    ),
)

COFW_29 = Scheme(
    name="cofw-29",
    title="COFW, 29 points",
    mirror=_mirror(
        29,
        [
            *[(0, 1), (2, 3), (4, 6), (5, 7), (8, 9), (10, 11), (12, 14), (13, 15)],
            *[(16, 17), (18, 19), (22, 23)],
        ],
    ),
    eyes=(8, 9),
    regions=MappingProxyType(
        {
            "brows": _span(0, 7),
            "eyes": _span(8, 17),
            "nose": _span(18, 21),
            "mouth": _span(22, 27),
            "contour": (28,),
        }
    ),
    lines=(
        *_closed((0, 4, 2, 5), (3, 6, 1, 7), (8, 12, 10, 13), (11, 14, 9, 15)),
        *_open((18, 21, 19), (20, 21)),
        *_closed((22, 24, 23, 27), (22, 25, 23, 26)),
    ),
)

WFLW_98 = Scheme(
    name="wflw-98",
    title="WFLW, 98 points",
    mirror=_mirror(
        98,
        [
            *_facing((0, 32), (55, 59), (76, 82), (83, 87), (88, 92), (93, 95)),
            *[(33, 46), (34, 45), (35, 44), (36, 43), (37, 42), (38, 50), (39, 49), (40, 48), (41, 47)],
            *[(60, 72), (61, 71), (62, 70), (63, 69), (64, 68), (65, 75), (66, 74), (67, 73), (96, 97)],
        ],
    ),
    eyes=(60, 72),
    regions=MappingProxyType(
        {
            "contour": _span(0, 32),
            "brows": _span(33, 50),
            "nose": _span(51, 59),
            "eyes": (*_span(60, 75), 96, 97),
            "mouth": _span(76, 95),
        }
    ),
    lines=(
        *_open(_span(0, 32), _span(51, 54), _span(55, 59)),
        *_closed(_span(33, 41), _span(42, 50), _span(60, 67), _span(68, 75), _span(76, 87), _span(88, 95)),
    ),
)

AFLW_68 = replace(W300_68, name="aflw-68", title="AFLW, 68 points as MERL-RAV marks them", layout=W300_68.name)
"""300W's points as other annotators place them, whom a network for 300W should not imitate."""


FIVE_5 = Scheme(
    name="five-5",
    title="five points: eye centres, nose tip, mouth corners",
    mirror=_mirror(5, [(0, 1), (3, 4)]),
    eyes=(0, 1),
    regions=MappingProxyType({"eyes": (0, 1), "nose": (2,), "mouth": (3, 4)}),
    lines=_open((3, 4)),
)
"""What face detectors' training photos are marked with; the eyes are centres and not corners."""


def joint(parts: Sequence[Scheme]) -> Scheme:
    """The points of several schemes side by side, for a network with maps for each; the first one's eyes are its unit.

    Raises:
        ValueError: there is none, or one stands there twice.
    """
    if not parts or len({part.name for part in parts}) < len(parts):
        raise ValueError(f"a joint scheme needs different schemes, got {', '.join(p.name for p in parts) or 'none'}")
    starts = [sum(part.points for part in parts[:i]) for i in range(len(parts))]
    placed = list(zip(starts, parts, strict=True))
    return Scheme(
        name=JOINED.join(part.name for part in parts),
        title=" and ".join(part.title for part in parts),
        mirror=tuple(start + i for start, part in placed for i in part.mirror),
        eyes=parts[0].eyes,
        regions=MappingProxyType(
            {
                f"{part.name} {name}": tuple(start + i for i in members)
                for start, part in placed
                for name, members in part.regions.items()
            }
        ),
        lines=tuple(
            replace(line, indices=tuple(start + i for i in line.indices))
            for start, part in placed
            for line in part.lines
        ),
        parts=tuple(parts),
    )


JOINED = "+"
"""Between the names of a joint scheme's parts."""
SchemeName = Literal["300w-68", "cofw-29", "wflw-98"]
SCHEMES: Mapping[str, Scheme] = MappingProxyType({s.name: s for s in (W300_68, COFW_29, WFLW_98)})


FURTHER: Mapping[str, Scheme] = MappingProxyType({s.name: s for s in (AFLW_68, FIVE_5)})
"""Schemes that faces may be marked by, and that no network is made for alone."""


_OWN: dict[str, Scheme] = {}
"""Those that files of this process defined, by name."""


@dataclass(frozen=True, kw_only=True)
class SchemeFile:
    """A scheme of one's own as its JSON file says it."""

    name: Text
    title: Text
    eyes: tuple[int, int]
    """The two points whose distance divides the error, and whose line is level in an upright face: the outer eye
    corners, where there are such."""
    mirror_pairs: tuple[tuple[int, int], ...] = ()
    """Points that change places in a mirror; all others stay."""
    names: tuple[Text, ...] = ()
    """A name for each point; may be left out beside `points`."""
    of: Text = ""
    """The scheme whose points it picks: 300w-68, cofw-29 or wflw-98. Without it, only photos labelled by these very
    points train it."""
    points: tuple[tuple[int, ...], ...] = ()
    """Beside `of`: for each point those of which it is the mean; empty where that has no such point."""
    regions: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Disjoint named groups; points in none are `others`."""
    lines: tuple[tuple[int, ...], ...] = ()
    """Polylines to draw."""

    def scheme(self) -> Scheme:
        """The value that the toolkit works with.

        Raises:
            ValueError: an index is out of range, or stands where it may stand once alone.
        """
        self._check_name()
        count = self._count()
        used = [*self.eyes, *(i for part in (*self.regions.values(), *self.lines) for i in part)]
        paired = [i for pair in self.mirror_pairs for i in pair]
        grouped = [i for part in self.regions.values() for i in part]
        if wrong := sorted({i for i in (*used, *paired) if not 0 <= i < count}):
            raise ValueError(f"there are {count} points, 0 to {count - 1}, and no {wrong[0]}")
        for what, indices in (("mirror_pairs", paired), ("regions", grouped), ("eyes", self.eyes)):
            if len(set(indices)) < len(indices):
                raise ValueError(f"{what}: a point stands in it twice")
        mirror = _mirror(count, self.mirror_pairs)
        if mirror[self.eyes[0]] != self.eyes[1]:
            raise ValueError(f"mirror_pairs: the eyes, {self.eyes[0]} and {self.eyes[1]}, must be a pair of them")
        others = tuple(i for i in range(count) if i not in grouped)
        return Scheme(
            name=self.name,
            title=self.title,
            mirror=mirror,
            eyes=self.eyes,
            regions=MappingProxyType({**self.regions, **({"others": others} if others else {})}),
            lines=_open(*self.lines),
            source=self.of,
            means=self.points,
            names=self.names,
            own=True,
        )

    def _check_name(self) -> None:
        if self.name in {**SCHEMES, **FURTHER} or not self.name or JOINED in self.name or self.name.endswith(SUFFIX):
            raise ValueError(f"name: {self.name!r} is taken, or no name: choose another")

    def _count(self) -> int:
        """How many points there are."""
        if bool(self.of) != bool(self.points):
            raise ValueError("of and points: one says whose points the other picks, so give both or none")
        if not self.points and not self.names:
            raise ValueError("names: name the points, or pick them from a known scheme by `of` and `points`")
        if self.points:
            source = scheme(self.of)
            if not any(self.points) or not all(0 <= i < source.points for own in self.points for i in own):
                raise ValueError(f"points: those of {source.name} are 0 to {source.points - 1}; pick some of them")
        if self.names and (len(set(self.names)) < len(self.names) or not all(self.names)):
            raise ValueError("names: each point needs a name of its own")
        if self.names and self.points and len(self.names) != len(self.points):
            raise ValueError(f"names: there are {len(self.names)} for {len(self.points)} points")
        return len(self.points) or len(self.names)


SUFFIX = ".json"


def own_scheme(path: Path) -> Scheme:
    """A scheme of one's own from its file; from then on this process knows it by its name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it does not fit; the message says where. Or another file gave its name to other points.
    """
    source = str(path)
    return known(check(parse(path.read_bytes(), source), SchemeFile, source), source)


def known(file: SchemeFile, source: str) -> Scheme:
    """The scheme that a file says, by whose name this process knows it from then on.

    Raises:
        ValueError: it does not fit, or another file gave its name to other points; the message begins with `source`.
    """
    try:
        found = file.scheme()
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error
    if _OWN.setdefault(found.name, found) != found:
        raise ValueError(f"{source}: {found.name} has other points in another file: give it another name")
    return _OWN[found.name]


def file_of(scheme: Scheme) -> SchemeFile | None:
    """What a scheme of one's own says in a file; None for a scheme that everybody knows."""
    if not scheme.own:
        return None
    return SchemeFile(
        name=scheme.name,
        title=scheme.title,
        eyes=scheme.eyes,
        mirror_pairs=tuple((i, other) for i, other in enumerate(scheme.mirror) if i < other),
        names=scheme.names,
        of=scheme.source,
        points=scheme.means,
        regions=dict(scheme.regions),
        lines=tuple(line.indices for line in scheme.lines),
    )


def scheme(name: str) -> Scheme:
    """The scheme of that name; names joined by `+` are those of a joint scheme's parts, and one that ends in .json is a
    file of one's own.

    Raises:
        ValueError: the name is not one of SCHEMES or FURTHER, nor of a file that was read.
    """
    return own_scheme(Path(name)) if name.endswith(SUFFIX) else _named(name)


@cache  # what a name stands for never changes: own_scheme sees to it
def _named(name: str) -> Scheme:
    known = {**SCHEMES, **FURTHER, **_OWN}
    parts = name.split(JOINED)
    for part in parts:
        if part not in known:
            raise ValueError(f"unknown landmark scheme {part!r}; known: {', '.join(known)}")
    return known[name] if len(parts) == 1 else joint([known[part] for part in parts])
