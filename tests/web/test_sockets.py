"""Frames never leave the machine: photo, video and webcam run where asking for an internet socket is deadly."""

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from toolkit.core.images import write_image
from toolkit.core.video import VideoReader, VideoWriter

JAIL = Path(__file__).with_name("jail.py")
MACHINES = ("x86_64", "aarch64")


def jailed(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Python with these arguments, without the internet."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("DISPLAY")}
    command = [sys.executable, str(JAIL), sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder, once it is known that the filter works here: it lets Python run, and kills it for a socket."""
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        pytest.skip("sockets are watched by a seccomp filter, which Linux on x86-64 and aarch64 has")
    folder = tmp_path_factory.mktemp("jail")
    if jailed("-c", "print(1)", cwd=folder).returncode != 0:
        pytest.skip("this kernel refuses seccomp filters")
    return folder


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
def test_the_filter_kills_what_asks_for_the_internet(works: Path, family: str):
    """Otherwise the tests below would show nothing; local sockets are allowed."""
    ask = "import socket; socket.socket(socket.{}, socket.SOCK_DGRAM)"
    assert jailed("-c", ask.format(family), cwd=works).returncode == -signal.SIGSYS
    assert jailed("-c", ask.format("AF_UNIX"), cwd=works).returncode == 0


def test_photo_asks_for_no_socket(works: Path):
    """From the file to the drawn picture, with the detector and the network as they are."""
    write_image(works / "in.png", data.astronaut())
    done = jailed("-m", "toolkit.cli", "photo", "in.png", "--out", "out.png", cwd=works)
    assert (done.returncode, (works / "out.png").is_file()) == (0, True), done.stderr


def test_video_asks_for_no_socket(works: Path):
    """Nor does a playlist that names an address; it is refused, and FFmpeg stays silent."""
    with VideoWriter(works / "in.mp4", (512, 512)) as writer:
        for i in range(5):
            writer.write(data.astronaut(), i / 30)
    done = jailed("-m", "toolkit.cli", "video", "in.mp4", "--out", "out.mp4", "--csv-out", "out.csv", cwd=works)
    assert done.returncode == 0, done.stderr
    assert "1 face in 5 of 5 frames" in done.stdout
    (works / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    done = jailed("-m", "toolkit.cli", "video", "list.m3u8", cwd=works)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("sdhrnet: ")


def test_webcam_asks_for_no_socket(works: Path):
    """With a camera that shows the astronaut eight times: followed and recorded."""
    (works / "run.py").write_text(
        "import cv2, sys\n"
        "from skimage import data\n"
        "from toolkit.cli import main\n"
        "real, shown = cv2.VideoCapture, [0]\n"
        "class Fake:\n"
        "    isOpened = lambda self: True\n"
        "    set = lambda self, *a: True\n"
        "    release = lambda self: None\n"
        "    def read(self):\n"
        "        shown[0] += 1\n"
        "        return (True, data.astronaut()[..., ::-1].copy()) if shown[0] < 10 else (False, None)\n"
        "cv2.VideoCapture = lambda what, *how: real(what, *how) if how else Fake()\n"
        "sys.exit(main(['webcam', '--out', 'cam.mp4']))\n"
    )
    done = jailed("run.py", cwd=works)
    assert done.returncode == 0, done.stderr
    frames = list(VideoReader(works / "cam.mp4"))
    assert len(frames) == 8
    assert np.ptp(frames[0].image) > 100
