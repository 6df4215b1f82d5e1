"""What an SQL text asks for, as far as the doors must know before the engine reads it.

They must know three things: whether an INSERT waits for data from the client, which FORMAT a result is wanted in,
and whether a result has columns even when it has no rows.
"""

import re
from dataclasses import dataclass

FLAGS = re.IGNORECASE | re.DOTALL | re.VERBOSE
BLANK = r"(?:\s | --[^\n]*(?:\n|$) | /\*.*?\*/)*"
QUOTED = r"""(?:'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`\\]|\\.|``)*`)"""
NAME = r"""(?:"(?:[^"\\]|\\.|"")+" | `(?:[^`\\]|\\.|``)+` | [A-Za-z_]\w*)"""
INSERT = re.compile(
    rf"""{BLANK} INSERT \s+ (?:INTO \s+)? (?:TABLE \s+ (?!\())?
    (?P<target> FUNCTION \s+ \w+ \s* \( (?:{QUOTED} | [^()'"`] | \([^()]*\))* \) | {NAME} (?:\s*\.\s* {NAME})* ) \s*
    (?P<columns> \( (?:{QUOTED} | [^()'"`])* \) )? \s*
    (?P<settings> SETTINGS \s+ (?:{QUOTED} | (?!\b(?:VALUES|FORMAT)\b) [^'"`])+ )?
    (?P<end> VALUES | FORMAT \s+ (?P<format>\w+) )""",  # noqa: S608
    FLAGS,
)
COLUMN = re.compile(rf"{NAME} (?:\s*\.\s* {NAME})*", FLAGS)
PART = re.compile(NAME, FLAGS)
FORMAT = re.compile(rf"\b FORMAT \s+ (?P<name>\w+) (?P<rest> \s+ SETTINGS \s .*?)? (?:{BLANK} ;)? {BLANK} $", FLAGS)
FIRST_WORD = re.compile(rf"{BLANK} (?: \( {BLANK})* (\w+)", FLAGS)
LEXEME = re.compile(rf"{QUOTED} | --[^\n]* | /\*.*?\*/ | (?P<end>;)", FLAGS)
NOTHING = re.compile(rf"(?:{BLANK} ;?)* $", FLAGS)
# Statements whose result has columns, rows or not; the first of them can be described without being run.
SELECTS = frozenset({"SELECT", "WITH", "FROM"})
READS = SELECTS | {"SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN"}
# What a GET request may run besides: nothing of it outlives the session.
SESSION_ONLY = frozenset({"USE", "SET"})


@dataclass(frozen=True, slots=True)
class DataInsert:
    """An INSERT with its data still to come, or lying behind it in the same text from *data_at* on."""

    into: str
    settings: str = ""
    target: str = ""
    columns: tuple[str, ...] = ()
    data_format: str = "Values"
    data_at: int = 0


def data_insert(sql: str) -> DataInsert | None:
    """Return the INSERT that takes data in a format; None for INSERT SELECT and everything else."""
    found = INSERT.match(sql)
    if found is None:
        return None
    # A column of a nested structure is named n.k, with or without quotes.
    columns = (".".join(map(unquoted, PART.findall(column))) for column in COLUMN.findall(found["columns"] or ""))
    return DataInsert(
        into=sql[: found.start("settings") if found["settings"] else found.start("end")],
        settings=found["settings"] or "",
        target=found["target"],
        columns=tuple(columns),
        data_format=found["format"] or "Values",
        data_at=_data_at(sql, found.end()),
    )


def _data_at(sql: str, end: int) -> int:
    # As ClickHouse does: blanks up to the first line break belong to the statement, what follows to the data.
    while end < len(sql) and sql[end] in " \t\r":
        end += 1
    return end + 1 if sql[end : end + 1] in ("\n", ";") else end


def output_format(sql: str) -> str | None:
    found = FORMAT.search(sql)
    return found["name"] if found else None


def without_format(sql: str) -> str:
    found = FORMAT.search(sql)
    return sql[: found.start()] + (found["rest"] or "") if found else sql


def first_word(sql: str) -> str:
    found = FIRST_WORD.match(sql)
    return found[1].upper() if found else ""


def is_several(sql: str) -> bool:
    """Tell whether a second statement follows the first; ClickHouse's doors take one at a time."""
    return any(found["end"] and not NOTHING.match(sql, found.end()) for found in LEXEME.finditer(sql))


def identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def unquoted(name: str) -> str:
    if name[0] in '`"':
        return re.sub(r"\\(.)|``|\"\"", lambda found: found[1] or found[0][0], name[1:-1])
    return name


def literal(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
