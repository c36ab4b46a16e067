"""The page in a real browser, served as `sdhrnet serve` does, and its sources by node.

Chromium plays a film of a synthetic face as its camera. Whatever a test does, the page may ask no one but its own
server for anything, break no rule of its content policy and raise no error.
"""

import base64
import dataclasses
import json
import re
import shutil
import subprocess
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.deploy.chromium import BUILD, ELSEWHERE, GOLDEN
from toolkit.core import zoo
from toolkit.core.files import read_json, read_lines, write_json
from toolkit.core.geometry import BOX_SCALE, Crop, Pose, crop_of_box, cut
from toolkit.core.images import read_image
from toolkit.core.records import imported
from toolkit.core.zoo import MAIN, released
from toolkit.detect import FaceDetector, landmarks_in
from toolkit.detect.detector import tiles, view
from toolkit.landmarkers import open_model
from toolkit.web.page import BUILT as PAGE
from toolkit.web.records import checked

WEB = PAGE.parent
NODE = "needs Node 20 or newer: https://nodejs.org"


@pytest.mark.slow
def test_the_sources_give_pythons_pixels_and_points():
    """Crop, decoding, smoothing and tracking in plain JavaScript, against the golden cases."""
    if shutil.which("node") is None:
        pytest.skip(NODE)
    tests = sorted((WEB / "test").glob("*.test.js"))
    words = ["node", "--test", "--test-reporter=tap", *tests]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"^# pass (\d+)$", done.stdout, re.M)[1]) >= 25


CUT = """
import { readFileSync, writeFileSync } from "node:fs";
const { cropOfBox, cut } = await import(process.argv[2]);
const { width, height, boxes, rolls, size, scale } = JSON.parse(readFileSync("boxes.json"));
const picture = { data: new Uint8ClampedArray(readFileSync("picture.bin")), width, height };
const crops = boxes.map((box, i) => cropOfBox(box, size, scale, rolls[i]));
writeFileSync("crops.bin", Uint8Array.from(crops.flatMap((crop) => [...cut(picture, crop)])));
"""


def test_crops_have_opencvs_levels(tmp_path):
    """Of noise, inside a picture that is not square and across its edges, enlarged, shrunk by 1 to 6 blocks, turned."""
    if shutil.which("node") is None:
        pytest.skip(NODE)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (280, 410, 3), dtype=np.uint8)
    sides = np.geomspace(20, 330, 12)
    centres = rng.uniform((0, 0), (410, 280), (12, 2))
    boxes = [[*(c - s / 2), *(c + np.array([s, 0.8 * s]) / 2)] for c, s in zip(centres, sides, strict=True)]
    rolls = [0, 37, 0, 90, 0, 143, 0, 180, 0, -90, 0, 5]
    case = {"width": 410, "height": 280, "boxes": boxes, "rolls": rolls, "size": 64, "scale": BOX_SCALE}
    (tmp_path / "boxes.json").write_text(json.dumps(case))
    np.dstack([image, np.full(image.shape[:2], 255, np.uint8)]).tofile(tmp_path / "picture.bin")
    (tmp_path / "cut.mjs").write_text(CUT)
    geometry = (WEB / "src" / "geometry.js").as_uri()
    subprocess.run(["node", "cut.mjs", geometry], cwd=tmp_path, check=True, capture_output=True)
    got = np.fromfile(tmp_path / "crops.bin", np.uint8).reshape(12, 64, 64, 3).astype(int)
    for box, roll_deg, crop in zip(boxes, rolls, got, strict=True):
        off = np.abs(crop - cut(image, crop_of_box(np.array(box), 64, Pose(rotation_deg=-roll_deg))))
        assert off.max() <= 2
        assert (off > 0).mean() < 0.01  # where OpenCV's code for another processor rounds otherwise


def test_a_contract_newer_than_the_page_is_not_built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What the page takes from Python is not gathered then."""
    spec = spec_from_file_location("assets", WEB / "assets.py")
    assets = module_from_spec(spec)
    spec.loader.exec_module(assets)
    terms = read_json(assets.CONTRACT)
    assert terms["format"] == assets.FORMAT
    write_json(tmp_path / "contract.json", {**terms, "format": terms["format"] + 1})
    monkeypatch.setattr(assets, "CONTRACT", tmp_path / "contract.json")
    with pytest.raises(ValueError, match="update the page"):
        assets.gather(tmp_path / "build")
    assert not (tmp_path / "build").exists()


SEE = """
import { readFileSync, writeFileSync } from "node:fs";
const { tiles, view } = await import(process.argv[2]);
const { width, height, windows, viewPx, sides } = JSON.parse(readFileSync("windows.json"));
const picture = { data: new Uint8ClampedArray(readFileSync("picture.bin")), width, height };
const views = windows.map((window) => view(picture, window, viewPx));
writeFileSync("views.bin", Uint8Array.from(views.flatMap(({ pixels }) => [...pixels.data])));
const found = { scales: views.map(({ scale }) => scale), tiles: sides.map((side) => tiles(width, height, side)) };
writeFileSync("found.json", JSON.stringify(found));
"""


def test_the_detector_is_shown_pythons_levels(tmp_path):
    """Of noise, to the last bit: as it is, halved up to three times, from odd places, inside and beyond; tiles too."""
    if shutil.which("node") is None:
        pytest.skip(NODE)
    image = np.random.default_rng(0).integers(0, 256, (281, 410, 3), dtype=np.uint8)
    windows = [(0, 0, 410, 281), (-103, -103, 513, 384), (7, 3, 38, 40), (33, 20, 250, 131), (-9, 101, 300, 103)]
    case = {"width": 410, "height": 281, "windows": windows, "viewPx": 40, "sides": (sides := list(range(100, 411)))}
    (tmp_path / "windows.json").write_text(json.dumps(case))
    np.dstack([image, np.full(image.shape[:2], 255, np.uint8)]).tofile(tmp_path / "picture.bin")
    (tmp_path / "see.mjs").write_text(SEE)
    views = (WEB / "src" / "views.js").as_uri()
    subprocess.run(["node", "see.mjs", views], cwd=tmp_path, check=True, capture_output=True)
    found = json.loads((tmp_path / "found.json").read_text())
    expected = [view(image, window, 40) for window in windows]
    assert found["scales"] == [scale for _, scale in expected] == [8, 8, 1, 4, 2]
    levels = np.fromfile(tmp_path / "views.bin", np.uint8).reshape(-1, 4)[:, :3]
    np.testing.assert_array_equal(levels, np.concatenate([pixels.reshape(-1, 3) for pixels, _ in expected]))
    assert found["tiles"] == [[list(tile) for tile in tiles(410, 281, side)] for side in sides]


def moved_px(face: dict[str, Any], image: np.ndarray) -> np.ndarray:
    """How far a face's points are from Python's in the same crop, in crop pixels, by the page's own file."""
    model = open_model(released("int8"))
    crop = crop_of_box(np.array(face["box"]), model.size_px, Pose(rotation_deg=-face["rollDeg"]))
    expected = model(cut(image, crop)).points_xy
    return distances(face, crop.to_image(expected), crop)


def distances(face: dict[str, Any], expected_xy: np.ndarray, crop: Crop) -> np.ndarray:
    return np.linalg.norm(np.reshape(face["points"], (-1, 2)) - expected_xy, axis=1) * crop.scale


@pytest.mark.browser
@pytest.mark.slow
def test_a_photo_has_pythons_landmarks(visit):
    """In the same crop within 0.1 px; with the detector on the same engine, within 0.2 px on average."""
    opened = visit()
    image = read_image(GOLDEN / "front.png")
    (face,) = opened.faces("example")
    assert moved_px(face, image).max() < 0.1
    model = open_model(released("int8"))
    (expected,) = landmarks_in(image, FaceDetector(), model)
    assert distances(face, expected.points_xy, crop_of_box(expected.box_xyxy, model.size_px)).mean() < 0.2
    assert opened.says("1 face")
    assert opened.fits()


@pytest.mark.browser
@pytest.mark.slow
def test_a_chosen_photo_shows_every_face(visit, tmp_path):
    """Two people side by side, through the file picker; then a file that is no picture, and one without a face."""
    opened = visit()
    faces = [read_image(GOLDEN / f"{name}.png")[:210] for name in ("front", "turned")]
    both = np.hstack(faces)
    cv2.imwrite(str(tmp_path / "both.png"), both[..., ::-1])
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no more")
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((200, 300, 3), 90, np.uint8))
    opened.page.set_input_files("#photo", tmp_path / "both.png")
    assert opened.says("2 faces")
    opened.page.set_input_files("#photo", tmp_path / "broken.jpg")
    assert opened.says("broken.jpg is no picture that this browser can read")
    opened.page.set_input_files("#photo", tmp_path / "empty.png")
    assert opened.says("No face found. Try a larger or more frontal face")
    clear = np.zeros((*both.shape[:2], 4), np.uint8)
    cv2.imwrite(str(tmp_path / "clear.png"), clear)
    opened.page.set_input_files("#photo", tmp_path / "both.png")
    assert opened.says("2 faces")
    opened.page.set_input_files("#photo", tmp_path / "clear.png")  # transparent, on a canvas that showed two faces
    assert opened.says("No face found. Try a larger or more frontal face")


@pytest.mark.browser
@pytest.mark.slow
def test_the_camera_s_face_has_pythons_landmarks(visit, film):
    """Through video, worker and tracking, beside Python on the same frame; mirrored, and timed.

    A camera's colours come through another decoder than OpenCV's: half a crop pixel on average.
    """
    opened = visit(permissions=["camera"])
    opened.page.uncheck("#smooth")
    (face,) = opened.faces("start", frames=4)
    frame = cv2.imdecode(np.frombuffer(film.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    moved = moved_px(face, np.ascontiguousarray(frame[..., ::-1]))
    assert moved.mean() < 0.5 and moved.max() < 2.5
    assert "mirrored" in opened.page.locator("#picture").get_attribute("class")
    opened.page.uncheck("#mirror")
    assert "mirrored" not in opened.page.locator("#picture").get_attribute("class")
    opened.page.locator("#fps", has_text=".").wait_for()
    assert all(float(opened.page.locator(f"#{stage}").inner_text()) > 0 for stage in ("detect", "crop", "network"))
    opened.page.click("#start")
    opened.page.locator("#start", has_text="Start camera").wait_for()


AWAY = """
Object.defineProperty(document, "hidden", { get: () => window.away === true });
const real = HTMLVideoElement.prototype.requestVideoFrameCallback;
HTMLVideoElement.prototype.requestVideoFrameCallback = function (call) {
  if (window.away) window.held = () => real.call(this, call);
  else real.call(this, call);
};
window.turn = (away) => {
  window.away = away;
  document.dispatchEvent(new Event("visibilitychange"));
  if (!away) window.held?.();
};
"""
"""Stands for a tab switch: a hidden page, whose video gives no frames."""


@pytest.mark.browser
@pytest.mark.slow
def test_a_tab_in_the_background_pauses_and_goes_on(visit):
    """It says so, and finds the face again when it comes back; a benchmark is stopped there."""
    opened = visit(permissions=["camera"], script=AWAY)
    opened.faces("start")
    opened.page.evaluate("window.turn(true)")
    assert opened.says("Paused while this tab is in the background.")
    opened.page.evaluate("window.turn(false)")
    assert opened.says("1 face")
    opened.page.click('a[href="#bench"]')
    opened.page.click("#run")
    assert opened.says("WebAssembly, 1 thread", "#bench-status")
    opened.page.evaluate("window.turn(true)")
    assert opened.says("Stopped: this tab went to the background", "#bench-status")


@pytest.mark.browser
@pytest.mark.parametrize("name", ["nowhere", "constructor"])
def test_an_address_of_no_screen_shows_the_camera_s(visit, name):
    """Names that every JavaScript object has are no screens either."""
    opened = visit(f"#{name}")
    assert opened.page.locator("#live").is_visible()
    assert opened.page.locator("#bench").is_hidden()


@pytest.mark.browser
@pytest.mark.parametrize("screen", ["#live", "#bench"])
def test_a_narrow_screen_needs_no_scrolling_sideways(visit, screen):
    """320 px, to which 1280 px shrink at four times the size (WCAG 1.4.10)."""
    opened = visit(screen)
    opened.page.set_viewport_size({"width": 320, "height": 640})
    assert opened.page.eval_on_selector(screen, "e => e.scrollWidth <= e.clientWidth")
    assert opened.fits()


@pytest.mark.browser
def test_asking_elsewhere_is_forbidden_and_noticed(visit):
    """The page's policy blocks it, and the watch of these tests sees that it was tried."""
    opened = visit()
    asked = "fetch('https://elsewhere.test/').then(() => 'it was answered', String)"
    assert opened.page.evaluate(asked) == "TypeError: Failed to fetch"
    assert any("elsewhere.test" in fault for fault in opened.faults)
    opened.faults.clear()


REFUSALS = {
    "NotFoundError": "No camera was found on this device.",
    "NotReadableError": "another app may be using it",
    "OddError": "The camera could not be opened (OddError: odd)",
}


@pytest.mark.browser
def test_a_camera_that_is_denied_is_said(visit):
    """Chromium's own refusal: what happened, and what to do."""
    opened = visit()
    opened.page.click("#start")
    assert opened.says("The camera was refused. Allow it in the browser's settings")
    assert opened.fits()


@pytest.mark.browser
@pytest.mark.parametrize("name", REFUSALS)
def test_a_camera_that_is_missing_or_busy_is_said(visit, name):
    """Every reason has words of its own, and photos stay."""
    script = f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('odd', '{name}'); }};"
    opened = visit(script=script)
    opened.page.click("#start")
    assert opened.says(REFUSALS[name])
    assert opened.says("Photos work all the same.")


@pytest.mark.browser
def test_a_page_of_another_machine_says_what_its_camera_needs(visit):
    """Plain http by another name: no camera, and the two ways to one; the benchmark says what is missing there."""
    opened = visit(host=ELSEWHERE)
    assert opened.page.evaluate("window.isSecureContext") is False
    opened.page.click("#start")
    assert opened.says("adb reverse")
    assert opened.says("Photos work all the same.")
    opened.page.click('a[href="#bench"]')
    assert opened.says("only to pages from https or localhost", "#engines")
    if opened.page.evaluate("navigator.hardwareConcurrency") > 1:
        assert opened.says("No threads: browsers give them only to pages from https or localhost.", "#engines")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("delete WebAssembly.validate; WebAssembly.validate = () => false;", "WebAssembly in this browser has no SIMD"),
        ("delete window.WebAssembly;", "This browser has no WebAssembly"),
        ("delete window.OffscreenCanvas;", "This browser has no OffscreenCanvas"),
    ],
)
def test_a_browser_that_cannot_run_networks_says_why(visit, script, words):
    """Nothing is loaded, and the buttons that would are off, and stay so."""
    opened = visit(script=script)
    assert opened.says(words)
    opened.page.dispatch_event("#model", "change")
    assert all(opened.page.is_disabled(f"#{control}") for control in ("start", "choose", "example", "model"))
    assert opened.says(words)
    opened.page.click('a[href="#bench"]')
    assert opened.says(words, "#bench-status")
    assert opened.page.is_disabled("#run")


@pytest.mark.browser
@pytest.mark.slow
def test_the_benchmark_makes_records_of_every_file(visit, records, tmp_path):
    """On one thread, points beside Python's of the float16 file on the golden faces; saved, and sent to the server."""
    opened = visit("#bench", accept_downloads=True)
    for box in opened.page.locator("#engines input:not([disabled])").all()[1:]:
        box.uncheck()
    opened.page.select_option("#runs", "20")
    opened.page.click("#run")
    assert opened.says("Done on", "#bench-status")
    with opened.page.expect_download() as download:
        opened.page.click("#save")
    saved = [json.loads(line) for line in Path(download.value.path()).read_text().splitlines()]
    opened.page.click("#send")
    assert opened.says(f"{len(saved)} records kept in {records.name}", "#sent")
    assert read_lines(records) == [imported(record) for record in checked(saved)]
    names = json.loads((PAGE / "models" / "index.json").read_text())
    others = [each["model"] for each in json.loads((PAGE / "competitors" / "index.json").read_text())]
    assert names[0] == released("int8").name and others == ["face_landmark.tflite"]
    assert [record["model"] for record in saved] == names + others
    assert opened.page.locator("#rows", has_text="in part on WebAssembly").count() == 0
    own = {path.name for path in zoo.files(MAIN)}
    for record in saved:
        if record["model"] in own:  # the golden points are its
            figure, most = {"float16": ("worst_px", 0.02), "float32": ("mean_px", 0.02), "int8": ("mean_px", 0.35)}[
                record["precision"]
            ]
            assert record["parity"][figure] < most
        else:
            assert record["parity"] is None
        assert 0 < record["latency_ms"]["median"] <= record["latency_ms"]["p90"]
        assert (record["latency_ms"]["runs"], record["threads"]) == (20, 1)
        assert record["engine"].startswith("litertjs-wasm 2.")
    assert opened.fits()


@pytest.mark.browser
def test_records_go_nowhere_unless_the_server_asks(visit, server):
    """The button is not there by default."""
    server.site = dataclasses.replace(server.site, extra={"server.json": b'{"collect": false}'})
    opened = visit("#bench")
    assert opened.page.locator("#send").is_hidden()


KEPT = """
async () => {
  const [name] = (await caches.keys()).filter((name) => name.startsWith("sdhrnet-"));
  const requests = await (await caches.open(name)).keys();
  return requests.map(({ url }) => url.replace(location.origin + "/", ""));
}
"""


@pytest.mark.browser
@pytest.mark.slow
def test_it_works_without_a_network_once_it_was_there(visit, server):
    """The service worker keeps the page, and what was used of it, from the first visit on; the server may go.

    What was not used is not fetched: other networks, builds of the engine, golden pictures.
    """
    opened = visit()
    opened.faces("example")
    kept = set(opened.page.evaluate(KEPT))
    assert {"", "page.js", "worker.js", f"models/{released('int8').name}", "golden/front.png"} <= kept
    heavy = {name for name in kept if name.endswith((".wasm", ".tflite"))}
    assert len(heavy) == 3 and "golden/turned.png" not in kept
    server.shutdown()
    server.server_close()
    opened.page.reload()
    opened.page.wait_for_selector("#model option", state="attached")
    assert opened.page.evaluate("window.crossOriginIsolated") is True
    (face,) = opened.faces("example")
    assert moved_px(face, read_image(GOLDEN / "front.png")).max() < 0.1


POLICIES = """
(paths) => Promise.all(paths.map(async (path) => (await fetch(path)).headers.get("content-security-policy")))
"""


@pytest.mark.browser
def test_the_server_s_policy_is_kept_by_the_service_worker(visit, server):
    """With frame-ancestors, on what is kept and on what is not; the same where a server sends none."""
    opened = visit()
    assert opened.comes("navigator.serviceWorker.controller !== null")
    paths = ["page.js", "server.json", "policy.txt", "nowhere.txt"]
    assert opened.page.evaluate(POLICIES, paths) == [server.site.policy] * 4
    assert server.site.policy.endswith("; frame-ancestors 'none'")
    assert server.site.policy in (PAGE / "service-worker.js").read_text()


CONTRAST = """
() => {
  const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255);
  const light = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const bright = (text) => rgb(text).map(light).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!/, 0\\)$|transparent/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = [...document.querySelectorAll("h1, h2, p, a, button, label, span, dt, dd, legend, th, small, select")]
    .filter((e) => e.checkVisibility() && !e.disabled && e.textContent.trim() !== "");
  return texts.map((e) => {
    const [a, b] = [bright(getComputedStyle(e).color), bright(ground(e))];
    return [e.textContent.trim().slice(0, 40), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
  });
}
"""


@pytest.mark.browser
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("screen", ["#live", "#bench"])
def test_everyone_can_read_and_reach_it(visit, colours, screen):
    """Contrast of 4.5 and more (WCAG AA), a name for every control, room to touch, and a visible focus."""
    opened = visit(screen, color_scheme=colours, reduced_motion="reduce")
    contrasts = opened.page.evaluate(CONTRAST)
    assert len(contrasts) > 10
    assert [text for text, contrast in contrasts if contrast < 4.5] == []
    controls = opened.page.locator("a, button, select, input:not(.hidden)").locator("visible=true")
    for control in controls.all():
        name = control.evaluate("e => (e.labels?.[0] ?? e).textContent.trim() || e.ariaLabel")
        height = control.evaluate("e => (e.labels?.[0] ?? e).getBoundingClientRect().height")
        assert name
        assert height >= 38
    opened.page.keyboard.press("Tab")
    assert opened.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert opened.page.evaluate("getComputedStyle(document.getElementById('smooth')).transitionDuration") in ("0s", "")
    assert opened.fits()


def test_golden_pictures_are_those_of_the_page():
    """What the page measures its points on is the contract's."""
    if not (PAGE / "index.html").is_file():
        pytest.skip(BUILD)
    faces = json.loads((GOLDEN / "faces.json").read_text())["faces"]
    assert json.loads((PAGE / "golden" / "faces.json").read_text())["faces"] == faces
    size_px = json.loads((GOLDEN.parent / "contract.json").read_text())["model"]["size_px"]
    for face in faces:
        image = read_image(PAGE / "golden" / face["picture"])
        crop = cut(image, crop_of_box(np.array(face["box_xyxy"]), size_px, Pose(rotation_deg=-face["roll_deg"])))
        expected = np.frombuffer(base64.b64decode(face["crop_rgb"]), np.uint8).astype(int)
        assert np.abs(expected - crop.ravel()).max() <= 2
