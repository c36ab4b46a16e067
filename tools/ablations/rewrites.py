"""What each exact rewrite gives, on the same network: operations, size and time, in torch and in TFLite."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tyro.conf import Positional

from toolkit import bundle
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.core.zoo import BundlePath
from toolkit.export.deployed import Deployed, DeployedNetwork
from toolkit.export.pieces import measure_files
from toolkit.landmarkers import identify
from toolkit.models.threads import torch_threads
from toolkit.runtime.timing import Latency, interleaved
from toolkit.slimming.fold import REWRITES, Rewrite

VARIANTS: dict[str, Rewrite | None] = {
    "as trained": None,
    "norms folded": "norms",
    "+ alpha folded": "alpha",
    "+ head before upsampling": "head",
}
assert tuple(VARIANTS.values())[1:] == REWRITES


@dataclass(frozen=True, kw_only=True)
class Rewrites(Options):
    """Measure every exact rewrite on one bundle: the network as trained, then one rewrite more at a time.

    Every variant gives the same points; the record says how far its heatmaps are off. All variants take turns, in torch
    (float32, channels last) and as float32 TFLite files, one thread each.
    """

    bundle: Positional[BundlePath]
    """The bundle."""
    runs: int = 50
    """Timed calls of each variant."""
    results: OutRecords = Path("runs/ablate-rewrites/results.jsonl")
    """Add the records to this .jsonl file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.runs < 1:
            raise ValueError("--runs must be at least 1")


def run(options: Rewrites) -> Steps[Outcome]:
    """Measure every variant; see Rewrites."""
    check_outputs(options)
    loaded = bundle.read(options.bundle)
    size = loaded.card.size_px
    networks = {
        name: DeployedNetwork(loaded, through).eval().requires_grad_(False) for name, through in VARIANTS.items()
    }
    off, times = differences(networks, size), (yield from _torch_times(networks, size, options.runs))
    modules = {name: Deployed(loaded, through) for name, through in VARIANTS.items()}
    measured = yield from measure_files(modules, dict.fromkeys(modules, size), options.runs)
    records = []
    for name, found in measured.items():
        records.append(
            {
                "kind": "rewrite",
                **identify(options.bundle),
                "variant": name,
                "input_px": size,
                "relative_difference": off[name],
                "torch_ms": dataclasses.asdict(times[name]),
                "operations": found.operations,
                "size_bytes": found.size_bytes,
                "latency_ms": dataclasses.asdict(found.latency),
                "engine": found.engine,
                **conditions(1),
            }
        )
    append(options.results, tuple(records))
    return Outcome(text=_table(records), records=tuple(records))


def differences(networks: dict[str, DeployedNetwork], size_px: int) -> dict[str, float]:
    """How far each variant's heatmaps are from the first one's, over their largest value."""
    image = 255 * torch.rand(1, 3, size_px, size_px, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        maps = {name: net(image) for name, net in networks.items()}
    first = next(iter(maps.values()))
    return {name: float((found - first).abs().max() / first.abs().max()) for name, found in maps.items()}


def _torch_times(networks: dict[str, DeployedNetwork], size_px: int, runs: int) -> Steps[dict[str, Latency]]:
    image = torch.zeros(1, 3, size_px, size_px).to(memory_format=torch.channels_last)

    def call(net: nn.Module) -> Any:
        def once() -> None:
            with torch.inference_mode():
                net(image)

        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return once

    with torch_threads(1):
        times = yield from interleaved([call(net) for net in networks.values()], runs, max(1, runs // 10))
    return dict(zip(networks, times, strict=True))


def _table(records: list[dict[str, Any]]) -> str:
    lines = [f"{'':26}{'off by':>9}{'torch ms':>10}{'TFLite ms':>11}{'operations':>12}{'MB':>7}"]
    lines += [
        f"{r['variant']:26}{r['relative_difference']:9.1e}{r['torch_ms']['cpu_median']:10.2f}"
        f"{r['latency_ms']['cpu_median']:11.2f}{r['operations']:12}{r['size_bytes'] / 1e6:7.2f}"
        for r in records
    ]
    return "\n".join(lines)
