"""Which installation a command speaks to: that of the environment, or with --local the servers of `leadstream local`."""

import asyncio
import logging
import re
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from processors.email import read_email
from schemas.touchpoint import CRM, EMAIL, VISITOR
from streams.cli.arguments import Refusal
from streams.errors import Misconfigured
from streams.provision import ensure_topics
from streams.reading import require
from streams.settings import Settings
from streams.topics import Names

_REPLAY: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """Its settings, and its names: of the live topics, or of a replay's."""

    settings: Settings
    names: Names

    @property
    def bootstrap(self) -> str:
        return self.settings.kafka

    def create_topics(self) -> list[str]:
        """Create the topics that are missing and return their names. Raises Misconfigured, and Unavailable soon."""
        asyncio.run(require(self.bootstrap))
        return ensure_topics(self.bootstrap, self.names, replication=self.settings.replication)


def installation(asked: Namespace) -> Installation:
    """Read what *asked* speaks to. Raises Misconfigured with every problem of the settings, Refusal for a replay's name."""
    for chatty in ("aiokafka", "kafka"):  # what matters of what they say becomes one sentence
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    settings = settings_of(asked)
    replay = getattr(asked, "replay", "")
    if replay and not _REPLAY.fullmatch(replay):
        raise Refusal("the name of a replay is lower case letters, digits and dashes, at most 32: it ends the names of its topics")
    return Installation(settings=settings, names=Names(prefix=settings.prefix, replay=replay))


def settings_of(asked: Namespace) -> Settings:
    """The settings of the environment, or with --local those of the local servers."""
    if asked.local:
        return _local(asked.data)
    try:
        return Settings.load()
    except Misconfigured as error:
        raise Misconfigured(f"{error}\nFor the servers of `leadstream local up`, add --local: it needs no settings") from error


def _local(data: Path) -> Settings:
    from deploy.local.stack import Stack, status

    now = status(Stack(data=data))
    if not now.running:
        raise Misconfigured(f"no local servers run from {now.data}: start them with `leadstream local up`, or name their folder with --data")
    host, port = now.clickhouse_address
    return Settings.load_local(kafka=now.kafka_address, clickhouse_host=host, clickhouse_port=port)


def lead_id_of(name: str, settings: Settings) -> str:
    """The lead that *name* names: an id as it stands, or an address by its keyed hash."""
    if name[:2] in (VISITOR, CRM, EMAIL) and len(name) > len(VISITOR):
        return name
    email = read_email(name, settings.identity_key)
    if email is None:
        raise Refusal(f"{name!r} names no lead: give v:VISITOR-ID, c:CRM-ID, e:HASH or an email address")
    return EMAIL + email.hash
