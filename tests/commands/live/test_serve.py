"""`sdhrnet serve`: to whom it speaks, and what it says."""

import dataclasses
import shutil
import ssl
import subprocess
import threading
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest

from toolkit.cli import main
from toolkit.commands.live import serve
from toolkit.commands.live.serve import Serve, open_server, welcome
from toolkit.web.server import Server


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A folder that `make web` might have built."""
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "index.html").write_text("<p>page")
    (folder / "policy.txt").write_text("default-src 'none'")
    (folder / "server.json").write_text('{"collect": false}')
    return folder


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


def decoded(text: str) -> str:
    """The QR code among printed lines, two rows of modules a line; OpenCV fails to read some codes at some sizes."""
    halves = {" ": (0, 0), "▀": (255, 0), "▄": (0, 255), "█": (255, 255)}
    drawn = [line[len("\x1b[97;40m") : -len("\x1b[0m")] for line in text.splitlines() if line.startswith("\x1b")]
    light = (
        np.array([[halves[c] for c in line] for line in drawn], np.uint8).transpose(0, 2, 1).reshape(-1, len(drawn[0]))
    )
    sizes = (np.kron(light, np.ones((side, side), np.uint8)) for side in (4, 5, 6, 8))
    return next(filter(None, (cv2.QRCodeDetector().detectAndDecode(drawing)[0] for drawing in sizes)), "")


def test_the_network_gets_a_qr_code_and_the_camera_s_needs(page, monkeypatch):
    """An address of the network is drawn; plain http says what it keeps from a phone."""
    monkeypatch.setattr(serve, "lan_address", lambda: "192.168.1.23")
    options = Serve(page=page, port=0, host="0.0.0.0")  # noqa: S104
    with open_server(options) as server:
        text = welcome(options, server)
    assert f"http://192.168.1.23:{server.server_address[1]}/" in text
    assert decoded(text) == f"http://192.168.1.23:{server.server_address[1]}/"
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
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"https://localhost:{server.server_address[1]}/"
        with urllib.request.urlopen(address, context=ssl.create_default_context(cafile=certificate)) as answer:
            assert answer.read() == b"<p>page"
        assert address in welcome(options, server)
        server.shutdown()
    with pytest.raises(ValueError, match="both must be PEM"):
        open_server(dataclasses.replace(options, certificate=page / "index.html"))
    with pytest.raises(ValueError, match="there is no"):
        open_server(dataclasses.replace(options, certificate=page / "none.pem"))
