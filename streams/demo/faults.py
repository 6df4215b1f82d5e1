"""What goes wrong at senders: events that cannot be used, each with a reason of its own, and bodies cut off."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from streams.demo.chance import Chance
from streams.demo.messages import DoorName, iso

Maker = Callable[[str, int], dict[str, Any]]


def _page(name: str, at: int, **changes: Any) -> dict[str, Any]:
    return {"type": "page", "messageId": name, "anonymousId": name, "timestamp": iso(at), "properties": {"path": "/"}} | changes


def _mail(name: str, at: int, **changes: Any) -> dict[str, Any]:
    return {"email": f"{name[:8]}@typo.example", "timestamp": at // 1000, "event": "open", "sg_event_id": name} | changes


def _crm(name: str, at: int, **changes: Any) -> dict[str, Any]:
    return {"id": name, "kind": "phone_call", "at": iso(at), "crm_id": name, "properties": {}} | changes


_UNUSABLE: Final[Mapping[DoorName, tuple[Maker, ...]]] = {
    "segment": (
        lambda name, at: _page(name, at, anonymousId=None),
        lambda name, at: _page(name, at, anonymousId={"id": name}),
        lambda name, at: _page(name, at, timestamp="1970-01-01T00:00:00Z"),
        lambda name, at: _page(name, at, timestamp="2099-01-01T00:00:00Z"),
        lambda name, at: _page(name, at, timestamp="yesterday"),
        lambda name, at: _page(name, at, type="pge"),
        lambda name, at: _page(name, at, properties={"path": "/", "note": name + "x" * 40_000}),
    ),
    "sendgrid": (lambda name, at: _mail(name, at, email=None), lambda name, at: _mail(name, at, event="teleported")),
    "events": (
        lambda name, at: _crm(name, at, kind="demo_boked"),
        lambda name, at: _crm(name, at, crm_id=None),
        lambda name, at: _crm(name, at, kind="sales_verdict", properties={"verdict": "perhaps"}),
    ),
}
DOORS: Final[tuple[DoorName, ...]] = tuple(_UNUSABLE)


def unusable(door: DoorName, chance: Chance, at: int) -> dict[str, Any]:
    """One event that no touchpoint can be made of, unlike any other in its bytes."""
    return chance.pick(_UNUSABLE[door])(chance.name(), at)


def cut_off(body: bytes) -> bytes:
    """A body whose sender was interrupted."""
    return body[: len(body) * 2 // 3]
