"""Run a command in a process that the kernel kills when it asks for an internet socket; whatever its language.

A seccomp filter, which Linux applies to C++ libraries as well: `python jail.py COMMAND...` ends with SIGSYS where
AF_INET or AF_INET6 is named in a call of socket(). Local sockets (AF_UNIX) are allowed.
"""

import ctypes
import os
import platform
import struct
import sys

SOCKET = {"x86_64": 41, "aarch64": 198}
"""Number of the system call."""
AF_INET, AF_INET6 = 2, 10
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, KILL = 0x7FFF0000, 0x80000000
NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER = 38, 22, 2


def instruction(code: int, value: int, jump_true: int = 0, jump_false: int = 0) -> bytes:
    """One instruction of the filter (struct sock_filter)."""
    return struct.pack("=HBBI", code, jump_true, jump_false, value)


def no_internet() -> None:
    """Install the filter for this process and all that it becomes.

    Raises:
        OSError: the kernel does not take it.
    """
    program = b"".join(
        [
            instruction(LOAD_WORD, 0),  # the system call's number
            instruction(JUMP_IF_EQUAL, SOCKET[platform.machine()], 0, 3),
            instruction(LOAD_WORD, 16),  # its first argument, the family
            instruction(JUMP_IF_EQUAL, AF_INET, 2, 0),
            instruction(JUMP_IF_EQUAL, AF_INET6, 1, 0),
            instruction(RETURN, ALLOW),
            instruction(RETURN, KILL),
        ]
    )
    code = ctypes.create_string_buffer(program)
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((NO_NEW_PRIVILEGES, 1, 0, 0, 0), (SET_SECCOMP, FILTER, header, 0, 0)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "the kernel refuses a seccomp filter")


if __name__ == "__main__":
    no_internet()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell is wanted
