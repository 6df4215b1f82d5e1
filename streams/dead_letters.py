"""Dead letters of a hop: the record's original bytes, its position and the reason; and a stop before a topic drains."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from aiokafka.structs import ConsumerRecord, TopicPartition

from schemas.avro import encode_dead_letter
from schemas.dead_letter import DeadLetter
from schemas.ids import derive
from streams import topics
from streams.errors import Misconfigured
from streams.kafka import Outputs
from streams.usable import Unusable


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much of one partition may be unusable. Beyond it, it is the hop that is wrong, not the records: it stops.

    `share_max` is of the last `window` records that this process handled, judged from `floor` letters among them on: so a
    topic that begins with a few bad ones is no alarm.
    """

    in_a_row_max: int = 1_000
    share_max: float = 0.5
    window: int = 10_000
    floor: int = 1_000


LIMITS: Final = Limits()


class Tally:
    """The last records of one partition, of which only the unusable ones cost anything: O(1) each."""

    __slots__ = ("_handled", "_in_a_row", "_limits", "_unusable")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._handled = 0
        self._in_a_row = 0
        self._unusable: deque[int] = deque()  # how many had been handled with each, of those in the window

    def healthy(self, records: int) -> None:
        """So many usable records came since the last call."""
        if records:
            self._handled += records
            self._in_a_row = 0

    def unusable(self, *, was_healthy: bool = False) -> str | None:
        """One more could not be used. Return the sentence that says which limit is exceeded, and how to raise it.

        *was_healthy*: it was told as usable before, and refused only later.
        """
        limits = self._limits
        self._in_a_row += 1
        self._handled += not was_healthy
        self._unusable.append(self._handled)
        while self._unusable[0] <= self._handled - limits.window:
            self._unusable.popleft()
        if self._in_a_row > limits.in_a_row_max:
            return f"more than {limits.in_a_row_max} records in a row were unusable (LEADSTREAM_DEAD_LETTERS_IN_A_ROW_MAX)"
        letters, records = len(self._unusable), min(self._handled, limits.window)
        if letters >= limits.floor and letters > limits.share_max * records:
            return f"{letters} of the last {records} records were unusable, more than the share of {limits.share_max:g} (LEADSTREAM_DEAD_LETTERS_SHARE_MAX)"
        return None


class DeadLetters:
    """Puts unusable records of one partition among a shard's outputs, so they are acked before its commit."""

    def __init__(self, outputs: Outputs, *, hop: str, tp: TopicPartition, topic: str, limits: Limits = LIMITS) -> None:
        self._outputs = outputs
        self._hop = hop
        self._tp = tp
        self._topic = topic
        self._tally = Tally(limits)

    def put(self, record: ConsumerRecord, wrong: Unusable, *, model: str | None = None, was_healthy: bool = False) -> None:
        """Keep *record*. Tell the healthy ones before it first; *was_healthy*: it was told as one of them.

        Raises Misconfigured where too much of the partition is unusable.
        """
        exceeded = self._tally.unusable(was_healthy=was_healthy)
        if exceeded is not None:
            raise Misconfigured(
                f"hop {self._hop}: {self._tp.topic}[{self._tp.partition}] at offset {record.offset}: {exceeded}, the last one as "
                f"{wrong.reason}. Stopped before the whole topic ends among the dead letters: look at them with `leadstream dead-letters ls "
                f"--hop {self._hop}`, then mend the sender or upgrade this worker and start it again; it goes on from its last commit. "
                "To set all of them aside nevertheless, raise that setting"
            )
        letter = DeadLetter(
            letter_id=derive(self._hop, record.topic, str(record.partition), str(record.offset)),
            received_at=record.timestamp,
            hop=self._hop,
            source=record.topic,
            reason=wrong.reason,
            detail=wrong.detail,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            body=record.value or b"",
            model=model,
        )
        partition = record.partition % topics.BY_NAME[topics.DEAD_LETTERS].partitions
        self._outputs.add(self._topic, partition, record.topic.encode(), encode_dead_letter(letter))

    def healthy(self, records: int) -> None:
        """So many usable records came since the last call: told once a batch, and before each letter."""
        self._tally.healthy(records)
