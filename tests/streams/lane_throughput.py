"""How fast one worker is in the lane, by wall clock and per CPU-second: an empty handler, and sums with transactions.

    python tests/streams/lane_throughput.py 127.0.0.1:19092 [RECORDS]

Writes RECORDS (default 1,000,000) numbers into 8 partitions of a new topic, then lets one worker process run over them
once per hop. Bounded: it ends after two minutes at most.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

WORKER = Path(__file__).with_name("lane_worker.py")
PARTITIONS = 8
KEYS = 5000
WITHIN_S = 60


async def prepare(bootstrap, prefix, records):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(prefix + topic, PARTITIONS, 1) for topic in ("numbers", "sums", "state")])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=256 * 1024)
    await producer.start()
    for partition in range(PARTITIONS):
        batch = producer.create_batch()
        for index in range(records // PARTITIONS):
            one = {"key": b"lead-%d" % (index * 7919 % KEYS), "value": b"%d" % (index % 100), "timestamp": None}
            if batch.append(**one) is None:
                await producer.send_batch(batch, f"{prefix}numbers", partition=partition)
                batch = producer.create_batch()
                batch.append(**one)
        await producer.send_batch(batch, f"{prefix}numbers", partition=partition)
    await producer.stop()


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(bootstrap, prefix, hop, records):
    command = [sys.executable, str(WORKER), "--bootstrap", bootstrap, "--prefix", prefix, "--hops", hop]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    handled, began, before = 0, 0.0, 0.0
    until = time.monotonic() + WITHIN_S
    for line in worker.stdout:
        told = json.loads(line)
        if told["event"] == "opened" and not began:
            began, before = time.monotonic(), cpu_s(worker.pid)
        if told["event"] == "batch":
            handled += told["records"]
        if handled >= records or time.monotonic() > until:
            break
    wall, cpu = time.monotonic() - began, cpu_s(worker.pid) - before
    worker.terminate()
    worker.stdout.read()
    code = worker.wait()
    print(f"{hop:8} {handled:9,} records  {handled / wall:9,.0f} a second  {handled / cpu:9,.0f} a CPU-second  (exit {code})")


def main():
    bootstrap, records = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    prefix = f"throughput-{int(time.time())}."
    asyncio.run(prepare(bootstrap, prefix, records))
    for hop in ("nothing", "sum"):
        measure(bootstrap, prefix, hop, records)


if __name__ == "__main__":
    main()
