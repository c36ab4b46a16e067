"""The command line, `sdhrnet COMMAND`: finds the command, parses, runs it, draws its progress, prints its outcome."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from toolkit.cli.catalogue import COMMANDS, GROUPS, MOVED
from toolkit.cli.errors import complain, renamed
from toolkit.cli.program import Program

SDHRNET = Program(
    name="sdhrnet",
    about="SD-HRNet face landmarks, from training to a phone. Each command reads the folder of the one before and "
    "writes its own.",
    start="Start with `sdhrnet quickstart`.",
    groups=GROUPS,
    moved=MOVED,
)
OUTSIDE = ("ablate", "contract")
"""What is no command but one of the repository's tools; started from a clone for one version."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    return _tool(words) if words and words[0] in OUTSIDE else SDHRNET.main(words)


def _tool(words: list[str]) -> int:
    """Run one of the repository's tools, where this is a clone."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "tools" / "__main__.py").is_file():
        return complain(f"`{words[0]}` is a tool of the repository: in a clone, run `python -m tools {words[0]}`")
    renamed(f"sdhrnet {words[0]}", f"python -m tools {words[0]}")
    paths = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    return subprocess.call([sys.executable, "-m", "tools", *words], env={**os.environ, "PYTHONPATH": paths})


__all__ = ["COMMANDS", "SDHRNET", "main"]
