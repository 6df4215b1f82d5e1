"""`leadstream model check | publish | show`: the scoring model, from marketing's editor to every partition."""

import asyncio
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streams.cli.arguments import Parser
from streams.cli.output import as_json, note, printable
from streams.errors import Misconfigured, Refused

if TYPE_CHECKING:
    from processors.model.scoring_model import ScoringModel
    from streams.publish import Published

PUBLISHED: Final = "published"


def declare(parser: Parser) -> None:
    parser.teach(
        "Check a scoring model, publish it, show the one in force. A model is a YAML file with the rules that earn points, the\n"
        "fit that makes the grade and the stages; `b2b` and `b2c` come with the product. A published version is kept for ever\n"
        "under its name and version: what changes needs a new version.",
        examples="""\
  leadstream model check b2b                          the shipped model in words
  leadstream model check mine.yaml --against published   every problem, or what would change
  leadstream model publish mine.yaml                  in force from here on, for every lead
  leadstream model show --yaml > mine.yaml            the one in force, to edit""",
    )
    actions = parser.takes_actions(
        ("check", "read a model: every problem at once, or what it does, or what it would change"),
        ("publish", "put a model in force"),
        ("show", "the model in force, or a former one"),
    )
    for name in ("check", "publish"):
        actions[name].add_argument("model", metavar="FILE|b2b|b2c", help="a YAML file, or a model that comes with the product")
    actions["check"].add_argument("--against", metavar="published|FILE", help="tell what is different from this one")
    actions["show"].add_argument("--yaml", action="store_true", help="the file as it was published")
    actions["show"].add_argument("--version", metavar="NAME@NUMBER", help="a former version")
    for action in actions.values():
        action.takes_json()
        action.takes_local()


def run(asked: Namespace) -> int:
    return {"check": _check, "publish": _publish, "show": _show}[asked.action](asked)


def _check(asked: Namespace) -> int:
    """Exit with 65 for a model with problems, 1 for one that cannot be published since its version was used before."""
    from processors.model.differences import differences
    from processors.model.words import describe

    try:
        model = _read(asked.model)
    except Refused as refused:
        if asked.json:
            print(as_json({"ok": False, "problems": str(refused).splitlines()}))
        raise
    if asked.against is None:
        print(as_json({"ok": True, "model": model.id, "words": describe(model)}) if asked.json else "\n".join(describe(model)))
        return 0
    known = _published(asked) if asked.against == PUBLISHED else None
    other = _read(asked.against) if known is None else _in_force(known)
    used = known is not None and known.texts.get(model.id, model.text) != model.text
    changes = [] if other is None else differences(other, model)
    if used:
        changes.append(f"{model.id} was published with other content: raise its version")
    if asked.json:
        print(as_json({"ok": not used, "model": model.id, "against": None if other is None else other.id, "differences": changes}))
    else:
        unchanged = "no model has been published yet" if other is None else f"{model.id} decides as {other.id} does"
        print("\n".join(changes) or unchanged)
    return int(used)


def _publish(asked: Namespace) -> int:
    from streams import publish
    from streams.cli.installation import installation
    from streams.reading import require
    from streams.topics import INBOX, MODELS

    model, here = _read(asked.model), installation(asked)

    async def put_in_force() -> bool:
        await require(here.bootstrap, (here.names.topic(MODELS), here.names.topic(INBOX)))
        return await publish.publish(here.bootstrap, here.names, model)

    news = asyncio.run(put_in_force())
    if asked.json:
        print(as_json({"model": model.id, "news": news}))
    else:
        print(f"{model.id} is in force from here on" if news else f"{model.id} is in force already")
    return 0


def _show(asked: Namespace) -> int:
    """Exit with 1 where there is no such model."""
    from processors.model.words import describe

    known = _published(asked)
    wanted = asked.version or known.in_force
    if wanted is None or wanted not in known.texts:
        note(_none_such(wanted, known))
        return 1
    text = known.texts[wanted]
    if asked.json:
        print(as_json({"model": wanted, "in_force": known.in_force, "published": sorted(known.texts), "text": text}))
    elif asked.yaml:
        print(text, end="" if text.endswith("\n") else "\n")
    else:
        print("\n".join(map(printable, describe(_load(text, wanted)))))
        if others := sorted(known.texts.keys() - {wanted}):
            note(f"\nalso published: {', '.join(others)}")
    return 0


def _none_such(wanted: str | None, known: "Published") -> str:
    if wanted is None:
        return "no model has been published yet: leadstream model publish b2b"
    return f"no model {wanted} was published, there are {', '.join(sorted(known.texts)) or 'none'}"


def _published(asked: Namespace) -> "Published":
    from streams.cli.installation import installation
    from streams.publish import published
    from streams.reading import require
    from streams.topics import MODELS

    here = installation(asked)

    async def look() -> "Published":
        await require(here.bootstrap, (here.names.topic(MODELS),))
        return await published(here.bootstrap, here.names)

    return asyncio.run(look())


def _in_force(known: "Published") -> "ScoringModel | None":
    return None if known.in_force is None else _load(known.texts[known.in_force], known.in_force)


def _read(name: str) -> "ScoringModel":
    """Read a model's file, or a shipped model. Raises Refused with all its problems, Misconfigured where there is no file."""
    from processors.model.file import SHIPPED, shipped

    if name in SHIPPED:
        return _load(shipped(name), name)
    try:
        text = Path(name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"{name} is not UTF-8: save it as such") from error
    except OSError as error:
        raise Misconfigured(f"{name} cannot be read ({error.strerror}): name a YAML file, or one of {', '.join(SHIPPED)}") from error
    return _load(text, name)


def _load(text: str, name: str) -> "ScoringModel":
    from processors.model.file import load
    from processors.model.problems import ModelProblems

    try:
        return load(text, name_of_file=name)
    except ModelProblems as problems:
        count = len(problems.problems)
        raise Refused(f"{count} problem{'s' if count > 1 else ''} in the scoring model\n{problems}") from problems
