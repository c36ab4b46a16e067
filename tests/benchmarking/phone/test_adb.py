"""Benchmarks on a phone over adb, against a stand-in that answers as adb, Android and LiteRT's program do."""

import os
import stat
import sys
from pathlib import Path

import pytest

from tests.benchmarking.phone.logs import CPU, GPU_PARTLY, OLD, REFUSED
from tests.official import write_cofw
from toolkit.benchmarking.phone.adb import Phone
from toolkit.commands.measure import benchmark_phone, evaluate
from toolkit.commands.measure.benchmark_phone import AdbBenchmark
from toolkit.commands.measure.evaluate import Evaluate
from toolkit.core.files import read_lines
from toolkit.core.progress import Outcome, finish
from toolkit.core.zoo import released

HERE = Path(__file__).parent


def program(path: Path, source: Path) -> Path:
    """A script as a program of this interpreter."""
    path.write_text(f"#!{sys.executable}\n{source.read_text()}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a phone's files; adb is on PATH."""
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin" / "adb", HERE / "fake_adb.py")
    program(tmp_path / "benchmark_model", HERE / "fake_benchmark.py")
    for folder in ("phone", "logs"):
        (tmp_path / folder).mkdir()
    for delegate, text in {"cpu": CPU, "gpu": GPU_PARTLY, "npu": REFUSED[1][0]}.items():
        (tmp_path / "logs" / delegate).write_text(text)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_PHONE", str(tmp_path / "phone"))
    monkeypatch.setenv("FAKE_LOGS", str(tmp_path / "logs"))
    return tmp_path


def measured(folder: Path, **more: object) -> Outcome:
    options = {
        "models": (released("int8"),),
        "binary": folder / "benchmark_model",
        "rounds": 2,
        "synthetic": 4,
        "faces": 2,
    }
    options |= {"results": folder / "results.jsonl", **more}
    return finish(benchmark_phone.run(AdbBenchmark(**options)))


@pytest.mark.slow
def test_timings_and_predictions_of_a_phone_become_records(phone: Path) -> None:
    """The tool's figures, the phone's name, the delegate that refused; and its predictions scored as ours are."""
    outcome = measured(phone)
    cpu, gpu, npu = outcome.records
    assert [r["engine"] for r in (cpu, gpu, npu)] == [f"benchmark_model-{d}" for d in ("cpu", "gpu", "npu")]
    times = {"median": 2.041, "p90": None, "p95": 2.388, "mean": 2.0755, "runs": 976, "warmup": 426, "rounds": 2}
    assert cpu["latency_ms"] == times
    assert cpu["cold_start_ms"] == {"load": 9.412, "first": 3.917, "total": 13.329, "starts": 2}
    assert (cpu["delegated_share"], gpu["delegated_share"]) == (0.9762, 0.9722)
    assert cpu["device"] == "Google Pixel 6 Pro"
    assert cpu["host"]["cpu"] == "GS101" and cpu["host"]["battery_celsius"] == 27.1 and cpu["host"]["cores"] == 8
    assert cpu["host"]["system"] == "Android 14"
    assert npu["latency_ms"] is None and npu["nme_mean"] is None
    assert npu["not_measured"].startswith("Though NNAPI delegate is explicitly applied")
    assert "not measured" in outcome.text and "NNAPI" in outcome.text
    assert read_lines(phone / "results.jsonl") == list(outcome.records)
    assert not list((phone / "phone").iterdir()), "the phone is left as it was"
    record = finish(evaluate.run(Evaluate(model=released("int8"), synthetic=4))).records[0]
    assert cpu["errors_percent"] == record["errors_percent"][::3] == gpu["errors_percent"]
    assert cpu["data"].endswith("2 of them") and cpu["n"] == 2


@pytest.mark.slow
def test_a_program_that_cannot_write_outputs_still_times(phone: Path) -> None:
    """Older ones know no --output_filepath: the time counts, the accuracy is not measured, and why is in the record."""
    (phone / "logs" / "old").touch()
    (phone / "logs" / "cpu").write_text(OLD)
    (record,) = measured(phone, delegates=("cpu",)).records
    assert record["latency_ms"]["median"] is None and record["latency_ms"]["mean"] == 33.2094
    assert record["nme_mean"] is None and record["accuracy_not_measured"].startswith("0 of 2 crops answered")


@pytest.mark.parametrize(
    ("scenario", "advice"),
    [
        ("none", "no phone is connected: enable USB debugging"),
        ("unauthorized", "unlock it and accept the dialog"),
        ("offline", "adb reconnect"),
        ("no permissions", "udev rules"),
        ("two", r"several phones are connected \(1A2B3C4D, emulator-5554\): choose one by --serial"),
        ("full", "storage is full"),
        ("gone", "the phone went away"),
    ],
)
def test_a_phone_that_cannot_be_used_is_told_in_one_line(
    phone: Path, monkeypatch: pytest.MonkeyPatch, scenario: str, advice: str
) -> None:
    """With what to do; and nothing is recorded."""
    monkeypatch.setenv("FAKE_ADB", scenario)
    with pytest.raises(OSError, match=advice) as caught:
        measured(phone)
    assert "\n" not in str(caught.value)
    assert not (phone / "results.jsonl").exists()


def test_one_of_several_phones_is_chosen(phone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its serial number; an unknown one is an error that lists the others."""
    monkeypatch.setenv("FAKE_ADB", "two")
    assert Phone("emulator-5554").describe()["device"] == "Google Pixel 6 Pro"
    with pytest.raises(ValueError, match="no phone X; adb sees 1A2B3C4D, emulator-5554"):
        Phone("X")


def test_a_refusal_that_ends_the_program_is_no_failure_of_the_run(phone: Path) -> None:
    """The other delegates are measured."""
    (phone / "logs" / "gpu").write_text(REFUSED[0][0])
    cpu, gpu = measured(phone, delegates=("cpu", "gpu"), faces=0).records
    assert cpu["latency_ms"]["median"] == 2.041 and cpu["data"] is None
    assert (gpu["latency_ms"], gpu["not_measured"]) == (None, "Failed to apply GPU delegate")


def test_a_program_of_another_processor(phone: Path) -> None:
    """Android's shell says so; the advice names the right one."""
    (phone / "benchmark_model").write_text(
        "#!/bin/sh\necho 'sh: ./benchmark_model: not executable: 64-bit ELF file'; exit 1\n"
    )
    with pytest.raises(OSError, match="take the one for arm64-v8a"):
        measured(phone)


def test_without_adb_without_files_without_a_program(phone: Path, tmp_path: Path) -> None:
    """Each in a line."""
    with pytest.raises(OSError, match="install Android's platform-tools"):
        measured(phone, adb="no-such-adb")
    with pytest.raises(FileNotFoundError, match="no program at"):
        measured(phone, binary=tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match=r"no \.tflite file"):
        finish(benchmark_phone.run(AdbBenchmark(models=(tmp_path / "a.onnx",), binary=tmp_path / "benchmark_model")))
    with pytest.raises(ValueError, match="at least 1"):
        AdbBenchmark(models=(tmp_path,), binary=tmp_path, rounds=0)


def test_faces_that_cannot_be_scored_are_told_before_the_phone_is_used(
    phone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not there, of other points than the files', or files of several kinds of points."""
    monkeypatch.setattr(benchmark_phone.program, "prepare", lambda *given: pytest.fail("copied to the phone"))
    with pytest.raises(FileNotFoundError, match="no folder at"):
        measured(phone, data=phone / "nowhere")
    write_cofw(phone / "cofw")
    with pytest.raises(ValueError, match="labelled cofw-29, and these files predict 300w-68"):
        measured(phone, data=phone / "cofw")
    files = (released("int8"), released("float16", "sdhrnet-29pt-96"))
    with pytest.raises(ValueError, match=r"predict different points \(300w-68, cofw-29\)"):
        measured(phone, models=files)


def test_a_vendor_s_library_is_another_engine_than_nnapi(phone: Path) -> None:
    """A second run with one replaces no record of the first."""
    for library in (None, "/data/local/tmp/libQnnTFLiteDelegate.so"):
        measured(phone, delegates=("npu",), faces=0, rounds=1, npu_library=library)
    engines = [r["engine"] for r in read_lines(phone / "results.jsonl")]
    assert engines == ["benchmark_model-npu", "benchmark_model-npu-libQnnTFLiteDelegate.so"]
