"""`sdhrnet benchmark angles`: one record a model, with every angle in it."""

from pathlib import Path

import pytest

from toolkit.commands.measure.angles import Angles, run
from toolkit.core.progress import finish
from toolkit.core.records import read
from toolkit.core.zoo import released

SMALL = released("float16", "sdhrnet-68pt-128")


@pytest.mark.slow
def test_a_record_has_every_angle(tmp_path: Path) -> None:
    """Quarters of two synthetic faces: found all around, and kept in the file."""
    results = tmp_path / "results.jsonl"
    outcome = finish(run(Angles(models=(SMALL,), synthetic=2, step_deg=90, results=results)))
    (record,) = outcome.records
    assert [own["angle_deg"] for own in record["angles"]] == [0, 90, 180, 270]
    assert all(own["wrong"] == 0 for own in record["angles"])
    assert (record["kind"], record["n"]) == ("angles", 2)
    assert len(read(results)) == 1
    assert "270 degrees" in outcome.text


def test_a_step_that_misses_the_whole_turn_is_refused() -> None:
    """With some that do not, and so are no models at all."""
    with pytest.raises(ValueError, match="does not divide 360"):
        Angles(models=(SMALL,), step_deg=50)
    with pytest.raises(ValueError, match="name at least one model"):
        Angles()
