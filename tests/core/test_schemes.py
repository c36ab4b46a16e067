"""Landmark schemes: mirror order, regions and lines against the published lists."""

import json
import re
from pathlib import Path

import pytest

from toolkit.core.schemes import COFW_29, SCHEMES, W300_68, WFLW_98, Scheme, file_of, own_scheme, scheme

EVERY = pytest.mark.parametrize("one", SCHEMES.values(), ids=list(SCHEMES))

PAIRS_68 = [(i, 18 - i) for i in range(1, 9)] + [
    *[(18, 27), (19, 26), (20, 25), (21, 24), (22, 23), (32, 36), (33, 35), (37, 46), (38, 45), (39, 44), (40, 43)],
    *[(41, 48), (42, 47), (49, 55), (50, 54), (51, 53), (56, 60), (57, 59), (61, 65), (62, 64), (66, 68)],
]
"""1-based, as HRNet publishes them."""
PAIRS_29 = [(1, 2), (3, 4), (5, 7), (6, 8), (9, 10), (11, 12), (13, 15), (14, 16), (17, 18), (19, 20), (23, 24)]
"""1-based, as HRNet publishes them."""
PAIRS_98 = [(i, 32 - i) for i in range(16)] + [
    *[(33, 46), (34, 45), (35, 44), (36, 43), (37, 42), (38, 50), (39, 49), (40, 48), (41, 47), (60, 72), (61, 71)],
    *[(62, 70), (63, 69), (64, 68), (65, 75), (66, 74), (67, 73), (55, 59), (56, 58), (76, 82), (77, 81), (78, 80)],
    *[(83, 87), (84, 86), (88, 92), (89, 91), (93, 95), (96, 97)],
]
"""0-based, as HRNet publishes them."""


@pytest.mark.parametrize(
    ("one", "points", "pairs", "base"),
    [(W300_68, 68, PAIRS_68, 1), (COFW_29, 29, PAIRS_29, 1), (WFLW_98, 98, PAIRS_98, 0)],
    ids=["300w-68", "cofw-29", "wflw-98"],
)
def test_mirror_order_is_the_published_one(one: Scheme, points, pairs, base):
    """The points that change places are exactly the published pairs; the rest lie on the middle line."""
    assert one.points == points
    moved = {(i + base, m + base) for i, m in enumerate(one.mirror) if i < m}
    assert moved == set(pairs)


@EVERY
def test_mirroring_twice_changes_nothing(one: Scheme):
    """The mirror order is an involution on all points."""
    assert [one.mirror[m] for m in one.mirror] == list(range(one.points))


@EVERY
def test_regions_hold_every_point_once(one: Scheme):
    """Regions are disjoint and complete."""
    assert sorted(i for region in one.regions.values() for i in region) == list(range(one.points))


@EVERY
def test_regions_mirror_onto_themselves(one: Scheme):
    """A mirrored eye is an eye: no region trades points with another."""
    for region in one.regions.values():
        assert {one.mirror[i] for i in region} == set(region)


@EVERY
def test_outer_eye_corners_are_a_pair_of_eye_points(one: Scheme):
    """The normaliser's two points mirror to each other and lie in the eyes."""
    left, right = one.eyes
    assert one.mirror[left] == right
    assert {left, right} <= set(one.regions["eyes"])


@EVERY
def test_lines_join_points_of_one_region(one: Scheme):
    """A line has two points or more, repeats none, and stays within a region."""
    for line in one.lines:
        assert len(set(line.indices)) == len(line.indices) >= 2
        assert any(set(line.indices) <= set(region) for region in one.regions.values())


@EVERY
def test_the_drawing_is_symmetric(one: Scheme):
    """The segments that lines draw mirror onto segments that lines draw."""
    segments = set()
    for line in one.lines:
        ends = [*line.indices[1:], *line.indices[:1]] if line.closed else line.indices[1:]
        segments |= {frozenset(pair) for pair in zip(line.indices, ends, strict=False)}
    assert {frozenset(one.mirror[i] for i in pair) for pair in segments} == segments


def test_eye_pairs_are_those_of_the_metric():
    """36-45, 8-9 and 60-72, 0-based."""
    assert (W300_68.eyes, COFW_29.eyes, WFLW_98.eyes) == ((36, 45), (8, 9), (60, 72))


@EVERY
def test_schemes_are_found_by_name(one: Scheme):
    """scheme(name) gives the value of that name."""
    assert scheme(one.name) is one


def test_an_unknown_name_is_refused_with_the_known_ones():
    """A misspelt name raises ValueError, listing what there is."""
    with pytest.raises(ValueError, match="'300w'; known: 300w-68, cofw-29, wflw-98"):
        scheme("300w")


EIGHT = {
    "name": "eight",
    "title": "eight points",
    "of": "300w-68",
    "points": [[36], [39], [42], [45], [30], [48], [54], [51, 57]],
    "mirror_pairs": [[0, 3], [1, 2], [5, 6]],
    "eyes": [0, 3],
    "regions": {"eyes": [0, 1, 2, 3], "mouth": [5, 6, 7]},
    "lines": [[0, 1], [2, 3], [5, 7, 6]],
}


def written(folder: Path, **changes: object) -> Path:
    """A file of a scheme of one's own."""
    path = folder / "points.json"
    path.write_text(json.dumps(EIGHT | changes))
    return path


def test_a_scheme_of_ones_own_is_read_and_known_by_its_name(tmp_path: Path):
    """Points in no region are `others`; a path that ends in .json is such a file."""
    own = own_scheme(written(tmp_path))
    assert (own.points, own.mirror, own.eyes) == (8, (3, 2, 1, 0, 4, 6, 5, 7), (0, 3))
    assert own.regions["others"] == (4,) and own.means[7] == (51, 57)
    assert scheme("eight") is own and scheme(str(tmp_path / "points.json")) is own
    assert file_of(own).scheme() == own and file_of(W300_68) is None


def test_a_scheme_needs_no_other_one(tmp_path: Path):
    """Names alone make the points; beside others they are optional, and a point may have no counterpart."""
    alone = {key: value for key, value in EIGHT.items() if key not in ("of", "points")}
    own = own_scheme(written(tmp_path, name="named", of="", points=[], names=list("abcdefgh")))
    assert (own.points, own.means, own.source, own.names) == (8, (), "", tuple("abcdefgh"))
    assert file_of(own).scheme() == own
    path = tmp_path / "alone.json"
    path.write_text(json.dumps(alone | {"name": "alone", "names": list("abcdefgh")}))
    assert own_scheme(path).mirror == own.mirror
    some = own_scheme(written(tmp_path, name="some", points=[[36], [], [], [45], [30], [48], [54], []]))
    assert some.points == 8 and some.means[7] == () and file_of(some).scheme() == some


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "300w-68"}, "name: '300w-68' is taken"),
        ({"of": "lfw-5"}, "unknown landmark scheme 'lfw-5'"),
        ({"points": [[68]]}, "points: those of 300w-68 are 0 to 67; pick some of them"),
        ({"points": [[]]}, "points: those of 300w-68 are 0 to 67; pick some of them"),
        ({"of": ""}, "of and points: one says whose points the other picks"),
        ({"points": []}, "of and points: one says whose points the other picks"),
        ({"of": "", "points": []}, "names: name the points, or pick them from a known scheme"),
        ({"names": ["a"]}, "names: there are 1 for 8 points"),
        ({"names": ["a"] * 8}, "names: each point needs a name of its own"),
        ({"mirror_pairs": [[1, 2]]}, "mirror_pairs: the eyes, 0 and 3, must be a pair of them"),
        ({"eyes": [0, 8]}, "there are 8 points, 0 to 7, and no 8"),
        ({"eyes": [1, 1]}, "eyes: a point stands in it twice"),
        ({"mirror_pairs": [[0, 3], [3, 1]]}, "mirror_pairs: a point stands in it twice"),
        ({"regions": {"a": [0], "b": [0]}}, "regions: a point stands in it twice"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, object], message: str):
    """In one line that begins with its path."""
    path = written(tmp_path, **{"name": "refused", **changes})
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        own_scheme(path)
    assert str(caught.value).startswith(str(path))


def test_one_name_has_one_meaning(tmp_path: Path):
    """The same file again is fine, other points under its name are not."""
    own_scheme(written(tmp_path, name="once"))
    own_scheme(written(tmp_path, name="once"))
    with pytest.raises(ValueError, match="once has other points in another file"):
        own_scheme(written(tmp_path, name="once", eyes=[1, 2]))


def test_the_page_s_example_is_one(tmp_path: Path):
    """That of docs/data.md, as it stands."""
    page = Path(__file__).parents[2] / "docs" / "data.md"
    path = tmp_path / "scheme.json"
    path.write_text(re.search(r"```json\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)[1])
    own = own_scheme(path)
    assert (own.points, own.mirror) == (7, (1, 0, 2, 4, 3, 6, 5))
