"""The `sdhrnet` command: starts the toolkit, or says which other package called `toolkit` hides it."""

import sys
from importlib.util import find_spec


def main() -> int:
    """Run one command and return its exit status."""
    try:
        from toolkit.cli import SDHRNET  # noqa: F401  # another's toolkit may have a cli with a main, too
        from toolkit.cli import main as run
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "toolkit":
            raise
        print(f"sdhrnet: {_hidden()}", file=sys.stderr)
        return 2
    return run()


def _hidden() -> str:
    """What is wrong, and what to do."""
    spec = find_spec("toolkit")
    if spec is None:
        return "the package `toolkit` is not there: install sdhrnet-toolkit again"
    where = next(iter(spec.submodule_search_locations or ()), spec.origin)
    return (
        f"the package `toolkit` at {where} is another project's and hides sdhrnet-toolkit's: take it off PYTHONPATH, "
        "or install sdhrnet-toolkit in an environment of its own"
    )


if __name__ == "__main__":
    sys.exit(main())
