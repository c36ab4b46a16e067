"""Drawings of networks."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from toolkit.models.spec import HRNetSpec, hrsupernet, s_hrnet
from toolkit.reporting.architecture import draw

TITLE = "{http://www.w3.org/2000/svg}title"


def titles(svg: str) -> list[str]:
    """What each line says on hover."""
    return [str(e.text) for e in ET.fromstring(svg).iter(TITLE)]  # noqa: S314  # our own drawing


def test_supernet_draws_every_operation_with_its_factor() -> None:
    """132 lines, each carrying its own alpha to four digits."""
    spec = hrsupernet(68)
    alpha = [0.001 * (i + 1) for i in range(132)]
    found = titles(draw(spec, alpha))
    assert len(found) == 132
    for edge, value in zip(spec.edges, alpha, strict=True):
        assert f"stage {edge.stage}, branch {edge.source} to {edge.target}: alpha {value:.4f}" in found


def test_larger_factors_are_wider_and_sign_does_not_matter() -> None:
    """Line widths follow |alpha|."""
    spec = s_hrnet("300w", 68)
    svg = draw(spec, [-2.0, 1.0, *[0.5] * 48], full=False)
    lines = re.findall(r'stroke-width="([\d.]+)" opacity="[\d.]+" d="[^"]*"><title>[^<]*alpha (-?[\d.]+)<', svg)
    width = {float(alpha): float(w) for w, alpha in lines}
    assert width[-2.0] > width[1.0] > width[0.5]


def test_dropped_operations_and_blocks_are_drawn_faintly_or_not_at_all() -> None:
    """The released 300W network; what it lacks of the supernet is only drawn in full."""
    spec = s_hrnet("300w", 68)
    kept = sum(len(spec.branches(stage)) for stage in range(2, 11))
    whole, alone = draw(spec), draw(spec, full=False)
    assert sum("dropped" in t for t in titles(whole)) == 132 - len(spec.edges)
    assert whole.count('class="arch-lost"') == 36 - kept
    assert len(titles(alone)) == len(spec.edges)
    assert "arch-lost" not in re.sub("<style>.*</style>", "", alone)
    assert f"{len(spec.edges)} operations into {kept} blocks" in alone


def test_residual_layers_are_drawn_below_their_block() -> None:
    """One short line each with its factor, faint where it is gone; none where the network has no depth factors."""
    spec = replace(s_hrnet("300w", 68), depth_factors=True, depths=((1, 0, 4), (3, 0, 1), (9, 1, 0)))
    assert spec.bodies[4].stage == 2 and len(spec.gated) == 50 + len(spec.bodies)
    found = titles(draw(spec, [0.5] * 50 + [0.001 * i for i in range(len(spec.bodies))], full=False))
    layers = [title for title in found if ", layer " in title]
    assert len(found) == 50 + len(layers) and "stage 1, branch 0, layer 4: factor 0.0030" in layers
    gone = [title for title in layers if title.endswith(": dropped")]
    assert len(layers) - len(gone) == len(spec.bodies) and len(gone) == 3 + 4
    assert "stage 3, branch 0, layer 2: dropped" in gone and "stage 9, branch 1, layer 1: dropped" in gone


def test_teacher_is_drawn_in_the_same_grid() -> None:
    """HRNetV2-W18: 10 columns, and links counted by hand from its modules and new branches."""
    fusions = 2 * 2 + 1 + 4 * 9 + 1 + 3 * 16
    svg = draw(HRNetSpec(points=68))
    assert len(titles(svg)) == 2 + fusions
    assert "over 10 stages" in svg


def test_wrong_number_of_factors_is_refused() -> None:
    """The message says how many factors there are."""
    with pytest.raises(ValueError, match="132 importance factors, got 2"):
        draw(hrsupernet(68), [1.0, 1.0])


def test_all_factors_zero_still_draws() -> None:
    """No division by the largest factor."""
    assert len(titles(draw(hrsupernet(29), [0.0] * 132))) == 132
