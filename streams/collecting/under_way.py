"""How much may be under way at once. What does not fit is refused at once: waiting in line would only hide it."""

from streams import metrics


class UnderWay:
    """Requests and bytes under way, each within its bound."""

    __slots__ = ("_bytes", "_bytes_max", "_requests", "_requests_max")

    def __init__(self, *, requests_max: int, bytes_max: int) -> None:
        self._requests_max = requests_max
        self._bytes_max = bytes_max
        self._requests = 0
        self._bytes = 0
        metrics.REQUESTS_UNDER_WAY.set_function(lambda: self._requests)
        metrics.BYTES_UNDER_WAY.set_function(lambda: self._bytes)

    def enter(self, size: int) -> bool:
        """Let in a request of *size* bytes, if there is room for it."""
        if self._requests >= self._requests_max or self._bytes + size > self._bytes_max:
            return False
        self._requests += 1
        self._bytes += size
        return True

    def grow(self, size: int) -> bool:
        """Make room for *size* more bytes of a request that is in, if there is any."""
        if self._bytes + size > self._bytes_max:
            return False
        self._bytes += size
        return True

    def leave(self, size: int) -> None:
        """A request is answered; *size* is all that was made room for."""
        self._requests -= 1
        self._bytes -= size
