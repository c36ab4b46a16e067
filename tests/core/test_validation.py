"""The door for JSON: what is no JSON, what no program writes on purpose, and what does not fit a type."""

import time
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypedDict

import pytest
from msgspec import Meta

from toolkit.core.validation import DEEPEST, CropSide, Points, Sha256, Text, check, check_fields, parse, versioned


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"1 2", "Extra data"),
        (b"\xff", "codec can't decode"),
        (b"NaN", "NaN is no number of JSON"),
        (b"[-Infinity]", "-Infinity is no number of JSON"),
        (b"1e400", "a number is too large"),
        (b"1" * 400, "a whole number is too large"),
        (b"1" * 5000, "Exceeds the limit"),
        (b'"\\ud800"', "surrogates not allowed"),
        (b'{"a": {"b": 1, "b": 2}}', 'the field "b" stands twice'),
        (b"[" * 100_000, f"nested deeper than {DEEPEST} levels"),
        (b"[" * 40 + b"]" * 40, f"nested deeper than {DEEPEST} levels"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, f"nested deeper than {DEEPEST} levels"),
    ],
)
def test_what_is_no_json_is_refused(text: bytes, reason: str) -> None:
    """One line that names its source; never a RecursionError, and no value that breaks arithmetic later."""
    with pytest.raises(ValueError, match=r"^m\.json is not valid JSON") as caught:
        parse(text, "m.json")
    assert reason in str(caught.value) and "\n" not in str(caught.value)


def test_one_of_many_fields_twice_is_found_at_once() -> None:
    """In well under 5 s for 50,000 fields, where counting each among all of them takes a minute."""
    fields = ",".join(f'"{i}":0' for i in (*range(50_000), 49_999))
    started = time.process_time()
    with pytest.raises(ValueError, match='the field "49999" stands twice'):
        parse(f"{{{fields}}}".encode(), "m.json")
    assert time.process_time() - started < 5


def test_plain_values_come_as_they_are() -> None:
    """With a byte order mark, as some editors write it, and the largest numbers."""
    text = '\ufeff{"a": [1, 2.5, -9223372036854775807, 1e308, null, true, "\u00fc"]}'
    assert parse(text.encode(), "m.json") == {"a": [1, 2.5, -(2**63) + 1, 1e308, None, True, "ü"]}


class Small(TypedDict, total=False):
    name: Text


@dataclass(frozen=True, kw_only=True)
class Inner:
    sha: Sha256


@dataclass(frozen=True, kw_only=True)
class Thing:
    size_px: CropSide
    points: Points = 68
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shares: Annotated[dict[str, Annotated[float, Meta(ge=0, lt=1)]], Meta(max_length=2)] = field(default_factory=dict)
    colours: Literal["RGB", "BGR"] = "RGB"
    inner: tuple[Inner, ...] = ()
    small: Small | None = None
    free: Any = None

    def __post_init__(self) -> None:
        if self.points == 13:
            raise ValueError("points: 13 brings bad luck")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "m.json: expected an object, got []"),
        ({}, "m.json: has no field size_px"),
        ({"size_px": "96"}, 'm.json: size_px: expected a multiple of 32 from 32 to 4,096, got "96"'),
        ({"size_px": 96.0}, "m.json: size_px: expected a multiple of 32 from 32 to 4,096, got 96.0"),
        ({"size_px": True}, "m.json: size_px: expected a multiple of 32 from 32 to 4,096, got true"),
        ({"size_px": 80}, "m.json: size_px: expected a multiple of 32 from 32 to 4,096, got 80"),
        ({"size_px": 96, "points": 10**9}, "m.json: points: expected a whole number from 1 to 1,000, got 1000000000"),
        ({"size_px": 96, "points": 13}, "m.json: points: 13 brings bad luck"),
        ({"size_px": 96, "mean": [1, 2]}, "m.json: mean: expected a list of 3, got [1, 2]"),
        ({"size_px": 96, "mean": [1, 2, "3"]}, 'm.json: mean[2]: expected a number, got "3"'),
        ({"size_px": 96, "shares": {"a": 2}}, "m.json: shares[...]: expected a number from 0 on and below 1, got 2"),
        ({"size_px": 96, "shares": dict.fromkeys("abc", 0)}, "m.json: shares: expected an object of at most 2, got"),
        ({"size_px": 96, "colours": "GBR"}, 'm.json: colours: expected one of "BGR", "RGB", got "GBR"'),
        ({"size_px": 96, "inner": [{"sha": "F" * 64}]}, "m.json: inner[0].sha: expected 64 hexadecimal digits, got"),
        ({"size_px": 96, "inner": [{}]}, "m.json: inner[0]: has no field sha"),
        ({"size_px": 96, "inner": [{"sha": "0" * 64, "x": 1}]}, 'm.json: inner[0]: unknown fields "x"; known: sha'),
        ({"size_px": 96, "small": {"name": 5}}, "m.json: small.name: expected text of 0 to 300 characters, got 5"),
        ({"size_px": 96, "colour": 1}, 'm.json: unknown fields "colour"; known: size_px, points, mean'),
    ],
)
def test_what_does_not_fit_is_named(value: Any, message: str) -> None:
    """Source, field, what was expected, what was given."""
    with pytest.raises(ValueError, match=r"^m\.json: ") as caught:
        check(value, Thing, "m.json")
    assert str(caught.value).startswith(message)


def test_what_fits_becomes_the_type() -> None:
    """Lists become tuples, whole numbers serve as numbers, what is left out has its default."""
    found = check({"size_px": 64, "mean": [1, 2, 3], "free": {"any": [1]}}, Thing, "m.json")
    assert found == Thing(size_px=64, mean=(1.0, 2.0, 3.0), free={"any": [1]})


def test_a_program_is_held_to_the_bounds_of_a_file() -> None:
    """check_fields is for __post_init__."""
    check_fields(Thing(size_px=64))
    with pytest.raises(ValueError, match=r"^size_px: expected a multiple of 32"):
        check_fields(Thing(size_px=65))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"size_px": 64}, "no format number"),
        ([], "no format number"),
        ({"format": "1", "size_px": 64}, "no format number"),
        ({"format": True, "size_px": 64}, "no format number"),
        ({"format": 3, "size_px": 64}, "m.json has format 3, this release reads up to 2: upgrade"),
    ],
)
def test_formats_are_numbered(value: Any, message: str) -> None:
    """A newer release's file asks for an upgrade before its fields are looked at."""
    assert versioned({"format": 2, "size_px": 64}, Thing, 2, "m.json") == Thing(size_px=64)
    with pytest.raises(ValueError, match=message):
        versioned(value, Thing, 2, "m.json")
