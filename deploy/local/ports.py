"""Loopback ports: which, whether they are free, and free ones for tests."""

import errno
import socket
from dataclasses import dataclass

from deploy.local.errors import Misconfigured

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The ports of the local servers; 0 picks a free one at each start."""

    kafka: int = 19092
    clickhouse: int = 19000
    clickhouse_http: int = 18123

    @classmethod
    def any_free(cls) -> "Ports":
        return cls(kafka=0, clickhouse=0, clickhouse_http=0)


def claim(port: int, *, setting: str) -> int:
    """Return *port*, or a free one for 0; raise `Misconfigured` naming *setting* when it is taken."""
    try:
        with socket.socket() as probe:
            # As the servers do: a port whose last connections are still closing is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return int(probe.getsockname()[1])
    except OverflowError as error:
        raise Misconfigured(f"{setting}={port} is no port: name one from 1 to 65535, or 0 for any free one.") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Misconfigured(
                f"Port {port} is in use by another program: end that program, or choose another port with {setting}."
            ) from error
        raise Misconfigured(f"Port {port} cannot be used ({error.strerror}): choose another with {setting}.") from error


def answers(port: int) -> bool:
    """Tell whether something accepts connections on *port*."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False
