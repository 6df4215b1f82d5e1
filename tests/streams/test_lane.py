"""The lane on Apache Kafka: real worker processes, killed, frozen and told to stop; exact sums and byte-equal repeats."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from streams.broker import committed
from streams.kafka import FencedProducer, restore

WORKER = Path(__file__).with_name("lane_worker.py")
PARTITIONS = 4
KEYS = 50
PATIENCE_S = 30  # for things that must happen; how fast they do is not what these tests are about


class WorkerProcess:
    """A worker, what it tells on stdout, and what it logs."""

    def __init__(self, bootstrap, prefix, *arguments, hops="sum"):
        command = [sys.executable, str(WORKER), "--bootstrap", bootstrap, "--prefix", prefix, "--hops", hops, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.told, self.log = [], []
        self.readers = [
            threading.Thread(target=self.listen, args=(self.process.stdout, self.told, json.loads)),
            threading.Thread(target=self.listen, args=(self.process.stderr, self.log, str.rstrip)),
        ]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def listen(stream, lines, read):
        with stream:
            for line in stream:
                lines.append(read(line))

    def saw(self, event, **what):
        return [told for told in list(self.told) if told["event"] == event and what.items() <= told.items()]

    def send(self, sign):
        self.process.send_signal(sign)

    async def stopped(self):
        """Stop it as a supervisor does, and expect it to end well."""
        self.send(signal.SIGTERM)
        code, log = await self.ended()
        assert code == 0, log

    async def ended(self):
        """Return the exit code and what was logged."""
        code = await asyncio.to_thread(self.process.wait, PATIENCE_S)
        for reader in self.readers:
            reader.join()
        return code, "\n".join(self.log)


async def eventually(condition, *, what):
    until = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < until, f"waited in vain for: {what}"
        await asyncio.sleep(0.02)
    return value


class Place:
    """Topics of its own on the broker, what was fed to them, and the workers started on them."""

    def __init__(self, bootstrap, prefix):
        self.bootstrap, self.prefix = bootstrap, prefix
        self.expected = {}  # (partition, offset) -> the output that must follow
        self.sums = defaultdict(int)
        self.ends = defaultdict(int)
        self.workers = []

    async def __aenter__(self):
        topics = [NewTopic(self.prefix + topic, PARTITIONS, 1) for topic in ("numbers", "sums", "left", "right", "relayed")]
        topics.append(NewTopic(f"{self.prefix}state", PARTITIONS, 1, topic_configs={"cleanup.policy": "compact"}))
        async with self.admin() as admin:
            await admin.create_topics(topics)
        self.producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, enable_idempotence=True)
        await self.producer.start()
        return self

    async def __aexit__(self, *_):
        await self.producer.stop()
        for worker in self.workers:
            worker.process.kill()
            await worker.ended()

    @asynccontextmanager
    async def admin(self):
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        yield admin
        await admin.close()

    def start(self, *arguments, hops="sum"):
        self.workers.append(WorkerProcess(self.bootstrap, self.prefix, *arguments, hops=hops))
        return self.workers[-1]

    async def serving(self, *workers, hop="sum", partitions=range(PARTITIONS)):
        """Wait until *workers* between them have opened all of the hop's partitions."""
        def done():
            return {told["partition"] for worker in workers for told in worker.saw("opened", hop=hop)} >= set(partitions)

        await eventually(done, what=f"{hop} opens {list(partitions)}")

    async def feed(self, records, *, topic="numbers"):
        """Write that many numbers, spread over the partitions, and note what must come of them."""
        acks = []
        for index in range(records):
            partition, key, value = index % PARTITIONS, b"lead-%d" % (index * 7 % KEYS), index % 100
            acks.append(await self.producer.send(self.prefix + topic, b"%d" % value, key=key, partition=partition))
            if topic == "numbers":
                self.sums[partition, key] += value
                self.expected[partition, self.ends[partition]] = b"%d %d %d" % (partition, self.ends[partition], self.sums[partition, key])
                self.ends[partition] += 1
        await asyncio.gather(*acks)

    async def misbehave(self, value, *, partition=0):
        await self.producer.send_and_wait(f"{self.prefix}numbers", value.encode(), key=b"x", partition=partition)
        self.ends[partition] += 1

    async def outputs(self, topic="sums"):
        """Return every output there is, repeats included."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        tps = [TopicPartition(self.prefix + topic, partition) for partition in range(PARTITIONS)]
        consumer.assign(tps)
        ends, read = await consumer.end_offsets(tps), []
        for tp in tps:
            while await consumer.position(tp) < ends[tp]:
                for records in (await consumer.getmany(tp, timeout_ms=500)).values():
                    read += [record.value for record in records]
        await consumer.stop()
        return read

    async def committed(self, group="sum", topic="numbers"):
        tps = [TopicPartition(self.prefix + topic, partition) for partition in range(PARTITIONS)]
        known = await committed(self.bootstrap, self.prefix + group, tps)
        return {tp.partition: offset.offset for tp, offset in known.items()}

    async def caught_up(self):
        until = time.monotonic() + PATIENCE_S
        while (now := await self.committed()) != dict(self.ends):
            assert time.monotonic() < until, f"committed {now} of {dict(self.ends)}"
            await asyncio.sleep(0.05)

    async def assert_exact(self):
        """Every number was counted once, and whatever was sent again was the same, byte for byte; return the repeats."""
        told = await self.outputs()
        by_position = defaultdict(set)
        for value in told:
            by_position[tuple(map(int, value.split()[:2]))].add(value)
        assert {position: values.pop() for position, values in by_position.items() if len(values) == 1} == self.expected
        held = {}
        for partition in range(PARTITIONS):
            state = await restore(self.bootstrap, f"{self.prefix}state", partition)
            held |= {(partition, key): int(total) for key, total in state.items()}
        assert held == dict(self.sums)
        return len(told) - len(self.expected)


@pytest.fixture
async def place(local_stack, request):
    prefix = f"{request.node.name.removeprefix('test_')[:60].strip('_')}."
    async with Place(local_stack.kafka_address, prefix) as place:
        yield place


async def test_any_set_of_hops_runs_in_one_process_and_a_stop_commits_all_of_them(place):
    for topic in ("numbers", "left", "right"):
        await place.feed(200, topic=topic)
    worker = place.start(hops="sum,relay")
    await eventually(lambda: worker.saw("ready", hops=["sum", "relay"], owned=3 * PARTITIONS), what="its health says ready")
    await eventually(lambda: len(worker.saw("commit", hop="sum")) >= PARTITIONS, what="sum commits each partition")
    await eventually(lambda: len(worker.saw("commit", hop="relay")) >= 2 * PARTITIONS, what="relay commits each partition")
    await eventually(lambda: worker.saw("idle", hop="sum"), what="a partition that has read all is idle")
    await worker.stopped()
    await place.caught_up()
    assert await place.assert_exact() == 0
    for topic in ("left", "right"):
        assert await place.committed("relay", topic) == dict.fromkeys(range(PARTITIONS), 50)
    tp = TopicPartition(f"{place.prefix}left", 0)
    assert (await committed(place.bootstrap, f"{place.prefix}relay", [tp]))[tp].metadata == "through 49"
    assert len(await place.outputs("relayed")) == 400


async def test_after_a_stop_nothing_is_handled_twice(place):
    worker = place.start()
    await place.serving(worker)
    for _ in range(30):
        await place.feed(100)
    worker.send(signal.SIGTERM)  # in the middle of the flow
    await place.feed(100)
    assert (await worker.ended())[0] == 0
    after = place.start()
    await place.caught_up()
    await after.stopped()
    assert await place.assert_exact() == 0


async def test_a_worker_that_is_stopped_hands_over_at_once(place):
    """The session timeout is a minute: only who leaves the group hands over within these tests' patience."""
    first, second = place.start("--session-timeout", 60), place.start("--session-timeout", 60)
    await eventually(lambda: first.saw("opened") and second.saw("opened"), what="both own partitions")
    await place.feed(400)
    await first.stopped()
    await place.feed(400)
    await place.caught_up()
    await place.assert_exact()


async def test_sums_stay_exact_while_workers_are_killed(place):
    timeouts = ("--session-timeout", 2, "--commit-every", 0.5)
    workers = [place.start(*timeouts), place.start(*timeouts)]
    await place.serving(*workers)
    for victim in (0, 1, 0):
        for _ in range(40):
            await place.feed(100)
            await asyncio.sleep(0.02)
        workers[victim].send(signal.SIGKILL)
        workers[victim] = place.start(*timeouts)
    await place.feed(400)
    await place.caught_up()
    assert await place.assert_exact() > 0  # else no kill hit between an output and its commit, and this showed nothing


async def test_sums_stay_exact_when_a_worker_joins_while_others_handle(place):
    first = place.start("--commit-every", 0.3)
    await place.serving(first)
    second = place.start("--commit-every", 0.3)
    while not second.saw("opened"):
        await place.feed(40)
        for partition in range(PARTITIONS):  # so that the rebalance finds every shard in the middle of a batch
            await place.misbehave("!sleep 0.2", partition=partition)
        await asyncio.sleep(0.3)
    await place.feed(400)
    await place.caught_up()
    await place.assert_exact()


async def test_a_worker_frozen_beyond_its_session_cannot_commit_what_another_took_over(place):
    frozen = place.start("--session-timeout", 1.5)
    await place.serving(frozen)
    colleague = place.start("--session-timeout", 1.5)
    await eventually(lambda: colleague.saw("opened"), what="both own partitions")
    await place.feed(400)
    frozen.send(signal.SIGSTOP)
    await place.feed(400)
    await place.serving(colleague)
    await place.caught_up()
    frozen.send(signal.SIGCONT)
    # It is refused as it commits and ends, or its group tells it first, and it starts anew from what was committed.
    back = lambda: frozen.process.poll() is not None or len(frozen.saw("revoked")) > len(colleague.saw("revoked"))  # noqa: E731
    await eventually(back, what="the frozen worker notices")
    await place.feed(400)
    await place.caught_up()
    await place.assert_exact()
    assert frozen.process.poll() in (None, 75)


async def test_while_a_server_is_away_one_partition_waits_and_the_others_go_on(place, tmp_path):
    away = tmp_path / "away"
    away.touch()
    await place.misbehave(f"!away {away}")
    await place.feed(400)
    worker = place.start()
    await eventually(lambda: {told["partition"] for told in worker.saw("commit")} == {1, 2, 3}, what="the others commit")
    assert {told["partition"] for told in worker.saw("unavailable")} == {0}
    await worker.stopped()
    assert 0 not in await place.committed()
    after = place.start()
    await eventually(lambda: after.saw("unavailable"), what="it tries again")
    away.unlink()
    await place.caught_up()
    await place.assert_exact()


async def test_a_worker_whose_transactional_id_was_taken_ends_as_fenced_without_a_commit(place):
    worker = place.start("--commit-every", 2)
    await place.serving(worker)
    await place.feed(400)
    await eventually(lambda: len(worker.saw("commit")) == PARTITIONS, what="all are committed once")
    usurper = FencedProducer(place.bootstrap, transactional_id=f"{place.prefix}sum-1", group=f"{place.prefix}sum")
    await usurper.start()
    before = await place.committed()
    await place.feed(4)
    code, log = await worker.ended()
    await usurper.stop()
    assert code == 75
    assert "numbers[1]: committing offset 101" in log
    assert (await place.committed())[1] == before[1]


async def test_what_retention_removed_unread_ends_the_worker_and_names_the_range(place):
    worker = place.start("--session-timeout", 60)
    await place.serving(worker)
    await place.feed(40)
    await place.caught_up()
    worker.send(signal.SIGSTOP)
    await asyncio.sleep(1)  # the fetch under way ends empty, and it cannot begin another
    await place.feed(400)
    async with place.admin() as admin:
        await admin.delete_records({TopicPartition(f"{place.prefix}numbers", 2): RecordsToDelete(before_offset=60)})
    worker.send(signal.SIGCONT)
    code, log = await worker.ended()
    assert code == 78
    assert "numbers[2]: offsets 10 to 59 were not handled and are no longer in the log" in log
    assert (await place.committed())[2] == 10
    again = place.start()
    code, log = await again.ended()
    assert code == 78
    assert "numbers[2]: offsets 10 to 59 were not handled and are no longer in the log" in log


async def test_a_log_that_ends_before_what_was_committed_ends_the_worker(place):
    """As after an unclean election, or a log restored from an older copy."""
    await place.feed(8)
    tp = TopicPartition(f"{place.prefix}numbers", 0)
    async with AIOKafkaConsumer(bootstrap_servers=place.bootstrap, group_id=f"{place.prefix}sum", enable_auto_commit=False) as consumer:
        consumer.assign([tp])
        await consumer.commit({tp: 10})
    code, log = await place.start().ended()
    assert code == 78
    assert "numbers[0]: offset 10 should be read next, but the log ends at 2: the topic was made anew or cut" in log
    assert (await place.committed())[0] == 10


async def test_a_bug_ends_the_process_without_a_commit_and_names_the_position_but_not_the_payload(place):
    await place.feed(40)
    await place.misbehave("!bug secret-payload", partition=1)
    code, log = await place.start("--commit-every", 60).ended()
    assert code == 1
    assert "numbers[1] at offset 0, while handling 11 records up to offset 10: a bug, ValueError" in log
    assert "in misbehave" in log
    assert "secret-payload" not in log
    assert await place.committed() == {}


async def test_a_misconfiguration_ends_the_process_with_one_sentence(place):
    await place.misbehave("!misconfigured", partition=3)
    code, log = await place.start().ended()
    assert code == 78
    assert "set the half-life of rule demo_booked to more than 0 days" in log
    assert "Traceback" not in log


async def test_missing_topics_are_named_at_the_start(local_stack):
    worker = WorkerProcess(local_stack.kafka_address, "nowhere.", hops="sum,relay")
    code, log = await worker.ended()
    assert code == 78
    assert "has no topic nowhere.left, nowhere.numbers, nowhere.relayed, nowhere.right, nowhere.state, nowhere.sums" in log


async def test_a_broker_that_never_answers_is_said_in_one_sentence():
    worker = WorkerProcess("127.0.0.1:1", "nowhere.", "--patience", 1)
    code, log = await worker.ended()
    assert code == 69
    assert "Kafka at 127.0.0.1:1 did not answer for 1 s" in log
    assert "Traceback" not in log
