"""Everything that may go wrong, drawn at random instants: each fault breaks one thing for a while and mends it again."""

import random
import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.chaos.client import Client
from tests.chaos.proxy import Network
from tests.chaos.roles import Role, Roles
from tests.chaos.servers import ClickHouse, Kafka

ZOMBIE_S = (7.5, 10.0)
"""Longer than the session timeout of 6 s: the group has given the partitions to another meanwhile."""


@dataclass(frozen=True)
class Happened:
    """One fault: what, to whom, from when to when (seconds since 1970)."""

    kind: str
    target: str
    at: float
    until: float


@dataclass
class World:
    """What faults may break."""

    roles: Roles
    network: Network
    kafka: Kafka
    clickhouse: ClickHouse
    client: Client
    spare: Callable[[], Role]  # a worker that may join
    away_s: float  # how long ClickHouse stays away
    poison: Callable[[random.Random], str]


class Unfit(Exception):
    """It cannot happen now: nobody to kill, or nothing to fill."""


Fault = Callable[[World, random.Random], str]
"""Does it, from the breaking to the mending, and says to whom."""


def _one(world: World, chance: random.Random, kind: str) -> Role:
    found = world.roles.alive(kind)
    if not found:
        raise Unfit
    return chance.choice(found)


def _beside(world: World, role: Role) -> list[Role]:
    """The role, and where a peer runs beside ours, its like: what happens to the one happens to the other."""
    peer = world.roles.all.get(role.name.replace("worker", "peer"))
    return [role] if peer is None or peer is role else [role, peer]


def _kill(kind: str) -> Fault:
    def fault(world: World, chance: random.Random) -> str:
        role, pause = _one(world, chance, kind), chance.choice([0.1, 1.0, 3.0])
        for each in _beside(world, role):
            world.roles.kill(each, again_after_s=pause)
        time.sleep(0.5)
        return role.name

    return fault


def _freeze(kind: str, seconds: tuple[float, float]) -> Fault:
    def fault(world: World, chance: random.Random) -> str:
        role = _one(world, chance, kind)
        both = _beside(world, role)
        for each in both:
            world.roles.freeze(each)
        try:
            time.sleep(chance.uniform(*seconds))
        finally:
            for each in both:
                world.roles.thaw(each)
        return role.name

    return fault


def _kill_kafka(world: World, chance: random.Random) -> str:
    world.kafka.end(signal.SIGKILL)
    time.sleep(chance.choice([0.0, 2.0, 8.0]))  # the last: longer than a session
    world.kafka.start()
    return "kafka"


def _freeze_kafka(world: World, chance: random.Random) -> str:
    world.kafka.send(signal.SIGSTOP)
    time.sleep(chance.uniform(2, 8))
    world.kafka.send(signal.SIGCONT)
    return "kafka"


def _fill_disk(world: World, chance: random.Random) -> str:
    if not world.kafka.disk:
        raise Unfit
    ballast = world.kafka.fill_disk()
    try:
        time.sleep(chance.uniform(2, 4))
    finally:
        ballast.unlink()
    if world.kafka.alive:  # it may live on with its log closed
        world.kafka.end(signal.SIGKILL)
    world.kafka.start()
    return "kafka"


def _kill_clickhouse(world: World, chance: random.Random) -> str:
    world.clickhouse.end(signal.SIGKILL)
    time.sleep(chance.uniform(0, 2))
    world.clickhouse.start()
    return "clickhouse"


def _clickhouse_away(world: World, _chance: random.Random) -> str:
    world.network.part("sink-clickhouse", away=True)
    time.sleep(world.away_s)
    world.network.part("sink-clickhouse", away=False)
    return "clickhouse"


def _cut(world: World, chance: random.Random) -> str:
    line = chance.choice(_lines(world))
    for _ in range(chance.randint(1, 4)):
        world.network.cut(line)
        time.sleep(chance.uniform(0.1, 0.6))
    return line


def _part(world: World, chance: random.Random) -> str:
    line = chance.choice(_lines(world))
    world.network.part(line, away=True)
    time.sleep(chance.uniform(1, 9))
    world.network.part(line, away=False)
    return line


def _delay(world: World, chance: random.Random) -> str:
    line = chance.choice(_lines(world))
    world.network.delay(line, chance.choice([0.02, 0.1, 0.4]))
    time.sleep(chance.uniform(2, 6))
    world.network.delay(line, 0.0)
    return line


def _lines(world: World) -> list[str]:
    return [name for name in world.network.names if not name.startswith("peer")]


def _slow_clickhouse(world: World, chance: random.Random) -> str:
    world.network.delay("sink-clickhouse", chance.choice([0.2, 0.5]))
    time.sleep(chance.uniform(3, 6))
    world.network.delay("sink-clickhouse", 0.0)
    return "clickhouse"


def _join_and_leave(world: World, chance: random.Random) -> str:
    """A third worker comes, works a while, and goes as it was asked to."""
    role = world.spare()
    if role.alive:
        raise Unfit
    world.roles.join(role)
    time.sleep(chance.uniform(4, 8))
    world.roles.leave(role)
    return role.name


def _restart(world: World, chance: random.Random) -> str:
    """A worker is told to stop and started again, as in an upgrade."""
    role = _one(world, chance, "worker")
    for each in _beside(world, role):
        world.roles.leave(each)
        world.roles.join(each)
    return role.name


def _send_again(world: World, _chance: random.Random) -> str:
    if not world.client.send_again():
        raise Unfit
    time.sleep(0.2)
    return "client"


def _poison(world: World, chance: random.Random) -> str:
    return world.poison(chance)


FAULTS: dict[str, tuple[Fault, str, float]] = {
    # kind: what it does, what it occupies while it lasts, how often beside the others
    "kill collector": (_kill("collector"), "collector", 1.0),
    "kill worker": (_kill("worker"), "worker", 3.0),
    "kill sink": (_kill("sink"), "sink", 1.5),
    "freeze collector": (_freeze("collector", (1, 8)), "collector", 0.5),
    "freeze worker": (_freeze("worker", ZOMBIE_S), "worker", 2.0),
    "freeze sink": (_freeze("sink", ZOMBIE_S), "sink", 0.8),
    "kill kafka": (_kill_kafka, "kafka", 0.8),
    "freeze kafka": (_freeze_kafka, "kafka", 0.3),
    "fill kafka's disk": (_fill_disk, "kafka", 0.3),
    "kill clickhouse": (_kill_clickhouse, "clickhouse", 1.0),
    "clickhouse away": (_clickhouse_away, "clickhouse", 0.3),
    "clickhouse slow": (_slow_clickhouse, "clickhouse", 0.7),
    "cut a line": (_cut, "line", 2.0),
    "part a line": (_part, "line", 1.0),
    "delay a line": (_delay, "line", 1.0),
    "worker joins and leaves": (_join_and_leave, "spare", 1.0),
    "worker restarts": (_restart, "worker", 1.0),
    "send everything again": (_send_again, "client", 0.7),
    "poison": (_poison, "poison", 0.5),
}


class Chaos:
    """Lets *count* faults happen, several at a time, about *every_s* apart: each kind at least once if there are enough."""

    def __init__(self, world: World, *, seed: str, count: int, every_s: float, only: Iterable[str] = (), alone: bool = False) -> None:
        self.happened: list[Happened] = []
        self.failed: list[str] = []
        self._world = world
        self._chance = random.Random(seed)
        self._count = count
        self._every_s = every_s
        self._kinds = [kind for kind in FAULTS if not only or kind in only]
        self._alone = alone
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._under_way: list[threading.Thread] = []

    def run(self) -> None:
        plan = self._plan()
        while len(self.happened) + len(self._alive()) < self._count and not self.failed:
            kind = self._take(plan)
            if kind is None:
                time.sleep(0.05)
                continue
            thread = threading.Thread(target=self._do, args=(kind, random.Random(self._chance.random())), name=kind, daemon=True)
            thread.start()
            self._under_way.append(thread)
            time.sleep(self._every_s if self._alone else self._chance.expovariate(1 / self._every_s))
        for thread in self._under_way:
            thread.join()

    def _alive(self) -> list[threading.Thread]:
        self._under_way = [thread for thread in self._under_way if thread.is_alive()]
        return self._under_way

    def _take(self, plan: list[str]) -> str | None:
        """The first of *plan* whose place is free, which is then taken; None while there is none."""
        with self._lock:
            if self._alone and self._busy:
                return None
            kind = next((kind for kind in plan if FAULTS[kind][1] not in self._busy), None)
            if kind is not None:
                plan.remove(kind)
                self._busy.add(FAULTS[kind][1])
            return kind

    def _plan(self) -> list[str]:
        weights = [FAULTS[kind][2] for kind in self._kinds]
        once = list(self._kinds)
        self._chance.shuffle(once)
        drawn = self._chance.choices(self._kinds, weights, k=10 * self._count + 100)
        return once + drawn if len(once) <= self._count else drawn

    def _do(self, kind: str, chance: random.Random) -> None:
        began = time.time()
        try:
            target = FAULTS[kind][0](self._world, chance)
            self.happened.append(Happened(kind, target, began, time.time()))
        except Unfit:
            pass
        except Exception as error:  # noqa: BLE001 - told, and ends the run
            self.failed.append(f"{kind}: {type(error).__name__}: {error}")
        finally:
            with self._lock:
                self._busy.discard(FAULTS[kind][1])
