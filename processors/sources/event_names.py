"""From the names that people give events to kinds: `Demo Booked`, `demoBooked` and `demo-booked` are `demo_booked`."""

import re
from functools import lru_cache
from typing import Final

from processors.sources.bounds import NAME_CHARS_MAX

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_GAP = re.compile(r"[\W_]+")

ALIASES: Final = {
    # Segment's spec for email
    "email_link_clicked": "email_clicked", "email_marked_as_spam": "email_complained", "unsubscribed": "email_unsubscribed",
    "email_unsubscribe": "email_unsubscribed", "resubscribed": "email_resubscribed",
    # for B2B software as a service
    "user_registered": "signed_up", "user_signed_up": "signed_up", "registered": "signed_up", "sign_up": "signed_up",
    "signup": "signed_up", "signup_completed": "signed_up", "free_trial_started": "trial_started", "start_trial": "trial_started",
    # for video: the part watched is in `percent`
    "video_playback_started": "video_watched", "video_content_started": "video_watched",
    "video_content_playing": "video_watched", "video_playback_paused": "video_watched",
    "video_content_completed": "video_watched", "video_playback_completed": "video_watched", "video_played": "video_watched",
    "video_completed": "video_watched", "video_progress": "video_watched",
    # for live chat and e-commerce
    "live_chat_conversation_started": "chat_started", "chat_conversation_started": "chat_started",
    "products_searched": "search_performed", "search": "search_performed", "site_searched": "search_performed",
    # what practice calls the conversions
    "demo_requested": "demo_booked", "demo_request": "demo_booked", "demo_request_submitted": "demo_booked",
    "demo_scheduled": "demo_booked", "book_demo": "demo_booked", "request_demo": "demo_booked", "booked_demo": "demo_booked",
    "contact_form_sent": "contact_form_submitted", "contact_us": "contact_form_submitted",
    "contact_us_submitted": "contact_form_submitted", "contact_sales_submitted": "contact_form_submitted",
    "form_completed": "form_submitted", "form_sent": "form_submitted", "form_submit": "form_submitted",
    "newsletter_signup": "newsletter_subscribed", "newsletter_sign_up": "newsletter_subscribed",
    "newsletter_signed_up": "newsletter_subscribed", "subscribed_to_newsletter": "newsletter_subscribed",
    "e_book_downloaded": "ebook_downloaded", "ebook_download": "ebook_downloaded", "downloaded_ebook": "ebook_downloaded",
    "whitepaper_downloaded": "white_paper_downloaded", "white_paper_download": "white_paper_downloaded",
    "whitepaper_download": "white_paper_downloaded", "registered_for_webinar": "webinar_registered",
    "webinar_registration": "webinar_registered", "attended_webinar": "webinar_attended", "webinar_joined": "webinar_attended",
    "assessment_requested": "assessment_ordered", "analysis_requested": "analysis_ordered",
    "free_analysis_ordered": "analysis_ordered", "audit_requested": "analysis_ordered",
    "phone_number_clicked": "phone_clicked", "click_to_call": "phone_clicked",
}  # fmt: skip
"""Usual names and the kinds they mean."""

VIDEO_FINISHED: Final = frozenset({"video_content_completed", "video_playback_completed", "video_completed"})


@lru_cache(maxsize=4096)
def snake_case(name: str) -> str:
    """Write *name* in snake case; empty where it has neither letter nor digit."""
    return _GAP.sub("_", _HUMP.sub("_", name[: 4 * NAME_CHARS_MAX])).strip("_").lower()[:NAME_CHARS_MAX].strip("_")


def kind_of(name: str) -> str:
    """The kind that an event's *name* means: of the usual names the known one, else its snake case."""
    kind = snake_case(name)
    return ALIASES.get(kind, kind)
