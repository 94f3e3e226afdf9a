"""Locks on files, by which a process shows that it is alive: the system drops them when it ends, however it ends."""

from __future__ import annotations

try:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
except ImportError:  # Windows
    CAN_LOCK = False
else:
    CAN_LOCK = True


def locked(descriptor: int, *, shared: bool = False) -> bool | None:
    """Lock a file for as long as it is open here, if need be along with others who have it `shared`.

    False where another process has it, None where files can't be locked, as on some network file systems.
    """
    if not CAN_LOCK:
        return None
    try:
        flock(descriptor, (LOCK_SH if shared else LOCK_EX) | LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
