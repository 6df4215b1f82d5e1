"""Reading a topic aloud: which records, and how each is shown."""

from argparse import Namespace
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from aiokafka.structs import ConsumerRecord, TopicPartition

from streams import topics
from streams.cli.arguments import Refusal
from streams.cli.fields import Fields, Unreadable, at_path, fields_of, known_fields
from streams.cli.installation import installation, lead_id_of
from streams.cli.lines import instant_of, line_of
from streams.cli.output import as_json, instant, printable
from streams.reading import BEGINNING, Start, partitions_of, read, reader

Filter = tuple[str, str]

SAME_MS: Final = 60_000


def filter_of(text: str, topic: str) -> Filter:
    """Read FIELD=VALUE. Raises Refusal for a field that records of *topic* never have."""
    path, equals, value = text.partition("=")
    if not (path and equals):
        raise Refusal(f"--filter takes FIELD=VALUE, not {text!r}")
    known, name = known_fields(topic), path.split(".")[0]
    if known is not None and name not in known:
        raise Refusal(f"records of {topic} have no field {name!r}, they have {', '.join(sorted(known))}")
    return path, value


class Tail:
    """One reading of one topic, or of all four topics of touchpoints."""

    def __init__(self, asked: Namespace, wanted: Sequence[str], filters: Sequence[Filter]) -> None:
        self._asked = asked
        self._filters = filters
        self._here = installation(asked)
        self._key = None if asked.lead is None else lead_id_of(asked.lead, self._here.settings).encode()
        self._partitions = [tp for tp in partitions_of(self._here.names, wanted) if self._may_hold_key(tp)]
        self._names_topic = len(wanted) > 1

    async def run(self) -> None:
        """Show records until there are no more to come, or as many as were asked for."""
        start = BEGINNING if self._asked.from_beginning else Start(last=self._asked.last)
        shown = 0
        async with reader(self._here.bootstrap, {tp.topic for tp in self._partitions}) as consumer:
            async for batch in read(consumer, self._partitions, start=start, follow=self._asked.follow):
                for record in batch:
                    shown += self._show(record)
                    if shown == self._asked.max:
                        return

    def _may_hold_key(self, tp: TopicPartition) -> bool:
        """Whether a partition may hold records of the key; a dead letter lies where its source lay."""
        topic = self._here.names.base(tp.topic)
        if self._key is None or topic == topics.DEAD_LETTERS:
            return True
        return bool(tp.partition == topics.partition_of(self._key, topics.BY_NAME[topic].partitions))

    def _show(self, record: ConsumerRecord) -> bool:
        """Print a record that was asked for; False if it was not."""
        if self._key is not None and record.key != self._key:
            return False
        topic = self._here.names.base(record.topic)
        fields, problem = None, None
        try:
            fields = fields_of(topic, record.key, record.value)
        except Unreadable as error:
            problem = str(error)
        if self._filters and (fields is None or not _passes(fields, self._filters)):
            return False
        if self._asked.json:
            print(_json_line(record, fields, problem), flush=True)
        else:
            words = f"{line_of(topic, record.key, fields)}{_meant(record, fields)}" if problem is None else f"undecodable: {problem}"
            where = f"[{record.partition}]@{record.offset}"
            where = f"{topic}{where}" if self._names_topic else where
            print(f"{instant(record.timestamp)}  {where:<10}  {_key_of(record) or '-':<24}  {words}", flush=True)
        return True


def _meant(record: ConsumerRecord, fields: Fields | None) -> str:
    """The instant that a record tells of, where it is not about when it was written."""
    at = instant_of(fields)
    return "" if at is None or abs(record.timestamp - at) < SAME_MS else f"  [{instant(at)}]"


def _json_line(record: ConsumerRecord, fields: Fields | None, problem: str | None) -> str:
    position = {"topic": record.topic, "partition": record.partition, "offset": record.offset, "timestamp": record.timestamp}
    said = {"value": fields} if problem is None else {"undecodable": problem}
    return as_json({**position, "key": _key_of(record), **said})


def _key_of(record: ConsumerRecord) -> str | None:
    return None if record.key is None else printable(record.key.decode(errors="backslashreplace"))


def _passes(fields: Fields, filters: Sequence[Filter]) -> bool:
    return all(_equals(at_path(fields, path), value) for path, value in filters)


def _equals(found: Any, wanted: str) -> bool:
    match found:
        case None:
            return wanted == ""
        case bool():
            return wanted == str(found).lower()
        case str():
            return fnmatchcase(found, wanted)
        case _:
            return str(found) == wanted
