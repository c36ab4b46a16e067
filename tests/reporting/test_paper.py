"""Ours beside the paper's: differences, spreads, and what was not measured."""

import pytest

from toolkit.reporting.paper import FIGURE1, PUBLISHED, Published, beside

SOME = Published(title="some", columns=("Common", "Full"), rows={"HRNet": (2.87, 3.32), "S-HRNet": (3.02, None)})


def test_a_mean_over_seeds_stands_beside_the_papers_with_its_spread_and_difference() -> None:
    """2.90 and 3.10 are 3.00 ± 0.14, 0.13 above 2.87; one seed has no spread."""
    lines = beside(SOME, {"HRNet": ([2.9, 3.1], [3.3]), "mine": ([1.0], [None])}).splitlines()
    assert lines[0].startswith("| | Common: paper | Common: here | Common: difference | Full: paper")
    assert lines[2] == "| HRNet | 2.87 | 3.00 ± 0.14 | +0.13 | 3.32 | 3.30 | -0.02 |"
    assert lines[3] == "| S-HRNet | 3.02 | not measured | - | - | not measured | - |"
    assert lines[4] == "| mine | - | 1.00 | - | - | not measured | - |"


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_papers_tables_are_whole(name: str) -> None:
    """A figure for every column of every row."""
    table = PUBLISHED[name]
    assert all(len(row) == len(table.columns) and None not in row for row in table.rows.values())


def test_the_papers_full_set_is_the_mean_of_its_subsets() -> None:
    """554 common faces and 135 challenging ones, to the rounding: a slip of the pen would show."""
    for table in ("table2", "table3"):
        for common, challenge, full in PUBLISHED[table].rows.values():
            assert common is not None and challenge is not None and full is not None
            assert (554 * common + 135 * challenge) / 689 == pytest.approx(full, abs=0.02)


def test_figure_1_has_what_has_a_count_and_an_error() -> None:
    """As Tables 1 and 2 say it of HRNet, and of SD-HRNet 1."""
    by_name = {each.name: (each.params_m, each.gmacs, each.nme) for each in FIGURE1}
    assert by_name["HRNet"] == (*PUBLISHED["table1"].rows["HRNet"], PUBLISHED["table2"].rows["HRNet"][2])
    assert by_name["SD-HRNet"][2] == PUBLISHED["table2"].rows["SD-HRNet 1"][2]
