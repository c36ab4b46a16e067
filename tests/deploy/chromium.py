"""A watched browser for the tests of the page: Chromium whose camera plays a film of a golden face."""

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from toolkit.core.images import read_image
from toolkit.web.page import BUILT as PAGE

GOLDEN = PAGE.parents[1] / "golden"
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), "")
ELSEWHERE = "insecure.test"
"""A name that Chromium is told leads here: to it, a page of another machine over plain http."""
PHONE = {"width": 390, "height": 844}
PATIENCE_S = 150
BUILD = "the page is not built: make web (needs Node 20 or newer and npm)"

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"),
)
PRESS = """
(given) => new Promise((resolve, reject) => {
  const picture = document.getElementById("picture"), status = document.getElementById("status");
  const late = setTimeout(() => reject(new Error(`no face in time; the page says: ${status.textContent}`)), given.ms);
  picture.addEventListener("landmarks", function hear({ detail: { faces } }) {
    if (faces.length < given.faces || --given.frames > 0) return;
    picture.removeEventListener("landmarks", hear);
    clearTimeout(late);
    resolve(faces.map(({ points, box, rollDeg }) => ({ points: [...points], box: [...box], rollDeg })));
  });
  document.getElementById(given.press).click();
})
"""
"""Press a button and wait for so many frames with so many faces."""


def film(folder: Path) -> Path:
    """The golden face as a camera: 640 x 480, the same frame again and again."""
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[16:464, 80:560] = cv2.resize(read_image(GOLDEN / "front.png"), (480, 448), interpolation=cv2.INTER_CUBIC)
    done, jpeg = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 97])
    assert done
    path = folder / "face.mjpeg"
    path.write_bytes(jpeg.tobytes() * 10)
    return path


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

    def says(self, words: str, place: str = "#status") -> bool:
        """Whether a status line has these words, or gets them in time."""
        from playwright.sync_api import TimeoutError as Late

        try:
            self.page.locator(place, has_text=words).wait_for()
        except Late:
            return False
        return True

    def comes(self, expression: str) -> bool:
        """Whether a JavaScript expression holds, or does in time."""
        for _ in range(10 * PATIENCE_S):
            if self.page.evaluate(expression):
                return True
            self.page.wait_for_timeout(100)
        return False

    def faces(self, press: str, faces: int = 1, frames: int = 1) -> list[dict[str, Any]]:
        """Press a button and wait for landmarks, in image pixels."""
        return self.page.evaluate(PRESS, {"press": press, "faces": faces, "frames": frames, "ms": PATIENCE_S * 1000})

    def fits(self) -> bool:
        """Whether nothing reaches beyond the screen's sides."""
        return self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
