"""A QR code of a short text, for a terminal: byte mode, error correction L, versions 1 to 5 (ISO/IEC 18004).

That is up to 106 bytes in a single block, and an address needs about 30.
"""

import numpy as np
from numpy.typing import NDArray

Modules = NDArray[np.bool_]

CAPACITY = {1: (19, 7), 2: (34, 10), 3: (55, 15), 4: (80, 20), 5: (108, 26)}
"""Data and correction codewords of a version at level L."""
QUIET = 4
"""Light modules that a code needs around it."""
LEVEL_L = 0b01
GENERATOR = 0b10100110111
"""Of the format bits' BCH code."""
FORMAT_MASK = 0b101010000010010
FIELD = 0x11D
"""The polynomial of GF(256)."""


def encode(text: str) -> Modules:
    """The code's modules (n, n), True where dark, without the quiet zone.

    Raises:
        ValueError: the text is too long.
    """
    data = text.encode()
    version = next((v for v, (room, _) in CAPACITY.items() if len(data) + 2 <= room), None)
    if version is None:
        raise ValueError(f"a QR code here holds {CAPACITY[5][0] - 2} bytes, the text has {len(data)}")
    codewords = _with_correction(data, *CAPACITY[version])
    bits = np.unpackbits(np.frombuffer(codewords, dtype=np.uint8)).astype(bool)
    modules, free = _frame(version)
    order = _path(free)
    content = np.zeros(len(order), dtype=bool)  # what is left over stays light
    content[: len(bits)] = bits
    rows, columns = np.array(order).T
    modules[rows, columns] = content ^ ((rows + columns) % 2 == 0)
    return modules


def in_terminal(modules: Modules) -> str:
    """The code with its quiet zone as text in white on black, whatever the terminal's own colours; two rows a line."""
    light = np.pad(~modules, QUIET, constant_values=True)
    if len(light) % 2:
        light = np.vstack([light, np.zeros((1, light.shape[1]), dtype=bool)])
    halves = np.array([[" ", "▄"], ["▀", "█"]])
    lines = ("".join(line) for line in halves[light[::2].astype(int), light[1::2].astype(int)])
    return "\n".join(f"\x1b[97;40m{line}\x1b[0m" for line in lines)


def _with_correction(data: bytes, room: int, correction: int) -> bytes:
    """The data's codewords, padded, and those of Reed and Solomon."""
    bits = f"{0b0100:04b}{len(data):08b}" + "".join(f"{byte:08b}" for byte in data) + "0000"
    words = [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
    words += [0xEC if i % 2 == 0 else 0x11 for i in range(room - len(words))]
    generator = [1]
    for power in range(correction):
        root = _power(power)
        generator = [a ^ _times(b, root) for a, b in zip([*generator, 0], [0, *generator], strict=True)]
    rest = [*words, *[0] * correction]
    for i in range(room):
        lead = rest[i]
        for j, factor in enumerate(generator):
            rest[i + j] ^= _times(factor, lead)
    return bytes([*words, *rest[room:]])


def _times(a: int, b: int) -> int:
    """The product in GF(256)."""
    product = 0
    while b:
        product ^= a * (b & 1)
        a = (a << 1) ^ (FIELD * (a >> 7))
        b >>= 1
    return product


def _power(exponent: int) -> int:
    value = 1
    for _ in range(exponent):
        value = _times(value, 2)
    return value


def _frame(version: int) -> tuple[Modules, Modules]:
    """The patterns and format bits of a version, and which modules (n, n) are free for data."""
    size = 17 + 4 * version
    modules, free = np.zeros((size, size), dtype=bool), np.ones((size, size), dtype=bool)
    steps = np.arange(size)
    modules[6], modules[:, 6] = steps % 2 == 0, steps % 2 == 0
    free[6], free[:, 6] = False, False
    rings = np.maximum(*np.abs(np.mgrid[-4:5, -4:5]))  # distance from a pattern's centre
    for row, column in ((3, 3), (3, size - 4), (size - 4, 3)):
        _stamp(modules, free, (row, column), np.isin(rings, (0, 1, 3)))
    if version > 1:
        _stamp(modules, free, (size - 7, size - 7), np.isin(rings[2:7, 2:7], (0, 2)))
    _format(modules, free)
    return modules, free


def _stamp(modules: Modules, free: Modules, centre: tuple[int, int], pattern: Modules) -> None:
    """Put a square pattern around a module, as far as it is inside."""
    reach, size = len(pattern) // 2, len(modules)
    rows, columns = (np.arange(c - reach, c + reach + 1) for c in centre)
    inside = np.ix_((rows >= 0) & (rows < size), (columns >= 0) & (columns < size))
    place = np.ix_(rows[(rows >= 0) & (rows < size)], columns[(columns >= 0) & (columns < size)])
    modules[place], free[place] = pattern[inside], False


def _format(modules: Modules, free: Modules) -> None:
    """Both copies of the level and of mask 0, which turns every module whose row and column have an even sum."""
    value = LEVEL_L << 3
    rest = value << 10
    for shift in range(4, -1, -1):
        rest ^= (GENERATOR << shift) * (rest >> (shift + 10) & 1)
    word = (value << 10 | rest) ^ FORMAT_MASK
    bits = [bool(word >> i & 1) for i in range(15)]
    size = len(modules)
    around = [*((i, 8) for i in (0, 1, 2, 3, 4, 5, 7, 8)), *((8, i) for i in (7, 5, 4, 3, 2, 1, 0))]
    apart = [*((8, size - 1 - i) for i in range(8)), *((size - 7 + i, 8) for i in range(7))]
    for places in (around, apart):
        for bit, (row, column) in zip(bits, places, strict=True):
            modules[row, column], free[row, column] = bit, False
    modules[size - 8, 8], free[size - 8, 8] = True, False


def _path(free: Modules) -> list[tuple[int, int]]:
    """The free modules in the order of the bits: two columns at a time from the right, up and down in turns."""
    size, order, up = len(free), [], True
    for right in [c for c in range(size - 1, 0, -2) if c > 6] + [5, 3, 1]:
        for row in reversed(range(size)) if up else range(size):
            order += [(row, column) for column in (right, right - 1) if free[row, column]]
        up = not up
    return order
