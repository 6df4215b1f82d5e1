"""A worker: any of the hops, built from the settings, with metrics and the truth about its health."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

from streams import app, deliver, identify, metrics, score
from streams.app import HealthView
from streams.broker import away
from streams.clickhouse import clickhouse_of
from streams.dead_letters import Limits
from streams.errors import Unavailable
from streams.health import Probes, of_hops
from streams.lane.hop import Hop, Pace
from streams.publish import published
from streams.settings import Settings
from streams.topics import Names
from streams.watch import ops_server

log = logging.getLogger(__name__)

HOPS: Final = (identify.NAME, score.NAME, deliver.NAME)
LOOK_FOR_MODEL_EVERY_S: Final = 2.0


def work(settings: Settings, wanted: Collection[str]) -> int:
    """Run the hops in *wanted* until SIGTERM or SIGINT and return the exit code. The topics must exist."""
    return app.run(
        [hop(name, settings) for name in wanted],
        bootstrap=settings.kafka,
        partitions=settings.names.partitions(),
        observer=metrics.LaneMetrics(),
        beside=[partial(doors, settings, wanted)],
    )


def hop(name: str, settings: Settings) -> Hop:
    """Build one of HOPS."""
    names, kafka = settings.names, settings.kafka
    limits = limits_of(settings)
    if name == identify.NAME:
        return identify.identify_hop(kafka, names=names, count=metrics.count, limits=limits, pace=_pace(settings, Pace()))
    if name == score.NAME:
        home = score.Home(bootstrap=kafka, names=names, count=metrics.count, limits=limits)
        return score.score_hop(home, pace=_pace(settings, Pace()))
    if name == deliver.NAME:
        pace = replace(deliver.PACE, session_timeout=timedelta(seconds=settings.session_timeout_s), heartbeat=_heartbeat(settings))
        return deliver.deliver_hop(kafka, names=names, connect=partial(clickhouse_of, settings), count=metrics.count, limits=limits, pace=pace)
    raise ValueError(f"no hop {name}, there are {', '.join(HOPS)}")


def limits_of(settings: Settings) -> Limits:
    return Limits(in_a_row_max=settings.dead_letters_in_a_row_max, share_max=settings.dead_letters_share_max)


def _pace(settings: Settings, pace: Pace) -> Pace:
    return replace(
        pace, commit_every=timedelta(seconds=settings.commit_every_s), heartbeat=_heartbeat(settings),
        session_timeout=timedelta(seconds=settings.session_timeout_s),
    )  # fmt: skip


def _heartbeat(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.session_timeout_s / 6)


@asynccontextmanager
async def doors(settings: Settings, wanted: Collection[str], view: HealthView) -> AsyncIterator[None]:
    """Serve /live, /ready and /metrics; a worker that scores is not ready before there is a model to score by."""
    stuck_after = timedelta(seconds=settings.stuck_after_s)
    hops = of_hops(view, stuck_after=stuck_after)
    async with _model_watch(settings, wanted) as missing:
        probes = Probes(live=hops.live, ready=lambda: [*hops.ready(), *missing])
        excuse = partial(away, settings.kafka)  # aiokafka repeats what it sends for ever, and says nothing
        async with ops_server(settings.ops_host, settings.ops_port, probes, excuse=excuse, excused_for=stuck_after) as address:
            log.info("hops %s: /live, /ready and /metrics at %s", ", ".join(wanted), address)
            yield


def _model_watch(settings: Settings, wanted: Collection[str]) -> AbstractAsyncContextManager[Sequence[str]]:
    return model_watch(settings.kafka, settings.names) if score.NAME in wanted else _nothing()


@asynccontextmanager
async def _nothing() -> AsyncIterator[Sequence[str]]:
    yield ()


@asynccontextmanager
async def model_watch(bootstrap: str, names: Names) -> AsyncIterator[Sequence[str]]:
    """Yield what speaks against scoring, kept up to date: empty once a scoring model has been published."""
    missing: list[str] = ["score: not known yet whether a scoring model has been published"]
    looking = asyncio.create_task(_until_published(bootstrap, names, missing))
    try:
        yield missing
    finally:
        looking.cancel()
        await asyncio.wait([looking])


async def _until_published(bootstrap: str, names: Names, missing: list[str]) -> None:
    warned = False
    while True:
        try:
            if (await published(bootstrap, names)).in_force is not None:
                missing.clear()
                return
            missing[:] = ["score: no scoring model has been published, touchpoints wait: leadstream model publish b2b"]
            if not warned:
                log.warning("no scoring model has been published yet: touchpoints wait in the log until `leadstream model publish`")
                warned = True
        except Unavailable as away:
            missing[:] = [f"score: {away}"]
        await asyncio.sleep(LOOK_FOR_MODEL_EVERY_S)
