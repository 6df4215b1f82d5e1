"""Dead letters of a hop: the record's original bytes, its position and the reason; and a stop before a topic drains."""

from typing import Final

from aiokafka.structs import ConsumerRecord, TopicPartition

from schemas.avro import encode_dead_letter
from schemas.dead_letter import DeadLetter
from schemas.ids import derive
from streams import topics
from streams.errors import Misconfigured
from streams.kafka import Outputs

IN_A_ROW_MAX: Final = 1_000
"""Unusable records of one partition in a row, after which the hop stops: then it is the hop that is wrong."""


class DeadLetters:
    """Puts unusable records of one partition among a shard's outputs, so they are acked before its commit."""

    def __init__(self, outputs: Outputs, *, hop: str, tp: TopicPartition, topic: str) -> None:
        self._outputs = outputs
        self._hop = hop
        self._tp = tp
        self._topic = topic
        self._in_a_row = 0

    def put(self, record: ConsumerRecord, *, reason: str, detail: str, model: str | None = None) -> None:
        """Keep *record*; *reason* is a word for machines, *detail* a sentence that repeats no value.

        Raises Misconfigured where nothing but unusable records has come for long.
        """
        self._in_a_row += 1
        if self._in_a_row > IN_A_ROW_MAX:
            raise Misconfigured(
                f"{self._tp.topic}[{self._tp.partition}]: {IN_A_ROW_MAX} records in a row up to offset {record.offset} "
                f"were unusable ({reason}): stopped before the whole topic ends among the dead letters. "
                "Look at them with `leadstream dead-letters ls`; upgrade or mend the hop, then start it again"
            )
        letter = DeadLetter(
            letter_id=derive(self._hop, record.topic, str(record.partition), str(record.offset)),
            received_at=record.timestamp,
            hop=self._hop,
            source=record.topic,
            reason=reason,
            detail=detail,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            body=record.value or b"",
            model=model,
        )
        partition = record.partition % topics.BY_NAME[topics.DEAD_LETTERS].partitions
        self._outputs.add(self._topic, partition, record.topic.encode(), encode_dead_letter(letter))

    def healthy(self) -> None:
        """A record was usable."""
        self._in_a_row = 0
