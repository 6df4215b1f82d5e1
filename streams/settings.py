"""Every setting of the product, read from the environment in this one place, all problems told at once.

A variable is `LEADSTREAM_` and the field's name in capitals; with `_FILE` behind it, it names a file that holds the
value, as secrets are mounted. Secrets appear neither in messages nor in `repr`.
"""

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, TypeVar

from processors.attribution.roads import Channels
from processors.sources import hubspot
from processors.sources.answers import ATTRIBUTES
from processors.sources.certificates import store_of
from processors.sources.event_names import snake_case
from processors.sources.local_times import time_zone
from processors.sources.segment_messages import CALLS
from processors.sources.signatures import ecdsa_key, standard_key
from processors.sources.write_keys import read_entry
from schemas import kinds
from streams.channels import channels_in
from streams.errors import Misconfigured, Refused
from streams.kafka import ENVELOPE_BYTES, RECORD_BYTES_MAX
from streams.topics import Names

PREFIX: Final = "LEADSTREAM_"
FILE: Final = "_FILE"
FILE_BYTES_MAX: Final = 1 << 20
KEY_BYTES_MIN: Final = 16
KEY_BYTES_MAX: Final = 64

T = TypeVar("T")


class _Problem(ValueError):
    """What is wrong with one setting, as the rest of a sentence that begins with its name."""


def _text(said: str) -> str:
    return said


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(said: str) -> int:
        if not said.isascii() or not said.isdigit() or not least <= int(said[:20]) <= most:
            raise _Problem(f"must be a whole number from {least} to {most}")
        return int(said)

    return read


def _number(least: float, most: float) -> Callable[[str], float]:
    def read(said: str) -> float:
        try:
            number = float(said)
        except ValueError:
            number = float("nan")
        if not least <= number <= most:
            raise _Problem(f"must be a number from {least:g} to {most:g}")
        return number

    return read


def _names(said: str) -> tuple[str, ...]:
    return tuple(name for part in said.split(",") if (name := part.strip()))


def _networks(said: str) -> tuple[str, ...]:
    found = _names(said)
    try:
        for each in found:
            ip_network(each, strict=False)
    except ValueError:
        raise _Problem("must be addresses or networks, as 10.0.0.0/8, with commas") from None
    return found


def _write_keys(said: str) -> frozenset[str]:
    entries = frozenset(_names(said.replace("\n", ",")))
    try:
        names = [key.name for key in map(read_entry, entries)]
    except ValueError as error:
        raise _Problem(str(error)) from None
    if len(set(names)) < len(names):
        raise _Problem("must have a name of its own for each key")
    return entries


def _addresses(said: str) -> str:
    if not all(re.fullmatch(r"[^\s:,]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}", part.strip()) for part in said.split(",")):
        raise _Problem("must be host:port, several with commas between them")
    return ",".join(part.strip() for part in said.split(","))


def _prefix(said: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,64}", said):
        raise _Problem("may hold letters, digits, dots, dashes and underscores, at most 64: it begins the names of topics")
    return said


def _key(said: str) -> bytes:
    key = said.encode(errors="surrogateescape")
    if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
        raise _Problem(f"must have {KEY_BYTES_MIN} to {KEY_BYTES_MAX} bytes; for example the output of: openssl rand -hex 32")
    return key


def _public_key(said: str) -> str:
    if ecdsa_key(said) is None:
        raise _Problem("must be the verification key from SendGrid's console: base64, beginning with MF")
    return said


def _standard_secret(said: str) -> str:
    key = standard_key(said)
    if key is None or len(key) < KEY_BYTES_MIN:
        raise _Problem('must be whsec_ and base64 of at least 16 bytes; for example: echo "whsec_$(openssl rand -base64 32)"')
    return said


def _standard_secrets(said: str) -> tuple[str, ...]:
    return tuple(_standard_secret(each) for each in _names(said))


def _roots(said: str) -> str:
    try:
        found = store_of(said)
    except OSError:
        found = None
    if found is None:
        raise _Problem("must be a file of root certificates in PEM")
    return said


def _channels(said: str) -> str:
    if "\n" in said:
        raise _Problem(f"must be the name of a table's file, and no table; a {FILE} behind it would name a file that holds that name")
    try:
        channels_in(said)
    except (Misconfigured, Refused) as problem:
        raise _Problem("must name a table of channels: " + str(problem).replace("\n", "\n    ")) from None
    return said


_TAKEN: Final = re.compile(r"/(v1|webhooks|mp|com\.snowplowanalytics\.snowplow)/.*|/(i|live|ready|metrics|leadstream\.js)")


def _snippet_paths(said: str) -> tuple[str, ...]:
    """Paths of the collector that are free, and whose last part is not what a Segment call is named."""
    paths = _names(said)
    for path in paths:
        if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", path) or _TAKEN.fullmatch(path) or path.rpartition("/")[2] in CALLS:
            raise _Problem("must be paths that no other door has, as /shop/basket.js, of letters, digits and . _ ~ -, with commas between them")
    return paths


def _topic_arns(said: str) -> tuple[str, ...]:
    arns = _names(said)
    if not all(re.fullmatch(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}", each) for each in arns):
        raise _Problem("must be ARNs of SNS topics, arn:aws:sns:<region>:<account>:<name>, with commas")
    return arns


def _address_secrets(said: str) -> tuple[str, ...]:
    secrets = _names(said)
    if not all(re.fullmatch(r"[A-Za-z0-9_-]{16,128}", each) for each in secrets):
        raise _Problem("must be letters, digits, dashes and underscores, 16 to 128 each: they stand in an address; for example: openssl rand -hex 16")
    return secrets


def _post_addresses(said: str) -> tuple[str, ...]:
    addresses = _names(said)
    if not all(re.fullmatch(r"https?://\S+", each) for each in addresses):
        raise _Problem("must be the Post to URL of the console, letter by letter, https://...; several with commas between them")
    return addresses


def _meanings(said: str) -> tuple[str, ...]:
    entries = _names(said)
    if not all(snake_case(question) and attribute in ATTRIBUTES for question, _, attribute in (entry.rpartition("=") for entry in entries)):
        raise _Problem(f"must be question=attribute, with commas, the attribute one of {', '.join(ATTRIBUTES)}")
    return entries


def _kinds_of_forms(said: str) -> tuple[str, ...]:
    entries = _names(said)
    for form, _, kind in (entry.rpartition("=") for entry in entries):
        if not form or (kind not in kinds.KNOWN and not kind.startswith(kinds.CUSTOM_PREFIX)):
            raise _Problem("must be form=kind, with commas, the kind one of leadstream's or beginning with custom_")
    return entries


def _hubspot_changes(said: str) -> tuple[str, ...]:
    entries = _names(said)
    for parts in (entry.split("=") for entry in entries):
        kind, _, verdict = parts[-1].partition(".")
        known = verdict in hubspot.VERDICTS if kind == kinds.SALES_VERDICT else (kind in kinds.KNOWN or kind.startswith(kinds.CUSTOM_PREFIX)) and not verdict
        if len(parts) != 3 or not all(parts) or not known:
            raise _Problem("must be property=value=kind, with commas, as lifecyclestage=customer=deal_won; a verdict as sales_verdict.accepted")
    return entries


def _url(said: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", said):
        raise _Problem("must be an address, https://...")
    return said.rstrip("/")


def _time_zone(said: str) -> str:
    if time_zone(said) is None:
        raise _Problem("must be the name of a time zone, as America/New_York")
    return said


def _domains(said: str) -> tuple[str, ...]:
    return tuple(name.lower().removeprefix("@") for name in _names(said))


def _setting(default: T, read: Callable[[str], T], about: str, *, secret: bool = False) -> T:
    made: T = field(default=default, repr=not secret, metadata={"read": read, "about": about})
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings. `identity_key` is the only one without a default: it names leads for life."""

    kafka: str = _setting("127.0.0.1:19092", _addresses, "addresses of Kafka, host:port")
    prefix: str = _setting("", _prefix, "begins the names of all topics and groups: keeps installations on one cluster apart")
    replication: int = _setting(1, _whole(1, 10), "copies of each topic that is created")
    clickhouse_host: str = _setting("127.0.0.1", _text, "host of ClickHouse")
    clickhouse_port: int = _setting(19000, _whole(1, 65535), "its native TCP port")
    clickhouse_user: str = _setting("default", _text, "its user")
    clickhouse_password: str = _setting("", _text, "its password", secret=True)
    clickhouse_database: str = _setting("leadstream", _text, "its database")
    identity_key: bytes = _setting(b"", _key, "keys the hash of email addresses; changing it makes new leads of all", secret=True)
    write_keys: frozenset[str] = _setting(frozenset(), _write_keys, "write keys of pages and apps, with commas, hashed by `leadstream keys new`; none lets none in", secret=True)
    snippet_paths: tuple[str, ...] = _setting((), _snippet_paths, "paths under which the snippet is served, too, and sends to: names that no list of trackers knows")
    crawlers_let_in: tuple[str, ...] = _setting((), _names, "words of user agents that look like crawlers and are let in, as one's own monitoring, with commas")
    channels: str = _setting("", _channels, "YAML file of channels, over those that come with it: what UTM, click ids and referrers mean")
    import_key: str = _setting("", _text, "lets history in; none lets none in", secret=True)
    sendgrid_public_key: str = _setting("", _public_key, "verification key of SendGrid's signed event webhook", secret=True)
    sendgrid_window_s: int = _setting(30 * 3600, _whole(1, 10**7), "how old a signed SendGrid request may be; it re-sends for over a day")
    sendgrid_campaign_arguments: tuple[str, ...] = _setting(("campaign", "campaign_name"), _names, "custom arguments that name a campaign")
    sendgrid_crm_id_arguments: tuple[str, ...] = _setting(("crm_id", "user_id"), _names, "custom arguments that hold the CRM's id of a person")
    brevo_secrets: tuple[str, ...] = _setting((), _address_secrets, "secrets that let Brevo's webhooks in, in their address, with commas", secret=True)
    sparkpost_secrets: tuple[str, ...] = _setting((), _address_secrets, "secrets that let SparkPost's webhooks in, with commas", secret=True)
    mailjet_secrets: tuple[str, ...] = _setting((), _address_secrets, "secrets that let Mailjet's event callbacks in, in their address, with commas", secret=True)
    mailchimp_secrets: tuple[str, ...] = _setting((), _address_secrets, "secrets that let Mailchimp's webhooks in, in their address, with commas", secret=True)
    mandrill_keys: tuple[str, ...] = _setting((), _names, "keys of Mandrill's webhooks, as the console shows them, with commas", secret=True)
    mandrill_addresses: tuple[str, ...] = _setting((), _post_addresses, "their Post to URLs, letter by letter as in the console: they are signed", secret=True)
    mailgun_keys: tuple[str, ...] = _setting((), _names, "Mailgun's HTTP webhook signing keys, with commas", secret=True)
    mailgun_window_s: int = _setting(9 * 3600, _whole(1, 10**7), "how old a signed Mailgun request may be; it re-sends for eight hours")
    amazon_ses_topics: tuple[str, ...] = _setting((), _topic_arns, "SNS topics, arn:aws:sns:..., by which Amazon SES may tell its events, with commas")
    amazon_ses_window_s: int = _setting(7 * 3600, _whole(1, 10**7), "how old a signed SNS message may be; SNS re-sends for up to six hours")
    outbound_proxy: str = _setting("", _text, "HTTP proxy for what the collector fetches itself (certificates of SNS), http://host:port; none: directly")
    outbound_roots: str = _setting("", _roots, "PEM file of the root certificates that are trusted there; none: this machine's")
    postmark_secrets: tuple[str, ...] = _setting((), _address_secrets, "secrets that let Postmark's webhooks in, with commas", secret=True)
    resend_secrets: tuple[str, ...] = _setting((), _standard_secrets, "signing secrets of Resend's webhooks, whsec_..., with commas", secret=True)
    standard_webhooks_secrets: tuple[str, ...] = _setting((), _standard_secrets, "signing secrets of any other sender of Standard Webhooks, whsec_..., with commas", secret=True)
    standard_webhooks_kinds: tuple[str, ...] = _setting((), _kinds_of_forms, "what its types mean, as: user.created=signed_up; others are custom_ and the type")
    email_campaign_fields: tuple[str, ...] = _setting(("campaign", "campaign_name"), _names, "fields attached to emails that name a campaign; not SendGrid's")
    email_crm_id_fields: tuple[str, ...] = _setting(("crm_id", "user_id"), _names, "fields attached to emails that hold the CRM's id of a person; not SendGrid's")
    google_ads_key: str = _setting("", _text, "the key of Google Ads lead forms", secret=True)
    events_secret: str = _setting("", _standard_secret, "signs /v1/events as Standard Webhooks are, whsec_...", secret=True)
    events_window_s: int = _setting(300, _whole(1, 10**7), "how far the timestamp of a signed event may be from now")
    proxies: tuple[str, ...] = _setting((), _networks, "addresses and networks of proxies whose X-Forwarded-For is believed, with commas")
    rate_per_address: float = _setting(1_000.0, _number(0, 10**6), "requests a second from one address, five times as many at once; 429 beyond; 0: any")
    rate_per_key: float = _setting(5_000.0, _number(0, 10**6), "events a second by one write key, or through one webhook; 429 beyond; 0: any")
    stripe_secrets: tuple[str, ...] = _setting((), _names, "signing secrets of Stripe's endpoints, whsec_..., with commas", secret=True)
    stripe_window_s: int = _setting(300, _whole(1, 10**7), "how old a signed Stripe request may be")
    stripe_crm_id_fields: tuple[str, ...] = _setting(("crm_id", "user_id"), _names, "metadata that holds the CRM's id of a person; may name client_reference_id")
    calendly_secrets: tuple[str, ...] = _setting((), _names, "signing keys of Calendly's webhook subscriptions, with commas", secret=True)
    calendly_window_s: int = _setting(300, _whole(1, 10**7), "how old a signed Calendly request may be")
    calendly_demo_names: tuple[str, ...] = _setting((), _names, "words of the event types that are demos; none: all are")
    calendly_answers: tuple[str, ...] = _setting((), _meanings, "what questions ask for, as: what is your budget=budget")
    zoom_secrets: tuple[str, ...] = _setting((), _names, "secret tokens of Zoom apps, with commas", secret=True)
    zoom_window_s: int = _setting(2 * 3600, _whole(1, 10**7), "how old a signed Zoom request may be; it re-sends for 90 minutes")
    zoom_answers: tuple[str, ...] = _setting((), _meanings, "what custom questions ask for, as: what can you spend=budget")
    zoom_own_domains: tuple[str, ...] = _setting((), _domains, "domains whose people are colleagues, and no leads of the meetings they join")
    typeform_secrets: tuple[str, ...] = _setting((), _names, "secrets of Typeform's webhooks, with commas", secret=True)
    typeform_kinds: tuple[str, ...] = _setting((), _kinds_of_forms, "what a form is, by its id, as: o3TT4IlE=demo_booked; others are form_submitted")
    typeform_answers: tuple[str, ...] = _setting((), _meanings, "what questions ask for, by words, reference or id, as: what do you plan to spend=budget")
    typeform_visitor_id_fields: tuple[str, ...] = _setting(("visitor_id", "anonymous_id"), _names, "hidden fields that hold the visitor's id")
    typeform_crm_id_fields: tuple[str, ...] = _setting(("crm_id", "user_id"), _names, "hidden fields that hold the CRM's id of a person")
    callrail_secrets: tuple[str, ...] = _setting((), _names, "secret tokens of CallRail's companies, with commas", secret=True)
    hubspot_secrets: tuple[str, ...] = _setting((), _names, "client secrets of HubSpot's apps, with commas", secret=True)
    hubspot_address: str = _setting("", _text, "this door as HubSpot knows it, https://.../webhooks/hubspot: it is signed from version 2 on")
    hubspot_window_s: int = _setting(300, _whole(1, 10**7), "how far the timestamp of a request signed in version 3 may be from now")
    hubspot_changes: tuple[str, ...] = _setting(hubspot.CHANGES, _hubspot_changes, "what a contact's new property means, as lifecyclestage=customer=deal_won")
    pipedrive_secrets: tuple[str, ...] = _setting((), _address_secrets, "passwords that let Pipedrive's webhooks in, with commas", secret=True)
    meta_secrets: tuple[str, ...] = _setting((), _names, "app secrets of Meta's lead ads webhook, with commas", secret=True)
    meta_verify_token: str = _setting("", _text, "any text, by which Meta verifies the address; the same in its console", secret=True)
    meta_access_token: str = _setting("", _text, "page access token that may read leads: the answers are fetched with it", secret=True)
    meta_graph: str = _setting("https://graph.facebook.com/v23.0", _url, "where the Graph API is, with its version")
    meta_answers: tuple[str, ...] = _setting((), _meanings, "what questions of lead ads ask for, as: budget_next_year=budget")
    callrail_time_zone: str = _setting("UTC", _time_zone, "time zone of calls whose instant has none, as America/New_York")
    collector_host: str = _setting("127.0.0.1", _text, "address that the collector listens on")
    collector_port: int = _setting(8080, _whole(0, 65535), "its port; 0 takes a free one")
    ops_host: str = _setting("127.0.0.1", _text, "address of /live, /ready and /metrics of every process")
    ops_port: int = _setting(8081, _whole(0, 65535), "its port; 0 takes a free one")
    dashboard_host: str = _setting("127.0.0.1", _text, "address that the dashboard listens on; it asks nobody who he is")
    dashboard_names: tuple[str, ...] = _setting((), _domains, "host names that a proxy before the dashboard passes on, with commas; others are refused")
    dashboard_port: int = _setting(8090, _whole(0, 65535), "its port; 0 takes a free one")
    body_bytes_max: int = _setting(1 << 20, _whole(1024, RECORD_BYTES_MAX - ENVELOPE_BYTES), "largest body, also once unzipped; a dead letter keeps it whole")
    events_per_body_max: int = _setting(5_000, _whole(1, 100_000), "most events in one body")
    requests_max: int = _setting(1_000, _whole(1, 100_000), "most requests under way; more are answered 503 at once")
    in_flight_bytes_max: int = _setting(64 << 20, _whole(1 << 20, 1 << 34), "most bytes under way, bodies and records; more are answered 503 at once")
    ack_timeout_s: float = _setting(5.0, _number(0.1, 60), "how long a request waits for Kafka's acknowledgement")
    body_timeout_s: float = _setting(15.0, _number(0.1, 300), "how long a request may take to send its body")
    session_timeout_s: float = _setting(6.0, _number(6, 300), "how long a silent worker keeps its partitions")
    dead_letters_in_a_row_max: int = _setting(1_000, _whole(1, 10**9), "unusable records of a partition in a row, after which its hop stops")
    dead_letters_share_max: float = _setting(0.5, _number(0, 1), "share of a partition's last 10,000 records that may be unusable; 1 never stops the hop")
    commit_every_s: float = _setting(1.0, _number(0.05, 60), "how often a worker commits")
    stuck_after_s: float = _setting(60.0, _number(1, 3600), "how long a partition may stand still before its worker says that it is stuck")

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read all settings from *environ* (default: this process's). Raises Misconfigured with every problem at once."""
        environ = os.environ if environ is None else environ
        known = {variable(each): each for each in fields(cls)}
        problems = [_unknown(name, known) for name in sorted(environ) if name.startswith(PREFIX) and name.removesuffix(FILE) not in known]
        read: dict[str, Any] = {}
        for name, each in known.items():
            try:
                if said := _said(name, environ).strip():
                    read[each.name] = each.metadata["read"](said)
            except _Problem as problem:
                problems.append(f"{name} {problem}")
        if "identity_key" not in read and not any(problem.startswith("LEADSTREAM_IDENTITY_KEY ") for problem in problems):
            problems.append("LEADSTREAM_IDENTITY_KEY is missing: it keys the hash of email addresses, and must never change; make one with: openssl rand -hex 32")
        if problems:
            raise Misconfigured("settings:\n" + "\n".join(f"  {problem}" for problem in problems))
        return cls(**read)

    @classmethod
    def local(cls, **others: Any) -> "Settings":
        """For the local stack: every door open, by keys that stand here for all to read. *others* go before."""
        return cls(**{**_LOCAL, **others})

    @classmethod
    def load_local(cls, **stack: Any) -> "Settings":
        """As `local`, but what the environment sets goes before. Raises Misconfigured with every problem at once."""
        said = {name: value for name, value in os.environ.items() if name.startswith(PREFIX) and value.strip()}
        local = {name: value for name, value in environ_of(cls.local(**stack)).items() if name + FILE not in said}
        return cls.load(local | said)

    @property
    def roads(self) -> Channels:
        """The table of channels, ready to be asked."""
        return channels_in(self.channels)

    @property
    def names(self) -> Names:
        """Names of topics and groups in this installation."""
        return Names(prefix=self.prefix)


LOCAL_SENDGRID_SIGNING_KEY: Final = (
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDihR17Ku3Hj91F0BOyMqdlZIJZj8aJ66JN74MyvmCkuhRANCAASE"
    "VFWC8JRfsaZWUhcU8gooxkhk6Sx4UNXSt7P3mTtkBU1RQ/BZUsSj8xlD5x5l2WPMManAwHfy98yNRDoEJEHg"
)
"""Signs what the demo sends in SendGrid's place (base64 of DER, PKCS 8); the public half stands in `Settings.local`."""

LOCAL_WRITE_KEY: Final = "local-write-key"

_LOCAL: Final[Mapping[str, Any]] = {
    "identity_key": b"leadstream-local-identity-key",
    "write_keys": frozenset({LOCAL_WRITE_KEY}),
    "import_key": "local-import-key",
    "crawlers_let_in": ("HeadlessChrome",),
    "rate_per_address": 0.0,
    "rate_per_key": 0.0,
    "sendgrid_public_key": "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhFRVgvCUX7GmVlIXFPIKKMZIZOkseFDV0rez95k7ZAVNUUPwWVLEo/MZQ+ceZdljzDGpwMB38vfMjUQ6BCRB4A==",
    "brevo_secrets": ("local-brevo-secret",),
    "sparkpost_secrets": ("local-sparkpost-secret",),
    "mailjet_secrets": ("local-mailjet-secret",),
    "mailchimp_secrets": ("local-mailchimp-secret",),
    "mandrill_keys": ("local-mandrill-key",),
    "mailgun_keys": ("local-mailgun-key",),
    "amazon_ses_topics": ("arn:aws:sns:us-east-1:000000000000:leadstream-local",),
    "postmark_secrets": ("local-postmark-secret",),
    "resend_secrets": ("whsec_bGVhZHN0cmVhbS1sb2NhbC1yZXNlbmQtc2VjcmV0",),
    "standard_webhooks_secrets": ("whsec_bGVhZHN0cmVhbS1sb2NhbC1zdGFuZGFyZC1zZWNyZXQ=",),
    "mandrill_addresses": ("http://127.0.0.1:8080/webhooks/mandrill",),
    "google_ads_key": "local-google-ads-key",
    "stripe_secrets": ("local-stripe-secret",),
    "calendly_secrets": ("local-calendly-key",),
    "zoom_secrets": ("local-zoom-token",),
    "typeform_secrets": ("local-typeform-secret",),
    "callrail_secrets": ("local-callrail-token",),
    "hubspot_secrets": ("local-hubspot-secret",),
    "pipedrive_secrets": ("local-pipedrive-secret",),
    "meta_secrets": ("local-meta-secret",),
    "meta_verify_token": "local-meta-verify-token",
    "meta_access_token": "local-meta-access-token",
    "hubspot_address": "http://127.0.0.1:8080/webhooks/hubspot",
    "events_secret": "whsec_bGVhZHN0cmVhbS1sb2NhbC1ldmVudHMtc2VjcmV0",
}


def variable(setting: Field[Any]) -> str:
    """The environment variable of a setting."""
    return PREFIX + setting.name.upper()


def single(name: str) -> Any:
    """One setting of the environment by its field's name, where the others do not matter. Raises Misconfigured."""
    setting = next(each for each in fields(Settings) if each.name == name)
    try:
        said = _said(variable(setting), os.environ).strip()
        return setting.metadata["read"](said) if said else setting.default
    except _Problem as problem:
        raise Misconfigured(f"{variable(setting)} {problem}") from None


def table() -> list[tuple[str, str, str]]:
    """Every setting for people: variable, default, what it is for. Secrets have no default to show."""
    return [(variable(each), "" if not each.repr else _shown(each.default), each.metadata["about"]) for each in fields(Settings)]


def _shown(default: object) -> str:
    return ",".join(default) if isinstance(default, tuple) else f"{default:g}" if isinstance(default, float) else str(default)


def _said(name: str, environ: Mapping[str, str]) -> str:
    """The value of a variable, from the environment or from the file that it names there. Raises _Problem."""
    said, path = environ.get(name, ""), environ.get(name + FILE, "").strip()
    if not path:
        return said
    if said.strip():
        raise _Problem(f"is set twice: remove it or {name}{FILE}")
    try:
        with Path(path).open("rb") as file:
            read = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise _Problem(f"cannot be read from the file that {name}{FILE} names: {error.strerror}") from None
    if len(read) > FILE_BYTES_MAX or not read.strip():
        raise _Problem(f"is read from a file, by {name}{FILE}, that is " + ("empty" if not read.strip() else f"larger than {FILE_BYTES_MAX} bytes"))
    return read.decode(errors="surrogateescape")


def _unknown(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"{name} is no setting" + (f": did you mean {near[0]}?" if near else "; remove it")


def environ_of(settings: Settings) -> dict[str, str]:
    """The environment for a child process with these settings: this process's, every LEADSTREAM_ variable replaced."""
    others = {name: said for name, said in os.environ.items() if not name.startswith(PREFIX)}
    return others | {
        variable(each): _written(value) for each in fields(settings) if (value := getattr(settings, each.name)) != each.default
    }


def _written(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    return ",".join(sorted(value)) if isinstance(value, frozenset) else _shown(value)
