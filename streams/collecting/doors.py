"""Every door of the collector: which source comes in where. A new source is one line here, beside its adapter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from processors.sources import events, google_ads, segment, sendgrid
from processors.sources.signal import Outcome, Signal
from streams import topics
from streams.settings import Settings

TOPIC_OF: Final[Mapping[str, str]] = {"web": topics.WEB, "email": topics.EMAIL, "ads": topics.ADS, "crm": topics.CRM}
"""The topic of each family of touchpoints."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """One source's way in. `family` names a kind's topic; `browsers` asks for the answers that other sites' pages need.

    A source that `resends` whatever is not answered 200 is told 200 also when all its events were rejected: they are
    among the dead letters, and would be no better the next time. `alone` makes a body, for a path, of one event out of a
    list: what is left of a body in a dead letter.
    """

    source: str
    paths: tuple[str, ...]
    adapt: Callable[[Signal], Outcome]
    family: Callable[[str], str]
    alone: Callable[[str, bytes], bytes]
    browsers: bool = False
    resends: bool = False


def doors(settings: Settings) -> tuple[Door, ...]:
    """All doors. Those whose key is not set stay closed, and say so."""
    key, most = settings.identity_key, settings.events_per_body_max
    web = segment.SegmentSettings(write_keys=settings.write_keys, identity_key=key, events_max=most)
    email = sendgrid.SendGridSettings(
        public_key=settings.sendgrid_public_key,
        identity_key=key,
        window_s=settings.sendgrid_window_s,
        campaign_arguments=settings.sendgrid_campaign_arguments,
        crm_id_arguments=settings.sendgrid_crm_id_arguments,
        events_max=most,
    )
    ads = google_ads.GoogleAdsSettings(google_key=settings.google_ads_key, identity_key=key)
    crm = events.EventsSettings(secret=settings.events_secret, identity_key=key, window_s=settings.events_window_s, events_max=most)
    return (
        Door(source="segment", paths=segment.PATHS, adapt=partial(segment.adapt, settings=web), family=segment.family, alone=segment.alone, browsers=True),
        Door(source="sendgrid", paths=sendgrid.PATHS, adapt=partial(sendgrid.adapt, settings=email), family=sendgrid.family, alone=sendgrid.alone, resends=True),
        Door(source="google_ads", paths=google_ads.PATHS, adapt=partial(google_ads.adapt, settings=ads), family=google_ads.family, alone=google_ads.alone, resends=True),
        Door(source="events", paths=events.PATHS, adapt=partial(events.adapt, settings=crm), family=events.family, alone=events.alone),
    )
