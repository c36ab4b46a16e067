"""The wheel in bare environments: what a base install weighs, needs and can do, on every Python that is found.

Each needs a package index; what is downloaded is what a user would download. Training and conversion are not installed
here: they weigh gigabytes, and all other tests run in an environment that has them.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.core.images import write_image
from toolkit.core.zoo import MAIN
from toolkit.detect.blazeface import detector_file

ROOT = Path(__file__).parents[1]
PYTHONS = [name for name in ("python3.11", "python3.12", "python3.13") if shutil.which(name)]
WHEEL_BYTES, BASE_BYTES = 25e6, 370e6
"""What the wheel may weigh, and the base install with it, pip left out; 340 to 359 MB on Linux, by the Python."""
HEAVY = ("torch", "tensorflow", "mediapipe", "jax", "matplotlib", "scipy", "av")
"""What a base install must not bring."""
COPYLEFT = ("GPL", "General Public License", "MPL", "Mozilla")
MPL = {"tqdm"}
"""MPL 2.0 beside MIT; of ai-edge-litert."""

LICENCES = """
import importlib.metadata, json
told = {}
for each in importlib.metadata.distributions():
    of = each.metadata
    classified = [line for line in of.get_all("Classifier") or [] if line.startswith("License")]
    told[of["Name"]] = " ".join([of.get("License-Expression") or "", (of.get("License") or "")[:200], *classified])
print(json.dumps(told))
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(*command: object, folder: Path, ok: bool = True) -> str:
    """What a command prints, on both outputs; it sees nothing of this repository."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "SDHRNET", "VIRTUAL"))}
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, env=env, text=True, capture_output=True, check=False
    )
    assert (done.returncode == 0) is ok, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toolkit's wheel, built from this repository."""
    folder = tmp_path_factory.mktemp("wheel")
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        folder,
        ROOT,
        folder=folder,
    )
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="session", params=PYTHONS)
def bare(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of an environment's programs, with the wheel and what it asks for in it."""
    folder = tmp_path_factory.mktemp(request.param)
    asked = [request.param, "-c", "import venv"]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip(f"{request.param} does not start, or has no venv")
    run(request.param, "-m", "venv", folder / "env", folder=folder)
    programs = folder / "env" / "bin"
    run(programs / "pip", "install", "-q", wheel, folder=folder)
    yield programs
    shutil.rmtree(folder / "env")


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    """A face as a file."""
    data = pytest.importorskip("skimage.data", reason="needs scikit-image's portrait")
    write_image(tmp_path / "me.png", data.astronaut())
    return tmp_path / "me.png"


def test_the_wheel_is_small(wheel: Path) -> None:
    """Under 25 MB."""
    assert wheel.stat().st_size < WHEEL_BYTES


def test_a_base_install_is_lean_and_whole(bare: Path, tmp_path: Path) -> None:
    """`pip check` is clean, nothing heavy has come along, and the bytes of all files keep to their limit."""
    assert "No broken requirements" in run(bare / "pip", "check", folder=tmp_path)
    listed = json.loads(run(bare / "pip", "list", "--format", "json", folder=tmp_path).splitlines()[0])
    assert not {each["name"] for each in listed} & set(HEAVY)
    (packages,) = (bare.parent / "lib").glob("python*/site-packages")
    files = (path for path in packages.rglob("*") if path.is_file() and path.relative_to(packages).parts[0] != "pip")
    assert sum(path.stat().st_size for path in files) < BASE_BYTES


def test_no_base_dependency_is_copyleft(bare: Path, tmp_path: Path) -> None:
    """By what each says of itself; libraries inside wheels are named in the README."""
    for name, told in json.loads(run(bare / "python", "-c", LICENCES, folder=tmp_path)).items():
        assert name in MPL or not any(word in told for word in COPYLEFT), (name, told)


def test_a_base_install_finds_points(bare: Path, portrait: Path, tmp_path: Path) -> None:
    """A detector's file is named, and a picture becomes one face of 68 points."""
    sdhrnet, out = bare / "sdhrnet", tmp_path / "points.json"
    run(sdhrnet, "photo", portrait, "--detector", detector_file(), "--json-out", out, folder=tmp_path)
    (face,) = json.loads(out.read_text())["faces"]
    assert len(face["points_xy"]) == 68 and (tmp_path / "me-landmarks.png").is_file()


def test_a_base_install_says_what_it_lacks(bare: Path, portrait: Path, tmp_path: Path) -> None:
    """The detector's two ways; the extra of a video; each as a command to type."""
    sdhrnet = bare / "sdhrnet"
    assert "--detector" in run(sdhrnet, "photo", portrait, folder=tmp_path, ok=False)
    lacks = run(sdhrnet, "video", portrait, folder=tmp_path, ok=False)
    assert "needs av: pip install '/" in lacks and ".whl[video]'" in lacks


def test_a_base_install_describes_and_evaluates_without_torch(bare: Path, wheel: Path, tmp_path: Path) -> None:
    """A converted file of the wheel, a list of models, and scores on synthetic faces."""
    sdhrnet = bare / "sdhrnet"
    file = run(bare / "python", "-c", f"import toolkit; print(toolkit.load('{MAIN}').path)", folder=tmp_path)
    assert "XNNPACK takes it" in run(sdhrnet, "describe", file.splitlines()[0], folder=tmp_path)
    assert MAIN in run(sdhrnet, "models", folder=tmp_path)
    assert "NME" in run(sdhrnet, "evaluate", "sdhrnet-68pt-96", "--synthetic", 3, folder=tmp_path)


@pytest.mark.parametrize(
    "command", ["photo", "video", "webcam", "serve", "models", "describe", "evaluate", "benchmark"]
)
def test_help_needs_no_extra(bare: Path, command: str, tmp_path: Path) -> None:
    """Of every command that runs without torch."""
    assert "--json" in run(bare / "sdhrnet", command, "--help", folder=tmp_path)
