"""`sdhrnet serve`: what it offers and says, and which records it keeps."""

import dataclasses
import json
import shutil
import ssl
import subprocess
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli import main
from toolkit.commands.live import serve
from toolkit.commands.live.serve import Serve, checked, open_server, site_of, welcome
from toolkit.core.zoo import WEIGHTS
from toolkit.web.server import Server

RECORD: dict[str, Any] = {
    "kind": "benchmark",
    "model": "a.tflite",
    "file_sha256": "0" * 64,
    "precision": "float16",
    "size_bytes": 3,
    "seed": None,
    "engine": "litertjs-wasm 2.5.3",
    "data": None,
    "split": None,
    "n": None,
    "nme_mean": None,
    "nme_median": None,
    "fr10": None,
    "auc10": None,
    "fully_accelerated": True,
    "parity": {"data": "golden", "n": 3, "mean_px": 0.1, "worst_px": 0.3, "moved_over_1px": 0},
    "latency_ms": {"median": 4.5, "p90": 5, "runs": 50, "warmup": 10},
    "device": "Pixel 8, Android 15, 9 cores",
    "threads": 2,
    "commit": None,
    "versions": {"litertjs": "2.5.3"},
}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A folder that `make web` might have built."""
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "index.html").write_text("<p>page")
    (folder / "policy.txt").write_text("default-src 'none'")
    (folder / "server.json").write_text('{"collect": false}')
    return folder


def test_a_page_that_is_not_built_is_one_line(tmp_path):
    """It names the command that builds it."""
    with pytest.raises(FileNotFoundError, match="the page is not built: run `make web`"):
        site_of(Serve(page=tmp_path))


def test_a_folder_of_models_takes_the_place_of_the_bundled_ones(page):
    """All of its .tflite files, each with a sidecar that belongs to it."""
    site = site_of(Serve(page=page, models=WEIGHTS))
    names = json.loads(site.extra["models/index.json"])
    assert names == sorted(path.name for path in WEIGHTS.glob("*.tflite"))
    assert site.find(f"/models/{names[0]}") == (WEIGHTS / names[0]).resolve()
    assert site.find(f"/models/{names[0]}.json") == (WEIGHTS / f"{names[0]}.json").resolve()


def test_models_that_are_not_what_their_sidecars_say_are_refused(page, tmp_path):
    """Before a browser loads them."""
    models = tmp_path / "models"
    models.mkdir()
    with pytest.raises(FileNotFoundError, match=r"no \.tflite in"):
        site_of(Serve(page=page, models=models))
    for path in WEIGHTS.glob("*-int8.tflite*"):
        shutil.copy(path, models)
    next(models.glob("*.tflite")).write_bytes(b"cut off")
    with pytest.raises(ValueError, match="is not the file that"):
        site_of(Serve(page=page, models=models))


def test_only_this_machine_is_let_in_unless_told(page):
    """The address it is bound to, and what a phone needs in either case."""
    with open_server(Serve(page=page, port=0)) as server:
        text = welcome(Serve(page=page, port=0), server)
        port = server.server_address[1]
        assert server.server_address[0] == "127.0.0.1"
        assert f"http://localhost:{port}/" in text
        assert f"adb reverse tcp:{port} tcp:{port}" in text
        assert "--host 0.0.0.0" in text
        assert "█" not in text


def test_the_network_gets_a_qr_code_and_the_camera_s_needs(page, monkeypatch):
    """An address of the network is drawn; plain http says what it keeps from a phone."""
    monkeypatch.setattr(serve, "lan_address", lambda: "192.168.1.23")
    options = Serve(page=page, port=0, host="0.0.0.0")  # noqa: S104
    with open_server(options) as server:
        text = welcome(options, server)
    assert f"http://192.168.1.23:{server.server_address[1]}/" in text
    assert "█" in text
    assert "localhost and to https only" in text
    assert "mkcert 192.168.1.23" in text


def test_a_machine_without_a_network_is_served_itself(page, monkeypatch):
    """No address to draw is no error."""
    monkeypatch.setattr(serve, "lan_address", lambda: None)
    options = Serve(page=page, port=0, host="0.0.0.0")  # noqa: S104
    with open_server(options) as server:
        assert "http://localhost:" in welcome(options, server)


def test_one_address_of_the_network_is_not_called_localhost(page):
    """A server bound to a single address is there alone."""
    with open_server(Serve(page=page, port=0)) as server:
        text = welcome(Serve(page=page, host="192.168.1.23"), server)
    assert f"in this network:  http://192.168.1.23:{server.server_address[1]}/" in text
    assert "http://localhost:" not in text


def test_the_command_says_where_it_is_and_ends_well(page, monkeypatch, capsys):
    """The address is printed before it serves, also into a pipe; Ctrl-C is how it ends."""
    said = []

    def interrupted(server: Server) -> None:
        said.append(capsys.readouterr().err)
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", interrupted)
    assert main(["serve", "--page", str(page), "--port", "0"]) == 0
    assert "http://localhost:" in said[0]
    assert capsys.readouterr().out == "stopped\n"


def test_an_address_that_is_taken_is_said(page):
    """One line with another way."""
    with open_server(Serve(page=page, port=0)) as server, pytest.raises(ValueError, match="choose another --port"):
        open_server(Serve(page=page, port=server.server_address[1]))


@pytest.mark.parametrize("wrong", [{"port": 70000}, {"port": -1}, {"key": Path("key.pem")}])
def test_options_that_cannot_be_are_refused(wrong):
    """Before anything is opened."""
    with pytest.raises(ValueError, match=r"--(port|key)"):
        Serve(**wrong)


def test_a_certificate_serves_https(page, tmp_path):
    """A real handshake with a certificate made for the test."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate: apt-get install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, *words],
        check=True,
        capture_output=True,
    )
    options = Serve(page=page, port=0, certificate=certificate, key=key)
    with open_server(options) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"https://localhost:{server.server_address[1]}/"
        with urllib.request.urlopen(address, context=ssl.create_default_context(cafile=certificate)) as answer:
            assert answer.read() == b"<p>page"
        assert address in welcome(options, server)
        server.shutdown()
    with pytest.raises(ValueError, match="both must be PEM"):
        open_server(dataclasses.replace(options, certificate=page / "index.html"))
    with pytest.raises(ValueError, match="there is no"):
        open_server(dataclasses.replace(options, certificate=page / "none.pem"))


def test_records_are_kept_in_the_file(page, tmp_path):
    """A record of the same measurement replaces the older one, as everywhere."""
    path = tmp_path / "results.jsonl"
    site = site_of(Serve(page=page, collect=path))
    assert json.loads(site.extra["server.json"]) == {"collect": True}
    assert site.collect is not None
    assert site.collect([RECORD]) == "1 records kept in results.jsonl"
    site.collect([RECORD | {"size_bytes": 4}, RECORD | {"threads": 1, "parity": None}])
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(r["threads"], r["size_bytes"]) for r in kept] == [(2, 4), (1, 3)]


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {},
        [1],
        [{}],
        [RECORD | {"kind": "road"}],
        [RECORD | {"more": 1}],
        [{k: v for k, v in RECORD.items() if k != "device"}],
        [RECORD | {"threads": True}],
        [RECORD | {"nme_mean": 1.0}],
        [RECORD | {"model": "x" * 301}],
        [RECORD | {"latency_ms": {"median": 1}}],
        [RECORD | {"latency_ms": RECORD["latency_ms"] | {"median": "fast"}}],
        [RECORD | {"parity": RECORD["parity"] | {"data": "x" * 301}}],
        [RECORD | {"versions": {"a": {}}}],
        [RECORD | {"size_bytes": 10**400}],
        [RECORD | {"size_bytes": -1}],
        [RECORD | {"threads": 10**9}],
        [RECORD | {"file_sha256": "../x"}],
        [RECORD | {"latency_ms": RECORD["latency_ms"] | {"median": 1e308}}],
        [RECORD | {"latency_ms": RECORD["latency_ms"] | {"median": float("nan")}}],
        [RECORD | {"parity": RECORD["parity"] | {"n": 1e308}}],
        [RECORD | {"versions": {"x" * 301: "1"}}],
        [RECORD] * 501,
    ],
)
def test_what_is_no_record_of_the_page_is_refused(wrong):
    """Fields, their kinds and their sizes are those of deploy/web/src/record.js."""
    with pytest.raises(ValueError, match=r"^records(\[0\]\S*)?: .*(expected|has no field|unknown)"):
        checked(wrong)
    assert checked([RECORD]) == [RECORD]
