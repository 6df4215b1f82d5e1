"""Clicks by security scanners: machines that follow every link of a message as it is delivered, before anyone has read it.

Events arrive one by one and in any order, so a click is first taken for a person's, and the verdict may come later, with
the third link or with the delivery. What is remembered of a lead's emails is bounded, and follows from the log of its
inbox alone. Knowing more of a message only ever makes more of its clicks a machine's, so the order of arrival does not
matter.

A click is a machine's if it came before the delivery or with it (within a second: services tell whole seconds); if it is
one of clicks on three or more links within ten seconds, all within a minute of the delivery; or, whenever that was and
also where no delivery was told, on five or more links within ten seconds.
"""

from hashlib import blake2b
from typing import Final, NamedTuple

from schemas.ids import event_key
from schemas.state import WatchedClick, WatchedMail
from schemas.touchpoint import Touchpoint

REASON: Final = "security_scanner"
CLICKED: Final = "email_clicked"
DELIVERED: Final = "email_delivered"
WATCHED: Final = frozenset({CLICKED, DELIVERED})

BURST_MS: Final = 10_000
LINKS_SOON: Final = 3
SOON_MS: Final = 60_000
LINKS_EVER: Final = 5
AT_DELIVERY_MS: Final = 1_000
BEFORE_MS: Final = 3_600_000
"""How long before its delivery a click can be of that delivery: some services give one id to mails of several days."""
MAILS_MAX: Final = 8
CLICKS_MAX: Final = 32
_MESSAGE: Final = ("message_id", "sg_message_id", "email_id")
_LINK: Final = ("url", "link_url", "link")


class Found(NamedTuple):
    """What a touchpoint shows: whether it is a machine's itself, and which clicks before it are, as is seen only now."""

    by_machine: bool
    earlier: tuple[WatchedClick, ...]
    click: WatchedClick | None  # the touchpoint itself, where it is a click


def look(mails: list[WatchedMail], touchpoint: Touchpoint) -> Found | None:
    """Remember a click or delivery in *mails*, in place, and say what is seen by it; None where it names no message."""
    message = _named(touchpoint, _MESSAGE)
    if message is None:
        return None
    mail = _mail(mails, _short(message.partition(".")[0] if "message_id" not in touchpoint.properties else message))
    click = None
    if touchpoint.kind == DELIVERED:
        at = touchpoint.occurred_at
        mail.delivered_at = min(mail.delivered_at, at) if mail.delivered_at else at
    else:
        link = _named(touchpoint, _LINK)
        click = WatchedClick(touchpoint.occurred_at, 0 if link is None else _short(link), event_key(touchpoint.event_id))
        mail.clicks.append(click)
        mail.clicks.sort(key=_instant)
    seen = _by_machine(mail)
    for each in seen:
        each.by_machine = True
    earlier = tuple(each for each in seen if each is not click)
    _forget(mails, mail)
    return Found(click is not None and click.by_machine, earlier, click)


def settle(mails: list[WatchedMail]) -> None:
    """What these clicks had earned was taken back for another reason: there is nothing left to give back for them."""
    for mail in mails:
        for click in mail.clicks:
            click.sums = ()


def _by_machine(mail: WatchedMail) -> list[WatchedClick]:
    """The clicks not yet taken for a machine's that are one's."""
    clicks, delivered = mail.clicks, mail.delivered_at
    found: set[int] = set(_bursts(clicks, LINKS_EVER))
    if delivered:
        near = [each for each in clicks if -BEFORE_MS <= each.at - delivered <= SOON_MS]
        found |= _bursts(near, LINKS_SOON)
        found.update(each.key for each in near if each.at - delivered <= AT_DELIVERY_MS)
    return [each for each in clicks if each.key in found and not each.by_machine]


def _bursts(clicks: list[WatchedClick], links_min: int) -> set[int]:
    """The keys of *clicks*, in their order of time, that lie in a window in which so many links were clicked."""
    found: set[int] = set()
    for first in range(len(clicks) - links_min + 1):
        window = [each for each in clicks[first:] if each.at - clicks[first].at <= BURST_MS]
        if len({each.link for each in window if each.link}) >= links_min:
            found.update(each.key for each in window)
    return found


def _mail(mails: list[WatchedMail], message: int) -> WatchedMail:
    for mail in mails:
        if mail.message == message:
            return mail
    mail = WatchedMail(message)
    mails.append(mail)
    return mail


def _forget(mails: list[WatchedMail], latest: WatchedMail) -> None:
    """Drop what is beyond the bounds: of a message its oldest clicks, of messages those longest without news."""
    if len(latest.clicks) > CLICKS_MAX:
        latest.clicks.remove(min(latest.clicks, key=_use))
    mails.remove(latest)
    mails.append(latest)
    if len(mails) > MAILS_MAX:
        del mails[0]


def _use(click: WatchedClick) -> tuple[bool, int, int]:
    """Of least use are those already taken back, and of them the oldest."""
    return not click.by_machine, click.at, click.key


def _instant(click: WatchedClick) -> tuple[int, int]:
    return click.at, click.key


def _named(touchpoint: Touchpoint, names: tuple[str, ...]) -> str | None:
    return next((said for name in names if (said := touchpoint.properties.get(name))), None)


def _short(text: str) -> int:
    """64 bits that stand for a text."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
