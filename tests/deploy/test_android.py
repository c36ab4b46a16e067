"""deploy/android: its plain Kotlin gives the golden values, and its Android parts compile against stubs."""

import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.deploy import kotlin
from toolkit.core.files import read_json, write_json

DEPLOY = kotlin.ANDROID.parent
LANDMARKS = kotlin.ANDROID / "landmarks" / "src" / "main"
APP = kotlin.ANDROID / "app" / "src" / "main"
MODULE = sorted(LANDMARKS.rglob("*.kt"))
STUBS = Path(__file__).parent / "android"
TAG = "{http://schemas.android.com/apk/res/android}"
TOOLS = "{http://schemas.android.com/tools}"


@pytest.fixture(scope="module")
def jar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The landmarks module, its tests, and the app against stubs of Android, CameraX, MediaPipe and LiteRT."""
    home = kotlin.home()
    if home is None or shutil.which("java") is None:
        pytest.skip(kotlin.INSTALL if home is None else "no java on PATH")
    sources = [kotlin.ANDROID / "landmarks" / "src", kotlin.ANDROID / "app" / "src", STUBS]
    return kotlin.compiled(home, sources, tmp_path_factory.mktemp("kotlin") / "all.jar")


def golden_test(jar: Path, deploy: Path) -> subprocess.CompletedProcess[str]:
    """GoldenTest.kt on a deploy folder."""
    home = kotlin.home()
    assert home is not None
    classes = f"{jar}{os.pathsep}{kotlin.libraries(home, 'kotlin-stdlib', 'kotlin-test')}"
    command = ["java", f"-Ddeploy={deploy}", "-cp", classes, "org.junit.RunnerKt", "org.sdhrnet.landmarks.GoldenTest"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_landmarks_module_gives_the_golden_values(jar: Path):
    """Every test of GoldenTest.kt passes: boxes, crops, faces, heatmaps, smoothing, tracking, records."""
    done = golden_test(jar, DEPLOY)
    written = (kotlin.ANDROID / "landmarks/src/test/kotlin/org/sdhrnet/landmarks/GoldenTest.kt").read_text()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == written.count("@Test") > 8


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize(
    ("part", "name", "value", "failing"),
    [
        ("crop", "box_scale", 1.3, "boxesBecomeCropsAndPointsComeBack"),
        ("smoothing", "beta", 1.0, "framesAreSmoothedAlike"),
        ("tracking", "min_confidence", 0.1, "aFilmIsTrackedAlike"),
        ("tracking", "settled", 0.2, "aFilmIsTrackedAlike"),
        ("heatmaps", "log_floor", 0.1, "heatmapsAreDecodedAlike"),
        ("heatmaps", "radius", 1, "heatmapsAreDecodedAlike"),
    ],
)
def test_another_contract_gives_other_values(
    jar: Path, tmp_path: Path, part: str, name: str, value: float, failing: str
):
    """The numbers are the contract's: with another one the golden test fails, just where it should."""
    shutil.copytree(DEPLOY / "golden", tmp_path / "golden")
    terms = read_json(DEPLOY / "contract.json")
    terms[part][name] = value
    write_json(tmp_path / "contract.json", terms)
    done = golden_test(jar, tmp_path)
    assert done.returncode == 1
    assert f"FAILED {failing}" in done.stdout


def test_the_landmarks_module_is_plain_kotlin():
    """It imports nothing of Android, so that it runs and is tested on any JVM."""
    assert {"Contract.kt", "Tracker.kt"} <= {file.name for file in MODULE}
    for file in MODULE:
        assert not re.search(r"^import (android|androidx|com\.google)\b", file.read_text(), re.MULTILINE), file.name


def test_the_app_cannot_open_a_connection():
    """The camera is its only permission; those for the network are removed, also where a library asks for them."""
    manifest = ElementTree.parse(APP / "AndroidManifest.xml").getroot()  # noqa: S314 - our own file
    asked = {p.get(f"{TAG}name"): p.get(f"{TOOLS}node") for p in manifest.iter("uses-permission")}
    kept = {name for name, node in asked.items() if node != "remove"}
    assert kept == {"android.permission.CAMERA"}
    assert asked["android.permission.INTERNET"] == "remove"
    sources = [*APP.rglob("*.kt"), *MODULE]
    assert {"MainActivity.kt", "Contract.kt"} <= {file.name for file in sources}
    for file in sources:
        assert not re.search(r"https?://|java\.net\.|okhttp", file.read_text()), file.name


def test_the_build_is_for_todays_store():
    """The store's target, the emulator's processor beside the phone's, a wrapper for the Gradle that AGP asks for."""
    app = (kotlin.ANDROID / "app" / "build.gradle.kts").read_text()
    assert int(re.search(r"targetSdk = (\d+)", app)[1]) >= 36 and int(re.search(r"compileSdk = (\d+)", app)[1]) >= 36
    assert 'listOf("arm64-v8a", "x86_64")' in app and "kotlin.android" not in app
    wrapper = kotlin.ANDROID / "gradle" / "wrapper"
    major, minor = map(
        int, re.search(r"gradle-(\d+)\.(\d+)", (wrapper / "gradle-wrapper.properties").read_text()).groups()
    )
    assert (major, minor) >= (9, 1) and os.access(kotlin.ANDROID / "gradlew", os.X_OK)
    with zipfile.ZipFile(wrapper / "gradle-wrapper.jar") as jar:
        assert b"org.gradle.wrapper.GradleWrapperMain" in jar.read("META-INF/MANIFEST.MF")


def test_any_newer_jdk_builds_it():
    """Both modules are for Java 17 and ask for no toolchain: one without a resolver needs just that JDK installed."""
    for module in ("app", "landmarks"):
        build = (kotlin.ANDROID / module / "build.gradle.kts").read_text()
        assert not re.search(r"jvmToolchain|toolchain \{", build), module
        for name in ("sourceCompatibility", "targetCompatibility"):
            assert f"{name} = JavaVersion.VERSION_17" in build, module
    assert "jvmTarget.set(JvmTarget.JVM_17)" in (kotlin.ANDROID / "landmarks" / "build.gradle.kts").read_text()


def library(*alignments: int, bits: int = 64) -> bytes:
    """An ELF library with so aligned segments, and one that is not loaded."""
    kinds = [(1, each) for each in alignments] + [(0x6474E551, 1)]
    header = (
        b"\x7fELF"
        + bytes([bits // 32, 1, 1])
        + bytes(9)
        + struct.pack("<HHIQQQIHHH", 3, 183, 1, 0, 64, 0, 0, 64, 56, len(kinds))
    )
    segments = [struct.pack("<IIQQQQQQ", kind, 5, 0, 0, 0, 9, 9, alignment) for kind, alignment in kinds]
    return header.ljust(64, b"\0") + b"".join(segments)


def test_libraries_for_small_pages_are_told(tmp_path: Path):
    """By their segments, and by where they lie in the .apk; 32-bit ones may, and a file without any is no success."""
    app, padding = tmp_path / "app.apk", b"\0" * 200
    with zipfile.ZipFile(app, "w") as apk:
        apk.writestr("classes.dex", padding)
        apk.writestr("lib/arm64-v8a/libfit.so", library(16384, 65536), zipfile.ZIP_DEFLATED)
        apk.writestr("lib/arm64-v8a/libsmall.so", library(16384, 4096), zipfile.ZIP_DEFLATED)
        apk.writestr("lib/arm64-v8a/libplace.so", library(16384))
        apk.writestr("lib/armeabi-v7a/libold.so", library(4096, bits=32), zipfile.ZIP_DEFLATED)
    command = [sys.executable, str(kotlin.ANDROID / "check_pages.py")]
    done = subprocess.run([*command, str(app)], capture_output=True, text=True, check=False)
    said = dict(line.removeprefix("lib/").split(": ") for line in done.stdout.splitlines())
    assert done.returncode == 1
    assert said["arm64-v8a/libfit.so"] == said["armeabi-v7a/libold.so"] == "fit for pages of 16 KB"
    assert said["arm64-v8a/libsmall.so"] == "has a segment aligned to 4096 bytes"
    assert re.fullmatch(r"lies at byte \d+, no multiple of 16384", said["arm64-v8a/libplace.so"])
    (tmp_path / "lib.so").write_bytes(library(16384))
    assert subprocess.run([*command, str(tmp_path / "lib.so")], capture_output=True, check=False).returncode == 0
    with zipfile.ZipFile(tmp_path / "none.apk", "w") as apk:
        apk.writestr("classes.dex", padding)
    done = subprocess.run([*command, str(tmp_path / "none.apk")], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "no native library" in done.stderr


def test_the_stubs_know_every_string_of_the_app():
    """R.string in the stubs is res/values/strings.xml, so that a missing string does not compile."""
    strings = ElementTree.parse(APP / "res" / "values" / "strings.xml").getroot()  # noqa: S314 - our own file
    names = {s.get("name") for s in strings.iter("string")} - {"app_name"}
    stub = (STUBS / "stubs" / "org.sdhrnet.demo.kt").read_text()
    assert set(re.findall(r"const val (\w+) = \d", stub)) == names
    used = {name for file in APP.rglob("*.kt") for name in re.findall(r"R\.string\.(\w+)", file.read_text())}
    assert used == names
