"""The kinds of touchpoints that practice names: what was done, in the words scoring models use.

Sources may bring their own: a Segment `track` becomes the snake case of its event name; the generic door takes
kinds from here or starting with `custom_`, so that a misspelt `demo_boked` is refused and not silently worth nothing.
"""

from typing import Final

WEB: Final = frozenset({
    "page_view", "screen_view", "identified", "grouped", "aliased", "signed_up", "form_submitted", "search_performed",
    "newsletter_subscribed", "ebook_downloaded", "white_paper_downloaded", "webinar_registered", "webinar_attended",
    "video_watched", "trial_started", "demo_booked", "contact_form_submitted", "analysis_ordered", "assessment_ordered",
    "phone_clicked", "chat_started",
})  # fmt: skip
EMAIL: Final = frozenset({
    "email_sent", "email_delivered", "email_deferred", "email_bounced", "email_dropped", "email_opened",
    "email_machine_opened", "email_clicked", "email_machine_clicked", "email_unsubscribed", "email_resubscribed", "email_complained",
    "email_replied",
})  # fmt: skip
ADS: Final = frozenset({"ad_clicked", "lead_form_submitted"})
CRM: Final = frozenset({
    "contact_created", "phone_call", "mail_to_sales", "meeting_booked", "meeting_held", "deal_opened", "deal_won",
    "deal_lost", "sales_verdict", "bot_verdict", "demo_rescheduled", "demo_canceled", "demo_missed", "meeting_rescheduled", "meeting_canceled",
    "meeting_missed", "webinar_canceled", "invoice_paid", "subscription_canceled", "erasure_requested",
})  # fmt: skip

KNOWN: Final = WEB | EMAIL | ADS | CRM
CUSTOM_PREFIX: Final = "custom_"

SALES_VERDICT: Final = "sales_verdict"
"""The first of three kinds that the core itself reads: property `verdict` is accepted, rejected, recycled or disqualified."""

BOT_VERDICT: Final = "bot_verdict"
"""Another: whoever seemed to be a lead is a program. What it earned is taken back, and it is disqualified."""

ERASURE_REQUESTED: Final = "erasure_requested"
"""The third: a person wants to be forgotten. It is no interest shown, so it is worth nothing, whatever the rules say."""

NEEDS_A_SIGNATURE: Final = frozenset({SALES_VERDICT, BOT_VERDICT, ERASURE_REQUESTED})
"""Kinds by which a sender decides over leads: nobody may send them with a write key, for those are public."""

PASSIVE: Final = CRM | frozenset({
    "email_sent", "email_delivered", "email_deferred", "email_bounced", "email_dropped", "email_machine_opened", "email_machine_clicked",
})  # fmt: skip
"""Kinds in which the visitor did nothing by a marketing channel: no conversion is credited to them."""

NO_CHANNEL: Final = "none"
"""The channel of a passive touch: attribution passes over it."""
