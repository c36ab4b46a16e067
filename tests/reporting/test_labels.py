"""What is drawn, as a browser shows it: no label over another one, none outside of its picture."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.chromium import CHROMIUM, FLAGS
from toolkit.reporting.page import render
from toolkit.reporting.run import load

ROOT = Path(__file__).parents[2]
DRAWN = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "results").glob("*/*.svg"))
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "results").glob("*/report.html"))
FAULTS = """
(slack) => [...document.querySelectorAll("svg")].flatMap((svg) => {
  const frame = svg.getBoundingClientRect(), name = svg.dataset.plot ?? "drawing";
  const labels = [...svg.querySelectorAll("text")]
    .map((text) => ({ text: text.textContent.trim(), box: text.getBoundingClientRect() }))
    .filter(({ text, box }) => text && box.width > 0);
  const outside = ({ box }) => box.left < frame.left - slack || box.right > frame.right + slack
    || box.top < frame.top - slack || box.bottom > frame.bottom + slack;
  const over = ({ box: a }, { box: b }) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > slack
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.3 * Math.min(a.height, b.height);
  return labels.flatMap((label, i) => [
    ...(outside(label) ? [`${name}: "${label.text}" lies outside`] : []),
    ...labels.slice(0, i).filter((other) => over(label, other)).map((o) => `${name}: "${label.text}" over "${o.text}"`),
  ]);
})
"""
"""Boxes of letters have some air: less than SLACK_PX, or a third of a line, is no overlap that one sees."""
SLACK_PX = 1.5


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium."""
    if not CHROMIUM:
        pytest.skip("no Chromium on this machine")
    sync = pytest.importorskip("playwright.sync_api", reason="drives Chromium: pip install playwright")
    with sync.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        yield running
        running.close()


def faults(browser: Any, path: Path, width: int = 1280) -> list[str]:
    """Labels that cannot be read on a page or a drawing, at a window's width."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(path.resolve().as_uri())
    assert page.evaluate("document.querySelectorAll('svg').length") > 0
    found: list[str] = page.evaluate(FAULTS, SLACK_PX)
    page.close()
    return found


@pytest.mark.browser
@pytest.mark.parametrize("path", [*DRAWN, *PAGES])
def test_what_is_committed_can_be_read(browser: Any, path: str) -> None:
    """Every plot of the results' pages and of the reports."""
    assert faults(browser, ROOT / path) == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_a_reports_plots_can_be_read(browser: Any, whole_run: Path, tmp_path: Path, width: int) -> None:
    """On a screen and on a phone."""
    (tmp_path / "report.html").write_text(render(load(whole_run)))
    assert faults(browser, tmp_path / "report.html", width) == []


@pytest.mark.browser
def test_labels_that_cannot_be_read_are_found(browser: Any, tmp_path: Path) -> None:
    """One over another, and one that the frame cuts."""
    words = '<text x="10" y="20">first</text><text x="20" y="22">second</text><text x="90" y="60">cut off</text>'
    path = tmp_path / "bad.svg"
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="80">{words}</svg>')
    assert faults(browser, path) == ['drawing: "second" over "first"', 'drawing: "cut off" lies outside']
