"""Bundles: what is written is what is read, and what is damaged is refused in words."""

import json
from pathlib import Path

import pytest
import torch

from toolkit import bundle
from toolkit.bundle import Bundle, Card
from toolkit.models import build
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
    """Nothing temporary stays beside it, and a second write replaces the first."""
    (folder / "resume").mkdir()
    bundle.write(saved, folder)
    assert sorted(p.name for p in folder.parent.iterdir()) == ["b"]
    assert sorted(p.name for p in folder.iterdir()) == ["card.json", "log.jsonl", "spec.json", "weights.safetensors"]


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


def test_truncated_weights_are_refused(folder: Path) -> None:
    """Half a weights file is no weights file."""
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match="damaged"):
        bundle.read(folder)


def test_weights_of_another_network_are_refused(folder: Path, saved: Bundle) -> None:
    """Weights load strictly."""
    spec = json.loads((folder / "spec.json").read_text())
    (folder / "spec.json").write_text(json.dumps(spec | {"points": 29}))
    with pytest.raises(ValueError, match=r"do not fit.*head\.out"):
        bundle.read(folder)


@pytest.mark.parametrize("name", ["spec.json", "card.json"])
def test_a_newer_version_asks_for_an_upgrade(folder: Path, name: str) -> None:
    """Both formats are numbered."""
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
