"""The face of errors: every region with its figure, the largest told apart; and peers that may have seen the faces."""

from pathlib import Path

import pytest

from tests.reporting.conftest import write_lines
from toolkit.reporting import regions
from toolkit.reporting.converted import competitors
from toolkit.reporting.pareto import HOLLOW, latency
from toolkit.reporting.run import Run, load

pytest.importorskip("matplotlib", reason="the report extra is not installed")
ERRORS = {"contour": 9.0, "brows": 7.5, "eyes": 4.5, "nose": 6.0, "mouth": 7.0}


def run_of(folder: Path, *records: dict[str, object]) -> Run:
    """A run that holds these records alone."""
    write_lines(folder / "results.jsonl", list(records))
    return load(folder)


def test_every_region_is_named_with_its_error(tmp_path: Path) -> None:
    """In the drawing and in its table; the largest in another colour."""
    scored = {"kind": "evaluate", "data": "faces", "split": "test", "nme_mean": 6.8, "nme_regions": ERRORS}
    run = run_of(tmp_path, scored | {"model": "slim", "nme_regions": None}, scored | {"model": "distil"})
    plot = regions.face(run, run.data_splits()[0])
    assert plot is not None and "distilled" in plot.words
    for name, error in ERRORS.items():
        assert f"{name} {error:.1f} %" in plot.svg
    assert [cell.text for row in plot.table.rows for cell in row[1:]] == ["9.00", "7.50", "4.50", "6.00", "7.00"]
    assert plot.svg.count("var(--distil)") == 2  # the contour's line and its name


def test_a_face_is_drawn_of_all_regions_or_not_at_all(tmp_path: Path) -> None:
    """A scheme without brows, say, has none."""
    few = {name: ERRORS[name] for name in ("eyes", "nose")}
    scored = {"kind": "evaluate", "data": "faces", "split": "test", "nme_mean": 6.8, "nme_regions": few}
    run = run_of(tmp_path, scored | {"model": "distil"})
    assert regions.face(run, run.data_splits()[0]) is None


def test_a_peer_that_may_have_seen_the_faces_is_hollow(tmp_path: Path) -> None:
    """And the words say what that means; without one they do not."""
    peer = {"kind": "benchmark", "data": "faces", "split": "test", "nme_mean": 4.0, "threads": 1, "peer": True,
            "latency_ms": {"median": 2.0, "cpu_median": 2.0}, "boxes": "same boxes"}  # fmt: skip
    run = run_of(tmp_path, peer | {"model": "dlib"}, peer | {"model": "mediapipe"})
    seen, other = competitors(run)
    hollow, full = (latency([row], row.where) for row in (seen, other))
    assert hollow is not None and full is not None
    assert HOLLOW in hollow.words and HOLLOW not in full.words
    assert "fill: none" in hollow.svg.split("dlib")[0]
