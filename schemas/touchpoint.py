"""A touchpoint: one normalised contact with a visitor, whatever source sent it."""

from typing import Final

import msgspec

# Identifiers carry their rank in their first letter; a lead is named by one of them.
VISITOR: Final = "v:"
CRM: Final = "c:"
EMAIL: Final = "e:"

IMPORT_REACHED: Final = "import_reached"
"""The one kind that is no contact: a mark that an import has reached an instant (see `schemas.inbox`)."""

IDENTIFIER_CHARS_MAX: Final = 128


class Touchpoint(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One contact. Strings are bounded by the collector; absent is None or empty, never a magic value.

    Identifiers hold no prefix here: `visitor_id` is what the cookie or device said, `crm_id` the sender's own id of
    the person, `email_hash` the keyed hash of the normalised address (`processors.identity.email_hash`).
    """

    event_id: str  # 32 hex digits, derived: equal for every re-send of the same event
    source: str  # the adapter that read it: segment, sendgrid, google_ads, events
    kind: str  # what was done: page_view, demo_booked, email_opened, ... (glossary: kind)
    channel: str  # by which road: organic_search, paid_search, email, social, referral, direct, crm, ...
    occurred_at: int  # the source's instant, corrected for its clock's skew
    received_at: int  # when the collector accepted it; for an imported one: occurred_at
    visitor_id: str | None = None
    crm_id: str | None = None
    email_hash: str | None = None
    email_domain: str | None = None
    campaign: str | None = None
    properties: dict[str, str] = {}  # what the rules may ask: path, title, form, percent, click ids, ...
    profile: dict[str, str] = {}  # coded attributes of role and company (`processors.profile.coding`)
    contact: dict[str, str] = {}  # personal data: email, name, phone, company. Never leaves touchpoints.* and ClickHouse
    import_id: str | None = None

    def identifiers(self) -> tuple[str, ...]:
        """Its identifiers from the weakest to the strongest: visitor, CRM id, email. Empty for a mark of an import."""
        visitor, crm, email = self.visitor_id, self.crm_id, self.email_hash
        if crm is None:
            if email is None:
                return (VISITOR + visitor,) if visitor is not None else ()
            return (VISITOR + visitor, EMAIL + email) if visitor is not None else (EMAIL + email,)
        found = [] if visitor is None else [VISITOR + visitor]
        found.append(CRM + crm)
        if email is not None:
            found.append(EMAIL + email)
        return tuple(found)
