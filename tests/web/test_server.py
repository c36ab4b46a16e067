"""The server of one folder: what it gives, to whom, and what it takes."""

import dataclasses
import errno
import gzip
import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from toolkit.web.server import MAX_BODY, Server, Site, open_tls

POLICY = "default-src 'self'"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A page, with things around it that are none of its business."""
    (tmp_path / "secret.json").write_text('"outside"')
    page = tmp_path / "page"
    (page / "golden").mkdir(parents=True)
    (page / ".git").mkdir()
    (page / "index.html").write_text("<p>hello")
    (page / "golden" / "faces.json").write_text("{}")
    (page / "run.wasm").write_bytes(b"\0asm")
    (page / ".hidden.json").write_text("{}")
    (page / ".git" / "config.json").write_text("{}")
    (page / "key.pem").write_text("no kind that is served")
    (page / "link.json").symlink_to(tmp_path / "secret.json")
    (tmp_path / "page-of-another.json").write_text("{}")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.tflite").write_bytes(b"abc")
    return page


@pytest.fixture
def posts() -> list[Any]:
    return []


@pytest.fixture
def server(folder: Path, posts: list[Any]) -> Iterator[Server]:
    def collect(posted: Any) -> str:
        if not isinstance(posted, list):
            raise ValueError("expected a list")
        posts.append(posted)
        return "kept"

    site = Site(
        folder=folder,
        hosts=frozenset({"localhost"}),
        policy=POLICY,
        extra={"models/index.json": b'["a.tflite"]'},
        folders={"models": folder.parent / "models"},
        collect=collect,
    )
    with Server(site, ("127.0.0.1", 0)) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ask(server: Server, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[HTTPResponse, bytes]:
    """One request with its path as it stands, and the answer's body."""
    connection = HTTPConnection(*server.server_address, timeout=20)
    given = {"Host": f"localhost:{server.server_address[1]}"} | {k.replace("_", "-"): v for k, v in headers.items()}
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


PROTECTION = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Content-Type-Options": "nosniff",
}


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/", b"<p>hello", "text/html; charset=utf-8"),
        ("/index.html?x=1", b"<p>hello", "text/html; charset=utf-8"),
        ("/golden/faces.json", b"{}", "application/json"),
        ("/run.wasm", b"\0asm", "application/wasm"),
        ("/models/index.json", b'["a.tflite"]', "application/json"),
        ("/models/a.tflite", b"abc", "application/octet-stream"),
    ],
)
def test_files_come_with_their_kind_and_an_isolated_page(server, path, body, kind):
    """Threads need both Cross-Origin headers, compiling while loading needs wasm's own kind."""
    response, got = ask(server, "GET", path)
    assert (response.status, got, response.headers["Content-Type"]) == (200, body, kind)
    assert PROTECTION.items() <= dict(response.headers).items()


@pytest.mark.parametrize(("method", "path", "status"), [("PUT", "/", 501), ("GET", "/" + "a" * 70_000, 414)])
def test_what_is_refused_unheard_has_the_same_headers(server, method, path, status):
    """Another method, an endless address: a line of text on a connection that ends there."""
    response, body = ask(server, method, path)
    assert (response.status, response.headers["Content-Type"]) == (status, "text/plain; charset=utf-8")
    assert PROTECTION.items() <= dict(response.headers).items()
    assert response.headers["Connection"] == "close"
    assert b"<" not in body


def test_a_file_that_lies_gzipped_is_sent_so_to_whoever_takes_it(server, folder):
    """The bytes of the .gz beside it, by the file's own kind; as it is to others, and where there is no such file."""
    (folder / "run.wasm.gz").write_bytes(packed := gzip.compress(b"\0asm"))
    response, got = ask(server, "GET", "/run.wasm", Accept_Encoding="br, gzip")
    assert (got, response.headers["Content-Encoding"]) == (packed, "gzip")
    assert (response.headers["Content-Type"], response.headers["Vary"]) == ("application/wasm", "Accept-Encoding")
    assert int(response.headers["Content-Length"]) == len(packed)
    for headers, path, body in (
        ({}, "/run.wasm", b"\0asm"),
        ({"Accept_Encoding": "gzip"}, "/golden/faces.json", b"{}"),
    ):
        response, got = ask(server, "GET", path, **headers)
        assert (got, response.headers["Content-Encoding"]) == (body, None)
    assert ask(server, "GET", "/run.wasm.gz")[0].status == 404


def test_a_file_that_a_browser_has_is_not_sent_again(server, folder):
    """304 without a body for the tag that was given with it; another tag when the file changes."""
    tag = ask(server, "GET", "/run.wasm")[0].headers["ETag"]
    response, got = ask(server, "GET", "/run.wasm", If_None_Match=tag)
    assert (response.status, got, response.headers["ETag"]) == (304, b"", tag)
    assert response.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    (folder / "run.wasm").write_bytes(b"\0asm, longer")
    response, got = ask(server, "GET", "/run.wasm", If_None_Match=tag)
    assert (response.status, got) == (200, b"\0asm, longer")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.json",
        "/%2e%2e/secret.json",
        "/golden/../../secret.json",
        "/..%2fsecret.json",
        "/..%5csecret.json",
        "//etc/passwd",
        "/link.json",
        "/../page-of-another.json",
        "/models/../secret.json",
        "/models/..%2fsecret.json",
        "/models/a.tflite/..",
        "/.hidden.json",
        "/.git/config.json",
        "/key.pem",
        "/golden",
        "/golden/",
        "/index.html%00.json",
        "/" + "a" * 5000,
    ],
)
def test_nothing_else_comes_out(server, path):
    """No way up, no link out, nothing hidden, no list of a folder, no kind of file that a page has no need of."""
    response, body = ask(server, "GET", path)
    assert (response.status, body) == (404, b"there is no such file here")


def test_head_has_no_body(server):
    """The length is that of the file."""
    response, body = ask(server, "HEAD", "/")
    assert (response.status, response.headers["Content-Length"], body) == (200, "8", b"")


@pytest.mark.parametrize(
    ("host", "status"), [("127.0.0.1", 200), ("[::1]:9", 200), ("192.168.0.9:80", 200), ("evil.test", 421), ("", 421)]
)
def test_only_its_own_names_are_answered(server, host, status):
    """A name that someone bent to this address (DNS rebinding) gets nothing; an address in figures cannot be bent."""
    assert ask(server, "GET", "/", Host=host)[0].status == status


def post(server: Server, body: bytes, **changed: str) -> tuple[int, bytes]:
    origin = f"http://localhost:{server.server_address[1]}"
    headers = {"Origin": origin, "Content_Type": "application/json", "Content_Length": str(len(body))} | changed
    response, answer = ask(server, "POST", "/records", body, **headers)
    return response.status, answer


def test_records_of_its_own_page_are_taken(server, posts):
    """What was posted reaches `collect`, and its words come back."""
    assert post(server, json.dumps([{"kind": "benchmark"}]).encode()) == (200, b"kept")
    assert posts == [[{"kind": "benchmark"}]]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Length": "-1"}, 411),
        ({"Content_Length": "²"}, 411),
        ({"Content_Length": str(MAX_BODY + 1)}, 413),
        ({"Content_Length": "9" * 5000}, 413),
        ({"Host": "evil.test", "Origin": "http://evil.test"}, 421),
    ],
)
def test_other_posts_are_refused_unread(server, posts, changed, status):
    """A page elsewhere, a form, a body without end."""
    assert post(server, b"[]", **changed)[0] == status
    assert posts == []


def test_a_post_that_stalls_is_told_so(server, posts, monkeypatch):
    """408, since nothing is wrong with where records are kept."""
    monkeypatch.setattr(server.RequestHandlerClass, "timeout", 0.2)
    status, answer = post(server, b"[", Content_Length="2")
    assert (status, answer) == (408, b"not taken: the records did not come in time")
    assert posts == []


def test_records_that_cannot_be_kept_are_told_so(server):
    """507, with the reason."""

    def collect(posted: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    server.site = dataclasses.replace(server.site, collect=collect)
    assert post(server, b"[]") == (507, b"not kept: No space left on device")


@pytest.mark.parametrize(
    "body",
    [b"{", b"{}", b"\xff", b"[" * 100_000, b"[" * 50 + b"]" * 50, b"[1e999]", b"[NaN]", b'[{"n": 1, "n": 2}]']
    + [b'[{"size_bytes": ' + b"1" * digits + b"}]" for digits in (400, 5000)],
)
def test_what_is_no_record_is_said(server, posts, body):
    """Broken, of another form, or nested to exhaust the parser."""
    status, answer = post(server, body)
    assert (status, answer.startswith(b"not taken: "), answer.count(b"\n")) == (400, True, 0)
    assert posts == []


def test_without_collect_nothing_is_taken(server, posts):
    """The default: the server only gives."""
    server.site = dataclasses.replace(server.site, collect=None)
    assert post(server, b"[]")[0] == 404


@pytest.mark.parametrize(("fault", "said"), [(KeyError("a slip"), True), (BrokenPipeError("gone"), False)])
def test_only_faults_of_its_own_are_told(server, monkeypatch, capsys, fault, said):
    """A slip in the program leaves its traceback; a browser that went away leaves nothing."""

    def find(self: Site, path: str) -> None:
        raise fault

    monkeypatch.setattr(Site, "find", find)
    with pytest.raises(ConnectionError):
        ask(server, "GET", "/")
    assert (repr(fault.args[0]) in capsys.readouterr().err) is said


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    """Without a reason where OpenSSL gives none."""
    (tmp_path / "a.png").write_bytes(b"\x89PNG no certificate")
    with pytest.raises(ValueError, match=r"a\.png and its key cannot be used.*: both must be PEM") as told:
        open_tls(tmp_path / "a.png", None)
    assert "None" not in str(told.value)
