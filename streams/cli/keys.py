"""`leadstream keys`: make write keys, of which only digests are kept."""

from argparse import Namespace

from streams.cli.arguments import Parser, Refusal


def declare(parser: Parser) -> None:
    parser.teach(
        "Make a write key for pages, apps or a server, and the entry that lets it in. The key is shown this once; settings keep\n"
        "its SHA-256 alone. To change a key without a gap: give the old entry a last day, add the new one, restart the\n"
        "collectors, then put the new key into the page.",
        examples="""\
  leadstream keys new site-2026
  leadstream keys new backend --sources segment
  leadstream keys new agency --until 2026-12-31 --json | jq -r .entry >> write-keys    # LEADSTREAM_WRITE_KEYS_FILE""",
    )
    parser.add_argument("action", choices=("new",), help="make a key")
    parser.add_argument("name", help="what metrics and limits call it")
    parser.add_argument("--sources", metavar="A,B", help="the sources it opens (default: all that take write keys)")
    parser.add_argument("--until", metavar="DATE", help="its last day, as 2026-12-31, in UTC (default: none)")
    parser.takes_json()


def run(asked: Namespace) -> int:
    import secrets

    from processors.sources.write_keys import HASHED, digest_of, entry_of, read_entry
    from streams.cli.output import as_json, note

    key = secrets.token_urlsafe(24)
    words = [asked.name, HASHED + digest_of(key)]
    words += [f"sources={'+'.join(part.strip() for part in asked.sources.split(','))}"] if asked.sources else []
    words += [f"until={asked.until}"] if asked.until else []
    try:
        entry = entry_of(read_entry(" ".join(words)))
    except ValueError as error:
        raise Refusal(f"a write key {error}") from None
    if asked.json:
        print(as_json({"key": key, "entry": entry}))
        return 0
    print(f"key    {key}\nentry  {entry}")
    note("the key goes into the page or the app; the entry into LEADSTREAM_WRITE_KEYS, or as a line into the file that LEADSTREAM_WRITE_KEYS_FILE names")
    return 0
