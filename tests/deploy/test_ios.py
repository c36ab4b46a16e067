"""deploy/ios: its sources are parsed and compared with the contract; where Swift is, compiled and tested."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from toolkit.core.files import read_json

DEPLOY = Path(__file__).parents[2] / "deploy"
SWIFT_ROOT = Path(os.environ.get("SDHRNET_SWIFT", DEPLOY.parent / ".swift"))
"""A Debian with Swift in a folder."""
SWIFT = sorted(p for p in (DEPLOY / "ios").rglob("*.swift") if ".build" not in p.parts)
KOTLIN = sorted((DEPLOY / "android").glob("*/src/main/**/*.kt"))
SHIPPED = [p for p in (*SWIFT, *KOTLIN) if "Tests" not in p.parts]
PLAIN = {0.0, 0.25, 0.5, 1.0, 2.0}
"""Numbers that mean themselves: halves of pixels, quarters of shifts, doubled widths."""


def numbers(value: Any) -> Iterator[float]:
    """The broken numbers in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, float):
        yield abs(value)


def names(
    value: Any, under: tuple[str, ...] = ("turning", "tracking", "smoothing", "detector", "heatmaps", "crop")
) -> set[str]:
    """The names of all numbers in these parts of the contract, lists of numbers included."""
    found: set[str] = set()
    for name, each in value.items():
        if isinstance(each, dict) and (name in under or not under):
            found |= names(each, ())
        elif not under and not isinstance(each, dict | str):
            found.add(name)
    return found


def by_swift(part: str) -> str:
    """What deploy/swift/test.sh prints of the golden test or of the app's types; it must succeed."""
    if not (SWIFT_ROOT / ".ready").exists():
        pytest.skip(f"no Swift at {SWIFT_ROOT}: deploy/swift/fetch.sh .swift (Debian or Ubuntu, root, debootstrap)")
    command = [str(DEPLOY / "swift" / "test.sh"), str(SWIFT_ROOT), part]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_package_gives_the_golden_values():
    """By `swift test` on Linux, with every warning an error."""
    said = by_swift("test")
    written = (DEPLOY / "ios/Landmarks/Tests/LandmarksTests/GoldenTests.swift").read_text()
    assert int(re.search(r"Executed (\d+) tests, with 0 failures", said)[1]) == written.count("func test") > 8


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_app_fits_its_stubs():
    """Types alone, against hand-written stubs of Apple's frameworks; nothing is said of what they do."""
    assert "the types of the app fit" in by_swift("types")


def test_what_the_app_carries_leaves_its_bundle_one_of_ios():
    """codesign takes a bundle with one of these folders at its top for a Mac's, and signs none such for iOS."""
    demo = DEPLOY / "ios" / "Demo.swiftpm"
    (folder,) = re.findall(r'\.copy\("(\w+)"\)', (demo / "Package.swift").read_text())
    assert folder not in {"Contents", "Resources", "Versions"}
    assert (demo / folder / ".gitignore").is_file()
    assert f'forResource: "{folder}"' in (demo / "Bundled.swift").read_text()
    assert f"deploy/ios/Demo.swiftpm/{folder}\n" in (DEPLOY / "ios" / "README.md").read_text()


@pytest.mark.parametrize("phone", ["android", "ios"])
def test_a_build_begins_by_installing_what_finds_the_detector(phone: str):
    """detector_file() and `python -m tools contract` look for it in an installed mediapipe."""
    (block,) = re.findall(r"## Build.*?```sh\n(.*?)```", (DEPLOY / phone / "README.md").read_text(), re.DOTALL)
    first, *rest = block.splitlines()
    assert re.match(r"pip install '\.\[(\w+,)*mediapipe\]'", first)
    assert any("detector_file" in line for line in rest)


@pytest.mark.parametrize("file", SWIFT, ids=lambda p: p.name)
def test_every_source_is_swift(file: Path):
    """Parsed by a grammar of Swift without an error; a source with one error too many is not."""
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip("tree_sitter_swift")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    source = file.read_bytes()
    assert not parser.parse(source).root_node.has_error
    assert parser.parse(source + b"\n}").root_node.has_error


@pytest.mark.parametrize("file", SHIPPED, ids=lambda p: p.name)
def test_no_number_of_the_contract_is_typed(file: Path):
    """Crop, calibration, tracking, smoothing and drawing come from contract.json on both phones."""
    text = re.sub(r"quantile\(.*", "", file.read_text())  # shares of times are nobody's numbers
    typed = {float(n) for n in re.findall(r"(?<![\w.])\d+\.\d+(?:e-?\d+)?(?![\w.])", text)}
    contract = set(numbers(read_json(DEPLOY / "contract.json"))) - PLAIN
    assert len(contract) > 15
    assert not typed & contract


def test_both_phones_read_every_number():
    """Each name in the contract's rules is read, in snake case by Kotlin and in camel case by Swift."""
    terms = read_json(DEPLOY / "contract.json")
    for part in ("network", "search"):  # phones have MediaPipe, and take the faces of one look
        del terms["detector"][part]
    wanted = names(terms) - {"sigma_px"}  # it is in the kernel
    assert {"box_scale", "leeway", "beta", "shift_xy", "kernel", "same_track"} <= wanted
    kotlin = next(p for p in KOTLIN if p.name == "Contract.kt").read_text()
    swift = next(p for p in SWIFT if p.name == "Contract.swift").read_text()
    assert {n for n in wanted if f'"{n}"' not in kotlin} == set()
    camel = {re.sub(r"_(\w)", lambda m: m[1].upper(), n) for n in wanted}
    assert {n for n in camel if not re.search(rf"let {n}: ", swift)} == set()


@pytest.mark.parametrize("file", SHIPPED, ids=lambda p: p.name)
def test_nothing_opens_a_connection(file: Path):
    """No address and no networking class in what ships."""
    assert not re.search(r"https?://|URLSession|import Network\b|CFSocket|java\.net|okhttp", file.read_text())


def test_the_package_needs_foundation_alone():
    """So that it builds off Apple, where the golden test can run too."""
    sources = [file for file in SWIFT if "Sources" in file.parts]
    assert {"Contract.swift", "Tracker.swift"} <= {file.name for file in sources}
    for file in sources:
        assert re.findall(r"^import (\w+)", file.read_text(), re.MULTILINE) == ["Foundation"], file.name
