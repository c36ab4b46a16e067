"""Pages of results: the answer first, with figures of the tables below it, and how it was measured last."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted((ROOT / "results").glob("*/README.md"))
NUMBER = r"\d+(?:\.\d+)?(?:e-\d+)?"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.parent.name)
def test_a_page_leads_with_its_answer(path: Path) -> None:
    """Title, answer, tables, commands, conditions."""
    page = path.read_text(encoding="utf-8")
    title, answer, *_ = page.split("\n\n")
    assert title.startswith("# ") and re.match(r"\*\*Answers?(\.\*\*|\*\*,)", answer)
    order = [page.index(part) for part in ("<!-- begin:", "<!-- end:", "\n## Commands\n", "```sh", "\n## Conditions\n")]
    assert order == sorted(order)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.parent.name)
def test_figures_of_an_answer_stand_in_the_tables_below(path: Path) -> None:
    """Digit by digit; names with digits in them (300W, H100), links and code are no figures."""
    answer, _, below = path.read_text(encoding="utf-8").partition("\n## ")
    said = re.sub(r"\A# .*|\]\([^)]*\)|`[^`]*`", "", answer)
    tables = below.partition("<!-- begin:")[2].partition("<!-- end:")[0]
    shown = set(re.findall(NUMBER, re.sub(r"\b[0-9a-f]{12}\b", "", tables)))
    assert set(re.findall(rf"(?<![\w.]){NUMBER}(?!\w|\.\d)", said)) <= shown
