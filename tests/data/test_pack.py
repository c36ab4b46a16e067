"""Packs: the same faces from one file, the same split, and clear words about files that are none."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save

from tests.own import scheme_file
from toolkit.commands.data import check
from toolkit.commands.data.check import Check
from toolkit.commands.data.pack import Pack, run
from toolkit.core.images import write_png
from toolkit.core.progress import finish
from toolkit.core.records import Record, latest
from toolkit.core.schemes import own_scheme
from toolkit.data import open_faces, open_folder
from toolkit.data.augment import Augment, patch
from toolkit.data.batches import training_faces
from toolkit.data.formats.pts import write_pts
from toolkit.data.pack import PackedFaces, _digest, _mapped, trained_on, write_pack
from toolkit.data.sample import Subset
from toolkit.data.sets import Mix, Portion, Translated, in_own_scheme

SIZE = 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty small photos with 68 points each."""
    root, rng = tmp_path / "photos", np.random.default_rng(0)
    root.mkdir()
    for i in range(30):
        write_png(root / f"p{i}.png", rng.integers(0, 255, (60, 70, 3)).astype(np.uint8))
        (root / f"p{i}.pts").write_text(write_pts(rng.uniform(10, 50, (68, 2)).round(2)))
    return root


@pytest.fixture
def packed(folder: Path, tmp_path: Path) -> Path:
    """The pack of that folder."""
    path = tmp_path / "train.faces"
    finish(write_pack(open_folder(folder, test=False), "train", path, SIZE))
    return path


def test_a_pack_holds_the_patches_of_the_set(folder: Path, packed: Path) -> None:
    """Picture, points and box of every face are those that training would cut from the photos."""
    photos, pack = open_folder(folder, test=False), PackedFaces(packed)
    assert (pack.title, pack.scheme, len(pack)) == (f"{photos.title}, packed at {SIZE} px", photos.scheme, 30)
    for i in range(30):
        expected, found = patch(photos[i], SIZE), pack.patch(i)
        np.testing.assert_array_equal(found.image, expected.image)
        np.testing.assert_array_equal(found.points_xy, expected.points_xy)
        np.testing.assert_array_equal(found.box_xyxy, expected.box_xyxy)
        np.testing.assert_array_equal(pack[i].image, expected.image)


@pytest.fixture
def smooth(tmp_path: Path) -> Path:
    """Six photos that WebP is good at, with points of which one is missing."""
    root, rng = tmp_path / "smooth", np.random.default_rng(0)
    root.mkdir()
    for i in range(6):
        shade = np.linspace(20, 170, 70)[None, :, None] + np.linspace(0, 50, 60)[:, None, None] + (0, 5 * i, 0)
        write_png(root / f"p{i}.png", shade.astype(np.uint8))
        points = rng.uniform(10, 50, (68, 2))
        points[3] = np.nan
        (root / f"p{i}.pts").write_text(write_pts(points))
    return root


def test_an_encoded_pack_holds_nearly_the_same_in_far_less(smooth: Path, tmp_path: Path) -> None:
    """Pixels within 6 of 255, points to 1e-4 px, a tenth of the bytes; training takes it like the pixels."""
    photos, sizes = open_folder(smooth, test=False), []
    for name, quality in (("raw", None), ("webp", 90)):
        finish(write_pack(photos, "train", tmp_path / f"{name}.faces", SIZE, quality))
        sizes.append((tmp_path / f"{name}.faces").stat().st_size)
    raw, webp = (PackedFaces(tmp_path / f"{name}.faces") for name in ("raw", "webp"))
    assert sizes[1] < sizes[0] / 10 and (webp.quality, webp.title, webp.size_px) == (90, f"{raw.title}, WebP 90", SIZE)
    for i in range(6):
        assert np.abs(webp.patch(i).image.astype(int) - raw.patch(i).image).max() <= 6
        np.testing.assert_allclose(webp.patch(i).points_xy, raw.patch(i).points_xy, atol=1e-4)
        np.testing.assert_array_equal(webp[i].image, webp.patch(i).image)
    (batch,) = finish(training_faces(open_folder(tmp_path / "webp.faces", test=False), SIZE)).epoch((0,), 6, Augment())
    assert batch.images.shape == (6, SIZE, SIZE, 3) and np.isnan(batch.points_xy[0]).any()


def test_a_damaged_picture_of_an_encoded_pack_is_refused_by_name(smooth: Path, tmp_path: Path) -> None:
    """A single bit, when that face is looked at."""
    path = tmp_path / "webp.faces"
    finish(write_pack(open_folder(smooth, test=False), "train", path, SIZE, 50))
    data = bytearray(path.read_bytes())
    header, begin = header_of(data)
    ends = load_file(path)["ends"]
    data[begin + header["pictures"]["data_offsets"][0] + int(ends[1]) + 30] ^= 1
    path.write_bytes(data)
    pack = PackedFaces(path)
    assert pack.patch(1).image.any()
    with pytest.raises(ValueError, match="pixels of face 2, p2, are damaged: pack the set again"):
        pack.patch(2)


def test_the_command_says_what_a_quality_costs(smooth: Path, tmp_path: Path) -> None:
    """PSNR in dB, higher for a higher quality; a quality that WebP has not is refused."""
    said = [
        finish(run(Pack(data=smooth, out=tmp_path / f"{q}.faces", size=SIZE, quality=q))).records[0] for q in (10, 95)
    ]
    assert 25 < said[0]["psnr_db"] < said[1]["psnr_db"] and said[0]["size_bytes"] <= said[1]["size_bytes"]
    with pytest.raises(ValueError, match="--quality must be from 1 to 100, got 0"):
        Pack(data=smooth, out=tmp_path / "a.faces", quality=0)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_pack_splits_like_its_set(folder: Path, packed: Path, split: str) -> None:
    """The faces held out for validation are the same ones."""
    whole, pack = open_faces(folder, split, 0), open_faces(packed, split, 0)
    assert trained_on(pack, SIZE) == whole.title
    assert [pack[i].name for i in range(len(pack))] == [whole[i].name for i in range(len(whole))]


def test_scores_on_a_set_and_on_its_packs_are_kept_apart(smooth: Path, tmp_path: Path) -> None:
    """Each is a record of its own; a card does not name an exact pack that trains as the set does: one that was made
    for its crops, and whose boxes they are of."""
    titles = [open_folder(smooth, test=True).title]
    said = []
    for name, size, quality in (("a", SIZE, None), ("b", 64, None), ("c", SIZE, 1), ("d", SIZE, 50)):
        finish(write_pack(open_folder(smooth, test=True), "test", tmp_path / f"{name}.faces", size, quality))
        titles.append(open_folder(tmp_path / f"{name}.faces", test=True).title)
        said.append(trained_on(open_folder(tmp_path / f"{name}.faces", test=True), SIZE))
    records = [Record({"kind": "evaluate", "file_sha256": "0", "data": title, "split": "test"}) for title in titles]
    assert latest(records) == records
    assert said == [titles[0], *titles[2:]]
    pack = open_folder(tmp_path / "a.faces", test=True)
    own = own_scheme(scheme_file(tmp_path / "own.json", "own-of-packs", mapped=True))
    assert trained_on(Mix([Portion(faces=pack, share=0.5)]), SIZE) == f"{titles[0]} x 0.5"
    told = in_own_scheme(Subset(pack, [0, 1], f"two of {pack.title}"), own)
    assert trained_on(Mix([Portion(faces=told)]), SIZE) == f"two of {titles[1]}, own-of-packs"


def test_a_pack_for_smaller_crops_is_refused(packed: Path) -> None:
    """Also in other points, and some of it: its pictures would be blown up."""
    pack = PackedFaces(packed)
    told = Translated(pack, pack.scheme, pack.scheme)
    for faces in (pack, Subset(pack, [3], "one"), told, Subset(told, [3], "one"), Mix([Portion(faces=pack)])):
        with pytest.raises(ValueError, match=r"train\.faces is packed for crops of up to 32 px, and 64 px are wanted"):
            finish(training_faces(faces, 64))


def test_training_from_a_pack_is_training_from_the_photos(folder: Path, packed: Path) -> None:
    """The batches of an epoch are equal to the last bit."""
    batches = []
    for data in (folder, packed):
        faces = finish(training_faces(open_faces(data, "train", 0), SIZE))
        batches.append(list(faces.epoch((0, 1), 4, Augment())))
    for a, b in zip(*batches, strict=True):
        np.testing.assert_array_equal(a.images, b.images)
        np.testing.assert_array_equal(a.points_xy, b.points_xy)


def test_covered_points_and_subsets_travel_with_the_pack(tmp_path: Path, folder: Path) -> None:
    """What the set says of a point, and that another set says nothing."""
    names = sorted(file.stem for file in folder.glob("*.pts"))
    visible = {
        name: {"pose": "left" if i % 2 else "front", "visible": [1, *[2] * 66, 0]} for i, name in enumerate(names)
    }
    (folder / "visibility.json").write_text(json.dumps(visible))
    finish(write_pack(open_folder(folder, test=False), "train", tmp_path / "v.faces", SIZE))
    pack = PackedFaces(tmp_path / "v.faces")
    covered = pack[3].covered
    assert covered is not None and covered.nonzero()[0].tolist() == [0, 67]
    assert np.isnan(pack[3].points_xy[67]).all()
    assert {name: len(members) for name, members in pack.subsets.items()} == {"front": 15, "left": 15}


def header_of(data: bytes | bytearray) -> tuple[dict[str, Any], int]:
    """The header of a safetensors file, and where its arrays begin."""
    begin = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:begin]), begin


def cut_off(data: bytes) -> bytes:
    return data[: len(data) // 2]


def newer(data: bytes) -> bytes:
    return data.replace(b'{\\"format\\": 3', b'{\\"format\\": 9', 1)


def older(_: bytes) -> bytes:
    return b'{"format": 2, "sha256": "'


def other(_: bytes) -> bytes:
    return b"PK\x03\x04 something else"


def weights(_: bytes) -> bytes:
    return save({"weight": np.zeros(3, np.float32)})


def renamed(data: bytes) -> bytes:
    return data.replace(b'\\"p7\\"', b'\\"p8\\"', 1)


def moved(data: bytes) -> bytes:
    """A bit of a point's place."""
    header, begin = header_of(data)
    at = begin + header["points_xy"]["data_offsets"][0] + 6
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def endless(_: bytes) -> bytes:
    return save({}, {"pack": "[" * 100_000, "sha256": "0" * 64})


def half_told(data: bytes) -> bytes:
    return data.replace(b'\\"groups\\"', b'\\"troops\\"', 1)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        *[(cut_off, "cut off"), (newer, "upgrade"), (older, "older release: pack the set again")],
        *[(other, "not a pack"), (weights, "not a pack"), (endless, "not valid JSON"), (half_told, "groups")],
        *[(renamed, "damaged.*pack the set again"), (moved, "damaged.*pack the set again")],
    ],
)
def test_damaged_packs_are_refused(packed: Path, damage: Callable[[bytes], bytes], message: str) -> None:
    """With what is wrong and what to do."""
    packed.write_bytes(damage(packed.read_bytes()))
    with pytest.raises(ValueError, match=message):
        PackedFaces(packed)


@pytest.mark.parametrize("name", ["../../escaped", "/escaped", "..\\escaped", "sub/escaped", "a\0"])
def test_a_pack_whose_names_lead_out_of_a_folder_is_refused(packed: Path, name: str) -> None:
    """Though its hash is right."""
    data = packed.read_bytes()
    header, begin = header_of(data)
    said = header["__metadata__"]["pack"].replace('"p7"', json.dumps(name))
    header["__metadata__"] = {"pack": said, "sha256": _digest(said, _mapped(packed, "r"))}
    text = json.dumps(header).encode()
    packed.write_bytes(len(text).to_bytes(8, "little") + text + data[begin:])
    with pytest.raises(ValueError, match=r"train\.faces: the name .* may lead out of its folder"):
        PackedFaces(packed)


def test_damaged_pixels_are_refused_by_name(packed: Path) -> None:
    """A single bit of one face, when that face is looked at; the others are as they were, and the check tells."""
    data = bytearray(packed.read_bytes())
    header, begin = header_of(data)
    start, shape = begin + header["patches"]["data_offsets"][0], header["patches"]["shape"]
    data[start + 3 * int(np.prod(shape[1:])) + 100] ^= 1
    packed.write_bytes(data)
    pack = PackedFaces(packed)
    for look in (pack.__getitem__, pack.patch):
        assert look(2) is not None
        with pytest.raises(
            ValueError, match=rf"pixels of face 3, {pack.labels[3].name}, are damaged: pack the set again"
        ):
            look(3)
    with pytest.raises(ValueError, match="pixels of face 3"):
        finish(training_faces(open_folder(packed, test=False), SIZE))
    outcome = finish(check.run(Check(data=packed)))
    assert not outcome.ok and sum("pixels of face 3" in text for text in outcome.records[0]["problems"]) == 1


def test_a_pack_is_a_safetensors_file(packed: Path) -> None:
    """Its arrays are those that the library reads, and the padding keeps numbers where processors want them."""
    pack, found = PackedFaces(packed), load_file(packed)
    assert found.keys() == {"patches", "points_xy", "boxes_xyxy", "covered", "digests"}
    for i, label in enumerate(pack.labels):
        np.testing.assert_array_equal(found["points_xy"][i], label.points_xy)
        np.testing.assert_array_equal(found["patches"][i], pack.patch(i).image)
    assert pack.labels[0].points_xy.flags.aligned


def test_the_check_looks_at_a_pack_as_at_a_folder(packed: Path) -> None:
    """Its faces are counted once; points that form no face are told of, as those of the folder are."""
    (record,) = finish(check.run(Check(data=packed))).records
    assert record["format"] == "pack" and [(r["split"], r["found"]) for r in record["rows"]] == [("train", 30)]
    assert len(record["problems"]) == 30 and all("form no face" in text for text in record["problems"])


def test_a_failed_packing_leaves_the_older_pack(folder: Path, packed: Path) -> None:
    """A damaged photo stops it; nothing half-written stays behind."""
    before = packed.read_bytes()
    (folder / "p7.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"p7\.png"):
        finish(write_pack(open_folder(folder, test=False), "train", packed, SIZE))
    assert packed.read_bytes() == before
    assert [p.name for p in packed.parent.iterdir() if p.is_file()] == [packed.name]


def test_a_pack_of_training_faces_has_no_test_faces(packed: Path) -> None:
    """The message says which faces it holds."""
    with pytest.raises(FileNotFoundError, match="pack of train faces"):
        open_faces(packed, "test", 0)


def test_the_command_tells_both_speeds(folder: Path, tmp_path: Path) -> None:
    """And writes a pack that opens."""
    outcome = finish(run(Pack(data=folder, out=tmp_path / "a.faces", size=SIZE)))
    assert outcome.records[0]["faces_per_second_pack"] > 0 and outcome.records[0]["n"] == 30
    assert len(PackedFaces(tmp_path / "a.faces")) == 30
    with pytest.raises(ValueError, match=r"\.faces"):
        Pack(data=folder, out=tmp_path / "a.zip")


def test_a_pack_carries_points_of_ones_own(tmp_path: Path) -> None:
    """Another process, which never saw the file, knows their scheme."""
    root = tmp_path / "own"
    root.mkdir()
    write_png(root / "a.png", np.full((60, 70, 3), 90, np.uint8))
    (root / "a.pts").write_text(write_pts(np.random.default_rng(0).uniform(10, 50, (7, 2))))
    scheme_file(root / "scheme.json", "packed-7")
    photos, path = open_folder(root, test=False), tmp_path / "own.faces"
    finish(write_pack(photos, "train", path, SIZE))
    program = "import sys; from pathlib import Path; from toolkit.data import pack; "
    program += "print(pack.PackedFaces(Path(sys.argv[1])).scheme)"
    there = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == str(photos.scheme) and photos.scheme.name == "packed-7"
