"""Meta's lead ads through a running collector, with a server in the Graph's place that answers, fails and knows nothing."""

import hashlib
import hmac
import json
from contextlib import asynccontextmanager

from aiohttp import web

from streams.settings import Settings
from tests.streams.collecting import NOW, served

LOCAL = Settings.local()
PATH = "/webhooks/meta-lead-ads"


@asynccontextmanager
async def graph(answers):
    """A Graph API: *answers* by lead, a status or what is said; gives its address and what it was asked."""
    asked = []

    async def lead(request: web.Request) -> web.Response:
        asked.append((request.match_info["lead"], request.query["access_token"]))
        answer = answers[request.match_info["lead"]]
        answer = answer.pop(0) if isinstance(answer, list) else answer
        return web.Response(status=answer) if isinstance(answer, int) else web.json_response(answer)

    app = web.Application()
    app.router.add_get("/v1/{lead}", lead)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1", asked
    finally:
        await runner.cleanup()


def body(*leads: str) -> bytes:
    changes = [{"field": "leadgen", "value": {"leadgen_id": lead, "form_id": "4", "created_time": NOW // 1000}} for lead in leads]
    return json.dumps({"object": "page", "entry": [{"id": "9", "time": NOW // 1000, "changes": changes}]}).encode()


def signed(said: bytes) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(LOCAL.meta_secrets[0].encode(), said, hashlib.sha256).hexdigest()}


def answers(lead: str) -> dict:
    return {"id": lead, "field_data": [{"name": "email", "values": [f"{lead}@example.com"]}]}


async def test_answers_are_fetched_and_written_and_a_redelivery_has_the_same_id():
    async with graph({"1": answers("1"), "2": answers("2")}) as (address, asked), served(meta_graph=address) as collector:
        for _ in range(2):
            answer = await collector.post(PATH, body("1", "2"), headers=signed(body("1", "2")))
            assert (answer.status, answer.json["accepted"]) == (200, 2)
        ids = [each.event_id for each in collector.box.touchpoints()]
        assert len(ids) == 4
        assert len(set(ids)) == 2
        assert {topic for topic, *_ in collector.box.records} == {"touchpoints.ads"}
        assert asked[0] == ("1", LOCAL.meta_access_token)


async def test_while_the_graph_is_away_meta_is_asked_to_come_again():
    async with graph({"1": [500, 429, answers("1")]}) as (address, _), served(meta_graph=address) as collector:
        for status in (503, 503, 200):
            assert (await collector.post(PATH, body("1"), headers=signed(body("1")))).status == status
        assert len(collector.box.touchpoints()) == 1
    async with served(meta_graph="http://127.0.0.1:1") as collector:
        assert (await collector.post(PATH, body("1"), headers=signed(body("1")))).status == 503
        assert collector.box.attempts == []


async def test_a_lead_that_the_graph_does_not_know_is_kept_among_the_dead_letters():
    async with graph({"1": 400}) as (address, _), served(meta_graph=address) as collector:
        answer = await collector.post(PATH, body("1"), headers=signed(body("1")))
        assert (answer.status, answer.json["rejected"][0]["reason"]) == (200, "no_answers")
        (letter,) = collector.box.dead_letters()
        assert letter.body == body("1")
        assert LOCAL.meta_access_token not in answer.body.decode()


async def test_a_stranger_makes_nothing_be_fetched():
    async with graph({}) as (address, asked), served(meta_graph=address) as collector:
        assert (await collector.post(PATH, body("1"), headers={"X-Hub-Signature-256": "sha256=00"})).status == 401
        assert asked == []


async def test_the_challenge_is_answered_by_a_running_collector():
    async with served() as collector:
        answer = await collector.ask("GET", f"{PATH}?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={LOCAL.meta_verify_token}")
        assert (answer.status, answer.body) == (200, b"1158201444")
        assert (await collector.ask("GET", f"{PATH}?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=guess")).status == 401
