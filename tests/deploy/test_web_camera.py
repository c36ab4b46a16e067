"""What is under way on the page's first screen when something else is asked for; in a real browser."""

import re

import cv2
import numpy as np
import pytest

PICTURES = """
const make = window.createImageBitmap;
window.made = [];
window.createImageBitmap = async (...given) => {
  window.made.push(await make(...given));
  return window.made.at(-1);
};
"""
"""Keeps the pictures that the page makes; one that it has closed or given away is 0 pixels wide."""


@pytest.mark.browser
@pytest.mark.slow
def test_a_photo_larger_than_canvases_is_not_kept(visit, tmp_path):
    """It is closed once it is shrunk, and with it what may be 200 MB."""
    opened = visit(script=PICTURES)
    cv2.imwrite(str(tmp_path / "wide.png"), np.full((64, 5000, 3), 90, np.uint8))
    opened.page.set_input_files("#photo", tmp_path / "wide.png")
    assert opened.says("No face found.")
    assert opened.page.evaluate("made.map(({ width }) => width)") == [0, 0]


COARSE = "const exact = performance.now.bind(performance); performance.now = () => 100 * Math.floor(exact() / 100);"


@pytest.mark.browser
@pytest.mark.slow
def test_a_clock_of_100_ms_stops_no_camera(visit):
    """Of frames at one time all but the first are skipped; the next ones are followed and timed."""
    opened = visit(permissions=["camera"], script=COARSE)
    opened.faces("start", frames=8)
    opened.page.locator("#fps", has_text=re.compile(r"\d")).wait_for()
    assert 0 < float(opened.page.locator("#fps").inner_text()) <= 10


HELD = """
const own = (name) => navigator.mediaDevices[name].bind(navigator.mediaDevices);
const [ask, count] = [own("getUserMedia"), own("enumerateDevices")];
window.tracks = [];
const held = (name) => new Promise((resolve) => (window[name] = resolve));
navigator.mediaDevices.getUserMedia = async (wanted) => {
  if (window.hold === "allow") await held("allow");
  const stream = await ask(wanted);
  window.tracks.push(...stream.getTracks());
  return stream;
};
navigator.mediaDevices.enumerateDevices = async () => {
  if (window.hold === "count") await held("count");
  return count();
};
window.live = () => window.tracks.filter(({ readyState }) => readyState === "live").length;
"""
"""Lets a test answer the permission prompt, and the question how many cameras there are; counts cameras that are on."""


def held(opened, name: str) -> None:
    """Press Start, up to what the page then waits for."""
    opened.page.evaluate(f"window.hold = '{name}'; window.{name} = null")
    opened.page.click("#start")
    assert opened.comes(f"typeof window.{name} === 'function'")


def let(opened, name: str) -> None:
    opened.page.evaluate(f"window.hold = null; window.{name}()")


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("name", ["allow", "count"])
def test_a_camera_that_comes_after_its_screen_was_left_goes_off(visit, name):
    """Allowed or told of behind the benchmark: it is closed, nothing is computed, and it can be started again."""
    opened = visit(permissions=["camera"], script=HELD)
    held(opened, name)
    opened.page.click('a[href="#bench"]')
    let(opened, name)
    assert opened.comes("window.tracks.length === 1 && window.live() === 0")
    opened.page.click('a[href="#live"]')
    opened.page.locator("#start:enabled", has_text="Start camera").wait_for()
    assert opened.page.locator("#status").inner_text() == ""
    assert opened.page.locator("#picture").is_hidden()
    opened.faces("start")
    assert opened.page.evaluate("window.live()") == 1


@pytest.mark.browser
@pytest.mark.slow
def test_a_camera_can_be_stopped_while_networks_load(visit):
    """Another network cannot be chosen meanwhile; if it is all the same, no camera is left on."""
    opened = visit(permissions=["camera"], script=HELD)
    held(opened, "count")
    assert opened.page.is_disabled("#model")
    opened.page.click("#start")
    assert opened.page.evaluate("window.live()") == 0
    held(opened, "count")
    opened.page.dispatch_event("#model", "change")
    let(opened, "count")
    assert opened.says("1 face")
    assert opened.page.evaluate("[window.tracks.length, window.live()]") == [3, 1]
    opened.page.click("#start")
    assert opened.page.evaluate("window.live()") == 0


@pytest.mark.browser
@pytest.mark.slow
def test_another_network_goes_on_with_the_camera(visit):
    """By the keyboard, which stays where it was."""
    opened = visit(permissions=["camera"], script=HELD)
    opened.faces("start")
    opened.page.focus("#model")
    opened.page.keyboard.press("ArrowDown")
    assert opened.comes("window.tracks.length === 2")
    assert opened.says("1 face")
    assert opened.page.evaluate("window.live()") == 1
    assert opened.page.evaluate("document.activeElement.id") == "model"
