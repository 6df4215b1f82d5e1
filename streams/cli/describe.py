"""`leadstream describe`: the collector as OpenAPI, the topics as AsyncAPI."""

from argparse import Namespace

from streams.cli.arguments import Parser


def declare(parser: Parser) -> None:
    parser.teach(
        "Print what this release takes and what its topics hold, for machines, as one JSON document: the collector as OpenAPI\n"
        "3.1, the topics as AsyncAPI 3.0. Both are made of the code that does it, with the names and addresses of the settings, or the local ones.",
        examples="""\
  leadstream describe collector > openapi.json
  leadstream describe topics | jq -r '.channels | keys[]'""",
    )
    parser.add_argument("what", choices=("collector", "topics"), help="the doors, or the topics")


def run(asked: Namespace) -> int:
    import json

    from streams.describing import asyncapi, openapi
    from streams.settings import Settings

    settings = Settings.load_local()
    made = openapi.document(settings) if asked.what == "collector" else asyncapi.document(settings)
    print(json.dumps(made, indent=2))
    return 0
