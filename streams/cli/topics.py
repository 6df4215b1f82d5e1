"""`leadstream topics`: create what is missing, show the topology."""

from argparse import Namespace

from streams.cli.arguments import Parser
from streams.topics import TOPOLOGY, Names, Topic


def declare(parser: Parser) -> None:
    parser.teach(
        "Create the topics that are missing and show the topology: who writes and reads which topic, how long it is kept, and\n"
        "whether it holds personal data. Refuses topics whose number of partitions differs: a lead's log is one partition, for life.",
        examples="""\
  leadstream topics              create what is missing, show all
  leadstream topics --dry        show the topology, speak to no server
  leadstream topics --json | jq -r '.topics[] | select(.personal_data) | .name'""",
    )
    parser.add_argument("--dry", action="store_true", help="create nothing, speak to no server")
    parser.takes_json()
    parser.takes_local()


def run(asked: Namespace) -> int:
    from streams.cli.output import as_json, note, table

    created: list[str] = []
    names = Names()
    if not asked.dry:
        from streams.cli.installation import installation

        here = installation(asked)
        names, created = here.names, here.create_topics()
    if asked.json:
        print(as_json({"created": created, "topics": [_described(topic, names) for topic in TOPOLOGY]}))
        return 0
    table(("topic", "key", "value", "partitions", "kept", "written by", "read by", "personal data"), map(_row, TOPOLOGY, [names] * len(TOPOLOGY)))
    if not asked.dry:
        note(f"created {', '.join(created)}" if created else "all topics exist")
    return 0


def _described(topic: Topic, names: Names) -> dict[str, object]:
    days = None if topic.retention is None else topic.retention.days
    return {
        "name": names.topic(topic.name), "key": topic.key, "value": topic.value, "partitions": topic.partitions, "retention_days": days,
        "compacted": topic.compacted, "writers": topic.writers, "readers": topic.readers, "personal_data": topic.personal_data,
    }  # fmt: skip


def _row(topic: Topic, names: Names) -> tuple[str, ...]:
    return (
        names.topic(topic.name), topic.key, topic.value, str(topic.partitions), _kept(topic),
        ", ".join(topic.writers), ", ".join(topic.readers), "yes" if topic.personal_data else "no",
    )  # fmt: skip


def _kept(topic: Topic) -> str:
    if topic.retention is None:
        return "newest per key"
    return "for ever" if topic.retention.days > 36_000 else f"{topic.retention.days} days"
