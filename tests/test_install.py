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

from toolkit.cli import COMMANDS
from toolkit.core.images import write_image
from toolkit.core.zoo import MAIN
from toolkit.detect.blazeface import detector_file
from toolkit.web.page import BUILT

ROOT = Path(__file__).parents[1]
PYTHONS = [name for name in ("python3.11", "python3.12", "python3.13") if shutil.which(name)]
WHEEL_BYTES, BASE_BYTES, BYTECODE_BYTES = 25e6, 365e6, 25e6
"""What the wheel may weigh; the base install with it, pip left out (330 to 359 MB on Linux, by the Python); and the
least of that which is bytecode, and left out by `pip install --no-compile`."""
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

SERVED = """
import threading, urllib.request
from toolkit.commands.live.serve import Serve, open_server
with open_server(Serve(port=0)) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(urllib.request.urlopen(f"http://localhost:{server.server_address[1]}/").read().decode())
    server.shutdown()
"""
SAMPLES = {
    "mp4": """
import av
from toolkit.core.images import read_image
from pathlib import Path
with av.open("me.mp4", "w") as film:
    stream = film.add_stream("libx264", rate=10)
    stream.width = stream.height = 512
    for _ in range(3):
        film.mux(stream.encode(av.VideoFrame.from_ndarray(read_image(Path("me.png")), format="rgb24")))
    film.mux(stream.encode(None))
""",
    "heic": """
from PIL import Image
import pillow_heif
pillow_heif.register_heif_opener()
Image.open("me.png").save("me.heic")
""",
}
"""What makes a picture or film of the portrait, by its suffix."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(*command: object, folder: Path, ok: bool = True) -> str:
    """What a command prints, on both outputs; it sees nothing of this repository."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "SDHRNET", "VIRTUAL"))}
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, env=env, text=True, capture_output=True, check=False
    )
    assert (done.returncode == 0) is ok, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def built(project: Path, folder: Path) -> Path:
    """A project's wheel."""
    how = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    run(sys.executable, "-m", "pip", "wheel", *how, project, folder=folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toolkit's wheel, built from this repository."""
    return built(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def page_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's wheel, of the page that `make web` built."""
    if not (BUILT / "index.html").is_file():
        pytest.skip("the page is not built: make web")
    return built(ROOT / "deploy" / "web", tmp_path_factory.mktemp("page"))


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
    names = {each["name"] for each in listed}
    assert "sdhrnet-toolkit" in names and not names & set(HEAVY)
    (packages,) = (bare.parent / "lib").glob("python*/site-packages")
    files = [path for path in packages.rglob("*") if path.is_file() and path.relative_to(packages).parts[0] != "pip"]
    assert sum(path.stat().st_size for path in files) < BASE_BYTES
    assert sum(path.stat().st_size for path in files if path.suffix == ".pyc") > BYTECODE_BYTES


def test_no_base_dependency_is_copyleft(bare: Path, tmp_path: Path) -> None:
    """By what each says of itself; libraries inside wheels are named in the README."""
    told = json.loads(run(bare / "python", "-c", LICENCES, folder=tmp_path))
    assert {"sdhrnet-toolkit", "numpy", *MPL} <= told.keys() and "BSD" in told["numpy"]
    for name, licence in told.items():
        assert name in MPL or not any(word in licence for word in COPYLEFT), (name, licence)


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
    described = run(sdhrnet, "describe", file.splitlines()[0], folder=tmp_path)
    assert "XNNPACK takes it" in described and "INFO" not in described
    assert MAIN in run(sdhrnet, "models", folder=tmp_path)
    assert "NME" in run(sdhrnet, "evaluate", "sdhrnet-68pt-128", "--synthetic", 3, folder=tmp_path)


def test_a_base_install_reports_on_records(bare: Path, tmp_path: Path) -> None:
    """The release's, as a page whose plots say what would draw them; a README with plots is left as it was."""
    sdhrnet = bare / "sdhrnet"
    shutil.copy(ROOT / "results" / "release" / "results.jsonl", tmp_path)
    shutil.copy(ROOT / "results" / "release" / "README.md", tmp_path)
    run(sdhrnet, "report", ".", folder=tmp_path)
    assert ".whl[report]" in (tmp_path / "report.html").read_text()
    before = (tmp_path / "README.md").read_bytes()
    assert "needs matplotlib" in run(sdhrnet, "report", ".", "--markdown", "README.md", folder=tmp_path, ok=False)
    assert (tmp_path / "README.md").read_bytes() == before


def test_help_needs_no_extra(bare: Path, tmp_path: Path) -> None:
    """Of any command."""
    for command in COMMANDS:
        assert "--json" in run(bare / "sdhrnet", *command.split(), "--help", folder=tmp_path)


def test_the_page_is_a_wheel_of_its_own(bare: Path, page_wheel: Path, tmp_path: Path) -> None:
    """Without it `serve` says what to install; with it the page is served."""
    sdhrnet = bare / "sdhrnet"
    assert "make wheels" in run(sdhrnet, "serve", folder=tmp_path, ok=False)
    run(bare / "pip", "install", "-q", "--no-deps", page_wheel, folder=tmp_path)
    try:
        page = run(bare / "python", "-c", SERVED, folder=tmp_path)
    finally:
        run(bare / "pip", "uninstall", "-q", "-y", "sdhrnet-toolkit-web", folder=tmp_path)
    assert "<title>" in page


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("video", "video me.mp4 --json-out out.json"),
        ("heic", "photo me.heic --json-out out.json"),
        ("report", "report release --markdown release/README.md"),
    ],
)
def test_an_extra_alone_brings_what_its_command_needs(
    bare: Path, wheel: Path, portrait: Path, tmp_path: Path, extra: str, words: str
) -> None:
    """Into a copy of the bare environment; those that weigh gigabytes are tried by all other tests."""
    programs = tmp_path / "env" / "bin"
    run(bare / "python", "-m", "venv", tmp_path / "env", folder=tmp_path)
    run(programs / "pip", "install", "-q", f"{wheel}[{extra}]", folder=tmp_path)
    assert "No broken requirements" in run(programs / "pip", "check", folder=tmp_path)
    for kind, code in SAMPLES.items():
        if f"me.{kind}" in words:
            run(programs / "python", "-c", code, folder=tmp_path)
    (tmp_path / "release").mkdir()
    for name in ("results.jsonl", "README.md"):
        shutil.copy(ROOT / "results" / "release" / name, tmp_path / "release")
    detector = ("--detector", detector_file()) if "out.json" in words else ()
    run(programs / "sdhrnet", *words.split(), *detector, folder=tmp_path)
    if detector:
        assert "points_xy" in (tmp_path / "out.json").read_text()
