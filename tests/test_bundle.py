"""Bundles: what is written is what is read, and what is damaged is refused in words."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from toolkit import bundle
from toolkit.bundle import Bundle, Card
from toolkit.core import schemes
from toolkit.models.building import build
from toolkit.models.spec import s_hrnet


@pytest.fixture(scope="module")
def saved() -> Bundle:
    torch.manual_seed(0)
    card = Card(name="small", stage="slim", scheme="300w-68", size_px=64, sigma_px=1.0, metrics={"nme": 5.5})
    return bundle.of_network(build(s_hrnet("300w", 68)), card, ({"epoch": 1, "mse": 0.5},))


@pytest.fixture
def folder(saved: Bundle, tmp_path: Path) -> Path:
    bundle.write(saved, tmp_path / "b")
    return tmp_path / "b"


def test_round_trip(saved: Bundle, folder: Path) -> None:
    """Spec, card, log and every tensor come back, and the network computes the same."""
    loaded = bundle.read(folder)
    assert (loaded.spec, loaded.card, loaded.log) == (saved.spec, saved.card, saved.log)
    assert all(torch.equal(loaded.weights[k], v) for k, v in saved.weights.items())
    image = torch.randn(1, 3, 64, 32)
    with torch.no_grad():
        torch.testing.assert_close(loaded.network()(image), saved.network()(image), rtol=0, atol=0)


def test_networks_of_one_bundle_are_independent(saved: Bundle) -> None:
    """Two peers start from the same weights and then go their own ways."""
    first, second = saved.network(), saved.network()
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(1)
    assert all(torch.equal(v, saved.weights[k]) for k, v in second.state_dict().items())


def test_it_is_written_whole(saved: Bundle, folder: Path) -> None:
    """Nothing temporary stays, a second write replaces the first, and what else is in the folder is left alone."""
    (folder / "samples").mkdir()
    (folder / "samples" / "thesis.txt").write_text("mine")
    other = dataclasses.replace(saved, card=dataclasses.replace(saved.card, name="other"))
    bundle.write(other, folder)
    assert bundle.read(folder).card.name == "other"
    assert sorted(p.name for p in folder.parent.iterdir()) == ["b"]
    assert {p.name for p in folder.iterdir()} == {*bundle.FILES, "samples"}
    assert (folder / "samples" / "thesis.txt").read_text() == "mine"


def test_a_write_that_fails_leaves_the_old_bundle(saved: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is told of with the folder's name, and nothing temporary stays."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=rf"No space left on device: '{folder}"):
        bundle.write(dataclasses.replace(saved, card=dataclasses.replace(saved.card, name="other")), folder)
    assert bundle.read(folder).card == saved.card
    assert {p.name for p in folder.iterdir()} == {*bundle.FILES}


def test_a_link_to_a_folder_is_written_through(saved: Bundle, tmp_path: Path) -> None:
    """The link stays a link."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    bundle.write(saved, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and bundle.read(tmp_path / "disk").card == saved.card


def test_only_an_empty_folder_or_a_bundle_can_be_written_to(folder: Path, tmp_path: Path) -> None:
    """A bundle when asked for; of anything else the message names a file. Hidden files do not count."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".DS_Store").touch()
    for free in (tmp_path / "new", tmp_path / "empty"):
        bundle.require_free(free, overwrite=False)
    bundle.require_free(folder, overwrite=True)
    with pytest.raises(FileExistsError, match=r"holds a bundle.*--overwrite"):
        bundle.require_free(folder, overwrite=False)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.txt").touch()
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match=r"not empty \(thesis\.txt\)"):
            bundle.require_free(tmp_path / "theirs", overwrite=overwrite)


def test_the_digest_names_architecture_and_weights(saved: Bundle, folder: Path, tmp_path: Path) -> None:
    """Another weight is another digest; another card is not."""
    first = bundle.digest(folder)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"name": "renamed"}))
    assert bundle.digest(folder) == first
    weights = {k: v.clone() for k, v in saved.weights.items()}
    weights["alpha"][0] += 1
    bundle.write(Bundle(spec=saved.spec, card=saved.card, weights=weights), tmp_path / "c")
    assert bundle.digest(tmp_path / "c") != first


@pytest.mark.parametrize("name", ["spec.json", "weights.safetensors", "card.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    """The error says which of the three is not there."""
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        bundle.read(folder)


def as_of_format_1(folder: Path) -> None:
    """As older releases wrote it: a card without hashes."""
    card = json.loads((folder / "card.json").read_text())
    del card["hashes"]
    (folder / "card.json").write_text(json.dumps(card | {"format": 1}))


@pytest.mark.parametrize("name", ["spec.json", "weights.safetensors"])
def test_a_changed_file_is_refused_by_name(folder: Path, name: str) -> None:
    """One bit in the middle of the weights, a blank more in the spec: the card's hashes are of other files."""
    data = bytearray((folder / name).read_bytes())
    if name == "spec.json":
        data += b" "
    else:
        data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ValueError, match=rf"{name} is damaged: it is cut off or was changed"):
        bundle.read(folder)


def test_a_card_cannot_drop_its_hashes(folder: Path) -> None:
    """Only a card of format 1, which had none, may lack them."""
    card = json.loads((folder / "card.json").read_text())
    assert card["format"] == 2 and card["hashes"].keys() == {"spec.json", "weights.safetensors"}
    for hashes in (None, {}, {"spec.json": card["hashes"]["spec.json"]}, {"spec.json": "x"}, []):
        (folder / "card.json").write_text(json.dumps(card | {"hashes": hashes}))
        with pytest.raises(ValueError, match=r"hashes|weights\.safetensors|spec\.json"):
            bundle.read(folder)


@pytest.mark.slow
def test_a_bundle_of_an_older_release_is_read(folder: Path, saved: Bundle) -> None:
    """Without hashes, and checked as it was then."""
    digest = bundle.digest(folder)
    as_of_format_1(folder)
    assert bundle.read(folder).card == saved.card and bundle.digest(folder) == digest
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match="damaged"):
        bundle.read(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("size_px", "96", 'size_px: expected a multiple of 32 from 32 to 4,096, got "96"'),
        ("size_px", 0, "got 0"),
        ("size_px", 1e308, r"got 1e\+308"),
        ("size_px", None, "got null"),
        ("size_px", 10**400, "a whole number is too large"),
        ("std", [0, 0, 0], r"std\[0\]: expected a number above 0 .*got 0"),
        ("std", [1, 1], "std: expected a list of 3"),
        ("mean", None, "mean: expected a list of 3, got null"),
        ("sigma_px", -1, "sigma_px: expected a number above 0"),
        ("decoder", "magic", "decoder: expected one of"),
        ("scheme", "mine", "unknown landmark scheme"),
        ("scheme", "cofw-29", "card.json says cofw-29, the network of spec.json has 68 points"),
        ("name", "x" * 301, "name: expected text"),
        ("parents", {"student": "../.."}, "parents.*64 hexadecimal digits"),
        ("metrics", [], "metrics: expected an object"),
        ("colour", 1, 'unknown fields "colour"'),
    ],
)
def test_a_card_that_cannot_be_is_refused(folder: Path, field: str, value: object, message: str) -> None:
    """In one line with the file, the field, what was expected and what was given."""
    path = folder / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(ValueError, match=message) as caught:
        bundle.read(folder)
    assert "card.json" in str(caught.value) and "\n" not in str(caught.value)


def test_a_program_is_held_to_the_same_bounds() -> None:
    """A card made in Python, too."""
    with pytest.raises(ValueError, match=r"std\[1\]: .*got 0"):
        Card(name="x", stage="slim", scheme="300w-68", size_px=64, sigma_px=1.0, std=(1.0, 0.0, 1.0))


def test_weights_of_another_network_are_refused(folder: Path, saved: Bundle) -> None:
    """Weights load strictly."""
    as_of_format_1(folder)
    spec = json.loads((folder / "spec.json").read_text())
    (folder / "spec.json").write_text(json.dumps(spec | {"points": 29}))
    with pytest.raises(ValueError, match=r"do not fit.*head\.out"):
        bundle.read(folder)


@pytest.mark.parametrize("name", ["spec.json", "card.json"])
def test_a_newer_version_asks_for_an_upgrade(folder: Path, name: str) -> None:
    """Both formats are numbered."""
    as_of_format_1(folder)
    (folder / name).write_text(json.dumps(json.loads((folder / name).read_text()) | {"format": 99}))
    with pytest.raises(ValueError, match="upgrade"):
        bundle.read(folder)


def test_weights_that_are_not_finite_are_refused(saved: Bundle, tmp_path: Path) -> None:
    """A diverged run does not become a bundle that is silently wrong."""
    weights = {k: v.clone() for k, v in saved.weights.items()}
    weights["alpha"][3] = float("nan")
    bundle.write(Bundle(spec=saved.spec, card=saved.card, weights=weights), tmp_path / "n")
    with pytest.raises(ValueError, match="finite"):
        bundle.read(tmp_path / "n")


@pytest.mark.slow
def test_a_bundle_carries_a_scheme_of_ones_own(saved: Bundle, tmp_path: Path) -> None:
    """In its card, from which another process knows it; a file of one's own beside it stays."""
    points = {"name": "carried", "title": "two", "of": "300w-68", "points": [[36], [45]], "eyes": [0, 1]}
    points["mirror_pairs"] = [[0, 1]]
    (tmp_path / "points.json").write_text(json.dumps(points))
    own = schemes.own_scheme(tmp_path / "points.json")
    small = bundle.of_network(build(s_hrnet("300w", 2)), dataclasses.replace(saved.card, scheme="carried"))
    bundle.write(small, tmp_path / "b")
    (tmp_path / "b" / "scheme.json").write_text("mine")
    program = "import sys, pathlib; from toolkit import bundle; print(bundle.read(pathlib.Path(sys.argv[1])).scheme)"
    command = [sys.executable, "-c", program, str(tmp_path / "b")]
    there = subprocess.run(command, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == str(own)
    bundle.write(saved, tmp_path / "b")
    assert bundle.read(tmp_path / "b").scheme == saved.scheme and bundle.read(tmp_path / "b").card.own_scheme is None
    assert (tmp_path / "b" / "scheme.json").read_text() == "mine"
