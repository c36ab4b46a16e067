"""Converters at arm's length: each runs in a Python process of its own, in a folder of its own.

They print a great deal, change global state, end the process by sys.exit, and look for files in the working folder;
none of that reaches the caller.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from toolkit.core.provenance import install


def require(*modules: str, extra: str = "convert") -> None:
    """Raises ModuleNotFoundError, with the way to install it, for the first module that is not there."""
    for name in modules:
        if find_spec(name) is None:
            raise ModuleNotFoundError(f"converting needs {name}: {install(extra)}", name=name)


def run_apart(module: str, folder: Path) -> None:
    """Run `python -m module` with a job's folder as its working folder.

    Raises:
        ValueError: it failed; the message ends with its last words and names its log, which is kept.
    """
    log = folder / "log.txt"
    package_root = str(Path(__file__).resolve().parents[2])
    paths = [package_root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with log.open("wb") as out:
        command = [sys.executable, "-m", module]
        done = subprocess.run(command, cwd=folder, env=environment, stdout=out, stderr=out, check=False)
    if done.returncode:
        kept = Path(tempfile.mkdtemp(prefix="sdhrnet-convert-")) / "log.txt"
        shutil.copyfile(log, kept)
        last = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
        raise ValueError(f"{module} failed with status {done.returncode}; its log is kept at {kept}\n{last}")
