"""Every command, in the order and the groups in which the help tells them: data only, so that it is read at once."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command: its name, what it does in a few words, and the module that declares and runs it."""

    name: str
    summary: str
    module: str


GROUPS: Final[tuple[tuple[str, tuple[Command, ...]], ...]] = (
    ("Start here", (
        Command(name="demo", summary="see it all at work: local servers, a quarter of traffic, the funnel as it fills", module="streams.cli.demo"),
        Command(name="local", summary="the local Kafka and ClickHouse: up, down, status", module="streams.cli.local"),
        Command(name="run", summary="everything on one machine, restarted where it fails", module="streams.cli.run"),
    )),
    ("Send and look", (
        Command(name="send", summary="send a CSV or JSONL file of any shape, live or as an import", module="streams.cli.send"),
        Command(name="dashboard", summary="one page to look at: funnel, channels, leads and why, health", module="streams.cli.dashboard"),
        Command(name="tail", summary="read a topic, one line a record", module="streams.cli.tail"),
        Command(name="lead", summary="explain one lead: stage, score, reasons, history", module="streams.cli.lead"),
        Command(name="attribute", summary="what each channel earned, by the data; conversions stated anew", module="streams.cli.attribute"),
        Command(name="costs", summary="import what advertising cost", module="streams.cli.costs"),
        Command(name="dead-letters", summary="what could not be used, why, and another try", module="streams.cli.dead_letters"),
    )),
    ("Scoring", (
        Command(name="model", summary="the scoring model: check, publish, show", module="streams.cli.model"),
        Command(name="channels", summary="which road is which channel: check a table, show it, ask it about an address", module="streams.cli.channels"),
        Command(name="replay", summary="decide the past anew beside the present, and compare", module="streams.cli.replay"),
    )),
    ("Single processes, for a cluster", (
        Command(name="keys", summary="make a write key for pages and apps", module="streams.cli.keys"),
        Command(name="topics", summary="create the topics, show the topology", module="streams.cli.topics"),
        Command(name="describe", summary="doors as OpenAPI, topics as AsyncAPI", module="streams.cli.describe"),
        Command(name="collect", summary="the collector: HTTP in, touchpoints out", module="streams.cli.collect"),
        Command(name="work", summary="a worker: any of the hops identify, score, deliver", module="streams.cli.work"),
        Command(name="sink", summary="a worker that writes into ClickHouse", module="streams.cli.sink"),
    )),
)  # fmt: skip

BY_NAME: Final = {command.name: command for _, commands in GROUPS for command in commands}
