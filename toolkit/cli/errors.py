"""What a user can mend becomes a line on standard error, with its notes beneath, and exit status 2."""

import errno
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from toolkit.core.progress import end_as_ctrl_c
from toolkit.core.provenance import install

TRACEBACK = "SDHRNET_TRACEBACK"
"""The variable of the environment that shows errors whole."""
INSTALL = {
    "torch": "train",
    "torch_pruning": "train",
    "tensorboard": "tensorboard",
    "onnx": "convert",
    "onnxruntime": "convert",
    "onnx2tf": "convert",
    "tensorflow": "convert",
    "coremltools": "convert",
    "litert_torch": "litert",
    "matplotlib": "report",
    "skimage": "report",
    "h5py": "data",
    "scipy": "data",
    "mediapipe": "mediapipe",
    "av": "video",
    "dlib": "competitors",
    "face_recognition_models": "competitors",
}
"""Which extra brings a package."""

MEND = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "; make room, or choose another place"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "; change its rights, or choose another place"),
}
"""What to do about errors of the system."""


STOPPED = "stopped; what was finished is kept"
RESUMED = f"{STOPPED}, and the training goes on with --resume"


def guarded(command: str, run: Callable[[], int]) -> int:
    """The exit status of a command: its own, or 2 and the error on standard error, or 128 and the signal's number."""
    try:
        with end_as_ctrl_c():
            return run()
    except KeyboardInterrupt as stop:
        told = "; ".join(getattr(stop, "__notes__", ())) or STOPPED
        with suppress(OSError):  # the terminal may be gone
            print(f"\n{told}", file=sys.stderr)
        return 128 + next(iter(stop.args), signal.SIGINT)
    except ModuleNotFoundError as error:
        extra = INSTALL.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        return complain(f"`{command}` needs {error.name}: {install(extra)}")
    except (ValueError, OSError) as error:
        if os.environ.get(TRACEBACK):
            raise
        return complain("\n".join([" ".join(sentence(error).split()), *getattr(error, "__notes__", ())]))


def sentence(error: ValueError | OSError) -> str:
    """An error in words: of the system's, the file first, and what to do."""
    if not isinstance(error, OSError) or error.errno is None or not error.strerror:
        return str(error)
    where = "" if error.filename is None else f"{error.filename}: "
    return f"{where}{error.strerror}{MEND.get(error.errno, '')}"


def complain(message: str) -> int:
    """Say it on standard error; the status of a wrong use."""
    print(f"sdhrnet: {message}", file=sys.stderr)
    return 2


def renamed(old: str, new: str) -> None:
    """Say on standard error that a spelling is understood for one version more."""
    print(f"sdhrnet: `{old}` is now `{new}`; the old way goes with the next version", file=sys.stderr)
