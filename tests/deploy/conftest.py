"""A browser whose camera plays a film, and the page as `sdhrnet serve` serves it."""

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy import chromium
from tests.deploy.chromium import BUILD, CHROMIUM, ELSEWHERE, FLAGS, PHONE, Visit
from toolkit.commands.live.serve import Serve, open_server
from toolkit.web.page import BUILT as PAGE
from toolkit.web.server import Server


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chromium.film(tmp_path_factory.mktemp("film"))


@pytest.fixture(scope="module")
def browser(film: Path) -> Iterator[Any]:
    """A browser without a profile, whose camera is the film."""
    if not (PAGE / "index.html").is_file():
        pytest.skip(BUILD)
    if not CHROMIUM:
        pytest.skip("no Chromium: apt-get install chromium")
    sync = pytest.importorskip("playwright.sync_api", reason="drives Chromium: pip install playwright")
    camera = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}")
    with sync.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *camera])
        yield running
        running.close()


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Where the server keeps what the page sends."""
    return tmp_path / "results.jsonl"


@pytest.fixture
def server(records: Path) -> Iterator[Server]:
    running = open_server(Serve(port=0, collect=records))
    running.site = dataclasses.replace(running.site, hosts=running.site.hosts | {ELSEWHERE})
    with running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def visit(browser: Any, server: Server, tmp_path: Path) -> Iterator[Any]:
    """Opens pages; at the end none of them may have asked elsewhere, broken its policy or failed."""
    visits: list[Visit] = []
    contexts: list[Any] = []

    def open_page(path: str = "", host: str = "localhost", script: str = "", **settings: Any) -> Visit:
        contexts.append(browser.new_context(viewport=PHONE, **settings))
        visits.append(Visit(contexts[-1], f"http://{host}:{server.server_address[1]}/{path}", script))
        return visits[-1]

    yield open_page
    for number, each in enumerate(visits):
        each.page.screenshot(path=tmp_path / f"screen-{number}.png", full_page=True)
    for context in contexts:
        context.close()
    assert [fault for each in visits for fault in each.faults] == []
