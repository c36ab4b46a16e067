"""The page in a real browser, served as `sdhrnet serve` does, and its sources by node.

Chromium plays a film of a synthetic face as its camera. Whatever a test does, the page may ask no one but its own server
for anything, break no rule of its content policy and raise no error.
"""

import base64
import dataclasses
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from toolkit.core.geometry import Crop, crop_of_box, cut
from toolkit.core.images import read_image
from toolkit.detect import FaceDetector, landmarks_in
from toolkit.landmarkers import open_model, released
from toolkit.server import Server
from toolkit.stages.serve import PAGE, Serve, checked, open_server

WEB = PAGE.parent
GOLDEN = WEB.parent / "golden"
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
ELSEWHERE = "insecure.test"
"""A name that Chromium is told leads here: to it, a page of another machine over plain http."""
PHONE = {"width": 390, "height": 844}
PATIENCE_S = 150

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"),
)
HOLD = """
(given) => new Promise((resolve, reject) => {
  const picture = document.getElementById("picture"), status = document.getElementById("status");
  const late = setTimeout(() => reject(new Error(`no face in time; the page says: ${status.textContent}`)), given.ms);
  picture.addEventListener("landmarks", function hear({ detail: { faces } }) {
    if (faces.length < given.faces || --given.frames > 0) return;
    picture.removeEventListener("landmarks", hear);
    clearTimeout(late);
    resolve(faces.map(({ points, box }) => ({ points: [...points], box: [...box] })));
  });
  document.getElementById(given.press).click();
})
"""
"""Press a button and wait for so many frames with so many faces."""


def test_the_sources_give_pythons_pixels_and_points():
    """Crop, decoding, smoothing and tracking in plain JavaScript, against the golden cases."""
    if shutil.which("node") is None:
        pytest.skip("needs Node 20 or newer: https://nodejs.org, or apt-get install nodejs")
    tests = sorted((WEB / "test").glob("*.test.js"))
    done = subprocess.run(["node", "--test", *tests], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "# pass" in done.stdout or "pass" in done.stdout
    assert len(tests) >= 6


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden face as a camera: 640 x 480, the same frame again and again."""
    face = read_image(GOLDEN / "front.png")
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[16:464, 80:560] = cv2.resize(face, (480, 448), interpolation=cv2.INTER_CUBIC)
    done, jpeg = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 97])
    assert done
    path = tmp_path_factory.mktemp("film") / "face.mjpeg"
    path.write_bytes(jpeg.tobytes() * 10)
    return path


@pytest.fixture(scope="module")
def chromium(film: Path) -> Iterator[Any]:
    """A browser without a profile, whose camera is the film."""
    if not (PAGE / "index.html").is_file():
        pytest.skip("the page is not built: make web (needs Node 20 or newer and npm)")
    if not CHROMIUM:
        pytest.skip("no Chromium: apt-get install chromium")
    sync = pytest.importorskip("playwright.sync_api", reason="drives Chromium: pip install playwright")
    camera = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}")
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *camera])
        yield browser
        browser.close()


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Where the server keeps what the page sends."""
    return tmp_path / "results.jsonl"


@pytest.fixture
def server(records: Path) -> Iterator[Server]:
    running = open_server(Serve(port=0, collect=records))
    running.site = dataclasses.replace(running.site, hosts=running.site.hosts | {ELSEWHERE})
    with running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


class Visit:
    """One page of a browser, watched."""

    def __init__(self, context: Any, address: str, script: str = "") -> None:
        self.faults: list[str] = []
        context.set_default_timeout(PATIENCE_S * 1000)
        context.on("request", lambda request: self._asked(request.url, address))
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("console", lambda message: self._heard(message.text))
        if script:
            self.page.add_init_script(script)
        self.page.goto(address)
        self.page.wait_for_selector("#model option", state="attached")

    def _asked(self, url: str, address: str) -> None:
        if not url.startswith((address.partition("#")[0], f"blob:{address}")):
            self.faults.append(f"asked for {url}")

    def _heard(self, text: str) -> None:
        if "Content Security Policy" in text or "Refused to" in text:
            self.faults.append(text)

    def says(self, words: str, place: str = "#status") -> None:
        """Wait until a status line has these words."""
        self.page.locator(place, has_text=words).wait_for()

    def faces(self, press: str, faces: int = 1, frames: int = 1) -> list[dict[str, Any]]:
        """Press a button and wait for landmarks, in image pixels."""
        return self.page.evaluate(HOLD, {"press": press, "faces": faces, "frames": frames, "ms": PATIENCE_S * 1000})

    def fits(self) -> bool:
        """Whether nothing reaches beyond the screen's sides."""
        return self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.fixture
def visit(chromium: Any, server: Server, tmp_path: Path) -> Iterator[Any]:
    """Opens pages; at the end none of them may have asked elsewhere, broken its policy or failed."""
    visits: list[Visit] = []
    contexts: list[Any] = []

    def open_page(path: str = "", host: str = "localhost", script: str = "", **settings: Any) -> Visit:
        contexts.append(chromium.new_context(viewport=PHONE, **settings))
        visits.append(Visit(contexts[-1], f"http://{host}:{server.server_address[1]}/{path}", script))
        return visits[-1]

    yield open_page
    for number, each in enumerate(visits):
        each.page.screenshot(path=tmp_path / f"screen-{number}.png", full_page=True)
    for context in contexts:
        context.close()
    assert [fault for each in visits for fault in each.faults] == []


def moved_px(face: dict[str, Any], image: np.ndarray) -> np.ndarray:
    """How far a face's points are from Python's in the same crop, in crop pixels."""
    model = open_model(released("float16"))
    crop = crop_of_box(np.array(face["box"]), model.size_px)
    expected = model(cut(image, crop)).points_xy
    return distances(face, crop.to_image(expected), crop)


def distances(face: dict[str, Any], expected_xy: np.ndarray, crop: Crop) -> np.ndarray:
    return np.linalg.norm(np.reshape(face["points"], (-1, 2)) - expected_xy, axis=1) * crop.scale


@pytest.mark.browser
@pytest.mark.slow
def test_a_photo_has_pythons_landmarks(visit):
    """In the same crop within 0.1 px; with a detector of its own, within half a pixel on average."""
    page = visit()
    image = read_image(GOLDEN / "front.png")
    (face,) = page.faces("example")
    assert moved_px(face, image).max() < 0.1
    detector = FaceDetector()
    (expected,) = landmarks_in(image, detector, open_model(released("float16")))
    detector.close()
    assert distances(face, expected.points_xy, crop_of_box(expected.box_xyxy, 64)).mean() < 0.5
    page.says("1 face")
    assert page.fits()


@pytest.mark.browser
@pytest.mark.slow
def test_a_chosen_photo_shows_every_face(visit, tmp_path):
    """Two people side by side, through the file picker; then a file that is no picture, and a picture without a face."""
    page = visit()
    faces = [read_image(GOLDEN / f"{name}.png")[:210] for name in ("front", "turned")]
    both = np.hstack(faces)
    cv2.imwrite(str(tmp_path / "both.png"), both[..., ::-1])
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no more")
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((200, 300, 3), 90, np.uint8))
    page.page.set_input_files("#photo", tmp_path / "both.png")
    page.says("2 faces")
    page.page.set_input_files("#photo", tmp_path / "broken.jpg")
    page.says("broken.jpg is no picture that this browser can read")
    page.page.set_input_files("#photo", tmp_path / "empty.png")
    page.says("No face found. Try a larger or more frontal face")


@pytest.mark.browser
@pytest.mark.slow
def test_the_camera_s_face_has_pythons_landmarks(visit, film):
    """Through video, worker and tracking, within half a crop pixel of Python on the same frame; mirrored, and timed."""
    page = visit(permissions=["camera"])
    page.page.uncheck("#smooth")
    (face,) = page.faces("start", frames=4)
    frame = cv2.imdecode(np.frombuffer(film.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert moved_px(face, np.ascontiguousarray(frame[..., ::-1])).max() < 0.5
    assert "mirrored" in page.page.locator("#picture").get_attribute("class")
    page.page.uncheck("#mirror")
    assert "mirrored" not in page.page.locator("#picture").get_attribute("class")
    page.page.locator("#fps", has_text=".").wait_for()
    assert all(float(page.page.locator(f"#{stage}").inner_text()) > 0 for stage in ("detect", "crop", "network"))
    page.page.click("#start")
    page.page.locator("#start", has_text="Start camera").wait_for()


@pytest.mark.browser
@pytest.mark.slow
def test_a_tab_in_the_background_pauses_and_goes_on(visit):
    """It says so, and looks for faces anew when it comes back."""
    hidden = "Object.defineProperty(document, 'hidden', { get: () => window.away === true });"
    page = visit(permissions=["camera"], script=hidden)
    page.faces("start")
    page.page.evaluate(
        """() => {
          window.away = true;
          HTMLVideoElement.prototype.requestVideoFrameCallback = () => {};
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    page.says("Paused while this tab is in the background.")


REFUSALS = {
    "NotFoundError": "No camera was found on this device.",
    "NotReadableError": "another app may be using it",
    "OddError": "The camera could not be opened (OddError: odd)",
}


@pytest.mark.browser
def test_a_camera_that_is_denied_is_said(visit):
    """Chromium's own refusal: what happened, and what to do."""
    page = visit()
    page.page.click("#start")
    page.says("The camera was refused. Allow it in the browser's settings")
    assert page.fits()


@pytest.mark.browser
@pytest.mark.parametrize("name", REFUSALS)
def test_a_camera_that_is_missing_or_busy_is_said(visit, name):
    """Every reason has words of its own, and photos stay."""
    script = f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('odd', '{name}'); }};"
    page = visit(script=script)
    page.page.click("#start")
    page.says(REFUSALS[name])
    page.says("Photos work all the same.")


@pytest.mark.browser
def test_a_page_of_another_machine_says_what_its_camera_needs(visit):
    """Plain http by another name: no camera, and the two ways to one; the benchmark says what is missing there."""
    page = visit(host=ELSEWHERE)
    assert page.page.evaluate("window.isSecureContext") is False
    page.page.click("#start")
    page.says("adb reverse")
    page.says("Photos work all the same.")
    page.page.click('a[href="#bench"]')
    page.says("only to pages from https or localhost", "#engines")
    page.says("No threads: the server does not isolate this page", "#engines")


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
    """Nothing is loaded, and the buttons that would are off."""
    page = visit(script=script)
    page.says(words)
    assert page.page.is_disabled("#start")
    page.page.click('a[href="#bench"]')
    page.says(words, "#bench-status")
    assert page.page.is_disabled("#run")


@pytest.mark.browser
@pytest.mark.slow
def test_the_benchmark_makes_records_of_every_file(visit, records, tmp_path):
    """On one thread: points within half a pixel of Python's on the golden faces; saved, and sent to the server."""
    page = visit("#bench", accept_downloads=True)
    page.says("WebAssembly, 2 threads", "#engines") if page.page.evaluate("navigator.hardwareConcurrency > 1") else None
    for box in page.page.locator("#engines input:not([disabled])").all()[1:]:
        box.uncheck()
    page.page.select_option("#runs", "20")
    page.page.click("#run")
    page.says("Done on", "#bench-status")
    with page.page.expect_download() as download:
        page.page.click("#save")
    saved = [json.loads(line) for line in Path(download.value.path()).read_text().splitlines()]
    page.page.click("#send")
    page.says(f"{len(saved)} records kept in {records.name}", "#sent")
    assert [json.loads(line) for line in records.read_text().splitlines()] == checked(saved)
    names = json.loads((PAGE / "models" / "index.json").read_text())
    assert [record["model"] for record in saved] == names
    for record in saved:
        assert record["parity"]["worst_px"] < (0.5 if record["precision"] == "int8" else 0.01)
        assert 0 < record["latency_ms"]["median"] <= record["latency_ms"]["p90"]
        assert (record["latency_ms"]["runs"], record["threads"]) == (20, 1)
        assert record["engine"].startswith("litertjs-wasm 2.")
    assert page.fits()


@pytest.mark.browser
def test_records_go_nowhere_unless_the_server_asks(visit, server):
    """The button is not there by default."""
    server.site = dataclasses.replace(server.site, extra={"server.json": b'{"collect": false}'})
    page = visit("#bench")
    assert page.page.locator("#send").is_hidden()


@pytest.mark.browser
@pytest.mark.slow
def test_it_works_without_a_network_once_it_was_there(visit, server):
    """The service worker keeps the page and its networks; the server may go."""
    page = visit()
    page.page.evaluate("navigator.serviceWorker.ready.then(({ active }) => active.state)")
    page.page.reload()
    page.page.wait_for_selector("#model option", state="attached")
    server.shutdown()
    server.server_close()
    page.page.reload()
    page.page.wait_for_selector("#model option", state="attached")
    assert page.page.evaluate("window.crossOriginIsolated") is True
    (face,) = page.faces("example")
    assert moved_px(face, read_image(GOLDEN / "front.png")).max() < 0.1


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
    page = visit(screen, color_scheme=colours, reduced_motion="reduce")
    contrasts = page.page.evaluate(CONTRAST)
    assert len(contrasts) > 10
    assert [text for text, contrast in contrasts if contrast < 4.5] == []
    controls = page.page.locator("a, button, select, input:not(.hidden)").locator("visible=true")
    for control in controls.all():
        name = control.evaluate("e => (e.labels?.[0] ?? e).textContent.trim() || e.ariaLabel")
        height = control.evaluate("e => (e.labels?.[0] ?? e).getBoundingClientRect().height")
        assert name
        assert height >= 38
    page.page.keyboard.press("Tab")
    assert page.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert page.page.evaluate("getComputedStyle(document.getElementById('smooth')).transitionDuration") in ("0s", "")
    assert page.fits()


def test_golden_pictures_are_those_of_the_page():
    """What the page measures its points on is the contract's, byte for byte."""
    if not (PAGE / "index.html").is_file():
        pytest.skip("the page is not built: make web (needs Node 20 or newer and npm)")
    faces = json.loads((GOLDEN / "faces.json").read_text())["faces"]
    assert json.loads((PAGE / "golden" / "faces.json").read_text())["faces"] == faces
    for face in faces:
        image = read_image(PAGE / "golden" / face["picture"])
        crop = cut(image, crop_of_box(np.array(face["box_xyxy"]), 64))
        assert base64.b64decode(face["crop_rgb"]) == crop.tobytes()
