"""The System V shared memory that a PostgreSQL server of ours leaves when it is killed.

Each server has one small segment (56 bytes), by which it is noticed that processes of it still run
(src/backend/port/sysv_shmem.c). A killed one leaves it, and would find it again when it is started
on the same folder; ours never is, since the folder goes. The server's lock file names the segment:
its seventh line is key and id (src/include/utils/pidfile.h), its first the server's pid, negative
for one without a postmaster, as initdb runs it.

``python -m paidonce.harness.process.shared_memory FILE`` removes it; the guardian does so.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

TABLE = Path("/proc/sysvipc/shm")
"""The segments there are (Linux: proc(5)); elsewhere none is removed."""
_IPC_RMID = 0
"""Of shmctl(2), on Linux."""


def remove_segment(lock_file: Path) -> bool:
    """Remove the segment that the lock file of a server names; return whether there was one.

    Only one with that key and that id, made by that server, to which no process is attached: the
    numbers of one that is gone may be somebody else's by now. The server must have ended.
    """
    try:
        lines = lock_file.read_text().splitlines()
        maker = abs(int(lines[0]))
        key, identifier = map(int, lines[6].split())
        rows = [line.split() for line in TABLE.read_text().splitlines()]
    except (OSError, ValueError, IndexError):
        return False
    named = {
        "key": str(key),
        "shmid": str(identifier),
        "cpid": str(maker),
        "nattch": "0",
    }
    for row in rows[1:]:
        segment = dict(zip(rows[0], row, strict=False))
        if all(segment.get(name) == value for name, value in named.items()):
            removed: int = ctypes.CDLL(None).shmctl(identifier, _IPC_RMID, None)
            return removed == 0
    return False


def main() -> None:
    """Remove the segment that the lock file of the first argument names."""
    remove_segment(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
