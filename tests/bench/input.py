"""The input of a bench: the same traffic for every engine, from a seed, encoded once."""

import random
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from processors.model.file import load, shipped
from schemas import inbox
from schemas.avro import encode_touchpoint
from schemas.ids import derive
from schemas.inbox import ModelPublished, Origin, TouchpointArrived
from schemas.touchpoint import Touchpoint
from streams import topics

PARTITIONS = topics.BY_NAME[topics.WEB].partitions
NOW = int(time.time() * 1000)  # old traffic would cool down by the clock while it is being replayed
RESENT_EVERY = 100  # a sender that saw no answer sends again: one touchpoint in a hundred is a duplicate
KINDS = ["page_view"] * 14 + ["search_performed", "email_opened", "email_clicked", "video_watched", "ebook_downloaded", "demo_booked"]
PATHS = ["/", "/pricing", "/blog/streams", "/docs/start", "/careers", "/customers/acme"]
MODELS = {"b2b": shipped("b2b"), "bench": Path(__file__).with_name("model.yaml").read_text("utf-8")}


@dataclass(frozen=True, slots=True)
class Sent:
    """One record of a source topic."""

    partition: int
    key: bytes
    value: bytes


@dataclass(frozen=True, kw_only=True)
class Input:
    """The traffic of one bench: *warm_up* touchpoints before *records* that are measured."""

    warm_up: int
    records: int
    leads: int

    @cached_property
    def touchpoints(self) -> list[Touchpoint]:
        chance = random.Random(7)
        made: list[Touchpoint] = []
        for n in range(self.warm_up + self.records):
            again = n % RESENT_EVERY == RESENT_EVERY - 1
            made.append(made[-50] if again else touchpoint(n, chance, self.leads))
        return made

    @cached_property
    def avro(self) -> list[Sent]:
        """As collectors write it: Avro, keyed by the first identifier."""
        return [_sent(each, encode_touchpoint(each)) for each in self.touchpoints]

    @cached_property
    def mail(self) -> list[Sent]:
        """As `identify` writes it: mail to the lead."""
        return [_sent(each, inbox.encode(TouchpointArrived(Origin(0, n, 0), each))) for n, each in enumerate(self.touchpoints)]


def touchpoint(n: int, chance: random.Random, leads: int) -> Touchpoint:
    """The *n*-th touchpoint: about what a tracking snippet sends."""
    at = NOW + n * 20
    return Touchpoint(
        event_id=derive("bench", str(n)),
        source="segment",
        kind=chance.choice(KINDS),
        channel=chance.choice(["organic_search", "paid_search", "email", "direct"]),
        occurred_at=at - 300,
        received_at=at,
        visitor_id=f"{chance.randrange(leads):08x}-4d5e-4f60-8a7b",
        campaign=chance.choice([None, "autumn", "brand"]),
        properties={"path": chance.choice(PATHS), "title": "A page of the site", "percent": "80", "referrer": "https://www.example.org/"},
    )


def published(model: str) -> ModelPublished:
    """What publishing one of MODELS writes into the inbox."""
    read = load(MODELS[model], name_of_file=f"{model}.yaml")
    return ModelPublished(read.name, read.version, read.text, NOW - 1)


def lead_of(touchpoint: Touchpoint) -> str:
    """The lead that a touchpoint of ours names: none of them links two identifiers."""
    return touchpoint.identifiers()[0]


def _sent(touchpoint: Touchpoint, value: bytes) -> Sent:
    key = lead_of(touchpoint).encode()
    return Sent(topics.partition_of(key, PARTITIONS), key, value)
