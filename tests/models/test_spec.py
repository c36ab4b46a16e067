"""Specs: counts to the digit, JSON in and out, and what is refused."""

import pytest

from toolkit.models.spec import (
    ARCHITECTURES,
    Edge,
    HRNetSpec,
    SuperNetSpec,
    from_json,
    hrnet_supernet,
    hrsupernet,
    s_hrnet,
    to_json,
)
from toolkit.slimming.complexity import Complexity, complexity, components

# Counted by hand-independent means on the published networks: full and without stem and head; MACs at 256 px.
COUNTS = {
    "hrnet-w18": (HRNetSpec(points=68), 9_654_398, 9_523_412, 0, 4.6619, 4.287),
    "hrnet-w18, 98 points": (HRNetSpec(points=98), 9_662_528, 9_523_412, 0, None, 4.287),
    "hrnet-w18, 29 points": (HRNetSpec(points=29), 9_643_829, 9_523_412, 0, None, 4.287),
    "hrsupernet": (hrsupernet(68), 3_403_430, 3_272_444, 132, 1.3085, 0.9333),
    "hrnet as a supernet": (hrnet_supernet(68), 9_654_398, 9_523_412, 97, 4.6619, 4.287),
    "s-hrnet 300w": (s_hrnet("300w", 68), 961_134, 830_148, 50, 0.9727, 0.5975),
    "s-hrnet cofw": (s_hrnet("cofw", 29), 1_074_637, 1_015_852, 42, 0.6849, 0.6043),
    "s-hrnet wflw": (s_hrnet("wflw", 98), 1_351_348, 1_283_800, 40, 0.7115, 0.5949),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_equal_the_published_networks(name: str) -> None:
    """Parameters to the digit, MACs to the published four digits, in both conventions."""
    spec, params, params_paper, alphas, gmacs, gmacs_paper = COUNTS[name]
    cost = complexity(spec, 256)
    assert (cost.params_full, cost.params_paper, cost.alphas) == (params, params_paper, alphas)
    assert gmacs is None or round(cost.macs_full / 1e9, 4) == gmacs
    assert round(cost.macs_paper / 1e9, 4 if gmacs_paper != 4.287 else 3) == gmacs_paper


def test_released_nets_have_the_published_edges_and_blocks() -> None:
    """50, 42 and 40 operations into 25, 27 and 23 blocks."""
    found = {}
    for name, points in (("300w", 68), ("cofw", 29), ("wflw", 98)):
        spec = s_hrnet(name, points)  # type: ignore[arg-type]
        found[name] = (len(spec.edges), sum(len(spec.branches(stage)) for stage in range(2, 11)))
    assert found == {"300w": (50, 25), "cofw": (42, 27), "wflw": (40, 23)}


@pytest.mark.slow
def test_macs_grow_with_the_area() -> None:
    """A fully convolutional network costs a sixteenth at a quarter of the side."""
    large, small = complexity(hrsupernet(68), 256), complexity(hrsupernet(68), 64)
    assert large.macs_full == 16 * small.macs_full
    assert isinstance(small, Complexity) and small.params_full == large.params_full


@pytest.mark.parametrize("size", [0, -32, 48, 250])
def test_sizes_that_branches_cannot_halve_are_refused(size: int) -> None:
    """The lowest branch is at 1/32."""
    with pytest.raises(ValueError, match="multiple of 32"):
        complexity(hrsupernet(68), size)


@pytest.mark.parametrize("name", COUNTS)
def test_json_round_trip(name: str) -> None:
    """from_json(to_json(spec)) is the spec."""
    spec = COUNTS[name][0]
    assert from_json(to_json(spec)) == spec


def test_a_newer_format_asks_for_an_upgrade() -> None:
    """A spec from a later release is refused with the remedy."""
    with pytest.raises(ValueError, match="upgrade"):
        from_json(to_json(hrsupernet(68)) | {"format": 99})


@pytest.mark.parametrize(
    "data",
    [{}, {"format": 1}, {"format": 1, "family": "vgg"}, {"format": 1, "family": "hrnet"},
     {"format": 1, "family": "hrsupernet", "points": 68}, {"format": 1, "family": "hrnet", "points": 68, "depth": 3}],
)  # fmt: skip
def test_what_is_no_spec_is_refused(data: dict[str, object]) -> None:
    """Missing, unknown and surplus fields are named, not guessed."""
    with pytest.raises(ValueError, match=r"spec|family"):
        from_json(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": 10**9}, "points: expected a whole number from 1 to 1,000, got 1000000000"),
        ({"points": "68"}, 'points: .*got "68"'),
        ({"widths": [18, 36, 72, 10**9]}, r"widths\[3\]: expected a whole number from 1 to 4,096"),
        ({"widths": [18, 36]}, "widths: expected a list of 4"),
        ({"depth": 10**6}, "depth: expected a whole number from 1 to 16"),
        ({"head": 0}, "head: expected a whole number from 1 to 4,096 or null, got 0"),
        ({"edges": 5}, "edges: expected a list, got 5"),
        (
            {"edges": [{"stage": 2, "source": 0, "target": 0, "alpha": 1}]},
            r'edges\[0\]: unknown fields "alpha"|no edge',
        ),
        ({"edges": [{"stage": 2, "source": 0}]}, r"edges\[0\]: has no field target"),
        ({"edges": [{"stage": 99, "source": 0, "target": 0}]}, "no such edge"),
        ({"narrowed": [[2, 1]]}, r"narrowed\[0\]: expected a list of 3"),
        ({"family": ["hrnet"]}, "unknown network family"),
        ({"format": True}, "no format number"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    """Before a network of that size is made; the message names the field."""
    with pytest.raises(ValueError, match=message):
        from_json(to_json(hrsupernet(68)) | change)


def test_impossible_edges_are_refused() -> None:
    """An edge needs a source in the stage before, and as many inner widths as its chain has convolutions."""
    with pytest.raises(ValueError, match="no such edge"):
        Edge(stage=1, source=0, target=0)
    with pytest.raises(ValueError, match="one source"):
        Edge(stage=2, source=1, target=1)
    with pytest.raises(ValueError, match="inner widths"):
        Edge(stage=3, source=0, target=2)
    with pytest.raises(ValueError, match="no edge reaches"):
        SuperNetSpec(points=68, edges=(Edge(stage=3, source=1, target=1),))
    with pytest.raises(ValueError, match="positive"):
        HRNetSpec(points=0)


EDGES = (
    Edge(stage=2, source=0, target=0),
    Edge(stage=2, source=0, target=1),
    *(Edge(stage=stage, source=k, target=k) for stage in range(3, 11) for k in (0, 1)),
)


def test_pruned_widths_are_part_of_the_spec() -> None:
    """Blocks keep their own widths through JSON; others have their branch's."""
    own = tuple((stage, 1, 24) for stage in range(2, 11))
    spec = SuperNetSpec(points=3, edges=EDGES, narrowed=own)
    assert from_json(to_json(spec)) == spec
    assert [spec.width(5, k) for k in (0, 1)] == [18, 24] and spec.width(1, 0) == 64
    assert spec.head_input == spec.head_width == 42


@pytest.mark.parametrize("arch", ["hrsupernet", "s-hrnet-300w", "hrnet-w18"])
def test_what_a_network_does_not_have_is_not_written(arch: str) -> None:
    """The files of older releases stay as they are, to the byte: bundles are named by their hash."""
    fields = to_json(ARCHITECTURES[arch](68))
    assert fields["format"] == 3 and not fields.keys() & {"shape", "unit", "bottlenecks", "stages"}


def test_other_units_and_stages_are_part_of_the_spec() -> None:
    """From format 5 on; factors of depth are MBConvs' alone, and no edge leads beyond the last stage."""
    for spec, own in (
        (hrnet_supernet(68), {"unit", "bottlenecks", "stages"}),
        (hrsupernet(68, unit="residual"), {"unit"}),
    ):
        fields = to_json(spec)
        assert fields["format"] == 5 and own <= fields.keys() and from_json(fields) == spec
    with pytest.raises(ValueError, match="only MBConvs"):
        hrsupernet(68, unit="residual", depth_factors=True)
    with pytest.raises(ValueError, match="no such edge: a network of 9 stages"):
        from_json(to_json(hrsupernet(68)) | {"format": 5, "stages": 9})


def test_an_older_release_s_spec_is_read() -> None:
    """Format 1 knew no pruned widths."""
    old = to_json(hrsupernet(68))
    del old["narrowed"]
    assert from_json(old | {"format": 1}) == hrsupernet(68)


def test_residual_layers_are_part_of_the_spec() -> None:
    """Depths and depth factors go through JSON; a release before them wrote neither, and its networks have none."""
    spec = SuperNetSpec(points=3, edges=EDGES, depths=((1, 0, 2), (4, 1, 0)), depth_factors=True)
    assert from_json(to_json(spec)) == spec
    assert [spec.depth_of(*block) for block in ((1, 0), (4, 1), (4, 0), (10, 0))] == [2, 0, 4, 0]
    assert len(spec.bodies) == 2 + 8 * 2 * 4 - 4 and spec.gated == (*spec.edges, *spec.bodies)
    old = {k: v for k, v in to_json(hrsupernet(68)).items() if k not in ("depths", "depth_factors")}
    assert from_json(old | {"format": 2}) == hrsupernet(68) and hrsupernet(68).gated == hrsupernet(68).edges
    assert len(hrsupernet(68, depth_factors=True).gated) == 132 + 132
    with pytest.raises(ValueError, match="depths"):
        from_json(to_json(spec) | {"depths": [[4, 1, 10**9]]})


@pytest.mark.parametrize("depths", [((10, 0, 1),), ((4, 3, 1),), ((4, 0, -1),), ((1, 1, 2),)])
def test_depths_that_make_no_network_are_refused(depths: tuple[tuple[int, int, int], ...]) -> None:
    """Stage 10 has no layers, branch 3 is not there, and a number of layers is not negative."""
    with pytest.raises(ValueError, match="depths names no block"):
        SuperNetSpec(points=3, edges=EDGES, depths=depths)


@pytest.mark.parametrize(
    ("narrowed", "message"),
    [
        (((4, 1, 24),), "4.1to1 is an identity between blocks of different widths"),
        (((4, 2, 24),), "a block that is not there: stage 4, branch 2"),
        (((4, 1, 0),), "positive whole numbers"),
    ],
)
def test_widths_that_make_no_network_are_refused(narrowed: tuple[tuple[int, int, int], ...], message: str) -> None:
    """An identity edge needs one width on both sides."""
    with pytest.raises(ValueError, match=message):
        SuperNetSpec(points=3, edges=EDGES, narrowed=narrowed)


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_parts_add_up(name: str) -> None:
    """Parameters and MACs of all parts are those of the whole network, for the teacher too."""
    spec = COUNTS[name][0]
    found, cost = components(spec, 64), complexity(spec, 64)
    assert sum(p.params for p in found) == cost.params_full and sum(p.macs for p in found) == cost.macs_full
    kinds = {"stem", "head", "block", "project", "up", "down"}
    assert {p.kind for p in found} <= kinds and len({p.name for p in found}) == len(found)
