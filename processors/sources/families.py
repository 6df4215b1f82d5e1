"""Which family of touchpoints an event belongs to: web, email, ads or crm. Each has a topic of its own (`streams.topics`)."""

from schemas import kinds


def by_kind(kind: str) -> str:
    """Of one who sends all sorts; a sender's own kinds go with the CRM's."""
    if kind in kinds.WEB:
        return "web"
    if kind in kinds.EMAIL:
        return "email"
    return "ads" if kind in kinds.ADS else "crm"


def web_or_email(kind: str) -> str:
    """Of one who tells of pages, and of emails in the kinds of Segment's email spec."""
    return "email" if kind in kinds.EMAIL else "web"


def web(_kind: str) -> str:
    return "web"


def email(_kind: str) -> str:
    return "email"


def ads(_kind: str) -> str:
    return "ads"


def crm(_kind: str) -> str:
    return "crm"
