"""An Android phone over adb: what it is, files to it and from it, and commands on it; failures as advice."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = "/data/local/tmp/sdhrnet-benchmark"
"""Where shell users may write and run programs."""
LIMIT_S = 900

FAILURES = (
    ("No space left on device", "the phone's storage is full: free some space and run again"),
    ("unauthorized", "the phone does not trust this computer: unlock it and accept the dialog on its screen"),
    ("device offline", "the phone is offline to adb: unplug it, plug it in, and run `adb reconnect`"),
    ("no devices/emulators found", "no phone is connected: enable USB debugging in its developer options"),
    ("' not found", "the phone went away: check the cable, and `adb devices`"),
    ("error: closed", "the phone closed the connection: unlock it and run again"),
    ("not executable: ", "--binary is for another processor than the phone's: take the one for arm64-v8a"),
    ("Exec format error", "--binary is for another processor than the phone's: take the one for arm64-v8a"),
    ("Permission denied", "the phone does not let the shell run or write there: a managed phone may forbid it"),
)
"""What adb says, and what to do."""


class Phone:
    """One phone that adb can talk to."""

    def __init__(self, serial: str | None = None, adb: str = "adb") -> None:
        """Find it.

        Args:
            serial: of `adb devices`; may be left out where just one is connected.
            adb: the program.

        Raises:
            OSError: adb is not installed, or no phone, several of them, or one that refuses.
            ValueError: no phone of that serial number.
        """
        if shutil.which(adb) is None:
            raise OSError(f"there is no program {adb!r}: install Android's platform-tools and put adb on PATH")
        self._adb = adb
        self.serial = self._chosen(serial)

    def _chosen(self, serial: str | None) -> str:
        listed = self._call(["devices", "-l"]).splitlines()
        rows = [line.split(None, 1) for line in listed if line.strip() and not line.startswith(("List of", "*"))]
        states = {row[0]: row[1] if len(row) > 1 else "" for row in rows}
        if serial is not None and serial not in states:
            raise ValueError(f"no phone {serial}; adb sees {', '.join(states) or 'none'}")
        if not states:
            raise OSError(_advice("no devices/emulators found"))
        if serial is None and len(states) > 1:
            raise OSError(f"several phones are connected ({', '.join(states)}): choose one by --serial")
        chosen = serial or next(iter(states))
        state = states[chosen]
        if state.startswith("no permissions"):
            raise OSError(
                "this computer may not use the phone's USB port: add the udev rules of Android's documentation"
            )
        if not state.startswith("device"):
            raise OSError(_advice("device offline" if state.startswith("offline") else state.split()[0]))
        return chosen

    def describe(self) -> dict[str, Any]:
        """The fields of a record that say which phone it is, and how warm."""
        names = "ro.product.manufacturer ro.product.model ro.soc.model ro.board.platform ro.build.version.release"
        script = "; ".join(f"getprop {name}" for name in names.split()) + "; nproc; cat /proc/loadavg; dumpsys battery"
        lines = self.shell(script).replace("\r", "").split("\n")
        maker, model, soc, board, android = lines[:5]
        cores, load = lines[5:7] if len(lines) > 6 else ("", "")
        battery = dict(line.strip().partition(": ")[::2] for line in lines[7:] if ": " in line)
        tenths = battery.get("temperature", "")
        return {
            "device": f"{maker} {model}".strip(),
            "host": {
                "cpu": soc or board or None,
                "cores": int(cores) if cores.isdigit() else None,
                "load_1min": float(load.split()[0]) if load.split() else None,
                "battery_celsius": int(tenths) / 10 if tenths.isdigit() else None,
                "system": f"Android {android}" if android else None,
            },
        }

    def shell(self, script: str, *, check: bool = True) -> str:
        """What a script prints on the phone, both streams.

        Raises:
            OSError: it failed, unless `check` is False; or the phone went away.
        """
        return self._call(["-s", self.serial, "shell", script], check=check)

    def push(self, path: Path, name: str) -> None:
        """Copy a file or folder into FOLDER.

        Raises:
            OSError: it could not be copied; with what to do.
        """
        self._call(["-s", self.serial, "push", str(path), f"{FOLDER}/{name}"])

    def pull(self, name: str, path: Path) -> None:
        """Copy a file or folder out of FOLDER. Raises as push does."""
        self._call(["-s", self.serial, "pull", f"{FOLDER}/{name}", str(path)])

    def _call(self, words: Sequence[str], *, check: bool = True) -> str:
        try:
            done = subprocess.run(
                [self._adb, *words], capture_output=True, text=True, errors="replace", timeout=LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise OSError(f"the phone did not answer in {LIMIT_S} seconds: unlock it, and run again") from error
        text = done.stdout + done.stderr
        # adb's own failures have an `adb: ` or `error: ` line; a program's on the phone have its own words
        lost = any(line.startswith(("adb: error", "error: ", "adb: device")) for line in text.splitlines())
        if lost or (check and done.returncode):
            raise OSError(_advice(text))
        return text


def _advice(text: str) -> str:
    said = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "nothing")
    return next((advice for symptom, advice in FAILURES if symptom in text), f"adb failed: {said}")
