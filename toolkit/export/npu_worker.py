"""A .tflite file compiled for a chip of Qualcomm's; run by path in an environment that has LiteRT's compiler.

    python npu_worker.py MODEL CHIP OUT

The last line of its output is JSON: the compiler's versions, the file's operations, those taken, and in how many parts.
"""

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path


def main(model: str, chip: str, out: str) -> None:
    """The file as a program."""
    from ai_edge_litert.aot import aot_compile
    from ai_edge_litert.aot.vendors.qualcomm import target

    with tempfile.TemporaryDirectory(prefix="sdhrnet-") as folder:
        wanted = target.Target(target.SocModel(chip))
        (made,) = aot_compile.aot_compile(model, output_dir=folder, target=wanted, keep_going=False).models
        (stats,) = made.partition_stats.subgraph_stats
        if not stats.num_ops_offloaded:
            sys.exit("none of its operations is taken")
        Path(out).write_bytes(Path(made.path).read_bytes())
    told = {
        "by": {name: version(name) for name in ("ai-edge-litert", "onnxruntime-qnn")},
        "operations": stats.num_total_ops,
        "taken": stats.num_ops_offloaded,
        "parts": stats.num_partitions_offloaded,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
