"""Mailgun's older webhooks, flat forms, read as the events that its newer ones send.

The sender's own fields lie among Mailgun's, and may have their names: of a name said twice, the first is the event's, and
the last the signature's, as Mailgun adds it at the end.
"""

from typing import Any, Final

import msgspec

_PROOF: Final = ("timestamp", "token", "signature")
_TAGS: Final = ("tag", "X-Mailgun-Tag")
_CLIENT: Final = ("user-agent", "device-type", "client-type", "client-name", "client-os", "bot")
_MAILGUN_S: Final = frozenset({
    *_PROOF, *_TAGS, *_CLIENT, "event", "recipient", "url", "domain", "ip", "country", "region", "city", "my-var-1", "my-var-2", "message-headers",
    "Message-Id", "message-id", "X-Mailgun-Sid", "code", "error", "reason", "description", "notification", "campaign-id", "campaign-name",
    "mailing-list", "attachment-count", "sender", "from", "subject", "body-plain", "body-html", "stripped-text", "h", "attachment-1",
})  # fmt: skip
_HEADERS_CHARS_MAX: Final = 65_536


def read(fields: list[tuple[bytes, bytes]]) -> tuple[dict[str, Any], tuple[str | None, str | None, str | None]]:
    """The event as the JSON webhooks have it, and timestamp, token and signature."""
    said = [(name.decode(errors="replace"), value.decode(errors="replace")) for name, value in fields]
    last = dict(said)
    first = dict(reversed(said))
    headers = _headers(first.get("message-headers"))
    tags = [value for name, value in said if name in _TAGS]
    own = {name: value for name, value in first.items() if name not in _MAILGUN_S}
    event: dict[str, Any] = {
        "event": first.get("event") or ("stored" if "body-plain" in first or "stripped-text" in first else None),
        "timestamp": last.get("timestamp"),
        "recipient": first.get("recipient"),
        "url": first.get("url"),
        "reason": first.get("reason"),
        "tags": tags or [value for name, value in headers if name == "X-Mailgun-Tag"],
        "user-variables": own or dict(headers).get("X-Mailgun-Variables"),
        "message": {"headers": {"message-id": first.get("Message-Id") or first.get("message-id"), "subject": dict(headers).get("Subject")}},
        "client-info": {name: first.get(name) for name in _CLIENT},
        "delivery-status": {"code": first.get("code"), "description": first.get("description") or first.get("error") or first.get("notification")},
        "campaigns": [{"name": first["campaign-name"]}] if first.get("campaign-name") else [],
    }
    return event, (last.get("timestamp"), last.get("token"), last.get("signature"))


def _headers(said: str | None) -> list[tuple[str, str]]:
    """The email's own headers, sent along as JSON; none where they cannot be read."""
    if said is None or len(said) > _HEADERS_CHARS_MAX:
        return []
    try:
        found = msgspec.json.decode(said, type=list[Any])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return []
    return [(each[0], each[1]) for each in found if isinstance(each, list) and len(each) == 2 and all(isinstance(part, str) for part in each)]
