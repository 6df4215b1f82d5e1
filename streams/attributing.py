"""What the data say of each channel, found out from all journeys, and every conversion stated anew where its parts changed."""

from collections.abc import Mapping
from dataclasses import dataclass

from processors.attribution.data_driven import by_path, markov, shapley
from sinks.attribution import Restated, Taken, Weight, journeys, put_weights, restate
from sinks.clickhouse import ClickHouse


@dataclass(frozen=True, kw_only=True, slots=True)
class Attributed:
    """What a run came to: Markov weights by stage and channel, and the statements that were made."""

    weights: Mapping[str, Mapping[str, float]]
    restated: Restated


def attribute(client: ClickHouse, at: int) -> Attributed:
    """Weigh, and state, as of *at* (ms). Whatever interrupts it: run again, it comes to the same."""
    weights = weigh(client, at)
    return Attributed(weights=weights, restated=restate(client, at))


def weigh(client: ClickHouse, at: int) -> dict[str, Mapping[str, float]]:
    """Find out what the data say, store it, and return each stage's Markov weights by channel."""
    by_stage: dict[str, list[Taken]] = {}
    for taken in journeys(client):
        by_stage.setdefault(taken.stage, []).append(taken)
    told, rows = dict[str, Mapping[str, float]](), list[Weight]()
    for stage, all_taken in by_stage.items():
        counted = by_path([(taken.channels, taken.converted, taken.journeys) for taken in all_taken])
        told[stage] = markov(counted)
        rows += [Weight(stage, "markov", "", channel, weight) for channel, weight in told[stage].items()]
        for channels, parts in shapley(counted).items():
            rows += [Weight(stage, "shapley", " > ".join(channels), channel, part) for channel, part in parts.items()]
    put_weights(client, rows, at)
    return told
