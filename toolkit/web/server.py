"""A small web server for one folder, with the headers that a page with threads and a camera needs.

It gives files of its folder and nothing else, gzipped where the page's build left them so. It names no others, and
answers only browsers that ask for it by an address of its own. Records that the page measured are taken where `collect`
is given: few bytes, from this page alone.
"""

import ipaddress
import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from toolkit.core.files import check_regular
from toolkit.core.validation import parse

MIME = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".wasm": "application/wasm",
    ".tflite": "application/octet-stream",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}
"""What is served at all, by suffix."""

MAX_BODY = 1 << 20
"""Bytes of records taken at once; a benchmark of twenty files on six engines has about a tenth of it."""
TIMEOUT_S = 30
"""A connection that says nothing for so long is closed."""

Collect = Callable[[Any], str]
"""Takes what was posted and says what became of it; raises ValueError where it is no list of records."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """What is served, and to whom."""

    folder: Path
    hosts: frozenset[str]
    """Names, in lower case, that this server goes by."""
    policy: str
    """The Content-Security-Policy of every answer."""
    extra: Mapping[str, bytes] = field(default_factory=dict)
    """Files made by the program, by path; they stand before those of the folder."""
    folders: Mapping[str, Path] = field(default_factory=dict)
    """Other folders whose files (not their subfolders') are served, by the path's first part."""
    collect: Collect | None = None

    def find(self, path: str) -> bytes | Path | None:
        """What a request's path, as it was sent, stands for; None where that is nothing to be served."""
        parts = unquote(path).removeprefix("/").split("/")
        name = "/".join(parts) or "index.html"
        if name in self.extra:
            return self.extra[name]
        if any(part in ("", ".", "..") or part.startswith(".") or "\\" in part or "\0" in part for part in parts[:-1]):
            return None
        if parts[0] in self.folders and len(parts) == 2:
            return _inside(self.folders[parts[0]], parts[1])
        return _inside(self.folder, name)


def _inside(folder: Path, name: str) -> Path | None:
    """A file in a folder; None where it is not there, hidden, of an unknown kind, or reaches out of it."""
    if "\0" in name or Path(name).name.startswith("."):
        return None
    root, path = folder.resolve(), (folder / name).resolve()
    return path if path.is_relative_to(root) and path.suffix in MIME and path.is_file() else None


class Server(ThreadingHTTPServer):
    """A Site at an address; `with` closes it. Port 0 takes a free one."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, site: Site, address: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        super().__init__(address, _Handler)
        self.site = site
        self.scheme = "http" if tls is None else "https"
        self._tls = tls

    def get_request(self) -> tuple[Any, Any]:
        """The next connection; its TLS handshake is left to its own thread."""
        connection, client = super().get_request()
        connection.settimeout(TIMEOUT_S)
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, client

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Of a browser that went away or spoke another protocol, nothing; of a fault of our own, its traceback."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


_NONE: Mapping[str, str] = {}


def _tag(path: Path) -> str:
    """What tells a browser that it has this very file: when it was written, and its size."""
    about = path.stat()
    return f'"{about.st_mtime_ns:x}-{about.st_size:x}"'


class _RefusedError(Exception):
    """A request that gets a status and a line in place of what it asked for."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "sdhrnet"
    sys_version = ""
    timeout = TIMEOUT_S

    def do_GET(self) -> None:
        try:
            found = self._found()
        except _RefusedError as refused:
            return self._say(refused.status, str(refused))
        if isinstance(found, bytes):
            return self._send(HTTPStatus.OK, found, MIME[".json"])
        packed = self._packed(found)
        more = {"ETag": _tag(packed or found), "Vary": "Accept-Encoding"}
        if self.headers.get("If-None-Match") == more["ETag"]:
            return self._send(HTTPStatus.NOT_MODIFIED, b"", MIME[found.suffix], more)
        if packed is not None:
            more["Content-Encoding"] = "gzip"
        return self._send(HTTPStatus.OK, (packed or found).read_bytes(), MIME[found.suffix], more)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.close_connection = True
        try:
            self._say(HTTPStatus.OK, self._collected())
        except _RefusedError as refused:
            self._say(refused.status, str(refused))

    def _found(self) -> bytes | Path:
        """What was asked for."""
        self._check_host()
        found = self.server.site.find(urlsplit(self.path).path)
        if found is None:
            raise _RefusedError(HTTPStatus.NOT_FOUND, "there is no such file here")
        return found

    def _packed(self, path: Path) -> Path | None:
        """The same file gzipped, where it lies beside it and the browser takes it."""
        accepted = {coding.strip().lower() for coding in self.headers.get("Accept-Encoding", "").split(",")}
        packed = path.with_name(path.name + ".gz")
        return packed if "gzip" in accepted and packed.is_file() else None

    def _collected(self) -> str:
        """What became of the records that were posted."""
        self._check_host()
        collect, length = self.server.site.collect, self.headers.get("Content-Length", "")
        if self.path != "/records" or collect is None:
            raise _RefusedError(HTTPStatus.NOT_FOUND, "this server takes no records: start it with --collect FILE")
        if self.headers.get("Origin") != f"{self.server.scheme}://{self.headers['Host']}":
            raise _RefusedError(HTTPStatus.FORBIDDEN, "records are taken from this server's own page only")
        if self.headers.get_content_type() != "application/json":
            raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "records are JSON")
        if not (length.isascii() and length.isdecimal()):
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "say how long the records are")
        if len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"records have at most {MAX_BODY} bytes")
        try:
            sent = self.rfile.read(int(length))
        except TimeoutError as error:
            raise _RefusedError(HTTPStatus.REQUEST_TIMEOUT, "not taken: the records did not come in time") from error
        try:
            return collect(parse(sent, "what was sent"))
        except ValueError as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"not taken: {error}") from error
        except OSError as error:
            raise _RefusedError(HTTPStatus.INSUFFICIENT_STORAGE, f"not kept: {error.strerror}") from error

    def _check_host(self) -> None:
        """Refuse a request for the name of others, which a page of theirs may have bent to this address."""
        try:
            host = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        except ValueError:
            host = ""
        if host not in self.server.site.hosts and not _is_address(host):
            raise _RefusedError(HTTPStatus.MISDIRECTED_REQUEST, "this server does not go by that name")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server itself refuses, such as other methods; what follows on the connection is left unread."""
        status = HTTPStatus(code)
        self._send(status, (message or status.phrase).encode(), MIME[".txt"], {"Connection": "close"})

    def _say(self, status: HTTPStatus, text: str) -> None:
        self._send(status, text.encode(), MIME[".txt"])

    def _send(self, status: HTTPStatus, body: bytes, kind: str, more: Mapping[str, str] = _NONE) -> None:
        self.send_response(status)
        for name, value in {**self._headers(kind, len(body)), **more}.items():
            if status != HTTPStatus.NOT_MODIFIED or name != "Content-Length":  # which would be that of the file
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _headers(self, kind: str, length: int) -> dict[str, str]:
        return {
            "Content-Type": kind,
            "Content-Length": str(length),
            "Content-Security-Policy": self.server.site.policy,
            # both together isolate the page, which gives it threads
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Embedder-Policy": "require-corp",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
        }

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: only the command line prints."""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def open_tls(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """What serves https.

    Raises:
        ValueError: the files are not a certificate and its key.
    """
    for path in filter(None, (certificate, key)):
        check_regular(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except FileNotFoundError as error:
        raise ValueError(f"there is no {certificate if not certificate.is_file() else key}") from error
    except ssl.SSLError as error:
        why = f" ({error.reason})" if error.reason else ""
        raise ValueError(f"{certificate} and its key cannot be used{why}: both must be PEM") from error
    return context
