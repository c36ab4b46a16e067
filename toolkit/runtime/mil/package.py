"""An .mlpackage folder: its manifest, its model description and the operations of its ML Program."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from toolkit.core.files import read_json
from toolkit.runtime.mil.values import TensorType, Value, Weights, constant, tensor_type
from toolkit.runtime.mil.wire import Message

ML_PROGRAM = 502
MODEL_TYPES = {500: "a neural network", 303: "a neural network", 403: "a neural network", 202: "a pipeline"}
"""Fields of Model that say which type of model it is; the others are named by number."""

COLOUR = {10: "GRAYSCALE", 20: "RGB", 30: "BGR", 40: "GRAYSCALE_FLOAT16"}


class Item(TypedDict):
    """What is read of a file in the manifest."""

    path: str


class Manifest(TypedDict):
    """What is read of Manifest.json."""

    rootModelIdentifier: str
    itemInfoEntries: dict[str, Item]


@dataclass(frozen=True, kw_only=True)
class Feature:
    """An input or output as the model describes it."""

    name: str
    colour: str | None
    """RGB, BGR or a grey kind for an image; None for a plain tensor."""


@dataclass(frozen=True)
class ValueName:
    """The name of a value that another operation, or the caller, gives."""

    name: str


Argument = list[ValueName | Value]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One line of the program."""

    kind: str
    arguments: Mapping[str, Argument]
    outputs: Mapping[str, TensorType]

    def __str__(self) -> str:
        return f"operation {self.kind!r} (output {', '.join(self.outputs)})"


@dataclass(frozen=True, kw_only=True)
class Package:
    """What an ML Program is made of."""

    features: tuple[Feature, ...]
    inputs: Mapping[str, TensorType]
    operations: tuple[Operation, ...]
    outputs: tuple[str, ...]


def read(folder: Path) -> Package:
    """The program in a package.

    Raises:
        FileNotFoundError: the package, its model file or its weights are not there.
        ValueError: it is damaged, or not an ML Program with fixed tensors; the message names the package.
    """
    model_path = _model_path(folder)
    try:
        return _package(Message(model_path.read_bytes()), Weights(model_path.parent))
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{folder} cannot be read: {error}") from error


def _model_path(folder: Path) -> Path:
    """The model file that the manifest names."""
    if not folder.exists():
        raise FileNotFoundError(f"no such package: {folder}")
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file, not an .mlpackage folder: convert the network to an ML Program")
    manifest = folder / "Manifest.json"
    if not manifest.is_file():
        raise FileNotFoundError(f"{folder} is not a whole .mlpackage: it has no Manifest.json")
    try:
        content: Manifest = read_json(manifest, Manifest)
        item = content["itemInfoEntries"][content["rootModelIdentifier"]]["path"]
        path = folder / "Data" / item
    except (ValueError, LookupError) as error:
        raise ValueError(f"{manifest} does not name a model: convert or copy the package again") from error
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{manifest} names a model outside its package: {item}")
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: copy the whole package")
    return path


def _package(model: Message, weights: Weights) -> Package:
    if ML_PROGRAM not in model:
        found = sorted(n for n in model.numbers() if n >= 200)
        kind = MODEL_TYPES.get(found[0], f"a model of type {found[0]}") if found else "no model"
        raise ValueError(f'it is {kind}, not an ML Program: convert with convert_to="mlprogram"')
    description, program = model.message(2), model.message(ML_PROGRAM)
    functions = program.mapping(2)
    name = description.text(21) or "main"
    if name not in functions:
        raise ValueError(f"it has no function {name!r}, only {', '.join(functions) or 'none'}")
    function = functions[name]
    block = function.mapping(3).get(function.text(2))
    if block is None:
        raise ValueError(f"function {name!r} has no block for opset {function.text(2)!r}")
    features = description.messages(1) or next(
        (f.messages(2) for f in description.messages(20) if f.text(1) == name), []
    )
    return Package(
        features=tuple(_feature(f) for f in features),
        inputs={i.text(1): tensor_type(i.chunk(2)) for i in function.messages(1)},
        operations=tuple(_operation(o, weights) for o in block.messages(3)),
        outputs=tuple(block.texts(2)),
    )


def _feature(message: Message) -> Feature:
    kind = message.message(3)
    colour = COLOUR.get(kind.message(4).integer(3), "unknown") if 4 in kind else None
    return Feature(name=message.text(1), colour=colour)


def _operation(message: Message, weights: Weights) -> Operation:
    # Attributes hold the value of a const and the parameters of iOS 16's constexpr operations; inputs all the rest.
    kind, outputs = message.text(1), message.messages(3)
    if message.messages(4):
        raise ValueError(f"operation {kind!r} (output {outputs[0].text(1)}) has a nested block: not supported")
    arguments: dict[str, Argument] = {k: [constant(v, weights)] for k, v in message.mapping(5).items() if k != "name"}
    for key, argument in message.mapping(2).items():
        arguments[key] = [
            ValueName(b.text(1)) if 1 in b else constant(b.message(2), weights) for b in argument.messages(1)
        ]
    return Operation(kind=kind, arguments=arguments, outputs={o.text(1): tensor_type(o.chunk(2)) for o in outputs})
