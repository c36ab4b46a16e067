"""Converting to CoreML, for the tests of what runs it."""

import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn


@pytest.fixture(scope="session")
def ct() -> Any:
    """coremltools, imported without TensorFlow, which it would load for ten seconds."""
    with pytest.MonkeyPatch.context() as patch:
        if "tensorflow" not in sys.modules:
            patch.setitem(sys.modules, "tensorflow", None)
        return pytest.importorskip("coremltools", reason="converting needs the `convert` extra")


Convert = Callable[..., Any]


@pytest.fixture(scope="session")
def convert(ct: Any) -> Convert:
    """Makes an MLModel of a network: convert(net, input shape, target) and options of coremltools."""

    def function(net: nn.Module, shape: tuple[int, ...], target: str, half: bool = False, **options: Any) -> Any:
        settings = {"inputs": [ct.TensorType(name="image", shape=shape)], **options}
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of torch's tracing and of NumPy in coremltools, none of them ours
            return ct.convert(
                torch.jit.trace(net, torch.zeros(shape)),
                convert_to="mlprogram",
                compute_precision=ct.precision.FLOAT16 if half else ct.precision.FLOAT32,
                minimum_deployment_target=ct.target[target],
                skip_model_load=True,
                **settings,
            )

    return function
