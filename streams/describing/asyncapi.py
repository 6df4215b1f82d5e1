"""The topics as AsyncAPI 3.0: what each holds, by which schema, under which key, for how long, and whether people are in it."""

from importlib.metadata import version
from typing import Any, Final

from schemas import avro
from schemas.avro import Codec
from streams.settings import Settings
from streams.topics import TOPOLOGY, Names, Topic

Document = dict[str, Any]

_CODECS: Final = {"Touchpoint": avro.TOUCHPOINT, "Fact": avro.FACT, "Transition": avro.TRANSITION, "LeadProfile": avro.PROFILE, "DeadLetter": avro.DEAD_LETTER}
_AVRO: Final = "application/vnd.apache.avro;version=1.9.0"
PUBLIC: Final = "sales tooling"
"""Who reads a topic that others may build upon; all else is between our own processes, and may change."""


def document(settings: Settings) -> Document:
    """The description of the topics of an installation with *settings*."""
    names = settings.names
    host, *others = settings.kafka.split(",")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "leadstream topics",
            "version": version("leadstream"),
            "description": "Values are Avro in single-object encoding: C3 01, the CRC-64-AVRO fingerprint of the schema, the body. "
            "Old schemas stay readable: a consumer keeps every version it has met. Records may come twice, byte for byte the same.",
        },
        "defaultContentType": _AVRO,
        "servers": {f"kafka{n}": {"host": each, "protocol": "kafka"} for n, each in enumerate((host, *others))},
        "channels": {topic.name: _channel(topic, names) for topic in TOPOLOGY},
        "operations": {f"{action}.{topic.name}": _operation(topic, action) for topic in TOPOLOGY for action in ("send", "receive")},
        "components": {"messages": {name: _message(name, codec) for name, codec in _CODECS.items()}},
    }


def _record(topic: Topic) -> str:
    return topic.value.partition(",")[0]


def _channel(topic: Topic, names: Names) -> Document:
    days = None if topic.retention is None else topic.retention.days
    record = _record(topic)
    own = {"name": record, "contentType": "application/octet-stream", "summary": f"{topic.value}: between our own processes, and may change"}
    return {
        "address": names.topic(topic.name),
        "description": f"Key: {topic.key}. {'Newest record per key' if days is None else f'Kept for {days} days'}. "
        f"{'Holds personal data' if topic.personal_data else 'No personal data'}.",
        "messages": {record: {"$ref": f"#/components/messages/{record}"} if record in _CODECS else own},
        "bindings": {"kafka": {"topic": names.topic(topic.name), "partitions": topic.partitions, "topicConfiguration": _kept(topic)}},
        "x-personal-data": topic.personal_data,
        "x-public": PUBLIC in topic.readers,
    }


def _kept(topic: Topic) -> Document:
    if topic.retention is None:
        return {"cleanup.policy": ["compact"]}
    return {"cleanup.policy": ["delete"], "retention.ms": int(topic.retention.total_seconds() * 1000)}


def _operation(topic: Topic, action: str) -> Document:
    who = topic.writers if action == "send" else topic.readers
    return {"action": action, "channel": {"$ref": f"#/channels/{topic.name}"}, "summary": "by " + ", ".join(who)}


def _message(name: str, codec: Codec) -> Document:
    newest = codec.newest
    return {
        "name": name,
        "contentType": _AVRO,
        "summary": newest.document.get("doc", name),
        "x-fingerprint": newest.header[2:].hex(),
        "payload": {"schemaFormat": _AVRO, "schema": newest.document},
    }
