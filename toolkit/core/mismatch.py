"""What is wrong with a value, in words: `size_px: expected a multiple of 32 from 32 to 4,096, got "96"`.

msgspec finds it and names the place; its type tells what was expected there.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import inspect


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
