"""The built page as a site: its lists of models and abilities, and the names and address that a browser finds it by."""

import json
import socket
from pathlib import Path
from typing import Any

from toolkit.core.provenance import inside
from toolkit.runtime import models_in, sidecar
from toolkit.web.records import collector
from toolkit.web.server import Site

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "deploy" / "web" / "dist"
"""Where `make web` builds the page in a clone."""
POLICY = "policy.txt"
INSTALLED = inside("sdhrnet_web", POLICY)
"""The page's policy, where its own wheel (deploy/web/pyproject.toml) is installed."""
PAGE = BUILT if INSTALLED is None or BUILT.is_dir() else INSTALLED.parent
"""The page that is served: the clone's, else the wheel's."""
LOCAL = ("localhost", "127.0.0.1")
SOMEWHERE = ("192.0.2.1", 9)
"""An address kept for examples (RFC 5737): asking for the way there sends nothing, and names our own address."""


def site_of(
    page: Path = PAGE, *, models: Path | None = None, host: str = LOCAL[0], collect: Path | None = None
) -> Site:
    """What is served: the built page, and its lists of models and abilities as the server knows them.

    Args:
        page: the built page.
        models: converted files that are offered in place of the page's own: their folder, or a released model's name.
        host: the address that is listened at.
        collect: the .jsonl file that posted records are added to.

    Raises:
        FileNotFoundError: the page is not built, or there are no models.
        ValueError: a model is not what its sidecar describes.
    """
    policy = page / POLICY
    if not policy.is_file():
        raise FileNotFoundError(f"there is no page at {page}: {_bring()}")
    extra: dict[str, Any] = {"server.json": {"collect": collect is not None}}
    folders = {}
    if models is not None:
        known = {path: sidecar.read(path) for path in models_in(models) if path.suffix == ".tflite"}
        files = [path for path, about in known.items() if about.in_floats]
        files.sort(key=lambda path: known[path].precision != "int8")  # the page takes the first one
        if not files:
            raise FileNotFoundError(f"no .tflite in {models} takes floats: run `sdhrnet convert` first")
        extra["models/index.json"] = [path.name for path in files]
        folders["models"] = files[0].parent
    return Site(
        folder=page,
        hosts=frozenset(name.lower() for name in (*LOCAL, host, *names())),
        policy=policy.read_text(encoding="utf-8") + "; frame-ancestors 'none'",
        extra={path: json.dumps(value).encode() for path, value in extra.items()},
        folders=folders,
        collect=None if collect is None else collector(collect),
    )


def _bring() -> str:
    """How the page comes to where it is looked for."""
    if (ROOT / "pyproject.toml").is_file():
        return "build it with `make web`"
    return (
        "it is a wheel of its own, which `make wheels` builds in a clone: pip install sdhrnet_toolkit_web-*.whl; or "
        "name a built one with --page"
    )


def lan_address() -> str | None:
    """This machine's address in its network; None where it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(SOMEWHERE)
        except OSError:
            return None
        return str(probe.getsockname()[0])


def names() -> tuple[str, ...]:
    """What this machine is called, also by its neighbours' multicast DNS."""
    name = socket.gethostname()
    return (name, f"{name.partition('.')[0]}.local")
