"""A stand-in for adb and the phone behind it: run as a program, by the scenario in FAKE_ADB.

The phone's files lie in the folder FAKE_PHONE; what is sent to its shell runs in this computer's, with Android's
commands in front.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SCENARIO, PHONE = os.environ.get("FAKE_ADB", "one"), Path(os.environ["FAKE_PHONE"])
ROW = "{}      device usb:1-1 product:raven model:Pixel_6_Pro device:raven transport_id:1"
DEVICES = {
    "none": "",
    "unauthorized": "1A2B3C4D       unauthorized usb:1-1 transport_id:2",
    "offline": "1A2B3C4D       offline usb:1-1 transport_id:2",
    "no permissions": "1A2B3C4D       no permissions (user in plugdev group; are your udev rules wrong?); see "
    "[http://developer.android.com/tools/device.html] usb:1-1 transport_id:2",
    "two": ROW.format("1A2B3C4D") + "\n" + ROW.format("emulator-5554"),
}
ANDROID = """
getprop() {
  case $1 in
    ro.product.manufacturer) echo Google;; ro.product.model) echo 'Pixel 6 Pro';; ro.soc.model) echo GS101;;
    ro.board.platform) echo gs101;; ro.build.version.release) echo 14;;
  esac
}
nproc() { echo 8; }
dumpsys() { printf 'Current Battery Service state:\\n  level: 83\\n  temperature: 271\\n'; }
"""


def main(words: list[str]) -> int:
    if words[0] == "devices":
        print("* daemon not running; starting now at tcp:5037\n* daemon started successfully\nList of devices attached")
        print(DEVICES.get(SCENARIO, ROW.format("1A2B3C4D")))
        print()
        return 0
    assert words[0] == "-s" and words[1] in ("1A2B3C4D", "emulator-5554"), words
    command, rest = words[2], words[3:]
    if SCENARIO == "gone" and command == "push":
        print(f"adb: device '{words[1]}' not found", file=sys.stderr)
        return 1
    if command == "shell":
        return subprocess.run(["sh", "-c", ANDROID + _here(rest[0])], check=False).returncode
    source, target = (
        (Path(_here(rest[0])), Path(rest[1])) if command == "pull" else (Path(rest[0]), Path(_here(rest[1])))
    )
    if SCENARIO == "full" and command == "push":
        print(f"adb: error: failed to copy '{source}' to '{rest[1]}': remote write failed: No space left on device",
              file=sys.stderr)  # fmt: skip
        return 1
    if not source.exists():
        print(f"adb: error: failed to stat remote object '{rest[0]}': No such file or directory", file=sys.stderr)
        return 1
    (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    print(f"{source}: 1 file pushed, 0 skipped. 33.4 MB/s (1767312 bytes in 0.050s)")
    return 0


def _here(text: str) -> str:
    """The phone's paths, as this computer has them."""
    return text.replace("/data/local/tmp", str(PHONE))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
