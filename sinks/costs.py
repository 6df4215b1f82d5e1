"""What advertising cost, by day, into ClickHouse."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sinks.clickhouse import ClickHouse


class Cost(NamedTuple):
    """One day's cost of a channel, or of one of its campaigns; columns of `ad_costs`."""

    day: date
    channel: str
    campaign: str
    currency: str
    cost: float


def put(client: ClickHouse, costs: Sequence[Cost]) -> None:
    """Store *costs*; those of the same day, channel, campaign and currency replace what was there."""
    if costs:
        client.insert("ad_costs", dict(zip(Cost._fields, map(list, zip(*costs, strict=True)), strict=True)))
