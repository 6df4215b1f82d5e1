"""The input of a bench: the same traffic for every engine, from a seed, and what it must come to."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from processors.model.file import load, shipped
from processors.partition import Effects, Partition
from schemas import inbox
from schemas.avro import encode_touchpoint
from schemas.ids import derive
from schemas.inbox import ModelPublished, Origin, TouchpointArrived
from schemas.touchpoint import Touchpoint
from streams import topics
from streams.provision import ensure_topics
from streams.score import logs

NOW = int(time.time() * 1000)  # old traffic would cool down by the clock while it is being replayed
KINDS = ["page_view"] * 14 + ["search_performed", "email_opened", "email_clicked", "video_watched", "ebook_downloaded", "demo_booked"]
PATHS = ["/", "/pricing", "/blog/streams", "/docs/start", "/careers", "/customers/acme"]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A filled source topic, how many outputs a right engine makes of it, and the sum of their points."""

    names: topics.Names
    records: int
    outputs: int
    points: float
    output_topic: str


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


async def fill(bootstrap: str, *, prefix: str, hop: str, records: int, leads: int) -> Filled:
    """Create the topics under *prefix* and write the source of *hop* into them."""
    names = topics.Names(prefix=prefix)
    await asyncio.to_thread(ensure_topics, bootstrap, names)
    chance = random.Random(7)
    model = load(shipped("b2b"), name_of_file="b2b.yaml")
    published = ModelPublished(model.name, model.version, model.text, NOW - 1)
    touchpoints = [touchpoint(n, chance, leads) for n in range(records)]
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=262_144, linger_ms=20) as producer:
        acks = []
        if hop == "score":
            for partition in range(8):
                acks.append(await producer.send(names.topic(topics.INBOX), inbox.encode(published), partition=partition))
        for n, each in enumerate(touchpoints):
            key = each.identifiers()[0].encode()
            partition = topics.partition_of(key, 8)
            if hop == "score":
                value = inbox.encode(TouchpointArrived(Origin(partition, n, 0), each))
                acks.append(await producer.send(names.topic(topics.INBOX), value, key=key, partition=partition))
            else:
                acks.append(await producer.send(names.topic(topics.WEB), encode_touchpoint(each), key=key, partition=partition))
        await asyncio.gather(*acks)
    if hop == "identify":
        return Filled(names=names, records=records, outputs=records, points=0.0, output_topic=topics.INBOX)
    facts, points = _fold(touchpoints, published)
    return Filled(names=names, records=records, outputs=facts, points=points, output_topic=topics.EVENTS)


def _fold(touchpoints: list[Touchpoint], published: ModelPublished) -> tuple[int, float]:
    """What a pure fold makes of it: how many facts, and the sum of all points earned."""
    partitions = [Partition(p, logs=logs(), read_model=load) for p in range(8)]
    for partition in partitions:
        list(partition.apply(None, published, 0, Effects()) or ())
    facts, points, offsets = 0, 0.0, Counter[int]()
    for n, each in enumerate(touchpoints):
        lead_id = each.identifiers()[0]
        p = topics.partition_of(lead_id.encode(), 8)
        offsets[p] += 1
        out = Effects()
        partitions[p].apply(lead_id, TouchpointArrived(Origin(p, n, 0), each), offsets[p], out)
        facts += len(out.facts)
        points += sum(s.points for fact, _, _ in out.facts for s in getattr(fact, "sums", ()))
    return facts, points
