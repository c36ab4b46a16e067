"""The one door for JSON: text becomes plain values, plain values become a type, and what does not fit is named.

Stricter than the standard asks for: no NaN or infinity, no whole number beyond 64 bits, no field twice, no nesting
deeper than any file here needs. Types are dataclasses whose annotations carry their bounds (`msgspec.Meta`); a mismatch
reads `size_px: expected a multiple of 32 from 32 to 4,096, got "96"`.
"""

import dataclasses
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar, cast, get_origin, get_type_hints

import msgspec
from msgspec import Meta, inspect

T = TypeVar("T")

DEEPEST = 32
"""Levels of lists and objects."""
LARGEST = 2**63
"""Whole numbers lie below this, on either side of 0."""

MOST_THREADS = 1024
"""Of a processor that any engine asks for; some crash at more."""

Text = Annotated[str, Meta(max_length=300)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="64 hexadecimal digits")]
Points = Annotated[int, Meta(ge=1, le=1000)]
"""Landmarks of a face."""
CropSide = Annotated[int, Meta(ge=32, le=4096, multiple_of=32)]
"""Pixels of a crop for one of these networks, whose lowest branch has a thirty-second of them."""
Positive = Annotated[float, Meta(gt=0, le=1e6)]
Share = Annotated[float, Meta(ge=0, le=1)]
Real = Annotated[float, Meta(ge=-1e6, le=1e6)]
Sigma = Annotated[float, Meta(gt=0, le=100)]
"""Of Gaussians, in heatmap pixels."""


def parse(data: bytes, source: str, *, numbers: bool = True) -> Any:
    """The plain value of a JSON text.

    Args:
        data: UTF-8, with or without a byte order mark.
        source: what error messages call it.
        numbers: whether NaN and huge numbers are refused here, and deep nesting; else what reads the values does it.

    Raises:
        ValueError: it is no JSON, or of a kind that no program writes on purpose.
    """
    try:
        constant = _constant if numbers else None
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=constant)
        if numbers:
            _check_plain(value)
    except RecursionError:
        raise ValueError(f"{source} is not valid JSON (nested deeper than {DEEPEST} levels)") from None
    except ValueError as error:
        raise ValueError(f"{source} is not valid JSON ({error}): restore it or make it again") from error
    return value


def check(value: Any, kind: Any, source: str) -> Any:
    """A plain value as a type: a dataclass, a union, a list of them, a TypedDict.

    Raises:
        ValueError: it does not fit; the message names source, field, what was expected and what was given.
    """
    if kind is Any:
        return value
    try:
        found = msgspec.convert(value, kind)
        _refuse_unknown(value, found, "")
    except msgspec.ValidationError as error:
        words = in_words(str(error), value, kind)
        raise ValueError(source + ("" if words.startswith("[") or not source else ": ") + words) from error
    return found


def check_fields(instance: Any) -> None:
    """Hold a dataclass that a program made to the bounds that a file is held to; for its `__post_init__`.

    Raises:
        ValueError: a field does not fit; the message names it.
    """
    for name, kind in get_type_hints(type(instance), include_extras=True).items():
        if get_origin(kind) is not ClassVar:
            value = getattr(instance, name)
            check(float(value) if isinstance(value, float) else value, kind, name)  # NumPy's float64 is a float, too


def versioned(value: Any, kind: type[T], newest: int, source: str) -> T:
    """What was written beside a `format` number.

    Raises:
        ValueError: there is no such number, it is a newer release's, or the rest does not fit.
    """
    return cast(T, check(without_format(value, newest, source), kind, source))


def without_format(value: Any, newest: int, source: str) -> dict[str, Any]:
    """The fields of a JSON object but its `format`, once this release is known to read that."""
    version = value.get("format") if isinstance(value, dict) else None
    if type(version) is not int or version < 1:
        raise ValueError(f"{source} has no format number: it is another kind of file, or damaged")
    if version > newest:
        raise ValueError(f"{source} has format {version}, this release reads up to {newest}: upgrade sdhrnet-toolkit")
    return {name: field for name, field in value.items() if name != "format"}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        times = Counter(name for name, _ in pairs)
        raise ValueError(f"the field {shown(next(name for name in times if times[name] > 1))} stands twice")
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _check_plain(value: Any, depth: int = 0) -> None:
    """Raises ValueError or RecursionError for what arithmetic, a table or a text file could not take later."""
    if isinstance(value, dict | list):
        if depth == DEEPEST:
            raise RecursionError
        for part in value:
            _check_plain(part, depth + 1)
        for part in value.values() if isinstance(value, dict) else ():
            _check_plain(part, depth + 1)
    elif isinstance(value, str):
        value.isascii() or value.encode()  # half of a surrogate pair cannot be written anywhere
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is too large")
    elif isinstance(value, int) and not -LARGEST < value < LARGEST:
        raise ValueError(f"a whole number is too large: {shown(value)}")


def _refuse_unknown(value: Any, found: Any, path: str) -> None:
    """Raises ValidationError for a field that a dataclass does not have."""
    if isinstance(found, tuple | list) and isinstance(value, list | tuple):
        for index, (given, part) in enumerate(zip(value, found, strict=True)):
            _refuse_unknown(given, part, f"{path}[{index}]")
    elif dataclasses.is_dataclass(found) and isinstance(value, dict):
        known = [field.name for field in dataclasses.fields(found)]
        if unknown := [name for name in value if name not in known]:
            names = ", ".join(map(shown, unknown[:5]))
            raise msgspec.ValidationError(f"unknown fields {names}; known: {', '.join(known)} - at `${path}`")
        for name, given in value.items():
            _refuse_unknown(given, getattr(found, name), f"{path}.{name}")


def in_words(message: str, value: Any, kind: Any) -> str:
    """What msgspec found, as `field: expected this, got that`."""
    reason, _, place = message.partition(" - at `$")
    steps = re.findall(r"\[(\d+|\.\.\.)\]|\.(\w+)", place.rstrip("`"))
    path = "".join(f"[{index}]" if index else f".{name}" for index, name in steps).lstrip(".")
    try:
        info = inspect.type_info(kind)
        for index, name in steps:
            value, info = _inner(value, info, index, name)
    except LookupError:
        return f"{path}: {reason.replace('`', '')}"
    prefix = f"{path}: " if path else ""
    if reason.startswith("Object missing required field"):
        return f"{prefix}has no field {reason.split('`')[1]}"
    generic = reason.startswith(("Expected", "Invalid", "Number out of range"))
    return f"{prefix}expected {_described(info)}, got {shown(value)}" if generic else f"{prefix}{reason}"


def _inner(value: Any, info: Any, index: str, name: str) -> tuple[Any, Any]:
    """One step down a path, in a value and in its type; raises LookupError where the path does not say which."""
    for option in _options(info):
        if name and isinstance(option, inspect.DataclassType | inspect.TypedDictType):
            return value[name], next(field.type for field in option.fields if field.encode_name == name)
        if index.isdecimal() and isinstance(option, inspect.TupleType):
            return value[int(index)], option.item_types[int(index)]
        if index.isdecimal() and isinstance(option, inspect.ListType | inspect.VarTupleType):
            return value[int(index)], option.item_type
        if index == "..." and isinstance(option, inspect.DictType) and len(value) == 1:  # else it may be any of them
            return next(iter(value.values())), option.value_type
    raise LookupError(name or index)


def _options(info: Any) -> Iterator[Any]:
    """The types that a type may stand for."""
    if isinstance(info, inspect.Metadata):
        yield from _options(info.type)
    elif isinstance(info, inspect.UnionType):
        for option in info.types:
            yield from _options(option)
    else:
        yield info


def _described(info: Any) -> str:
    """A type in words, with its bounds."""
    match info:
        case inspect.Metadata():
            words = (info.extra_json_schema or {}).get("description") or _described(info.type)
        case inspect.UnionType():
            words = " or ".join(map(_described, info.types))
        case inspect.LiteralType():
            words = ("one of " if len(info.values) > 1 else "") + ", ".join(map(shown, info.values))
        case inspect.IntType() | inspect.FloatType():
            words = _number_in_words(info)
        case inspect.StrType():
            words = "text" + (f" of {info.min_length or 0} to {info.max_length} characters" if info.max_length else "")
        case inspect.TupleType():
            words = f"a list of {len(info.item_types)}"
        case inspect.ListType() | inspect.VarTupleType() | inspect.DictType():
            bounds = [f"at least {info.min_length}"] if info.min_length else []
            bounds += [f"at most {info.max_length}"] if info.max_length is not None else []
            words = "an object" if isinstance(info, inspect.DictType) else "a list"
            words += f" of {' and '.join(bounds)}" if bounds else ""
        case inspect.DataclassType() | inspect.TypedDictType():
            words = "an object"
        case inspect.CustomType() if info.cls is Path:
            words = "a path"
        case _:
            words = {inspect.NoneType: "null", inspect.BoolType: "true or false"}.get(type(info), "another value")
    return str(words)


def _number_in_words(info: Any) -> str:
    noun = "a whole number" if isinstance(info, inspect.IntType) else "a number"
    if info.multiple_of:
        noun = f"a multiple of {info.multiple_of}"
    low, high = (None if bound is None else f"{bound:,}".removesuffix(".0") for bound in (info.ge, info.le))
    above = None if info.gt is None else f"above {info.gt:g}"
    below = None if info.lt is None else f"below {info.lt:g}"
    if low is not None and high is not None:
        return f"{noun} from {low} to {high}"
    parts = [above, f"from {low} on" if low is not None else None, f"up to {high}" if high is not None else None, below]
    return " ".join([noun, " and ".join(filter(None, parts))]).strip()


def shown(value: Any) -> str:
    """A value as JSON has it, cut where it is long."""
    try:
        text = json.dumps(value)
    except (ValueError, TypeError):  # a number of more digits than Python writes out
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."
