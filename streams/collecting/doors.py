"""Every door of the collector: which source comes in where. A new source is one line here, beside its adapter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from processors.sources import (
    amazon_ses,
    brevo,
    calendly,
    callrail,
    email_events,
    event_lists,
    events,
    ga4,
    google_ads,
    hubspot,
    mailchimp,
    mailgun,
    mailjet,
    mandrill,
    meta_lead_ads,
    pipedrive,
    postmark,
    resend,
    segment,
    sendgrid,
    snowplow,
    sparkpost,
    standard_webhooks,
    stripe,
    typeform,
    zoom,
)
from processors.sources.amazon_sns import SnsSettings
from processors.sources.certificates import store_of
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
    list: what is left of a body in a dead letter. `asks` are the methods, besides POST, by which its sender asks whether
    the address is ours. A sender to whom one status says that sending again is of no use is told it, by `stops`. Where a GET
    is an event, its answer is a `pixel`.
    """

    source: str
    paths: tuple[str, ...]
    adapt: Callable[[Signal], Outcome]
    family: Callable[[str], str]
    alone: Callable[[str, bytes], bytes]
    browsers: bool = False
    resends: bool = False
    asks: tuple[str, ...] = ()
    stops: int | None = None
    pixel: bool = False


def doors(settings: Settings) -> tuple[Door, ...]:
    """All doors. Those whose key is not set stay closed, and say so."""
    key, most = settings.identity_key, settings.events_per_body_max
    web = segment.SegmentSettings(write_keys=settings.write_keys, identity_key=key, events_max=most, people=settings.crawlers_let_in, channels=settings.roads)
    email = sendgrid.SendGridSettings(
        public_key=settings.sendgrid_public_key,
        identity_key=key,
        window_s=settings.sendgrid_window_s,
        campaign_arguments=settings.sendgrid_campaign_arguments,
        crm_id_arguments=settings.sendgrid_crm_id_arguments,
        events_max=most,
    )
    ads = google_ads.GoogleAdsSettings(google_key=settings.google_ads_key, identity_key=key)
    crm = events.EventsSettings(secret=settings.events_secret, identity_key=key, window_s=settings.events_window_s, events_max=most, channels=settings.roads)
    return (
        *_of_sales(settings),
        *_of_trackers(settings),
        Door(source="segment", paths=(*segment.PATHS, *settings.snippet_paths), adapt=partial(segment.adapt, settings=web), family=segment.family, alone=segment.alone, browsers=True),
        Door(source="sendgrid", paths=sendgrid.PATHS, adapt=partial(sendgrid.adapt, settings=email), family=sendgrid.family, alone=sendgrid.alone, resends=True),
        Door(source="google_ads", paths=google_ads.PATHS, adapt=partial(google_ads.adapt, settings=ads), family=google_ads.family, alone=google_ads.alone, resends=True),
        *_email_services(settings),
        *_signed_email_services(settings),
        Door(source="events", paths=events.PATHS, adapt=partial(events.adapt, settings=crm), family=events.family, alone=events.alone),
    )


def _of_trackers(settings: Settings) -> tuple[Door, ...]:
    """What pages and servers send that were made for others: Snowplow's trackers and what is sent to Google Analytics."""
    keys, key, most, people = settings.write_keys, settings.identity_key, settings.events_per_body_max, settings.crawlers_let_in
    tracked = snowplow.SnowplowSettings(write_keys=keys, identity_key=key, events_max=most, people=people, channels=settings.roads)
    measured = ga4.Ga4Settings(write_keys=keys, identity_key=key, events_max=most, people=people, channels=settings.roads)
    return (
        Door(
            source="snowplow",
            paths=snowplow.PATHS,
            adapt=partial(snowplow.adapt, settings=tracked),
            family=snowplow.family,
            alone=snowplow.alone,
            browsers=True,
            asks=snowplow.ASKS,
            stops=snowplow.STOP,
            pixel=True,
        ),
        Door(source="ga4", paths=ga4.PATHS, adapt=partial(ga4.adapt, settings=measured), family=ga4.family, alone=ga4.alone, browsers=True),
    )


def _of_sales(settings: Settings) -> tuple[Door, ...]:
    """What booking, form, call and billing tools send: signed by a secret, one event each."""
    key = settings.identity_key
    paid = stripe.StripeSettings(secrets=settings.stripe_secrets, identity_key=key, window_s=settings.stripe_window_s, crm_id_fields=settings.stripe_crm_id_fields)
    booked = calendly.CalendlySettings(
        channels=settings.roads,
        secrets=settings.calendly_secrets,
        identity_key=key,
        window_s=settings.calendly_window_s,
        demo_names=settings.calendly_demo_names,
        meanings=settings.calendly_answers,
    )
    held = zoom.ZoomSettings(
        secrets=settings.zoom_secrets, identity_key=key, window_s=settings.zoom_window_s, meanings=settings.zoom_answers, own_domains=settings.zoom_own_domains,
        channels=settings.roads,
    )
    filled = typeform.TypeformSettings(
        channels=settings.roads,
        secrets=settings.typeform_secrets,
        identity_key=key,
        kinds=settings.typeform_kinds,
        meanings=settings.typeform_answers,
        visitor_id_fields=settings.typeform_visitor_id_fields,
        crm_id_fields=settings.typeform_crm_id_fields,
    )
    changed = hubspot.HubSpotSettings(
        secrets=settings.hubspot_secrets,
        identity_key=key,
        address=settings.hubspot_address,
        window_s=settings.hubspot_window_s,
        changes=settings.hubspot_changes,
        events_max=settings.events_per_body_max,
    )
    leads = meta_lead_ads.MetaSettings(
        secrets=settings.meta_secrets,
        verify_token=settings.meta_verify_token,
        access_token=settings.meta_access_token,
        identity_key=key,
        graph=settings.meta_graph,
        answers=settings.meta_answers,
    )
    called = callrail.CallRailSettings(secrets=settings.callrail_secrets, identity_key=key, time_zone=settings.callrail_time_zone, channels=settings.roads)
    return (
        Door(source="stripe", paths=stripe.PATHS, adapt=partial(stripe.adapt, settings=paid), family=stripe.family, alone=stripe.alone, resends=True),
        Door(source="calendly", paths=calendly.PATHS, adapt=partial(calendly.adapt, settings=booked), family=events.family, alone=calendly.alone, resends=True),
        Door(source="zoom", paths=zoom.PATHS, adapt=partial(zoom.adapt, settings=held), family=events.family, alone=zoom.alone, resends=True),
        Door(source="typeform", paths=typeform.PATHS, adapt=partial(typeform.adapt, settings=filled), family=events.family, alone=typeform.alone, resends=True),
        Door(source="meta_lead_ads", paths=meta_lead_ads.PATHS, adapt=partial(meta_lead_ads.adapt, settings=leads), family=meta_lead_ads.family, alone=meta_lead_ads.alone, resends=True, asks=meta_lead_ads.ASKS),
        Door(source="pipedrive", paths=pipedrive.PATHS, adapt=partial(pipedrive.adapt, settings=pipedrive.PipedriveSettings(secrets=settings.pipedrive_secrets, identity_key=key)), family=events.family, alone=pipedrive.alone, resends=True),
        Door(source="hubspot", paths=hubspot.PATHS, adapt=partial(hubspot.adapt, settings=changed), family=events.family, alone=event_lists.alone_in_list, resends=True),
        Door(source="callrail", paths=callrail.PATHS, adapt=partial(callrail.adapt, settings=called), family=events.family, alone=callrail.alone),
    )


def _email_services(settings: Settings) -> tuple[Door, ...]:
    """Those whose events are alike, and told apart by `processors.sources.email_events`."""
    of = partial(
        email_events.EmailSettings,
        identity_key=settings.identity_key,
        campaign_fields=settings.email_campaign_fields,
        crm_id_fields=settings.email_crm_id_fields,
        events_max=settings.events_per_body_max,
    )
    signed = mandrill.MandrillSettings(
        secrets=settings.mandrill_keys,
        addresses=settings.mandrill_addresses,
        identity_key=settings.identity_key,
        campaign_fields=settings.email_campaign_fields,
        crm_id_fields=settings.email_crm_id_fields,
        events_max=settings.events_per_body_max,
    )
    one, many = event_lists.as_it_came, event_lists.alone_in_list
    return (
        Door(source="brevo", paths=brevo.PATHS, adapt=partial(brevo.adapt, settings=of(secrets=settings.brevo_secrets)), family=brevo.family, alone=one),
        Door(source="sparkpost", paths=sparkpost.PATHS, adapt=partial(sparkpost.adapt, settings=of(secrets=settings.sparkpost_secrets)), family=sparkpost.family, alone=many, resends=True),
        Door(source="mailjet", paths=mailjet.PATHS, adapt=partial(mailjet.adapt, settings=of(secrets=settings.mailjet_secrets)), family=mailjet.family, alone=one, resends=True),
        Door(source="mandrill", paths=mandrill.PATHS, adapt=partial(mandrill.adapt, settings=signed), family=mandrill.family, alone=mandrill.alone, resends=True, asks=mandrill.ASKS),
        Door(source="mailchimp", paths=mailchimp.PATHS, adapt=partial(mailchimp.adapt, settings=of(secrets=settings.mailchimp_secrets)), family=mailchimp.family, alone=one, resends=True, asks=mailchimp.ASKS),
    )


def _signed_email_services(settings: Settings) -> tuple[Door, ...]:
    """Those with proofs, or answers, of their own kind; and any sender of Standard Webhooks."""
    common: Mapping[str, Any] = {
        "identity_key": settings.identity_key,
        "campaign_fields": settings.email_campaign_fields,
        "crm_id_fields": settings.email_crm_id_fields,
        "events_max": settings.events_per_body_max,
    }
    sent = mailgun.MailgunSettings(secrets=settings.mailgun_keys, window_s=settings.mailgun_window_s, **common)
    told = email_events.EmailSettings(secrets=settings.postmark_secrets, **common)
    roots = store_of(settings.outbound_roots) if settings.amazon_ses_topics else None
    through = amazon_ses.SesSettings(sns=SnsSettings(topics=settings.amazon_ses_topics, store=roots, window_s=settings.amazon_ses_window_s), **common)
    signed = resend.ResendSettings(secrets=settings.resend_secrets, **common)
    any_one = standard_webhooks.StandardSettings(
        channels=settings.roads,
        secrets=settings.standard_webhooks_secrets,
        identity_key=settings.identity_key,
        kinds=settings.standard_webhooks_kinds,
        crm_id_fields=settings.email_crm_id_fields,
    )
    return (
        Door(source="amazon_ses", paths=amazon_ses.PATHS, adapt=partial(amazon_ses.adapt, settings=through), family=amazon_ses.family, alone=amazon_ses.alone, resends=True),
        Door(source="mailgun", paths=mailgun.PATHS, adapt=partial(mailgun.adapt, settings=sent), family=mailgun.family, alone=mailgun.alone, stops=mailgun.STOP),
        Door(source="postmark", paths=postmark.PATHS, adapt=partial(postmark.adapt, settings=told), family=postmark.family, alone=postmark.alone, stops=postmark.STOP),
        Door(source="resend", paths=resend.PATHS, adapt=partial(resend.adapt, settings=signed), family=resend.family, alone=resend.alone, resends=True),
        Door(source="standard_webhooks", paths=standard_webhooks.PATHS, adapt=partial(standard_webhooks.adapt, settings=any_one), family=events.family, alone=standard_webhooks.alone, resends=True),
    )
