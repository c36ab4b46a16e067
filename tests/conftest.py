"""Shared fixtures: a small network that knows a few synthetic faces, and the files converted from it."""

import dataclasses
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from hypothesis import HealthCheck, settings
from safetensors.torch import load_file

from tests.small import CARD, FACES, PRECISIONS, SMALL, WEIGHTS
from toolkit import bundle
from toolkit.bundle import Bundle
from toolkit.core.progress import Outcome, finish
from toolkit.core.zoo import WEIGHTS as SHIPPED
from toolkit.models.building import build
from toolkit.models.spec import SuperNetSpec

# a property is about values: how long an example takes says how busy the machine is
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """OpenMP threads that wait for each other on busy cores are many times slower than one."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Ctrl+C is heard in the tests that send it, also where the suite was started in a shell's background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def shipped_files_stay() -> Iterator[None]:
    """No test may write to the files that ship, as one with a default `weights` once did."""

    def state() -> dict[Path, tuple[int, int]]:
        return {p: (p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(SHIPPED.rglob("*")) if p.is_file()}

    before = state()
    yield
    assert state() == before


@pytest.fixture(scope="session")
def small_spec() -> SuperNetSpec:
    """The small network's architecture."""
    return SMALL


@pytest.fixture(scope="session")
def small_bundle() -> Bundle:
    """A network with real peaks in its heatmaps, so that parity in pixels means something; everywhere the same."""
    net = build(SMALL)
    net.load_state_dict(load_file(WEIGHTS))
    return bundle.of_network(net, CARD)


@dataclass(frozen=True)
class Converted:
    """The small network's bundle and every file that the convert stage makes of it."""

    bundle: Path
    models: Path
    outcome: Outcome

    def file(self, ending: str) -> Path:
        """The file whose name ends so, such as float32.tflite."""
        (found,) = self.models.glob(f"*-{ending}")
        return found


@pytest.fixture(scope="session")
def converted(small_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """Every format in every precision, made once a session for all of its workers: a minute."""
    from toolkit.commands.convert.convert import Convert, run

    own = tmp_path_factory.getbasetemp()
    shared = own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own
    folder, kept = shared / "converted", shared / "converted.json"
    with FileLock(shared / "converted.lock"):
        if not kept.exists():
            bundle.write(small_bundle, folder / "distil")
            options = Convert(bundle=folder / "distil", precision=PRECISIONS, faces=FACES, calibration=32)
            kept.write_text(json.dumps(dataclasses.asdict(finish(run(options)))))
    outcome = json.loads(kept.read_text())
    return Converted(folder / "distil", folder / "models", Outcome(**{**outcome, "records": tuple(outcome["records"])}))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever waits for the converted files is slow."""
    for item in items:
        if "converted" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
