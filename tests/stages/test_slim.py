"""The slim stage: from a supernet's bundle to a smaller one, by threshold or by budget."""

from pathlib import Path

import pytest
import torch

from toolkit import bundle
from toolkit.bundle import Bundle, Card
from toolkit.core.progress import finish
from toolkit.models import HRSuperNet, build
from toolkit.models.spec import HRNetSpec, hrsupernet
from toolkit.slimming.census import census
from toolkit.stages.slim import Slim, run


@pytest.fixture(scope="module")
def supernet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    net = build(hrsupernet(68))
    assert isinstance(net, HRSuperNet)
    torch.nn.init.uniform_(net.alpha.data, -1, 1)
    folder = tmp_path_factory.mktemp("run") / "supernet"
    card = Card(name="hrsupernet", stage="supernet", scheme="300w-68", size_px=64, sigma_px=1.0)
    bundle.write(bundle.of_network(net, card), folder)
    return folder


def slimmed(supernet: Path, out: Path, **options: float) -> Bundle:
    finish(run(Slim(supernet=supernet, out=out, **options)))  # type: ignore[arg-type]
    return bundle.read(out)


def test_the_default_budget_is_the_published_share(supernet: Path, tmp_path: Path) -> None:
    """At most 0.64 of the supernet's MACs without the head, and close to it."""
    result = slimmed(supernet, tmp_path / "slim")
    share = census(result.spec, 64).macs_paper / census(hrsupernet(68), 64).macs_paper
    assert 0.55 < share <= 0.64
    assert result.card.parents == {"supernet": bundle.digest(supernet)}


@pytest.mark.parametrize(("option", "limit", "field"), [("params", 0.9, "params_full"), ("macs", 50.0, "macs_full")])
def test_budgets_are_met(supernet: Path, tmp_path: Path, option: str, limit: float, field: str) -> None:
    """Both count everything, in millions."""
    result = slimmed(supernet, tmp_path / "slim", **{option: limit})
    assert 0.7 * limit * 1e6 < getattr(census(result.spec, 64), field) <= limit * 1e6


def test_a_threshold_keeps_what_reaches_it(supernet: Path, tmp_path: Path) -> None:
    """Every surviving |alpha| is at or above it, negative factors included."""
    result = slimmed(supernet, tmp_path / "slim", threshold=0.3)
    alpha = result.weights["alpha"]
    assert float(alpha.abs().min()) >= 0.3 and float(alpha.min()) < 0
    assert result.card.config["threshold"] == 0.3


def test_a_teacher_cannot_be_slimmed(tmp_path: Path) -> None:
    """Only a supernet has importance factors."""
    card = Card(name="hrnet-w18", stage="teacher", scheme="300w-68", size_px=64, sigma_px=1.0)
    bundle.write(bundle.of_network(build(HRNetSpec(points=68)), card), tmp_path / "teacher")
    with pytest.raises(ValueError, match="no supernet but hrnet-w18"):
        finish(run(Slim(supernet=tmp_path / "teacher", out=tmp_path / "slim")))
    assert not (tmp_path / "slim").exists()


def test_two_budgets_are_one_too_many() -> None:
    """Refused before anything is read."""
    with pytest.raises(ValueError, match="only one"):
        Slim(supernet=Path("a"), out=Path("b"), macs=3, params=2)
