"""`leadstream lead ID|EMAIL`: why is this lead where it is?"""

import asyncio
from argparse import Namespace

from streams.cli.arguments import Parser, Refusal


def declare(parser: Parser) -> None:
    parser.teach(
        "Explain one lead: its stage and what brought it there, its score now with the points of each rule, its fit, what\n"
        "would move it next, its stage history and what happened last. Takes an email address (looked up by its keyed hash),\n"
        "or an id: v:VISITOR, c:CRM-ID, e:HASH. A lead that turned out to be another is followed to that one.",
        examples="""\
  leadstream lead ann@example.com
  leadstream lead v:9f3c2a --facts 50
  leadstream lead ann@example.com --json | jq .score""",
    )
    parser.add_argument("lead", metavar="ID|EMAIL", help="an email address, v:VISITOR, c:CRM-ID or e:HASH")
    parser.add_argument("--facts", type=int, default=12, metavar="N", help="show the last N facts (%(default)s)")
    parser.takes_json()
    parser.takes_local()


def run(asked: Namespace) -> int:
    """Exit with 1 for a lead that nobody has heard of."""
    if asked.facts < 0:
        raise Refusal("--facts takes a number from 0 up")
    from streams.cli.installation import installation, lead_id_of
    from streams.cli.lead_found import find
    from streams.cli.lead_history import history_of
    from streams.cli.lead_words import described, told
    from streams.cli.output import as_json, note
    from streams.clock import now_ms

    here = installation(asked)
    found = asyncio.run(find(here, lead_id_of(asked.lead, here.settings)))
    if found is None:
        note(f"no lead {asked.lead} is known: nothing of it has been decided yet, or it is written otherwise")
        return 1
    history = history_of(here, found.lead_id, now=found.lead.now, facts_max=asked.facts)
    if asked.json:
        print(as_json(described(found, history, now=now_ms())))
    else:
        told(found, history, now=now_ms())
    return 0
