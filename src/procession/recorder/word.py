"""The recorder's word to its supervisor, whose socket it keeps: the same on which instances say that they are ready."""

from __future__ import annotations


def tell_supervisor(kept_fd: int, reason: str) -> bool:
    """Lines are being dropped for want of room, because of `reason`; "": no more. -1: there is no supervisor.

    What a dead supervisor has not heard is there for the next one. Nobody waits: False is that it could not be said.
    """
    if kept_fd < 0:
        return False
    import _socket  # here, as it weighs something, and is needed when a disk is full

    kept = _socket.socket(fileno=kept_fd)
    try:
        address = kept.getsockname()
        ours = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK)
        ours.sendto(f"X_LOST={reason}".encode(), address)
        ours.close()
        return True
    except OSError:
        return False
    finally:
        kept.detach()
