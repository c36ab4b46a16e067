"""Times by stage."""

import time

import pytest

from toolkit.core.stopwatch import Stopwatch


def test_means_are_over_all_frames_and_medians_over_laps():
    """A stage of 20 ms in two of ten frames: 20 ms a lap, 4 ms a frame, within what sleeping is late."""
    watch = Stopwatch()
    for _ in range(2):
        with watch("slow"):
            time.sleep(0.02)
    for _ in range(10):
        with watch("quick"):
            pass
    summary = watch.summary(10)
    assert list(summary) == ["slow", "quick"]
    assert (summary["slow"]["laps"], summary["quick"]["laps"]) == (2, 10)
    assert summary["slow"]["median_ms"] >= 20
    assert summary["slow"]["mean_ms_per_frame"] == pytest.approx(summary["slow"]["median_ms"] * 0.2, rel=0.01)
    assert summary["quick"]["median_ms"] < 1


def test_a_block_that_raises_counts():
    """And the error goes on."""
    watch = Stopwatch()
    with pytest.raises(KeyError), watch("a"):
        raise KeyError
    assert watch.summary(1)["a"]["laps"] == 1


def test_the_latest_laps_are_those_asked_for():
    """The mean of the last two of three; 0 for a stage that never ran."""
    watch = Stopwatch()
    for seconds in (0.001, 0.05, 0.05):
        with watch("a"):
            time.sleep(seconds)
    assert watch.latest_ms("a", 2) >= 50
    assert watch.latest_ms("b") == 0
