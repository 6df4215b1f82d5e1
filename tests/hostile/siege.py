"""A collector as a user runs it, on a real Kafka, besieged: and what must hold at the end."""

import asyncio
import random
import signal
import subprocess
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

from deploy.local.ports import claim
from streams import topics
from streams.collecting.doors import doors
from streams.provision import ensure_topics
from streams.settings import Settings
from tests.hostile import attacks, bases
from tests.hostile.assault import Tally, assault, events, metrics
from tests.streams.installed import Installation, counted, until

KEY = "a-public-write-key"
GROWTH_MAX_MIB = 48


@dataclass(frozen=True, kw_only=True, slots=True)
class Siege:
    """What a siege came to; `wrong` says what must not be, empty if all held."""

    requests: int
    statuses: dict[str, int]
    accepted: int
    rejected: int
    refused: dict[str, int]
    rss_mib: tuple[int, int]  # once warm, and at the end
    wrong: tuple[str, ...]

    def json(self) -> dict[str, object]:
        return asdict(self)


def besiege(kafka: str, *, prefix: str, requests: int, seed: int) -> Siege:
    """Attack *requests* times. Deterministic in what is sent, not in its order."""
    port, ops_port = claim(0, setting="port"), claim(0, setting="port")
    settings = Settings.local(
        kafka=kafka, prefix=prefix, write_keys=frozenset({f"site {KEY}"}), collector_port=port, ops_port=ops_port, body_timeout_s=1.0, rate_per_address=0.0
    )
    ensure_topics(kafka, settings.names)
    here, ops = Installation(settings), f"http://127.0.0.1:{ops_port}"
    process = here.start("collect")
    try:
        until(lambda: _ready(ops), "the collector to be ready")
        tally, warm = Tally(), requests // 5
        stream = islice(attacks.of(_bases(settings, requests, seed), random.Random(seed)), requests)
        asyncio.run(assault("127.0.0.1", port, islice(stream, warm), tally))
        before = _rss_mib(process)
        asyncio.run(assault("127.0.0.1", port, stream, tally))
        asyncio.run(_quiet(ops))
        return _judged(settings, tally, ops, rss_mib=(before, _rss_mib(process)), alive=process.poll() is None)
    finally:
        process.send_signal(signal.SIGTERM)
        here.stop()


def _bases(settings: Settings, requests: int, seed: int) -> list[attacks.Request]:
    open_doors = doors(settings)
    found = attacks.written_here(open_doors, KEY) + bases.recorded(open_doors)
    found += bases.described(KEY, each=max(2, requests // 1_000), seed=seed)
    web = {path for door in open_doors if door.browsers for path in door.paths}
    keyed = [
        replace(each, label=f"{each.label}, keyed", path=f"{each.path.partition('?')[0]}?writeKey={KEY}", keyed=True)
        for each in found
        if each.path.partition("?")[0] in web and not each.keyed
    ]
    return found + keyed


def _ready(ops: str) -> bool:
    from streams.probe import ask

    answer = ask(f"{ops}/ready")
    return answer.answered and not answer.problems


async def _quiet(ops: str) -> None:
    """Wait until nothing is under way."""
    async with asyncio.timeout(60):
        while metrics(ops)["leadstream_collector_requests_under_way", ""]:
            await asyncio.sleep(0.2)


def _judged(settings: Settings, tally: Tally, ops: str, *, rss_mib: tuple[int, int], alive: bool) -> Siege:
    samples, wrong = metrics(ops), list(tally.wrong)
    found = events(samples)
    written = sum(counted(settings, topic) for topic in topics.TOUCHPOINTS)
    letters = counted(settings, topics.DEAD_LETTERS)
    if not alive:
        wrong.append("the collector ended")
    if found["in"] != found["accepted"] + found["rejected"] + found["ignored"]:
        wrong.append(f"its counters do not add up: {dict(found)}")
    if not tally.accepted == found["accepted"] == written:
        wrong.append(f"{tally.accepted} events were answered as accepted, {found['accepted']} counted, {written} written")
    if found["rejected"] != letters:
        wrong.append(f"{found['rejected']} events were rejected, {letters} are among the dead letters")
    if rss_mib[1] - rss_mib[0] > GROWTH_MAX_MIB:
        wrong.append(f"its memory grew from {rss_mib[0]} to {rss_mib[1]} MiB")
    refused = {labels: int(value) for (name, labels), value in samples.items() if name == "leadstream_collector_refused_total"}
    wrong += [f"a bug: {labels}" for labels in refused if 'reason="bug"' in labels]
    return Siege(
        requests=tally.sent, statuses=dict(tally.statuses), accepted=tally.accepted, rejected=found["rejected"], refused=refused, rss_mib=rss_mib, wrong=tuple(wrong)
    )


def _rss_mib(process: subprocess.Popen) -> int:
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) >> 10
    return 0
