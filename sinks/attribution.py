"""Journeys out of ClickHouse, what the data say of them back into it, and what was said of each conversion, kept."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sinks.clickhouse import ClickHouse

_PATHS: Final = """
SELECT stage, arrayMap(touch -> touch.2, path) AS channels, true AS converted, count() AS journeys
FROM journeys
WHERE notEmpty(path)
GROUP BY stage, channels
UNION ALL
SELECT stage, arrayMap(touch -> touch.2, path) AS channels, false, count()
FROM journeys_without_conversion
GROUP BY stage, channels
"""

# Parts by road, in an order that does not depend on the order of touches: equal ones compare equal, to 12 digits.
_NOW: Final = """
SELECT lead_id, stage, attribution, arraySort(groupArray((channel, campaign, credit))) AS parts, any(value) AS value, any(currency) AS currency
FROM
(
    SELECT lead_id, stage, attribution, toString(channel) AS channel, toString(campaign) AS campaign, round(sum(credit), 12) AS credit, any(value) AS value, any(currency) AS currency
    FROM attribution_credits
    GROUP BY lead_id, stage, attribution, channel, campaign
    HAVING credit != 0
)
GROUP BY lead_id, stage, attribution
"""
_LAST: Final = """
SELECT
    lead_id, stage, attribution,
    argMax(arrayZip(credits.channel::Array(String), credits.campaign::Array(String), credits.credit), stated_at) AS parts,
    argMax(attribution_statements.value, stated_at) AS value,
    1 AS stated
FROM attribution_statements
GROUP BY lead_id, stage, attribution
"""
_COLUMNS: Final = "lead_id, stage, attribution, credits.channel, credits.campaign, credits.credit, value, currency, stated_at"
_CHANGED: Final = f"""
INSERT INTO attribution_statements ({_COLUMNS})
SELECT now.lead_id, now.stage, now.attribution, now.parts.1, now.parts.2, now.parts.3, now.value, now.currency, fromUnixTimestamp64Milli(toInt64(%(at)s), 'UTC')
FROM ({_NOW}) AS now
LEFT JOIN ({_LAST}) AS last ON now.lead_id = last.lead_id AND now.stage = last.stage AND now.attribution = last.attribution
WHERE last.stated = 0 OR now.parts != last.parts OR now.value != last.value
"""  # noqa: S608 - made of constants
_GONE: Final = f"""
INSERT INTO attribution_statements ({_COLUMNS})
SELECT last.lead_id, last.stage, last.attribution, [], [], [], 0, '', fromUnixTimestamp64Milli(toInt64(%(at)s), 'UTC')
FROM ({_LAST}) AS last
LEFT ANTI JOIN (SELECT DISTINCT lead_id, stage, attribution FROM attribution_credits) AS now
    ON now.lead_id = last.lead_id AND now.stage = last.stage AND now.attribution = last.attribution
WHERE notEmpty(last.parts)
"""  # noqa: S608 - made of constants
_TOTALS: Final = """
INSERT INTO attribution_totals (stated_at, attribution, stage, channel, campaign, currency, conversions, revenue)
SELECT fromUnixTimestamp64Milli(toInt64(%(at)s), 'UTC'), attribution, stage, channel, campaign, currency, conversions, revenue FROM attribution
"""
_COUNT: Final = """
SELECT countIf(earlier = 0) AS first, countIf(earlier > 0 AND notEmpty(credits.credit)) AS changed, countIf(empty(credits.credit)) AS withdrawn
FROM
(
    SELECT *, row_number() OVER (PARTITION BY lead_id, stage, attribution ORDER BY stated_at) - 1 AS earlier
    FROM attribution_statements FINAL
)
WHERE stated_at = fromUnixTimestamp64Milli(toInt64(%(at)s), 'UTC')
"""


class Restated(NamedTuple):
    """Statements that were made: of conversions for the first time, in place of others, and of those that are gone."""

    first: int
    changed: int
    withdrawn: int


class Taken(NamedTuple):
    """How many journeys took a path to a stage, or elsewhere."""

    stage: str
    channels: tuple[str, ...]
    converted: bool
    journeys: int


class Weight(NamedTuple):
    """What the data say of a channel; columns of `attribution_weights`."""

    stage: str
    attribution: str
    channels: str
    channel: str
    weight: float


def journeys(client: ClickHouse) -> list[Taken]:
    """All journeys to each stage that any lead reached, and those that led nowhere, by path."""
    return [Taken(row["stage"], tuple(row["channels"]), bool(row["converted"]), row["journeys"]) for row in client.query(_PATHS)]


def put_weights(client: ClickHouse, weights: Sequence[Weight], at: int) -> None:
    """Store what the data say as of *at* (ms): from now on it counts, for the stages and attributions that are in it."""
    if weights:
        columns = dict(zip(Weight._fields, map(list, zip(*weights, strict=True)), strict=True))
        client.insert("attribution_weights", columns | {"stated_at": [at] * len(weights)})


def restate(client: ClickHouse, at: int) -> Restated:
    """State, as of *at* (ms), every conversion whose parts are not what was last stated, and the totals. What was stated before stays."""
    client.command(_CHANGED, {"at": at})
    client.command(_GONE, {"at": at})
    client.command(_TOTALS, {"at": at})
    (counts,) = client.query(_COUNT, {"at": at})
    return Restated(**counts)
