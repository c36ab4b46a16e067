"""Operations of the file that a network becomes: what a phone's time hangs on, more than on multiply-accumulates.

Counted for TFLite in float32, from the spec and its importance factors alone; an int8 file has two more, which change
the type of the image and of the heatmaps, and one that is in int8 in part those that change it between its operations.
"""

from collections.abc import Mapping

from toolkit.core.heatmap import Decoder
from toolkit.models.spec import Body, Edge, Gated, SuperNetSpec
from toolkit.slimming.fold import leftovers

DECODING: Mapping[Decoder, int] = {"dark": 40, "centroid": 23}
"""Operations from heatmaps to points, which do not depend on the network."""
SHAPE = 11
"""Operations of a shape layer, for any number of points."""
UNIT = 3
"""Two convolutions and the sum; ReLUs are part of what they follow."""
BOTTLENECK = 4
"""Three convolutions and the sum; the first one's shortcut has another convolution where the width changes."""
STEM = 5
"""The subtraction of the mean, and two convolutions with a padding each."""


def operations(spec: SuperNetSpec, alphas: Mapping[Edge, float], decoder: Decoder = "dark") -> int:
    """How many operations the exported float32 TFLite file has.

    Args:
        spec: the network.
        alphas: the importance factor of each of its edges; they say where a multiplication is left.
        decoder: how the file finds its points.

    Raises:
        ValueError: it is not known how many operations this decoder has.
    """
    if decoder not in DECODING:
        raise ValueError(f"operations are counted for files that decode by {', '.join(DECODING)}, not by {decoder}")
    multiplications, passing = leftovers(spec, alphas)
    total = STEM + DECODING[decoder] + (SHAPE if spec.shape else 0) + multiplications + UNIT * len(spec.bodies)
    if spec.bottlenecks:
        total += (BOTTLENECK - UNIT) * spec.depth_of(1, 0) + (spec.bottlenecks[1] != spec.stem[1])
    total += sum(_of_edge(edge) for edge in spec.edges)
    # the first term of a sum is added to nothing
    total -= sum(len(spec.branches(stage)) for stage in range(2, spec.stages + 1))
    down = [_origin((edge.stage - 1, edge.source), spec, passing) for edge in spec.edges if edge.kind == "down"]
    total -= len(down) - len(set(down))  # strided convolutions that read one map share their padding
    return total + _of_head(spec.branches(spec.stages))


def _origin(block: tuple[int, int], spec: SuperNetSpec, passing: frozenset[tuple[int, int]]) -> tuple[int, int]:
    """The block that made the map which a block gives on."""
    while block in passing and not spec.depth_of(*block):
        block = block[0] - 1, block[1]
    return block


def _of_head(final: tuple[int, ...]) -> int:
    """A convolution and a sum a branch but for the first one's sum, an upsampling for those below branch 0, and the
    last convolution. The ReLU is part of the sum, or of the convolution; after a lone upsampling it stands alone."""
    return 2 * len(final) - 1 + sum(branch > 0 for branch in final) + 1 + (len(final) == 1 and final[0] > 0)


def of_gated(one: Gated) -> int:
    """What a switched-off edge or residual body takes out of the file by itself."""
    return UNIT if isinstance(one, Body) else _of_edge(one)


def _of_edge(edge: Edge) -> int:
    """With the addition into its block: identity 1; project a convolution; up an upsampling too; down a chain of
    convolutions, each with a padding."""
    match edge.kind:
        case "identity":
            return 1
        case "project":
            return 2
        case "up":
            return 3
        case "down":
            return 1 + 2 * (len(edge.inner) + 1)
