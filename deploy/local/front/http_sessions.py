"""Sessions of the HTTP interface: named ones last between requests, as long as their timeout; others for one."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deploy.local.front.engine import Engine, EngineError, Session

SESSION_NOT_FOUND = 372
SESSION_IS_LOCKED = 373
TIMEOUT_S = 60
TIMEOUT_S_MAX = 3600


@dataclass(slots=True)
class _Kept:
    session: Session
    busy: bool = True
    timeout_s: float = TIMEOUT_S
    idle_since: float = field(default_factory=time.monotonic)


class Sessions:
    """The named sessions of one server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    @contextmanager
    def open(self, name: str, *, timeout_s: float = TIMEOUT_S, must_exist: bool = False) -> Iterator[Session]:
        """Give the session of that name for one request, a new one for ""; refuse it to a second at the same time."""
        if not name:
            with self._engine.session() as session:
                yield session
            return
        kept = self._take(name, must_exist=must_exist)
        try:
            yield kept.session
        finally:
            with self._lock:
                kept.busy, kept.idle_since, kept.timeout_s = False, time.monotonic(), min(timeout_s, TIMEOUT_S_MAX)

    def _take(self, name: str, *, must_exist: bool) -> _Kept:
        with self._lock:
            self._drop_expired()
            kept = self._kept.get(name)
            if kept is None:
                if must_exist:
                    raise EngineError(SESSION_NOT_FOUND, f"Session {name} not found. (SESSION_NOT_FOUND)")
                kept = self._kept[name] = _Kept(self._engine.session())
            elif kept.busy:
                raise EngineError(SESSION_IS_LOCKED, f"Session {name} is locked by a concurrent client. (SESSION_IS_LOCKED)")
            kept.busy = True
            return kept

    def _drop_expired(self) -> None:
        now = time.monotonic()
        for name, kept in list(self._kept.items()):
            if not kept.busy and now - kept.idle_since > kept.timeout_s:
                self._kept.pop(name).session.close()
