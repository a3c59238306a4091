"""The System V shared memory that a PostgreSQL server of ours leaves when it is killed.

Each server has one small segment (56 bytes), by which it is noticed that processes of it still run
(src/backend/port/sysv_shmem.c). A killed one leaves it, and would find it again when it is started
on the same folder; ours never is, since the folder goes. Its key is the inode number of the data
folder, or one of the next where that is taken. The first line of the server's lock file
(src/include/utils/pidfile.h) is who made it: the server's pid, negative for one without a
postmaster, as initdb runs it. The segment is named there as well, but only a moment after it was
made.

``python -m paidonce.harness.process.shared_memory FILE`` removes it; the guardian does so.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Iterator
from pathlib import Path

TABLE = Path("/proc/sysvipc/shm")
"""The segments there are (Linux: proc(5)); elsewhere none is removed."""
_IPC_RMID = 0
"""Of shmctl(2), on Linux."""
_KEYS = 2**32
"""There are so many keys (key_t, 32 bits), and inode numbers are longer."""
_TRIED = 64
"""Keys from the inode's on that a server is thought to have tried: the others are others'."""
LEAVING_S = 10.0
"""Seconds in which the processes of a killed server have left, also on a busy machine."""
_LOOK_AGAIN_S = 0.02


def remove_segment(lock_file: Path, *, within_s: float = LEAVING_S) -> bool:
    """Remove the segment of the server with this lock file; return whether there was one.

    Only one with a key of its data folder's, made by that server: the numbers of one that is gone
    may be somebody else's by now. The server must have been killed or have ended. Processes of a
    killed one notice that only a moment later, so they are given ``within_s`` seconds to leave; one
    that somebody is attached to after that stays.
    """
    try:
        maker = abs(int(lock_file.read_text().split("\n", 1)[0]))
        inode = lock_file.parent.stat().st_ino
    except (OSError, ValueError):
        return False
    removed = False
    until = time.monotonic() + within_s
    while found := dict(_segments(maker, inode)):
        left = [segment for segment, attached in found.items() if not attached]
        for segment in left:
            removed = ctypes.CDLL(None).shmctl(segment, _IPC_RMID, None) == 0 or removed
        if len(left) == len(found) or time.monotonic() >= until:
            break
        time.sleep(_LOOK_AGAIN_S)
    return removed


def _segments(maker: int, inode: int) -> Iterator[tuple[int, int]]:
    """The segments that ``maker`` made for a folder, and how many are attached to each."""
    try:
        names, *rows = [line.split() for line in TABLE.read_text().splitlines()]
    except (OSError, ValueError):
        return
    for row in rows:
        segment = dict(zip(names, map(int, row), strict=False))
        if segment["cpid"] == maker and (segment["key"] - inode) % _KEYS < _TRIED:
            yield segment["shmid"], segment["nattch"]


def main() -> None:
    """Remove the segment that the lock file of the first argument names."""
    remove_segment(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
