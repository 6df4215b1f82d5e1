"""What can go wrong with the local servers, named by what the caller should do next.

    LocalError
    ├── Misconfigured   stop: a port, a folder or a setting must change first
    └── Unavailable     the same command may work later (network, a server that died)

Every message is one plain sentence that says what to do.
"""


class LocalError(Exception):
    """Be the root of this package's errors."""


class Misconfigured(LocalError):
    """Say that a port, a folder or a setting must change before trying again."""


class Unavailable(LocalError):
    """Say that the same command may succeed later."""
