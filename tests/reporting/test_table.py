"""Cells: rounding, missing values, and the recorded number kept beside the text."""

import pytest

from toolkit.reporting.table import NOT_MEASURED, cell, duration, number, short_commit, size, words


@pytest.mark.parametrize("value", [None, "4.2", True, float("nan"), float("inf"), [1], {}])
def test_what_is_no_number_reads_not_measured(value: object) -> None:
    """Null, text, booleans and NaN are never shown as figures."""
    assert number(value) is None
    assert cell(value) is NOT_MEASURED


def test_a_cell_keeps_the_recorded_digits() -> None:
    """Text is rounded, the value is not."""
    found = cell(4.75129)
    assert (found.text, found.value) == ("4.75", "4.75129")


def test_signs_are_typographic_and_zero_has_none() -> None:
    """A change of -0.0001 at two digits is 0.00."""
    assert cell(-0.25, sign=True).text == "\N{MINUS SIGN}0.25"
    assert cell(0.25, sign=True).text == "+0.25"
    assert cell(-0.0001, sign=True).text == "0.00"


def test_units() -> None:
    """Thousands, megabytes, hours and commits."""
    assert cell(961134, 0).text == "961,134"
    assert size(1432100).text == "1.43"
    assert size(432100).text == "0.432"
    assert duration(3725.4).text == "1 h 2 min"
    assert duration(59.2).text == "59 s"
    assert short_commit("0123456789abcdef+changes") == "0123456789 with uncommitted changes"
    assert short_commit(None) == "not recorded"
    assert words("") is NOT_MEASURED
