"""Amazon SES through SNS: a running collector that fetches certificates, over real TLS, and confirms its subscription."""

import asyncio
import json

from processors.sources.signal import Wanted
from streams.collecting import fetching
from streams.collecting.fetching import Fetching
from streams.errors import Unavailable
from tests.processors import sns
from tests.streams.amazon import amazon
from tests.streams.collecting import served

PATH = "/webhooks/amazon-ses"
CERTIFICATE = "/" + sns.CERTIFICATE_URL.rpartition("/")[2]
MAIL = {"messageId": "m-1", "destination": ["ann@example.com"]}


def event(**more):
    return json.dumps(sns.message({"eventType": "Click", "mail": MAIL, "click": {"timestamp": "2026-11-21T21:56:30Z", "link": "https://x.example/a"}}, **more)).encode()


async def post(collector, body):
    return await collector.post(PATH, body, headers={"Content-Type": "text/plain; charset=UTF-8"})


def collector_for(there, **more):
    return served(amazon_ses_topics=(sns.TOPIC,), outbound_proxy=there.proxy, outbound_roots=there.roots, **more)


async def test_an_event_is_proved_by_fetched_certificates_which_are_fetched_once(tmp_path):
    async with amazon(tmp_path) as there, collector_for(there) as collector:
        answers = await asyncio.gather(*(post(collector, event()) for _ in range(5)))
        assert [(each.status, each.json) for each in answers] == [(200, {"success": True, "accepted": 1})] * 5
        assert there.asked == [CERTIFICATE, "/r2m01.cer"]
        assert len({each.event_id for each in collector.box.touchpoints()}) == 1
        assert {topic for topic, *_ in collector.box.records} == {"touchpoints.email"}


async def test_a_subscription_is_confirmed_and_told_to_come_again_where_that_fails(tmp_path):
    body = json.dumps(sns.confirmation()).encode()
    async with amazon(tmp_path) as there, collector_for(there) as collector:
        assert (await post(collector, body)).status == 200
        assert there.asked == [CERTIFICATE, "/r2m01.cer", "/?ConfirmSubscription"]
        there.status = 503
        answer = await post(collector, body)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
        there.status = 400
        assert (await post(collector, body)).status == 401
        assert there.asked.count("/?ConfirmSubscription") == 3
        assert collector.box.attempts == []


async def test_forged_messages_fetch_nothing_or_are_refused(tmp_path):
    async with amazon(tmp_path) as there, collector_for(there) as collector:
        for body in (b"{}", event(TopicArn="arn:aws:sns:us-east-1:999999999999:mine"), event(SigningCertURL="https://evil.example/SimpleNotificationService-0123456789.pem")):
            assert (await post(collector, body)).status == 401
        assert there.asked == []
        missing = event(SigningCertURL="https://sns.us-east-1.amazonaws.com/SimpleNotificationService-00000000000000000000000000000000.pem")
        for _ in range(2):
            assert (await post(collector, missing)).status == 401
        assert len(there.asked) == 1, "that there is none is remembered, too"
        assert (await post(collector, event(signer="other"))).status == 401
        assert collector.box.attempts == []


async def test_a_server_that_is_not_amazon_is_not_asked_for_certificates(tmp_path):
    async with amazon(tmp_path, host="evil.example") as there, collector_for(there) as collector:
        assert (await post(collector, event())).status == 503
        assert there.asked == []


async def test_what_is_fetched_is_bounded_and_no_redirection_followed(tmp_path):
    async with amazon(tmp_path) as there:
        fetches = Fetching(proxy=there.proxy, roots=there.roots)
        try:
            there.lies["/large"] = b"x" * (fetching.BYTES_MAX + 1)
            there.lies["/whole"] = b"x" * fetching.BYTES_MAX
            assert await fetches.get(Wanted(url="http://crt.a.amazontrust.com/large", kept=False)) == b""
            assert len(await fetches.get(Wanted(url="http://crt.a.amazontrust.com/whole", kept=False))) == fetching.BYTES_MAX
            there.status = 302
            assert await fetches.get(Wanted(url="http://crt.a.amazontrust.com/whole", kept=False)) == b""
            there.status = 200
            for number in range(fetching.KEPT_MAX + 1):
                await fetches.get(Wanted(url=f"http://crt.a.amazontrust.com/{number}", kept=True))
            before = len(there.asked)
            await fetches.get(Wanted(url=f"http://crt.a.amazontrust.com/{fetching.KEPT_MAX}", kept=True))
            assert len(there.asked) == before
            await fetches.get(Wanted(url="http://crt.a.amazontrust.com/0", kept=True))
            assert len(there.asked) == before + 1, "the oldest was forgotten"
            many = await asyncio.gather(*(fetches.get(Wanted(url=f"http://crt.b.amazontrust.com/{n}", kept=True)) for n in range(fetching.AT_ONCE_MAX + 1)), return_exceptions=True)
            assert [type(each) for each in many] == [bytes] * fetching.AT_ONCE_MAX + [Unavailable]
        finally:
            await fetches.close()


async def test_nobody_at_the_other_end_is_told_to_come_again():
    async with served(amazon_ses_topics=(sns.TOPIC,), outbound_proxy="http://127.0.0.1:1") as collector:
        assert (await post(collector, event())).status == 503
    async with served(amazon_ses_topics=()) as collector:
        answer = await post(collector, event())
        assert (answer.status, "LEADSTREAM_AMAZON_SES_TOPICS" in answer.json["message"]) == (401, True)


async def test_what_cannot_be_used_is_kept_and_answered_200(tmp_path):
    body = json.dumps(sns.message({"eventType": "Seen"})).encode()
    async with amazon(tmp_path) as there, collector_for(there) as collector:
        assert (await post(collector, body)).status == 200
        (letter,) = collector.box.dead_letters()
        assert (letter.headers["field"], letter.body) == ("eventType", body)
