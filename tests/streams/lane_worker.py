"""A worker with two tiny hops, for the lane's tests and its throughput check: run as a process, told by arguments.

`sum` adds up numbers per key: state in a changelog, one output a record, committed in fenced transactions.
`relay` is stateless: each record goes on to another topic, then the group's offset is committed.
A record can misbehave: `!bug`, `!misconfigured`, `!away PATH` (a server is away while PATH exists), `!sleep SECONDS`.
What happens is told on stdout, one JSON object a line.
"""

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from streams.app import run
from streams.errors import Misconfigured, Unavailable
from streams.kafka import FencedProducer, Outputs, restore, shared_producer
from streams.lane.hop import Hop, LaneObserver, Pace


def tell(event, **what):
    print(json.dumps({"event": event, **what}), flush=True)


class Telling(LaneObserver):
    def opened(self, hop, tp, seconds):
        tell("opened", hop=hop, topic=tp.topic, partition=tp.partition)

    def batch(self, hop, tp, records, seconds):
        tell("batch", hop=hop, partition=tp.partition, records=records)

    def commit(self, hop, tp, seconds):
        tell("commit", hop=hop, partition=tp.partition, seconds=round(seconds, 4))

    def lag(self, hop, tp, records):
        tell("lag", hop=hop, partition=tp.partition, records=records)

    def unavailable(self, hop, tp):
        tell("unavailable", hop=hop, partition=tp.partition)

    def revoked(self, hop, tp):
        tell("revoked", hop=hop, topic=tp.topic, partition=tp.partition)


@asynccontextmanager
async def telling_health(view):
    async def watch():
        while not (hops := view()) or not all(hop.ready for hop in hops):
            await asyncio.sleep(0.02)
        tell("ready", hops=[hop.hop for hop in hops], owned=sum(len(hop.partitions) for hop in hops))

    watching = asyncio.create_task(watch())
    yield
    watching.cancel()


async def misbehave(value):
    verb, _, rest = value.decode().partition(" ")
    if verb == "!bug":
        raise ValueError(rest)
    if verb == "!misconfigured":
        raise Misconfigured("set the half-life of rule demo_booked to more than 0 days")
    if verb == "!away" and Path(rest).exists():
        raise Unavailable("the other server does not answer")
    if verb == "!sleep":
        await asyncio.sleep(float(rest))


class SumShard:
    def __init__(self, tp, offset, producer, args):
        self.tp, self.offset, self.args = tp, offset, args
        self.outputs = Outputs(producer)
        self.fenced = FencedProducer(args.bootstrap, transactional_id=f"{args.prefix}sum-{tp.partition}", group=f"{args.prefix}sum")
        self.state, self.dirty, self.next = {}, set(), None

    async def open(self):
        await self.fenced.start()
        held = await restore(self.args.bootstrap, f"{self.args.prefix}state", self.tp.partition)
        self.state = {key: int(total) for key, total in held.items()}
        committed = await self.offset.read()
        self.next = None if committed is None else committed.offset
        return self.next

    async def handle(self, records: Sequence):
        state, dirty, add, topic, partition = self.state, self.dirty, self.outputs.add, f"{self.args.prefix}sums", self.tp.partition
        for record in records:
            if record.value[0] == 33:
                await misbehave(record.value)
                continue
            key = record.key
            total = state[key] = state.get(key, 0) + int(record.value)
            dirty.add(key)
            add(topic, partition, key, b"%d %d %d" % (partition, record.offset, total))
        await self.outputs.flush()
        self.next = records[-1].offset + 1

    async def commit(self):
        rows = [(f"{self.args.prefix}state", self.tp.partition, key, b"%d" % self.state[key]) for key in self.dirty]
        self.dirty = set()
        await self.outputs.acked()
        await self.fenced.commit(rows, source=self.tp, offset=self.next)

    async def idle(self, now):
        tell("idle", hop="sum", partition=self.tp.partition, now=now)

    async def drop(self):
        self.outputs.forget()
        await self.fenced.stop()


class RelayShard:
    def __init__(self, tp, offset, producer, args):
        self.tp, self.offset, self.topic = tp, offset, f"{args.prefix}relayed"
        self.outputs = Outputs(producer)

    async def open(self):
        return None

    async def handle(self, records):
        for record in records:
            if record.value[0] == 33:
                await misbehave(record.value)
            self.outputs.add(self.topic, self.tp.partition, record.key, b"%d %d" % (self.tp.partition, record.offset))
        await self.outputs.flush()
        self.next = records[-1].offset + 1

    async def commit(self):
        await self.outputs.acked()
        await self.offset.commit(self.next, f"through {self.next - 1}")

    async def idle(self, now):
        pass

    async def drop(self):
        self.outputs.forget()


class NothingShard(RelayShard):
    async def handle(self, records):
        self.next = records[-1].offset + 1

    async def commit(self):
        await self.offset.commit(self.next)


def hop(name, shard, topics, writes, args):
    @asynccontextmanager
    async def shards():
        async with shared_producer(args.bootstrap) as producer:
            yield lambda tp, offset: shard(tp, offset, producer, args)

    pace = Pace(
        session_timeout=timedelta(seconds=args.session_timeout),
        heartbeat=timedelta(seconds=min(1, args.session_timeout / 6)),
        commit_every=timedelta(seconds=args.commit_every),
        retry_first=timedelta(milliseconds=50),
        retry_longest=timedelta(milliseconds=200),
    )
    return Hop(
        name=name,
        group=f"{args.prefix}{name}",
        topics=tuple(args.prefix + topic for topic in topics),
        writes=tuple(args.prefix + topic for topic in writes),
        shards=shards,
        pace=pace,
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--hops", default="sum")
    parser.add_argument("--session-timeout", type=float, default=6)
    parser.add_argument("--commit-every", type=float, default=1)
    parser.add_argument("--patience", type=float, default=30)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    known = {
        "sum": hop("sum", SumShard, ["numbers"], ["sums", "state"], args),
        "relay": hop("relay", RelayShard, ["left", "right"], ["relayed"], args),
        "nothing": hop("nothing", NothingShard, ["numbers"], [], args),
    }
    hops = [known[name] for name in args.hops.split(",")]
    patience = timedelta(seconds=args.patience)
    sys.exit(run(hops, bootstrap=args.bootstrap, observer=Telling(), beside=[telling_health], patience=patience))


if __name__ == "__main__":
    main()
