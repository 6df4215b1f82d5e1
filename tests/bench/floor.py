"""The floor: a bare loop of aiokafka and fastavro that fetches and decodes touchpoints, and does nothing with them.

    python floor.py BOOTSTRAP PREFIX WARM_UP RECORDS

Writes one record when WARM_UP are decoded and one after RECORDS more: how many, and the sum of their instants.
"""

import asyncio
import struct
import sys
from io import BytesIO

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition
from fastavro import schemaless_reader

from schemas.avro import TOUCHPOINT
from schemas.registry import HEADER_BYTES
from streams import topics

Tally = struct.Struct(">qq")


async def main(bootstrap: str, prefix: str, warm_up: int, records: int) -> None:
    schema, names, marks = TOUCHPOINT.newest.parsed, topics.Names(prefix=prefix), (warm_up, warm_up + records)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    async with consumer, AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        consumer.assign([TopicPartition(names.topic(topics.WEB), p) for p in range(8)])
        decoded = instants = 0
        while True:
            for batch in (await consumer.getmany(timeout_ms=200, max_records=4000)).values():
                for record in batch:
                    body = BytesIO(record.value)
                    body.seek(HEADER_BYTES)
                    instants += schemaless_reader(body, schema, None)["received_at"]
                    decoded += 1
                    if decoded in marks:
                        await producer.send_and_wait(names.topic(topics.EVENTS), Tally.pack(decoded, instants), partition=0)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
