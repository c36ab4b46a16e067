"""Gathers what the page takes from Python, for build.js: models, the face detector, golden faces, schemes, icons.

Run by `make web`. Nothing is downloaded: the detector's network travels in mediapipe's wheel.
"""

import dataclasses
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit import __version__
from toolkit.core import zoo
from toolkit.core.draw import FaceStyle, draw_landmarks
from toolkit.core.files import new_folder, read_json, sha256, write_bytes, write_json
from toolkit.core.images import write_image
from toolkit.core.provenance import commit, inside
from toolkit.core.schemes import SCHEMES, scheme
from toolkit.core.zoo import WEIGHTS
from toolkit.detect.blazeface import detector_file
from toolkit.reporting import charts
from toolkit.runtime import sidecar

DEPLOY = Path(__file__).resolve().parents[1]
CONTRACT = DEPLOY / "contract.json"
GOLDEN = DEPLOY / "golden"

FORMAT = 2
"""The newest format of the contract that the page reads."""

FACE_MESH_INNER = "modules/face_landmark/face_landmark.tflite"
"""Where mediapipe's wheel has it."""
FACE_MESH = {
    "title": "MediaPipe's Face Mesh of 468 points",
    "precision": "float16",
    "size_px": 192,
}
"""What the benchmark times beside ours: its own file on the same engine, its weights in float16."""

ICON = FaceStyle(sure=(255, 255, 255), line=(124, 196, 240), edge=(0, 58, 92), dot=0.018, stroke=0.014)
GROUND = (0, 58, 92)
FACE = 0.56
"""The face's share of the icon: inside the circle that a launcher may cut out."""


def gather(out: Path) -> None:
    """Fill a new folder: what is bundled at its top, what is served as it is in `site/`.

    Raises:
        ValueError: the contract is newer than the page, or the detector or the model is not the one that it names.
    """
    contract = read_json(CONTRACT)
    if contract["format"] > FORMAT:
        raise ValueError(f"{CONTRACT} has format {contract['format']}, known up to {FORMAT}: update the page")
    with new_folder(out) as folder:
        site = folder / "site"
        files = _models(contract["model"]["file"])
        for file in files:
            for part in (file, sidecar.path_of(file)):
                _copy(part, site / "models" / part.name)
        write_json(site / "models" / "index.json", [file.name for file in files])
        if sha256(site / "models" / contract["model"]["file"]) != contract["model"]["file_sha256"]:
            raise ValueError(f"{CONTRACT} is about another model: make it again with `python -m tools contract`")
        _copy(_detector(contract["detector"]), site / contract["detector"]["file"])
        mesh = _face_mesh()
        _copy(mesh, site / "competitors" / mesh.name)
        write_json(
            site / "competitors" / "index.json", [{**FACE_MESH, "model": mesh.name, "file_sha256": sha256(mesh)}]
        )
        for path in sorted(GOLDEN.glob("*")):
            if path.suffix == ".png" or path.name == "faces.json":
                _copy(path, site / "golden" / path.name)
        for size_px in (192, 512):
            write_image(site / f"icon-{size_px}.png", icon(size_px))
        write_json(
            folder / "schemes.json",
            {n: {"lines": [dataclasses.asdict(x) for x in s.lines], "eyes": s.eyes} for n, s in SCHEMES.items()},
        )
        write_json(folder / "about.json", {"version": __version__, "commit": commit()})
        write_bytes(folder / "palette.css", charts.css().encode())


def icon(size_px: int) -> NDArray[np.uint8]:
    """The first golden face as its landmarks, (size_px, size_px, 3)."""
    face, about = read_json(GOLDEN / "faces.json")["faces"][0], read_json(CONTRACT)["model"]
    points = np.array(face["points_xy"])
    low, high = points.min(axis=0), points.max(axis=0)
    points = (points - (low + high) / 2) * (FACE * 4 * size_px / (high - low).max()) + 2 * size_px
    large = np.full((4 * size_px, 4 * size_px, 3), GROUND, dtype=np.uint8)
    drawn = draw_landmarks(large, points, scheme(about["scheme"]), style=ICON)
    small: NDArray[np.uint8] = drawn.reshape(size_px, 4, size_px, 4, 3).mean(axis=(1, 3)).round().astype(np.uint8)
    return small


def _models(chosen: str) -> list[Path]:
    """The contract's network in every precision, int8 first since the page takes that, and the others in int8."""
    name = chosen.rpartition("-")[0]
    own = [path for path in zoo.files(name) if path.suffix == ".tflite"]
    own.sort(key=lambda path: (not path.stem.endswith("-int8"), path.name))
    return own + sorted(path for path in WEIGHTS.glob("*-int8.tflite") if path not in own)


def _detector(terms: dict[str, Any]) -> Path:
    path = detector_file()
    if sha256(path) != terms["file_sha256"]:
        raise ValueError(f"{path} is not the detector of the contract: install the locked mediapipe")
    return path


def _face_mesh() -> Path:
    path = inside("mediapipe", FACE_MESH_INNER)
    if path is None:
        raise FileNotFoundError("no mediapipe with a Face Mesh in its wheel: install the locked one")
    return path


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
