"""Whether an app's native libraries suit memory pages of 16 KB, as phones with Android 15 and later may have.

python check_pages.py APP.apk          (or .aab, .aar, or a .so)

A library's segments must be aligned to 16 KB, and one that lies uncompressed in an .apk must start at such a place.
"""

import struct
import sys
import zipfile
from pathlib import Path

PAGE = 16 * 1024
LOAD = 1  # a segment that is mapped into memory


def faults(path):
    """What is wrong with each 64-bit library of a file, by name, in words; none of a .so that is fine."""
    if path.suffix == ".so":
        return {path.name: _segments(path.read_bytes())}
    found = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith(".so"):
                found[entry.filename] = _segments(archive.read(entry))
                if entry.compress_type == zipfile.ZIP_STORED and path.suffix == ".apk":
                    start = _start(archive, entry)
                    found[entry.filename] += [f"lies at byte {start}, no multiple of {PAGE}"] if start % PAGE else []
    return found


def _segments(library):
    """Of a library's bytes: segments aligned to less than a page. 32-bit ones have pages of 4 KB everywhere."""
    if library[:4] != b"\x7fELF":
        return ["is no ELF library"]
    if library[4] == 1:
        return []
    (headers,) = struct.unpack_from("<Q", library, 32)
    size, count = struct.unpack_from("<HH", library, 54)
    found = []
    for place in range(headers, headers + size * count, size):
        (kind,), (alignment,) = struct.unpack_from("<I", library, place), struct.unpack_from("<Q", library, place + 48)
        if kind == LOAD and alignment % PAGE:
            found.append(f"has a segment aligned to {alignment} bytes")
    return found


def _start(archive, entry):
    """Where an entry's bytes begin in the archive: after its own header, name and padding."""
    archive.fp.seek(entry.header_offset + 26)
    name, extra = struct.unpack("<HH", archive.fp.read(4))
    return entry.header_offset + 30 + name + extra


def main(path):
    """Print every library and end with status 1 where one is not fit, or there is none."""
    found = faults(Path(path))
    for name, reasons in sorted(found.items()):
        print(f"{name}: {'; '.join(reasons) or 'fit for pages of 16 KB'}")
    if not found:
        sys.exit(f"{path} has no native library")
    sys.exit(1 if any(found.values()) else 0)


if __name__ == "__main__":
    main(sys.argv[1]) if len(sys.argv) == 2 else sys.exit(__doc__)
