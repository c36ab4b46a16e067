"""Evaluating and benchmarking: any model by its path, records with their conditions, two baselines."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.core.files import read_lines, write_bytes
from toolkit.core.images import write_image
from toolkit.core.progress import finish
from toolkit.data.formats.pts import write_pts
from toolkit.data.synthetic import SyntheticFaces
from toolkit.stages import benchmark, evaluate
from toolkit.stages.benchmark import Benchmark
from toolkit.stages.evaluate import Evaluate

NAMES = {"kind", "model", "file_sha256", "engine", "precision", "threads", "device", "data", "split", "n", "nme_mean",
         "nme_median", "fr10", "auc10", "latency_ms", "size_bytes", "seed", "commit", "versions"}  # fmt: skip


def photos(folder: Path, count: int, seed: int) -> None:
    """A folder of pictures with .pts files, drawn for the test."""
    faces = SyntheticFaces(count, seed=seed)
    for i in range(count):
        sample = faces[i]
        write_image(folder / f"{i}_1.png", sample.image)
        write_bytes(folder / f"{i}_1.pts", write_pts(sample.points_xy).encode())


@pytest.mark.slow
def test_a_bundle_and_its_file_score_the_same(converted: Any, tmp_path: Path) -> None:
    """One record each, with every promised field; the same faces give the same NME to a thousandth of a point."""
    results = tmp_path / "results.jsonl"
    for model in (converted.bundle, converted.file("float32.tflite")):
        finish(evaluate.run(Evaluate(model=model, synthetic=8, results=results)))
    first, second = read_lines(results)
    assert set(first) >= NAMES and set(second) >= NAMES
    assert first["nme_mean"] == pytest.approx(second["nme_mean"], abs=1e-3)
    assert (first["model"], first["engine"][:5], second["engine"][:14]) == ("distil", "torch", "ai-edge-litert")
    assert first["n"] == len(first["errors_percent"]) == 8


@pytest.mark.slow
def test_measuring_again_replaces_the_record(converted: Any, tmp_path: Path) -> None:
    """A results file holds one record of each measurement."""
    results = tmp_path / "results.jsonl"
    for _ in range(2):
        finish(evaluate.run(Evaluate(model=converted.file("float32.tflite"), synthetic=4, results=results)))
    assert len(read_lines(results)) == 1


@pytest.mark.slow
def test_baselines_need_photos_and_know_the_training_shape(converted: Any, tmp_path: Path) -> None:
    """The oracle is at least as good as the placed mean, on every face."""
    model = converted.file("float32.tflite")
    for part, seed in (("afw", 1), ("helen/testset", 2)):
        photos(tmp_path / part, 6, seed)
    outcome = finish(evaluate.run(Evaluate(model=model, data=tmp_path, baselines=True)))
    mean, oracle = (np.array(r["errors_percent"]) for r in outcome.records[1:])
    assert len(mean) == 6 and (oracle <= mean + 0.5).all() and oracle.mean() < mean.mean()
    with pytest.raises(ValueError, match="give --data"):
        finish(evaluate.run(Evaluate(model=model, synthetic=2, baselines=True)))


@pytest.mark.slow
def test_the_benchmark_measures_every_file_once(converted: Any, tmp_path: Path) -> None:
    """Accuracy for all; latency for what runs on a device, and none for the interpreter of CoreML programs."""
    results = tmp_path / "results.jsonl"
    options = Benchmark(models=converted.models, synthetic=2, runs=3, warmup=1, results=results)
    records = {r["model"]: r for r in finish(benchmark.run(options)).records}
    assert set(records) == {p.name for p in converted.models.iterdir() if p.suffix != ".json"}
    for name, record in records.items():
        assert set(record) >= NAMES and record["n"] == 2
        if name.endswith(".tflite"):
            latency = record["latency_ms"]
            assert 0 < latency["median"] <= latency["p90"] and (latency["runs"], latency["warmup"]) == (3, 1)
    assert len(read_lines(results)) == len(records)


def test_a_folder_without_models_says_what_to_do(tmp_path: Path) -> None:
    """Convert comes before benchmark."""
    with pytest.raises(FileNotFoundError, match="sdhrnet convert"):
        finish(benchmark.run(Benchmark(models=tmp_path)))
    with pytest.raises(ValueError, match="at least 1"):
        Benchmark(models=tmp_path, runs=0)
