"""A newer build on the server: offered, loaded when it is asked for, and never mixed with the one that is open."""

import dataclasses
import hashlib
import re
import shutil
from pathlib import Path

import pytest

from toolkit.web.page import BUILT as PAGE

MARK = "\ndocument.documentElement.dataset.build = 'newer';"
NEWER = "html[data-build=newer]"


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The page as it is built after its script and its example have changed."""
    folder = tmp_path / "newer"
    shutil.copytree(PAGE, folder, ignore=shutil.ignore_patterns("*.gz"))
    worker = (folder / "service-worker.js").read_text()
    for name, more in (("page.js", MARK.encode()), ("golden/front.png", b"newer")):
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(before + more)
        worker = worker.replace(*(hashlib.sha256(content).hexdigest() for content in (before, before + more)))
    worker, versions = re.subn(r"sdhrnet-[0-9a-f]{16}", f"sdhrnet-{16 * '0'}", worker)
    assert versions == 1
    (folder / "service-worker.js").write_text(worker)
    return folder


@pytest.mark.browser
@pytest.mark.slow
def test_a_newer_build_is_offered_and_not_mixed_with_the_open_one(visit, server, newer):
    """Until it is asked for, the open one goes on and takes none of its files; then every tab loads it."""
    opened = visit()
    assert opened.comes("navigator.serviceWorker.controller !== null")
    other = opened.page.context.new_page()
    other.goto(opened.page.url)
    assert opened.page.locator("#newer").is_hidden()
    server.site = dataclasses.replace(server.site, folder=newer)
    opened.page.reload()
    opened.page.locator("#newer").wait_for()
    assert opened.fits()
    assert opened.page.locator(NEWER).count() == 0
    opened.page.click("#example")
    assert opened.says("golden/front.png is not there (status 409)")
    opened.page.click("#reload")
    for page in (opened.page, other):
        page.locator(NEWER).wait_for(state="attached")
        assert page.locator("#newer").is_hidden()
    assert opened.page.evaluate("caches.keys()") == [f"sdhrnet-{16 * '0'}"]
    opened.faces("example")


@pytest.mark.browser
@pytest.mark.slow
def test_a_first_visit_is_not_loaded_twice(visit, server):
    """The service worker that takes a page over for the first time is of the same build."""
    opened = visit()
    assert opened.comes("navigator.serviceWorker.controller !== null")
    opened.page.wait_for_timeout(500)
    assert opened.page.evaluate("performance.getEntriesByType('navigation')[0].type") == "navigate"
    assert opened.page.locator("#newer").is_hidden()
