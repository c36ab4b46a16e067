"""Stage: the page of deploy/web for a browser, on this machine or on a phone."""

import io
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import segno

from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.web.page import LOCAL, PAGE, lan_address, site_of
from toolkit.web.server import Server, open_tls

EVERYWHERE = "0.0.0.0"  # noqa: S104


@dataclass(frozen=True, kw_only=True)
class Serve(Options):
    """Serve the page that finds landmarks in a browser, and its benchmark. No picture leaves the browser.

    Only this machine can open it, unless --host lets the network in.
    """

    models: Path | None = None
    """Folder of converted files, or the name of a released model: its .tflite files take the place of the page's."""
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
    site = site_of(options.page, models=options.models, host=options.host, collect=options.collect)
    tls = None if options.certificate is None else open_tls(options.certificate, options.key)
    try:
        return Server(site, (options.host, options.port), tls)
    except OSError as error:
        where = f"{options.host}:{options.port}"
        raise ValueError(f"cannot listen at {where} ({error.strerror}): choose another --port or --host") from error


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
        lines += [f"in this network:  {url}", "", _qr_code(url), ""]
    if server.scheme == "http":
        lines.append("Browsers give the camera to localhost and to https only; photos and benchmark work anywhere.")
    if server.scheme == "http" and address is not None:
        cable = f"adb reverse tcp:{port} tcp:{port} and http://localhost:{port}/ there, or " if local else ""
        lines.append(
            f"For a phone's camera: {cable}a certificate that the phone trusts (mkcert {address}) with --certificate "
            "and --key."
        )
    return "\n".join([*lines, "Ctrl-C stops."])


def _qr_code(text: str) -> str:
    """A QR code for a terminal, two rows of modules a line, white on black whatever its colours are."""
    lines = io.StringIO()
    segno.make_qr(text, error="l").terminal(lines, border=4, compact=True)
    return "\n".join(f"\x1b[97;40m{line}\x1b[0m" for line in lines.getvalue().splitlines())
