"""A fabricated run: small random networks, logs and records whose numbers no one could mistake for measurements."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from toolkit import bundle
from toolkit.core.files import write_bytes, write_json, write_lines
from toolkit.models.building import build
from toolkit.models.spec import HRNetSpec, SuperNetSpec, hrsupernet
from toolkit.slimming.edges import SuperNetGraph, at_threshold
from toolkit.slimming.importance import by_alpha

EPOCHS = 12
DATA = "fabricated faces"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def small(spec: SuperNetSpec) -> SuperNetSpec:
    """The same edges with a few channels each."""
    edges = tuple(dataclasses.replace(e, inner=(4,) * len(e.inner)) for e in spec.edges)
    return dataclasses.replace(spec, edges=edges, stem=(8, 8), widths=(4, 6, 8, 10), depth=1)


def card(name: str, stage: str, **more: object) -> bundle.Card:
    """A card as the training stages write it."""
    fields = {
        "data": {"train": f"{DATA}, train", "val": f"{DATA}, val"},
        "config": {"optim": {"epochs": EPOCHS, "batch": 16}, "seed": 7},
        "made_with": {
            "versions": {"python": "3.11.0", "torch": "2.13.0"},
            "commit": COMMIT,
            "device": "Fabricated CPU, 2 cores",
            "threads": 1,
            "train_seconds": 3725.4,
        },
    }
    return bundle.Card(name=name, stage=stage, scheme="300w-68", size_px=64, sigma_px=1.0, **(fields | more))


def val_log(start: float, end: float, *names: str) -> list[dict[str, object]]:
    """Epoch records whose validation NME falls from start to end."""
    values = end + (start - end) * np.exp(-np.arange(EPOCHS) / 3)
    return [
        {"epoch": i + 1, "seconds": 3.0, "weights_mse": 0.01 / (i + 1)}
        | {f"val_{name}": {"n": 40, "nme_mean": float(v) * (1 + 0.02 * k)} for k, name in enumerate(names)}
        for i, v in enumerate(values)
    ]


def scores(nme: float, seed: int, n: int = 165) -> dict[str, object]:
    """The accuracy fields of a record, with faces that have these errors."""
    errors = np.random.default_rng(seed).gamma(6, nme / 6, n)
    shares = {"contour": 1.6, "brows": 1.1, "nose": 0.9, "eyes": 0.7, "mouth": 1.0, "inner": 0.85}
    return {
        **summary(errors),
        "errors_percent": [round(float(e), 3) for e in errors],
        "nme_regions": {name: round(nme * share, 4) for name, share in shares.items()},
        "nme_box": round(nme * 0.6, 4),
        "subsets": {"common": summary(errors[:110]), "challenge": summary(errors[110:])},
    }


def summary(errors: np.ndarray) -> dict[str, object]:
    """The figures of faces with these errors in percent."""
    return {
        "n": len(errors),
        "n_unscored": 0,
        "nme_mean": round(float(errors.mean()), 4),
        "nme_median": round(float(np.median(errors)), 4),
        "fr8": round(100 * float((errors > 8).mean()), 4),
        "fr10": round(100 * float((errors > 10).mean()), 4),
        "auc10": round(100 * float(np.clip(10 - errors, 0, None).mean() / 10), 4),
    }


def where(model: str, sha: str, engine: str, precision: str) -> dict[str, object]:
    """The fields of a record that say what was measured and with what."""
    return {
        "model": model, "file_sha256": sha, "engine": engine, "precision": precision, "threads": 1,
        "device": "Fabricated CPU, 2 cores", "data": DATA, "split": "test", "seed": None, "commit": COMMIT,
        "versions": {"numpy": "1.26.4"},
    }  # fmt: skip


def write_bundles(folder: Path) -> None:
    """teacher, supernet, slim and distil, each made from the ones before."""
    torch.manual_seed(0)
    teacher = HRNetSpec(points=68, stem=(8, 8), layer1=(4, 16), widths=(4, 6, 8, 10), modules=(1, 4, 3), blocks=1)
    log = val_log(42, 4.1, "teacher")
    bundle.write(bundle.of_network(build(teacher), card("hrnet-w18", "teacher"), tuple(log)), folder / "teacher")
    net = build(small(hrsupernet(68)))
    rng = np.random.default_rng(3)
    final = rng.gamma(0.9, 0.25, len(net.spec.edges)) * rng.choice([1, 1, 1, -0.05], len(net.spec.edges))
    net.alpha.data = torch.tensor(final, dtype=torch.float32)
    steps = np.linspace(1, 0, EPOCHS) ** 1.5
    log = [
        r | {"alpha_l1": 0.1, "alpha": [round(float(s + (1 - s) * a), 5) for a in final]}
        for r, s in zip(val_log(48, 6.0, "supernet"), steps, strict=True)
    ]
    whole = bundle.of_network(net, card("hrsupernet", "supernet"), tuple(log))
    bundle.write(whole, folder / "supernet")
    graph = SuperNetGraph(net)
    off = at_threshold(graph, by_alpha(net.spec, whole.weights), 0.06)
    parents = {"supernet": bundle.digest(folder / "supernet")}
    made_with = {"versions": {}, "commit": COMMIT}
    slim = card("s-hrnet", "slim", config={"threshold": 0.06}, parents=parents, made_with=made_with)
    thin = bundle.of_network(graph.without(off), slim)
    bundle.write(thin, folder / "slim")
    parents = {"student": bundle.digest(folder / "slim"), "teacher": bundle.digest(folder / "teacher")}
    log = val_log(9, 4.6, "peer1", "peer2")
    student = dataclasses.replace(thin, card=card("sd-hrnet", "distil", parents=parents), log=tuple(log))
    student.weights["head.out.bias"] += 1
    bundle.write(student, folder / "distil")


def bundle_records(folder: Path) -> list[dict[str, object]]:
    """An evaluation of every bundle, and two baselines."""
    records: list[dict[str, object]] = []
    for index, (stage, nme) in enumerate({"teacher": 4.2, "supernet": 6.1, "slim": 7.9, "distil": 4.7}.items()):
        counts = {"params_full": 9654398 - index, "params_paper": 9523412 - index}
        counts |= {"macs_full": 291370000 // (index + 1), "macs_paper": 267930000 // (index + 1)}
        same = where(stage, bundle.digest(folder / stage), "torch 2.13.0", "float32")
        size = (folder / stage / "weights.safetensors").stat().st_size
        records.append(
            {"kind": "evaluate", **same, **scores(nme, index), **counts, "latency_ms": None, "size_bytes": size}
        )
    for name, nme in (("mean shape", 17.2), ("oracle similarity", 8.1)):
        records.append({"kind": "baseline", "model": name, "data": DATA, "split": "test", **scores(nme, len(name))})
    return records


def file_records(folder: Path) -> list[dict[str, object]]:
    """A benchmark and a parity of a few converted files; one breaches, one was not timed."""
    records: list[dict[str, object]] = []
    source = bundle.digest(folder / "distil")
    for index, (form, precision, engine, ms, size) in enumerate(
        [
            ("tflite", "float32", "ai-edge-litert 2.2.0", 4.33, 3912345),
            ("tflite", "float16", "ai-edge-litert 2.2.0", 4.28, 2112345),
            ("tflite", "int8", "ai-edge-litert 2.2.0", 2.04, 1432100),
            ("onnx", "float32", "onnxruntime 1.23.2", 5.61, 3998765),
            ("mlpackage", "float16", "mil-interpreter 0.1", None, 2054321),
        ]
    ):
        name = f"sd-hrnet-68pt-64-{precision}.{form}"
        same = where(name, f"{index:064x}", engine, precision)
        latency = None if ms is None else {"median": ms, "p90": ms * 1.4, "runs": 100, "warmup": 10}
        points = scores(4.7, 3)
        points["nme_mean"] = round(float(str(points["nme_mean"])) + 0.0123 * index, 4)
        records.append({"kind": "benchmark", **same, **points, "latency_ms": latency, "size_bytes": size})
        ok = precision != "int8"
        parity = {
            "ok": ok, "mean_px": 0.0021 * 9**index / 7**index, "worst_px": 0.11 * (index + 1), "moved_over_1px": 0.0,
            "n": 16, "reasons": [] if ok else ["points move by 0.41 px on average; the budget of int8 is 0.35 px"],
        }  # fmt: skip
        records.append({"kind": "parity", **same, **parity})
        about = {"format": 1, "model": name, "file_sha256": f"{index:064x}", "source_bundle": source, "parity": {}}
        write_json(folder / "models" / f"{name}.json", about)
    return records


def fabricate(folder: Path) -> Path:
    """A whole run."""
    import cv2

    folder.mkdir(parents=True, exist_ok=True)
    write_bundles(folder)
    write_lines(folder / "results.jsonl", bundle_records(folder) + file_records(folder))
    picture = np.linspace(0, 255, 60 * 90 * 3).reshape(60, 90, 3).astype(np.uint8)
    write_bytes(folder / "photo.png", cv2.imencode(".png", picture)[1].tobytes())
    return folder


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run; tests that change something copy it first."""
    return fabricate(tmp_path_factory.mktemp("runs") / "whole")
