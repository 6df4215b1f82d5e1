"""One sitting: an installation of its own on servers of its own, traffic, faults, rest, and the check."""

import asyncio
import contextlib
import json
import os
import random
import re
import shutil
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import ConsumerRecord, TopicPartition
from clickhouse_driver import Client as ClickHouseClient
from clickhouse_driver.errors import Error as ClickHouseError
from kafka.admin import KafkaAdminClient, NewTopic

from processors.model.file import load
from streams import topics
from streams.demo.seal import mail_key, public_key
from streams.provision import ensure_topics
from streams.publish import publish
from streams.settings import Settings, environ_of
from streams.topics import Names
from tests.chaos import history, peer
from tests.chaos.client import SEED, Client, Events
from tests.chaos.faults import Chaos, Happened, Unfit, World
from tests.chaos.history import Evidence, Found
from tests.chaos.pauses import pause_of
from tests.chaos.peer import Counted
from tests.chaos.proxy import HOST, Network
from tests.chaos.roles import FORESEEN, Role, Roles, command, free_port
from tests.chaos.servers import ClickHouse, Kafka, unmount

MODEL = Path(__file__).with_name("model.yaml")
ROOT = Path(__file__).parents[2]
WORKERS = 2
READY_WITHIN_S = 90
DRAINED_WITHIN_S = 240
STOP_MAX_S = 10.0
FORWARDS_MAX = 3
"""Leads that mail passes through at most: a visitor, a CRM id, an email."""
BALANCED_WITHIN_S = 10
PEER_SILENT_S = 15
DATABASE = "chaos"
PREFIX = "chaos."


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a sitting is to be."""

    seed: str
    faults: int
    events: int
    rate: float = 350.0
    every_s: float = 4.0
    people: int = 1500
    away_s: float = 10.0
    only: tuple[str, ...] = ()
    alone: bool = False  # one fault at a time, and its pause over before the next
    without: str = ""  # a safeguard to switch off
    sample_every_s: float = 5.0
    by_views: bool = False  # check by ClickHouse's own views: for more than memory can hold
    seconds: float = 0.0  # how long traffic lasts at least
    peer: bool = False  # plain Faust beside ours, on the same broker, under the same faults


@dataclass(frozen=True, kw_only=True)
class Sample:
    """How it stood at an instant: events sent, rows of touchpoints in ClickHouse (None: it is away), memory by role
    (bytes), records not handled yet by role.
    """

    at: float
    events: int
    rows: int | None
    rss: Mapping[str, int]
    lag: Mapping[str, float]


@dataclass(kw_only=True)
class Outcome:
    """What it came to."""

    found: Found
    happened: list[Happened]
    pauses: dict[str, list[float]]  # by kind of fault: how long a partition stood still
    seconds: float
    settled_s: float = 0.0  # from the last fault until everything had been handled
    latencies: list[float] = field(default_factory=list)
    peer: Counted | None = None
    samples: list[Sample] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.found.ok


class Sitting:
    """Runs a plan in *folder*. *say* is told a line now and then."""

    def __init__(self, plan: Plan, folder: Path, *, say: Callable[[str], None]) -> None:
        self.plan = plan
        self._folder = folder
        self._say = say
        self._names = Names(prefix=PREFIX)
        self._poison: dict[tuple[str, int, int], bytes] = {}

    def run(self, inspect: Callable[[Evidence], None] = lambda _evidence: None) -> Outcome:
        """Run it; *inspect* may look at the evidence while the servers are still there."""
        self._inspect = inspect
        unmount(self._folder / "kafka" / "data")  # a run that was killed could not
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        began = time.monotonic()
        network = Network()
        kafka = Kafka(self._folder / "kafka", network, small_disk=self.plan.faults > 0)
        clickhouse = ClickHouse(self._folder / "stack", network)
        roles = Roles()
        try:
            threads = [threading.Thread(target=server.start) for server in (kafka, clickhouse)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            outcome = self._under_way(network, kafka, clickhouse, roles)
        finally:
            roles.stop()
            clickhouse.end(signal.SIGKILL)
            kafka.close()
        outcome.seconds = time.monotonic() - began
        if outcome.ok:
            for kept in ("kafka", "stack"):
                shutil.rmtree(self._folder / kept, ignore_errors=True)
        return outcome

    def _under_way(self, network: Network, kafka: Kafka, clickhouse: ClickHouse, roles: Roles) -> Outcome:
        plan, settings = self.plan, self._settings(kafka, clickhouse)
        ensure_topics(kafka.address, self._names)
        if plan.peer:
            _create(kafka.address, peer.outputs_of(PREFIX), peer.PARTITIONS)
        asyncio.run(publish(kafka.address, self._names, load(MODEL.read_text(), name_of_file="model.yaml")))
        spare = self._start_roles(roles, settings)
        client = self._client(settings["collector"], network)
        self._until(lambda: not self._unready(roles), READY_WITHIN_S, lambda: f"ready: {self._unready(roles)}")
        client.start()
        began = time.monotonic()
        world = World(
            roles=roles, network=network, kafka=kafka, clickhouse=clickhouse, client=client, spare=lambda: spare,
            away_s=plan.away_s, poison=lambda chance: self._put_poison(kafka.address, chance),
        )  # fmt: skip
        time.sleep(3)  # traffic before the first fault
        chaos = Chaos(world, seed=plan.seed, count=plan.faults, every_s=plan.every_s, only=plan.only, alone=plan.alone)
        watching = threading.Event()
        threading.Thread(target=self._tell, args=(chaos, client, watching), daemon=True).start()
        samples: list[Sample] = []
        sampler = threading.Thread(target=self._sample, args=(roles, client, clickhouse.port, samples, watching), daemon=True)
        sampler.start()
        chaos.run()
        while (client.made < plan.events or time.monotonic() < began + plan.seconds) and not chaos.failed:
            time.sleep(0.2)
        watching.set()
        client.stop()
        network.heal()
        calm = time.monotonic()
        stats = self._rest(roles, kafka)
        settled = time.monotonic() - calm
        found = self._check(kafka.address, clickhouse.port)
        for failure in (*chaos.failed, *stats, *roles.slow_stops):
            found.off("not as promised", failure)
        for ending in roles.endings:
            if ending.code not in FORESEEN and not ending.role.startswith("peer"):
                found.off("a process ended by a bug, or gave up", f"{ending.role} with {ending.code}: {ending.told}")
        self._say(f"  ends of their own accord: {dict(Counter((ending.role, ending.code) for ending in roles.endings))}")
        pauses: dict[str, list[float]] = {}
        for each in chaos.happened:
            if "worker" in each.kind and (pause := pause_of(each, self._events)) is not None:
                pauses.setdefault(each.kind, []).append(pause)
        counted = peer.judge(kafka.address, PREFIX, self._web) if plan.peer else None
        latencies = [taken for _, taken in client.log.latencies]
        return Outcome(found=found, happened=chaos.happened, pauses=pauses, seconds=0.0, settled_s=settled, latencies=latencies, peer=counted, samples=samples)

    # --- who takes part ---

    def _settings(self, kafka: Kafka, clickhouse: ClickHouse) -> dict[str, Settings]:
        own = Settings.local(
            prefix=PREFIX, clickhouse_host=HOST, clickhouse_port=clickhouse.door, clickhouse_database=DATABASE, collector_port=free_port(),
            sendgrid_public_key=public_key(mail_key(SEED)),
        )  # fmt: skip
        return {part: replace(own, kafka=f"{HOST}:{kafka.doors[part]}") for part in kafka.doors}

    def _start_roles(self, roles: Roles, settings: Mapping[str, Settings]) -> Role:
        """Start a collector, workers and a sink; return a worker that may join later."""
        self._role(roles, "collector", settings["collector"], "collect")
        for n in range(WORKERS):
            self._role(roles, f"worker-{n + 1}", settings["worker"], "work", "--hops", "identify,score")
        self._role(roles, "sink", settings["sink"], "sink")
        if self.plan.peer:
            for n in range(WORKERS):
                argv = [sys.executable, str(Path(peer.__file__)), settings["peer"].kafka, PREFIX]
                roles.add(Role(name=f"peer-{n + 1}", argv=argv, environ=dict(os.environ), log=self._folder / f"peer-{n + 1}.log"))
        return self._made(f"worker-{WORKERS + 1}", settings["worker"], ("work", "--hops", "identify,score"))

    def _role(self, roles: Roles, name: str, settings: Settings, *words: str) -> None:
        roles.add(self._made(name, settings, words))

    def _made(self, name: str, settings: Settings, words: tuple[str, ...]) -> Role:
        argv = command(*words)
        environ = environ_of(replace(settings, ops_port=free_port()))
        if self.plan.without and name != "collector":
            argv = [argv[0], "-m", "tests.chaos.unguarded", self.plan.without, *words]
            environ["PYTHONPATH"] = str(ROOT)
        return Role(name=name, argv=argv, environ=environ, log=self._folder / f"{name}.log")

    def _client(self, settings: Settings, network: Network) -> Client:
        base = f"http://{HOST}:{network.open('client-collector', settings.collector_port)}"
        return Client(settings, base, self._folder / "client.jsonl", events=Events(0, re.sub(r"\W", "-", self.plan.seed), self.plan.people), rate=self.plan.rate)

    def _put_poison(self, bootstrap: str, chance: random.Random) -> str:
        """Write a record that no hop can read, and remember where."""
        topic = chance.choice([topics.WEB, topics.CRM, topics.INBOX])
        partition, body = chance.randrange(8), b"\x07poison" + chance.randbytes(8)

        async def put() -> int:
            # Repeated until acknowledged, and never there twice: its position must be known.
            async with AIOKafkaProducer(bootstrap_servers=bootstrap, request_timeout_ms=5_000, enable_idempotence=True) as producer:
                return (await producer.send_and_wait(self._names.topic(topic), body, key=b"v:poison", partition=partition)).offset

        try:
            self._poison[topic, partition, asyncio.run(put())] = body
        except KafkaConnectionError as away:  # there was none to write it to
            raise Unfit from away
        return f"{topic}[{partition}]"

    # --- from the last fault to the check ---

    def _rest(self, roles: Roles, kafka: Kafka) -> list[str]:
        """Let everything be handled, then stop; return what was not as promised meanwhile."""
        wrong: list[str] = []
        self._until(lambda: not self._unready(roles), READY_WITHIN_S, lambda: f"ready again: {self._unready(roles)}")
        self._drain(kafka)
        self._let_peer_finish(kafka, roles)
        for name in sorted((name for name in roles.all if not name.startswith("peer")), key=lambda name: ("collector", "worker", "sink").index(name.partition("-")[0])):
            role = roles.all[name]
            if name == "sink":
                self._until(lambda: self._read_by_sink(roles), DRAINED_WITHIN_S, lambda: f"the sink to have read everything: {self._lags(roles)}")
            with contextlib.suppress(TimeoutError):  # the sink counts when it commits, every few seconds
                self._until(lambda: not _off_balance(role), BALANCED_WITHIN_S, lambda: "the counters to add up")  # noqa: B023
            wrong += _off_balance(role)
            code, seconds = roles.leave(role)
            if code != 0 or seconds > STOP_MAX_S:
                wrong.append(f"{name} ended with {code} after {seconds:.1f} s when told to stop")
            if roles.alive("worker"):  # what it takes over it decides again from the last commit
                self._until(lambda: not self._unready(roles), READY_WITHIN_S, lambda: f"ready: {self._unready(roles)}")
                self._drain(kafka)
        return wrong

    def _let_peer_finish(self, kafka: Kafka, roles: Roles) -> None:
        """Wait until the peer says nothing new any more, and stop it."""
        if self.plan.peer:
            before = -1
            while (now := len(asyncio.run(peer.outputs(kafka.address, PREFIX)))) != before:
                before = now
                time.sleep(PEER_SILENT_S)
            for role in roles.alive("peer"):
                roles.leave(role)

    def _unready(self, roles: Roles) -> list[str]:
        ours = [role for role in list(roles.all.values()) if role.wanted and not role.name.startswith("peer")]
        return [f"{role.name}: {said}" for role in ours if (said := _asked(role, "/ready")) is not None]

    def _lags(self, roles: Roles) -> dict[str, float]:
        return {role.name: sum(v for (name, _), v in _metrics(role).items() if name == "leadstream_hop_lag_records") for role in roles.alive("") if role.name.startswith(("worker", "sink"))}

    def _drain(self, kafka: Kafka) -> None:
        """Wait until all that was sent is decided, and what leads forward to each other, too. Ticks go on."""
        for step in range(1 + FORWARDS_MAX):
            hop, read = ("identify", topics.TOUCHPOINTS) if step == 0 else ("score", (topics.INBOX,))
            ends = asyncio.run(_offsets(kafka.address, self._names, hop, read, ends=True))
            self._until(
                lambda: all(asyncio.run(_offsets(kafka.address, self._names, hop, read)).get(tp, 0) >= end for tp, end in ends.items()),  # noqa: B023
                DRAINED_WITHIN_S, lambda: f"{hop} to have committed everything",  # noqa: B023
            )  # fmt: skip

    def _read_by_sink(self, roles: Roles) -> bool:
        time.sleep(2.4)
        return not any(self._lags(roles).values())

    def _check(self, kafka_address: str, clickhouse_port: int) -> Found:
        if self.plan.by_views:
            self._events: Mapping[int, Sequence[ConsumerRecord]] = {}
            with _clickhouse(clickhouse_port) as clickhouse:
                return history.check_by_views(history.read_client(self._folder / "client.jsonl"), clickhouse)
        found = history.read_topics(kafka_address, self._names)
        self._events = found.records[topics.EVENTS]
        self._web = [record for record in found.all(topics.WEB) if ("touchpoints.web", record.partition, record.offset) not in self._poison]
        with _clickhouse(clickhouse_port) as clickhouse:
            if self.plan.without == "dedup":
                for view, table in (("facts_once", "facts"), ("transitions_once", "transitions"), ("touchpoints_once", "touchpoints")):
                    clickhouse.execute(f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM {table}")
            evidence = Evidence(found, history.read_client(self._folder / "client.jsonl"), clickhouse, self._poison, self._names)
            result = evidence.check()
            self._inspect(evidence)
            return result

    # --- watching ---

    def _until(self, reached: Callable[[], object], within_s: float, what: Callable[[], str]) -> None:
        deadline = time.monotonic() + within_s
        while not reached():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {within_s} s for {what()}; logs are in {self._folder}")
            time.sleep(0.2)

    def _sample(self, roles: Roles, client: Client, port: int, samples: list[Sample], ended: threading.Event) -> None:
        while not ended.wait(self.plan.sample_every_s):
            rss = {role.name: _rss(role) for role in roles.alive("")}
            samples.append(Sample(at=time.time(), events=client.made, rows=_rows(port), rss=rss, lag=self._lags(roles)))

    def _tell(self, chaos: Chaos, client: Client, ended: threading.Event) -> None:
        told = 0
        while not ended.wait(1.0):
            for each in chaos.happened[told:]:
                self._say(f"  {each.kind}: {each.target}, {each.until - each.at:.1f} s ({client.made} events sent)")
                told += 1


@contextmanager
def _clickhouse(port: int) -> Iterator[ClickHouseClient]:
    client = ClickHouseClient(HOST, port=port, database=DATABASE)
    try:
        yield client
    finally:
        client.disconnect()


def _rows(port: int) -> int | None:
    try:
        with _clickhouse(port) as clickhouse:
            return int(clickhouse.execute("SELECT count() FROM touchpoints")[0][0])
    except (ClickHouseError, OSError, EOFError):
        return None


def _rss(role: Role) -> int:
    try:
        return int(Path(f"/proc/{role.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return 0


def _asked(role: Role, path: str) -> str | None:
    """None if it answers 200, else what it says."""
    try:
        with urllib.request.urlopen(_address(role) + path, timeout=2) as answer:
            answer.read()
            return None
    except urllib.error.HTTPError as error:
        return str(json.loads(error.read()).get("problems"))
    except OSError as error:
        return type(error).__name__


def _address(role: Role) -> str:
    return f"http://{HOST}:{role.environ['LEADSTREAM_OPS_PORT']}"


_SAMPLE = re.compile(r"^(\w+)(?:\{([^}]*)\})? ([0-9.e+-]+)$", re.MULTILINE)


def _metrics(role: Role) -> Mapping[tuple[str, str], float]:
    """The samples it shows, by name and labels; none while it does not answer."""
    try:
        with urllib.request.urlopen(_address(role) + "/metrics", timeout=2) as answer:
            text = answer.read().decode()
    except OSError:
        return {("leadstream_hop_lag_records", "unknown"): 1.0}
    return {(name, labels): float(value) for name, labels, value in _SAMPLE.findall(text)}


def _off_balance(role: Role) -> list[str]:
    return [f"{role.name}: {each}" for each in _unbalanced(_metrics(role))] if role.alive else []


def _unbalanced(samples: Mapping[tuple[str, str], float]) -> list[str]:
    """Hops and doors whose counters do not add up."""
    hops: dict[str, Counter[str]] = {}
    doors: dict[str, Counter[str]] = {}
    for (name, labels), value in samples.items():
        said = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if name == "leadstream_hop_records_total":
            hops.setdefault(said["hop"], Counter())[said["outcome"]] += int(value)
        if name == "leadstream_collector_events_total":
            doors.setdefault(said["source"], Counter())[said["outcome"]] += int(value)
    wrong = [f"counters of {hop}: {dict(each)}" for hop, each in hops.items() if each["in"] + each["released"] != sum(v for k, v in each.items() if k not in ("in", "released", "mail_reemitted"))]
    return wrong + [f"counters of {door}: {dict(each)}" for door, each in doors.items() if each["in"] != each["accepted"] + each["rejected"] + each["ignored"]]


def _create(bootstrap: str, topic: str, partitions: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=1)])
    admin.close()


async def _offsets(bootstrap: str, names: Names, hop: str, read: Sequence[str], *, ends: bool = False) -> dict[TopicPartition, int]:
    """What a hop has committed of the topics it reads, or where they end."""
    tps = [TopicPartition(names.topic(name), p) for name in read for p in range(topics.BY_NAME[name].partitions)]
    client = AIOKafkaConsumer(bootstrap_servers=bootstrap) if ends else AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        if ends:
            return dict(await client.end_offsets(tps))
        return {tp: each.offset for tp, each in (await client.list_consumer_group_offsets(names.group(hop))).items()}
    finally:
        await (client.stop() if ends else client.close())


def described(outcome: Outcome) -> dict[str, object]:
    found = asdict(outcome.found)
    return {**found, "problems": dict(outcome.found.problems), "faults": len(outcome.happened), "kinds": dict(Counter(each.kind for each in outcome.happened)),
            "pauses": {kind: [round(each, 3) for each in found] for kind, found in outcome.pauses.items()}, "seconds": round(outcome.seconds, 1), "settled_s": round(outcome.settled_s, 1),
            **({} if outcome.peer is None else {"peer": asdict(outcome.peer)})}
