"""A TCP connection that can be given up at any moment."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from contextlib import ExitStack
from typing import Any

from adit.dicom.errors import Unreachable
from adit.dicom.protocols import Cancellation
from adit.dimse.errors import ConnectTimedOut

SOCKET_BUFFER = 1 << 20
"""Bytes that the system may hold for us while we are busy."""


def connect(name: str, address: tuple[str, int], seconds: float, cancel: Cancellation | None = None) -> socket.socket:
    """A TCP connection to host and port in *address*, over the first of its addresses that takes one.

    Args:
        name: Of the peer, for messages.

    Raises:
        Unreachable, ConnectTimedOut, Canceled: There is none.
    """
    deadline = time.monotonic() + seconds
    try:
        found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError) as error:
        raise Unreachable(f"{name}: the host name cannot be resolved") from error
    failure: OSError | None = None
    for family, kind, protocol, _, where in found:
        sock = socket.socket(family, kind, protocol)
        try:
            _connect_to(sock, where, deadline, cancel)
        except TimeoutError as error:
            sock.close()
            raise ConnectTimedOut(f"{name} did not take the connection within {seconds:g} s") from error
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    detail = failure.strerror if failure else "no address"
    raise Unreachable(f"no connection to {name}: {detail}") from failure


def _connect_to(sock: socket.socket, where: Any, deadline: float, cancel: Cancellation | None) -> None:
    # Before connecting, because the window scale is agreed on then.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
    sock.setblocking(False)
    waking, waker = socket.socketpair()
    with waking, waker, ExitStack() as stack:
        if cancel is not None:
            stack.enter_context(cancel.closing(lambda: waker.shutdown(socket.SHUT_RDWR)))
        code = sock.connect_ex(where)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
        poll = select.poll()
        poll.register(sock, select.POLLOUT)
        poll.register(waking, select.POLLIN)
        ready = dict(poll.poll(max(deadline - time.monotonic(), 0) * 1000))
        if waking.fileno() in ready and cancel is not None:
            cancel.check()
        if not ready:
            raise TimeoutError
        if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, os.strerror(code))
