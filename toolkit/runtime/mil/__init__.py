"""CoreML programs anywhere: an .mlpackage read from its own files and run in NumPy.

wire.py reads protobuf, values.py constants and weights, package.py the folder, ops/ computes, program.py runs.
CoreML itself predicts only on macOS; this is the reference that a package is checked with everywhere else. It follows
the program exactly, operation by operation; a phone's neural engine may fuse operations and round less often.
"""

from toolkit.runtime.mil.program import Program, load

__all__ = ["Program", "load"]
