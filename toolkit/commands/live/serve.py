"""Stage: the page of deploy/web for a browser, on this machine or on a phone."""

import json
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from toolkit.core import qr
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.records import Milliseconds, Pixels, Whole, append
from toolkit.core.validation import Sha256, Text, check
from toolkit.runtime import models_in, sidecar
from toolkit.web.server import Collect, Server, Site, open_tls

PAGE = Path(__file__).parents[3] / "deploy" / "web" / "dist"
"""Where `make web` builds the page."""
LOCAL = ("localhost", "127.0.0.1")
EVERYWHERE = "0.0.0.0"  # noqa: S104
MOST = 500
"""Records taken at once."""
SOMEWHERE = ("192.0.2.1", 9)
"""An address kept for examples (RFC 5737): asking for the way there sends nothing, and names our own address."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """Latency as the page measures it."""

    median: Milliseconds
    p90: Milliseconds
    runs: Whole
    warmup: Whole


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Parity with the golden faces as the page measures it."""

    data: Text
    n: Whole
    mean_px: Pixels
    worst_px: Pixels
    moved_over_1px: Annotated[float, Meta(ge=0, le=1)]


@dataclass(frozen=True, kw_only=True)
class PageRecord:
    """A record as the page writes it (deploy/web/src/record.js), which measures parity and latency."""

    kind: Literal["benchmark"]
    model: Text
    file_sha256: Sha256
    precision: Text
    size_bytes: Whole
    engine: Text
    device: Text
    threads: Annotated[int, Meta(ge=1, le=1024)]
    fully_accelerated: bool
    latency_ms: Times
    parity: Agreement | None
    commit: Text | None
    versions: dict[Text, Text]
    seed: None
    data: None
    split: None
    n: None
    nme_mean: None
    nme_median: None
    fr10: None
    auc10: None


Post = Annotated[list[PageRecord], Meta(min_length=1, max_length=MOST)]


@dataclass(frozen=True, kw_only=True)
class Serve(Options):
    """Serve the page that finds landmarks in a browser, and its benchmark. No picture leaves the browser.

    Only this machine can open it, unless --host lets the network in.
    """

    models: Path | None = None
    """Folder of converted files: its .tflite files are offered in place of the bundled ones."""
    host: str = LOCAL[0]
    """Address to listen at; 0.0.0.0 is every one of this machine's."""
    port: int = 8080
    """Port to listen at."""
    certificate: Path | None = None
    """PEM certificate, to serve https, without which browsers keep the camera from a page of another machine."""
    key: Path | None = None
    """The certificate's key, where that is a file of its own."""
    collect: OutRecords | None = None
    """Let the page send its benchmark's records, and add them to this .jsonl file."""
    page: Path = PAGE
    """The built page."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.port < 1 << 16:
            raise ValueError(f"--port {self.port} is none: choose one up to 65535")
        if self.key is not None and self.certificate is None:
            raise ValueError("--key belongs to a --certificate: name that too")


def run(options: Serve) -> Steps[Outcome]:
    """Serve until interrupted; see Serve."""
    check_outputs(options)
    server = open_server(options)
    with server:
        yield Progress(task="serving", done=0, total=0, text=welcome(options, server))
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    return Outcome(text="stopped")


def open_server(options: Serve) -> Server:
    """The server, listening.

    Raises:
        FileNotFoundError: the page is not built, or there are no models.
        ValueError: the address is taken or not this machine's, or the certificate cannot be used.
    """
    site = site_of(options)
    tls = None if options.certificate is None else open_tls(options.certificate, options.key)
    try:
        return Server(site, (options.host, options.port), tls)
    except OSError as error:
        where = f"{options.host}:{options.port}"
        raise ValueError(f"cannot listen at {where} ({error.strerror}): choose another --port or --host") from error


def site_of(options: Serve) -> Site:
    """What is served: the built page, and its lists of models and abilities as this command knows them.

    Raises:
        FileNotFoundError: the page is not built, or there are no models.
    """
    policy = options.page / "policy.txt"
    if not policy.is_file():
        raise FileNotFoundError(f"the page is not built: run `make web` (there is no {policy})")
    extra: dict[str, Any] = {"server.json": {"collect": options.collect is not None}}
    folders = {}
    if options.models is not None:
        files = [path for path in models_in(options.models) if path.suffix == ".tflite"]
        names = [path.name for path in files if sidecar.read(path).in_floats]
        if not names:
            raise FileNotFoundError(f"no .tflite in {options.models} takes floats: run `sdhrnet convert` first")
        extra["models/index.json"] = names
        folders["models"] = options.models
    return Site(
        folder=options.page,
        hosts=frozenset(name.lower() for name in (*LOCAL, options.host, *_names())),
        policy=policy.read_text(encoding="utf-8") + "; frame-ancestors 'none'",
        extra={path: json.dumps(value).encode() for path, value in extra.items()},
        folders=folders,
        collect=None if options.collect is None else _collector(options.collect),
    )


def welcome(options: Serve, server: Server) -> str:
    """Where the page is, and what a phone's camera needs."""
    port = server.server_address[1]
    local = options.host in (*LOCAL, EVERYWHERE)
    lines = [f"on this machine:  {server.scheme}://localhost:{port}/"] if local else []
    address = {EVERYWHERE: lan_address(), **dict.fromkeys(LOCAL)}.get(options.host, options.host)
    if address is None:
        lines += [
            f"on a phone at its cable:  adb reverse tcp:{port} tcp:{port}, then the same address there",
            f"on a phone in this network:  start again with --host {EVERYWHERE}",
        ]
    else:
        url = f"{server.scheme}://{address}:{port}/"
        lines += [f"in this network:  {url}", "", qr.in_terminal(qr.encode(url)), ""]
    if server.scheme == "http":
        lines.append("Browsers give the camera to localhost and to https only; photos and benchmark work anywhere.")
    if server.scheme == "http" and address is not None:
        cable = f"adb reverse tcp:{port} tcp:{port} and http://localhost:{port}/ there, or " if local else ""
        lines.append(
            f"For a phone's camera: {cable}a certificate that the phone trusts (mkcert {address}) with --certificate "
            "and --key."
        )
    return "\n".join([*lines, "Ctrl-C stops."])


def lan_address() -> str | None:
    """This machine's address in its network; None where it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(SOMEWHERE)
        except OSError:
            return None
        return str(probe.getsockname()[0])


def _names() -> tuple[str, ...]:
    """What this machine is called, also by its neighbours' multicast DNS."""
    name = socket.gethostname()
    return (name, f"{name.partition('.')[0]}.local")


def _collector(path: Path) -> Collect:
    """Takes posted records into a results file, one post at a time."""
    lock = threading.Lock()

    def collect(posted: Any) -> str:
        records = checked(posted)
        with lock:
            append(path, tuple(records))
        return f"{len(records)} records kept in {path.name}"

    return collect


def checked(posted: Any) -> list[dict[str, Any]]:
    """What was posted, if it is a list of the page's records: these fields, of these kinds, and no others.

    Raises:
        ValueError: it is something else.
    """
    check(posted, Post, "records")
    return posted  # type: ignore[no-any-return]
