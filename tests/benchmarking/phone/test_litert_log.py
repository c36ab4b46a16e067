"""What the benchmark tools print, in their own words, old and new."""

import pytest

from tests.benchmarking.phone.logs import COMPILED, CPU, GPU, GPU_PARTLY, NOT_THERE, OLD, REFUSED
from toolkit.benchmarking.phone.litert_log import parse, refusal


def test_the_present_tool() -> None:
    """Microseconds to milliseconds; the second `count` line is the run; the share is the delegate's."""
    timed = parse(CPU)
    assert (timed.median_ms, timed.p95_ms, timed.mean_ms) == (2.041, 2.388, 2.0755)
    assert (timed.runs, timed.warmup) == (488, 213)
    assert (timed.init_ms, timed.first_ms) == (9.412, 3.917)
    assert timed.memory_bytes == round(14.2617 * 2**20)
    assert timed.delegated_share == pytest.approx(492 / 504, abs=1e-4)
    assert refusal(CPU) is None


def test_the_share_of_the_gpu_is_not_that_of_what_runs_behind_it() -> None:
    """XNNPACK takes what the GPU left, and says so later."""
    assert parse(GPU).delegated_share == 1.0
    assert parse(GPU_PARTLY).delegated_share == pytest.approx(490 / 504, abs=1e-4)
    assert refusal(GPU) is None and refusal(GPU_PARTLY) is None


def test_the_tool_of_some_years_ago() -> None:
    """No median and no 95th percentile: not measured, rather than the mean in their place."""
    timed = parse(OLD)
    assert (timed.median_ms, timed.p95_ms, timed.mean_ms) == (None, None, 33.2094)
    assert (timed.runs, timed.warmup, timed.init_ms, timed.first_ms) == (50, 15, 0.855, 49.06)
    assert timed.memory_bytes == round(12.8672 * 2**20)
    assert timed.delegated_share is None


def test_the_tool_of_compiled_models() -> None:
    """Milliseconds, a mean, and its number of runs."""
    timed = parse(COMPILED)
    assert (timed.mean_ms, timed.runs, timed.warmup, timed.median_ms) == (1.93, 50, 2, None)
    assert (timed.init_ms, timed.first_ms) == (41.73, 2.44)
    assert timed.memory_bytes == round(21.5 * 2**20)


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_refusals_are_told_in_the_tools_words(text: str, words: str) -> None:
    """Also where it goes on and times the CPU instead."""
    assert refusal(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (NOT_THERE, "ERROR: Failed to mmap model /data/local/tmp/gone.tflite"),
        ("", "printed nothing"),
        ("Killed", "Killed"),
    ],
)
def test_a_run_without_timings_is_an_error(text: str, words: str) -> None:
    """With the tool's last word."""
    with pytest.raises(ValueError, match=f"timed nothing: .*{words}"):
        parse(text)
