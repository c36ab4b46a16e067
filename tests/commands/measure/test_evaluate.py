"""Evaluating and benchmarking: any model by its path, records with their conditions, two baselines."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit import bundle
from toolkit.benchmarking import accuracy
from toolkit.bundle import Bundle
from toolkit.commands.convert import describe
from toolkit.commands.convert.describe import Describe
from toolkit.commands.measure import benchmark, evaluate
from toolkit.commands.measure.benchmark import Benchmark
from toolkit.commands.measure.evaluate import Evaluate
from toolkit.core.files import read_lines, write_bytes
from toolkit.core.images import write_image
from toolkit.core.progress import finish
from toolkit.core.schemes import W300_68, WFLW_98, Scheme
from toolkit.core.zoo import released
from toolkit.data.formats.pts import read_pts, write_pts
from toolkit.data.synthetic import SyntheticFaces

NAMES = {"kind", "model", "file_sha256", "engine", "precision", "threads", "device", "data", "split", "n", "nme_mean",
         "nme_median", "fr8", "fr10", "auc10", "n_unscored", "nme_regions", "nme_box", "subsets", "latency_ms",
         "size_bytes", "seed", "commit", "versions"}  # fmt: skip


def photos(folder: Path, count: int, seed: int, scheme: Scheme = W300_68) -> None:
    """A folder of pictures with .pts files, drawn for the test."""
    faces = SyntheticFaces(count, seed=seed, scheme=scheme)
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
    assert first["visibility_auc"] == pytest.approx(second["visibility_auc"], abs=1e-3)
    assert first["n_seen"] + first["n_covered"] == 8 * 68 and min(first["n_seen"], first["n_covered"]) > 0


@pytest.mark.slow
def test_a_bundle_is_read_by_any_decoder(tmp_path: Path, small_bundle: Bundle) -> None:
    """A record each, side by side; without the option it is the card's. A file decodes in its own way."""
    bundle.write(small_bundle, tmp_path / "b")
    results = tmp_path / "results.jsonl"
    for decoder in (None, "dark", "quarter", "argmax"):
        finish(evaluate.run(Evaluate(model=tmp_path / "b", synthetic=6, decoder=decoder, results=results)))  # type: ignore[arg-type]
    own, dark, quarter, argmax = read_lines(results)
    assert own["nme_mean"] == dark["nme_mean"] and "decoder" not in own
    assert len({dark["nme_mean"], quarter["nme_mean"], argmax["nme_mean"]}) == 3
    with pytest.raises(ValueError, match="is for a bundle's folder"):
        finish(evaluate.run(Evaluate(model=released("float16"), decoder="quarter")))  # type: ignore[arg-type]


@pytest.mark.slow
def test_measuring_again_replaces_the_record(converted: Any, tmp_path: Path) -> None:
    """A results file holds one record of each measurement."""
    results = tmp_path / "results.jsonl"
    for _ in range(2):
        finish(evaluate.run(Evaluate(model=converted.file("float32.tflite"), synthetic=4, results=results)))
    assert len(read_lines(results)) == 1


@pytest.mark.slow
def test_baselines_know_the_training_shape(converted: Any, tmp_path: Path) -> None:
    """The oracle is at least as good as the placed mean, on every face."""
    model = converted.file("float32.tflite")
    for part, seed in (("afw", 1), ("helen/testset", 2)):
        photos(tmp_path / part, 6, seed)
    outcome = finish(evaluate.run(Evaluate(model=model, data=tmp_path, baselines=True)))
    mean, oracle = (np.array(r["errors_percent"]) for r in outcome.records[1:])
    assert len(mean) == 6 and (oracle <= mean + 0.5).all() and oracle.mean() < mean.mean()
    part = finish(evaluate.run(Evaluate(model=model, data=tmp_path, baselines=True, split="common")))
    for whole, own in zip(outcome.records, part.records, strict=True):
        assert own["split"] == "common"
        assert {key: own[key] for key in whole["subsets"]["common"]} == whole["subsets"]["common"]
    with pytest.raises(ValueError, match="--split test"):
        finish(evaluate.run(Evaluate(model=model, data=tmp_path, baselines=True, split="val")))


@pytest.mark.slow
def test_drawn_faces_have_baselines_too(converted: Any) -> None:
    """Of as many drawn training faces; other faces than those that are scored."""
    outcome = finish(evaluate.run(Evaluate(model=converted.file("float32.tflite"), synthetic=6, baselines=True)))
    mean, oracle = outcome.records[1:]
    assert (mean["model"], mean["n"], oracle["n"]) == ("mean shape", 6, 6)
    assert 0 < oracle["nme_mean"] < mean["nme_mean"] < 60


def test_the_table_shows_the_record() -> None:
    """Every subset and region; a subset that has no figures says none, and unscored faces are told."""
    figures = {"n": 9, "n_unscored": 3, "nme_mean": 5.126, "nme_median": 4.5, "fr8": 12.5, "fr10": 0.0, "auc10": 51.2}
    record = {"model": "slim", "data": "d", "split": "test", **figures, "nme_box": 3.33,
              "nme_regions": {"contour": 8.16, "inner": None},
              "subsets": {"occlusion": figures | {"n": 4}, "profile": dict.fromkeys(figures) | {"n": 0}}}  # fmt: skip
    lines = evaluate._table(record).splitlines()
    assert lines[0] == "slim on d, test"
    assert [line.split() for line in lines[2:5]] == [
        ["all", "faces", "9", "5.13", "4.50", "12.50", "0.00", "51.20"],
        ["occlusion", "4", "5.13", "4.50", "12.50", "0.00", "51.20"],
        ["profile", "0", *["none"] * 5],
    ]
    assert len({len(line) for line in lines[1:5]}) == 1
    assert lines[5] == "NME % by region: contour 8.16, inner none; by the box: 3.33"
    assert lines[6].startswith("3 faces lack an outer eye corner")


def test_an_unknown_split_is_named() -> None:
    """The command line takes any name; what there is, the data say."""
    from toolkit.core.zoo import MAIN, WEIGHTS

    folder = WEIGHTS / MAIN
    with pytest.raises(ValueError, match=r"'challenge'.*train, val, test"):
        finish(evaluate.run(Evaluate(model=folder, synthetic=2, split="challenge")))


@pytest.mark.slow
def test_the_benchmark_measures_every_file_once(converted: Any, tmp_path: Path) -> None:
    """Accuracy for all; latency for what runs on a device, and none for the interpreter of CoreML programs."""
    results = tmp_path / "results.jsonl"
    options = Benchmark(models=(converted.models,), synthetic=2, runs=3, warmup=1, starts=0, results=results)
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
        finish(benchmark.run(Benchmark(models=(tmp_path,))))
    with pytest.raises(ValueError, match="at least 1"):
        Benchmark(models=(tmp_path,), runs=0)


def test_wrong_labels_are_told_beside_the_score_and_bad_ones_are_left_out(tmp_path: Path) -> None:
    """One line names the first of them; without --skip-bad a picture of another face ends the command."""
    photos(tmp_path, 4, 3)
    swapped, outside = (read_pts(tmp_path / f"{i}_1.pts", 68) for i in (1, 2))
    (tmp_path / "1_1.pts").write_text(write_pts(swapped[:, ::-1]))
    model = released("float32")
    text = finish(evaluate.run(Evaluate(model=model, data=tmp_path))).text
    line = (
        f"wrong labels? 1 in 4 faces (`sdhrnet data check` lists them), first {tmp_path}/1_1.pts: x and y are swapped"
    )
    assert text.splitlines()[-1] == line
    (tmp_path / "2_1.pts").write_text(write_pts(outside + 5000))
    (tmp_path / "3_1.pts").write_text("n_points: 67\n{\n}\n")
    with pytest.raises(ValueError, match=r"3_1\.pts"):
        finish(evaluate.run(Evaluate(model=model, data=tmp_path)))
    (record,) = finish(evaluate.run(Evaluate(model=model, data=tmp_path, skip_bad=True))).records
    assert record["n"] == 2 and record["data"].endswith("3 faces, 1 left out, 1 left out")


def test_faces_of_more_points_are_scored_by_those_that_both_have(tmp_path: Path) -> None:
    """98 points tell a model of 68 how good it is, when asked to; unasked they are refused."""
    photos(tmp_path / "more", 3, 5, WFLW_98)
    photos(tmp_path / "same", 3, 5)
    model = released("float16")
    with pytest.raises(ValueError, match=r"predicts 300w-68, the faces are labelled wflw-98 \(--translate"):
        finish(evaluate.run(Evaluate(model=model, data=tmp_path / "more")))
    (told,) = finish(evaluate.run(Evaluate(model=model, data=tmp_path / "more", translate=True))).records
    (plain,) = finish(evaluate.run(Evaluate(model=model, data=tmp_path / "same", translate=True))).records
    assert told["data"].endswith("3 faces, as 300w-68") and plain["data"].endswith("3 faces")
    assert told["nme_mean"] == pytest.approx(plain["nme_mean"], abs=1.0)
    with pytest.raises(ValueError, match="--translate goes with none"):
        Evaluate(model=model, data=tmp_path, translate=True, head="wflw-98")


def test_a_head_that_there_is_not_is_refused(tmp_path: Path, small_bundle: Bundle) -> None:
    """By name, before any face is read; a network of one scheme has its own alone."""
    bundle.write(small_bundle, tmp_path / "b")
    with pytest.raises(ValueError, match="300w-68 has no points of wflw-98"):
        finish(evaluate.run(Evaluate(model=tmp_path / "b", head="wflw-98", data=tmp_path / "nowhere")))


@pytest.mark.slow
def test_bundles_are_called_by_their_folders(tmp_path: Path, small_bundle: Bundle) -> None:
    """Though their stages and names are one; those of one folder's name have their hashes beside it."""
    folders = [tmp_path / "a" / "mine", tmp_path / "b" / "mine", tmp_path / "other"]
    for seed, folder in enumerate(folders):
        name, first = next(iter(small_bundle.weights.items()))
        bundle.write(replace(small_bundle, weights={**small_bundle.weights, name: first * (1 + seed)}), folder)
    common = {"runs": 1, "warmup": 0, "starts": 0, "synthetic": 2, "results": tmp_path / "results.jsonl"}
    outcome = finish(benchmark.run(Benchmark(models=tuple(folders), **common)))  # type: ignore[arg-type]
    rows = [line.partition("  ")[0] for line in outcome.text.splitlines()[1:4]]
    hashes = [r["file_sha256"][:7] for r in outcome.records]
    assert rows == [f"mine ({hashes[0]})", f"mine ({hashes[1]})", "other"]
    assert {r["model"] for r in outcome.records} == {small_bundle.card.stage}
    text = finish(evaluate.run(Evaluate(model=folders[2], synthetic=2))).text
    assert text.startswith("other on ")
    assert finish(describe.run(Describe(what=str(folders[2])))).text.startswith(f"other ({small_bundle.card.name}), ")


def test_one_face_is_one(tmp_path: Path) -> None:
    """In words, too."""
    record = {"model": "m", "data": "d", "split": "test", "n": 9, "n_unscored": 1, "nme_box": 3.0, "nme_regions": {}}
    record |= {"subsets": {}, **dict.fromkeys(evaluate.HEADS, 1.0)}
    assert evaluate._table(record).splitlines()[-1] == (
        "1 face lacks an outer eye corner: it is in the NME by the box alone"
    )


def test_baselines_of_a_set_without_training_faces_are_refused_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the model scores its test faces."""
    photos(tmp_path / "helen/testset", 2, 2)
    monkeypatch.setattr(accuracy, "predictions_on", lambda *given: pytest.fail("scored"))
    with pytest.raises(FileNotFoundError):
        finish(evaluate.run(Evaluate(model=released("int8"), data=tmp_path, baselines=True)))
