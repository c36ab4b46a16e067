"""What of a call is timed on its own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toolkit import bundle
from toolkit.benchmarking import timing
from toolkit.benchmarking.candidates import Source, open_candidate
from toolkit.benchmarking.framing import framed_crops
from toolkit.benchmarking.timing import host, timed
from toolkit.bundle import Bundle
from toolkit.core import heatmap
from toolkit.core.progress import finish
from toolkit.core.zoo import released
from toolkit.data.synthetic import SyntheticFaces
from toolkit.detect import blazeface


def test_a_bundle_decodes_in_its_own_way(small_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its card's decoder and sigma, as in a call; what is left of the call is the network. A file decodes inside."""
    bundle.write(replace(small_bundle, card=replace(small_bundle.card, decoder="centroid", sigma_px=1.5)), tmp_path)
    asked, decode = set(), heatmap.decode

    def watched(maps: heatmap.Heatmaps, decoder: heatmap.Decoder, sigma_px: float) -> Any:
        asked.add((decoder, sigma_px))
        return decode(maps, decoder, sigma_px)

    monkeypatch.setattr(heatmap, "decode", watched)
    sources = [Source(what=str(tmp_path), engine="torch"), Source(what=str(released("int8")))]
    candidates = [open_candidate(source) for source in sources]
    crops = finish(framed_crops(SyntheticFaces(1, seed=5), [c.framing for c in candidates]))
    ours, file = finish(timed(candidates, crops, runs=3, warmup=1))
    assert asked == {("centroid", 1.5)}
    assert ours is not None and ours.stages["decode"] is not None and ours.stages["decode"]["median"] > 0
    rest = ours.call.median - ours.stages["decode"]["median"]
    assert ours.stages["network"]["median"] == pytest.approx(rest, abs=1e-4)
    assert file is not None and file.stages["decode"] is None


def test_without_a_detector_the_rest_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else of a benchmark needs one."""
    monkeypatch.setattr(blazeface, "inside", lambda package, inner: None)
    candidate = open_candidate(Source(what=str(released("int8"))))
    crops = finish(framed_crops(SyntheticFaces(1, seed=5), [candidate.framing]))
    (found,) = finish(timed([candidate], crops, runs=3, warmup=1))
    assert found is not None and found.stages["detect"] is None
    assert found.call.median > 0 and found.stages["crop"]["median"] > 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("processor : 0\nflags\t\t: fpu avx2 avx512_vnni amx_int8\n\nflags\t: fpu\n", ["amx_int8", "avx512_vnni"]),
        ("Features\t: fp asimd asimddp\n", ["asimddp"]),
        ("flags\t\t: fpu avx2\n", []),
        ("model name\t: flags\n", None),
        (None, None),
    ],
)
def test_the_host_tells_its_int8_instructions(
    text: str | None, found: list[str] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the first core, x86's and Arm's; none is not the same as unknown."""
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(timing, "CPUINFO", tmp_path / "cpuinfo")
    assert host()["int8_instructions"] == found
