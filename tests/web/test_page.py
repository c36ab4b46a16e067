"""The page as a site, what it offers, and which records it keeps."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from toolkit.core import zoo
from toolkit.core.zoo import MAIN, WEIGHTS
from toolkit.reporting.readme.blocks import render
from toolkit.web import page as page_module
from toolkit.web.page import PAGE, site_of
from toolkit.web.records import checked

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


def test_a_page_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the command that builds it in a clone, and what to install elsewhere."""
    with pytest.raises(FileNotFoundError, match=r"there is no page at .*: build it with `make web`"):
        site_of(tmp_path)
    monkeypatch.setattr(page_module, "ROOT", tmp_path)
    with pytest.raises(FileNotFoundError, match="pip install sdhrnet_toolkit_web"):
        site_of(tmp_path)


def test_a_folder_of_models_takes_the_place_of_the_bundled_ones(page):
    """All of its .tflite files, int8 first, each with a sidecar that belongs to it."""
    site = site_of(page, models=WEIGHTS)
    names = json.loads(site.extra["models/index.json"])
    assert names == sorted((path.name for path in WEIGHTS.glob("*.tflite")), key=lambda n: ("-int8." not in n, n))
    assert site.find(f"/models/{names[0]}") == (WEIGHTS / names[0]).resolve()
    assert site.find(f"/models/{names[0]}.json") == (WEIGHTS / f"{names[0]}.json").resolve()


def test_models_that_are_not_what_their_sidecars_say_are_refused(page, tmp_path):
    """Before a browser loads them."""
    models = tmp_path / "models"
    models.mkdir()
    with pytest.raises(FileNotFoundError, match=r"no \.tflite in"):
        site_of(page, models=models)
    for path in WEIGHTS.glob("*-int8.tflite*"):
        shutil.copy(path, models)
    next(models.glob("*.tflite")).write_bytes(b"cut off")
    with pytest.raises(ValueError, match="is not the file that"):
        site_of(page, models=models)


def test_a_released_model_is_offered_by_its_name(page):
    """All that there are of it, and no other's."""
    names = json.loads(site_of(page, models=Path(MAIN)).extra["models/index.json"])
    assert set(names) == {path.name for path in zoo.files(MAIN) if path.suffix == ".tflite"}


def test_the_page_is_built_beside_the_package():
    """In deploy/web, whose sources are there."""
    assert (PAGE.parent / "src").is_dir()


def test_records_are_kept_in_the_file(page, tmp_path):
    """A record of the same measurement replaces the older one, as everywhere."""
    path = tmp_path / "results.jsonl"
    site = site_of(page, collect=path)
    assert json.loads(site.extra["server.json"]) == {"collect": True}
    assert site.collect is not None
    assert site.collect([RECORD]) == "1 records kept in results.jsonl"
    site.collect([RECORD | {"size_bytes": 4}, RECORD | {"threads": 1, "parity": None}])
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(r["threads"], r["size_bytes"]) for r in kept] == [(2, 4), (1, 3)]
    assert all(r.items() >= {"boxes": "same boxes", "peer": False, "imported": True}.items() for r in kept)
    assert "| `a.tflite` | litertjs-wasm 2.5.3 | 2 | not measured | not measured | 4.50 ms |" in render(kept)
    assert "| `a.tflite` | 0.00 MB | not measured |" in render([RECORD]), "as it was kept before"


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
