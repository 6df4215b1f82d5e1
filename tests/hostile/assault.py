"""Attacks on a running collector, and the judgement: no answer above 499, nothing forged, every event accounted for."""

import asyncio
import contextlib
import json
import re
import urllib.request
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.hostile.attacks import Attack

AT_ONCE = 24
ANSWER_WITHIN_S = 40.0
ANSWER_BYTES_MAX = 4 << 20
WRONG_MAX = 20
CONTINUE = 100
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_SAMPLE = re.compile(r"^(\w+)(?:\{([^}]*)\})? ([0-9.e+-]+)$", re.MULTILINE)


@dataclass
class Tally:
    """What became of the attacks. `accepted` and `rejected`: the events that answers with a known key told of."""

    sent: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    wrong: list[str] = field(default_factory=list)

    def judge(self, attack: Attack, answer: bytes) -> None:
        """Take in what one attack was answered."""
        self.sent += 1
        statuses = [status for each in _STATUS.findall(answer) if (status := int(each)) != CONTINUE]
        self.statuses[str(statuses[0]) if statuses else "none"] += 1
        if not statuses and not (attack.broken or attack.cut):
            self._say(attack, f"no answer ({len(answer)} bytes)")
        if any(status >= 500 for status in statuses):
            self._say(attack, f"answered {statuses}")
        if b"leadstream_collector" in answer or b"Traceback" in answer:
            self._say(attack, "told what lies within")
        if statuses[:1] == [200]:
            accepted = _accepted(answer)
            if attack.keyed:
                self.accepted += accepted
            elif accepted:
                self._say(attack, f"{accepted} events let in without a proof")

    def _say(self, attack: Attack, what: str) -> None:
        if len(self.wrong) < WRONG_MAX:
            self.wrong.append(f"{attack.label}: {what}")


def _accepted(answer: bytes) -> int:
    try:
        return int(json.loads(answer.rpartition(b"\r\n\r\n")[2])["accepted"])
    except (ValueError, KeyError, TypeError):
        return 0


async def assault(host: str, port: int, attacks: Iterable[Attack], tally: Tally) -> None:
    """Send *attacks*, so many at once, each on a connection of its own."""
    waiting = iter(attacks)

    async def attacker() -> None:
        for attack in waiting:
            tally.judge(attack, await _answer(host, port, attack))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(attacker())


async def _answer(host: str, port: int, attack: Attack) -> bytes:
    """What comes back, as far as it comes."""
    found = b""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            reading = asyncio.create_task(reader.read(ANSWER_BYTES_MAX))
            with contextlib.suppress(ConnectionError):  # hung up upon before all was sent: the answer may be there
                await _send(writer, attack)
            if attack.cut:
                reading.cancel()
                return b""
            if attack.broken:
                writer.write_eof()
            found = await reading
            while more := await reader.read(ANSWER_BYTES_MAX):
                found += more
    except OSError:  # hung up upon, or silent for too long: `found` is what came
        return found
    finally:
        writer.close()
    return found


async def _send(writer: asyncio.StreamWriter, attack: Attack) -> None:
    size = max(1, -(-len(attack.raw) // attack.pieces))
    for start in range(0, len(attack.raw), size):
        writer.write(attack.raw[start : start + size])
        await writer.drain()
        if attack.pause_s:
            await asyncio.sleep(attack.pause_s)


def metrics(ops: str) -> Mapping[tuple[str, str], float]:
    """The collector's samples, by name and labels."""
    with urllib.request.urlopen(f"{ops}/metrics", timeout=20) as answer:
        return {(name, labels): float(value) for name, labels, value in _SAMPLE.findall(answer.read().decode())}


def events(samples: Mapping[tuple[str, str], float]) -> Counter[str]:
    """How many events were counted, by outcome."""
    found: Counter[str] = Counter()
    for (name, labels), value in samples.items():
        if name == "leadstream_collector_events_total" and (outcome := re.search(r'outcome="(\w+)"', labels)):
            found[outcome[1]] += int(value)
    return found
