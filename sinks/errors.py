"""What can go wrong while recording, named by what the caller does next.

    SinkError
    ├── Unavailable     ClickHouse does not answer, or has no room: try the same again, later
    ├── Refused         the rows are wrong and stay wrong: find them, set them aside, go on
    └── Misconfigured   stop, and tell the operator what to change

Messages hold no values of rows: ClickHouse's own texts quote them, so only the name of its error is repeated.
"""

from typing import Final

from clickhouse_driver import errors as driver


class SinkError(Exception):
    """Any foreseen failure; its message is one plain sentence."""


class Unavailable(SinkError):
    """The same call may work later, with the same rows."""


class Refused(SinkError):
    """At least one of the rows is wrong, and will be at every retry."""


class Misconfigured(SinkError):
    """Nothing but an operator can help."""


CONSTRAINT_VIOLATED: Final = 469

# Errors of which a row is the cause. The list is closed: an error we do not know stops the flow and is seen, where a
# guess would drain a topic into the dead letters.
_REFUSALS: Final = frozenset({
    6,  # CANNOT_PARSE_TEXT
    9,  # SIZES_OF_COLUMNS_DOESNT_MATCH
    27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
    41,  # CANNOT_PARSE_DATETIME
    53,  # TYPE_MISMATCH
    69,  # ARGUMENT_OUT_OF_BOUND
    70,  # CANNOT_CONVERT_TYPE
    72,  # CANNOT_PARSE_NUMBER
    117,  # INCORRECT_DATA
    128,  # TOO_LARGE_ARRAY_SIZE
    131,  # TOO_LARGE_STRING_SIZE
    190,  # SIZES_OF_ARRAYS_DOESNT_MATCH
    321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
    CONSTRAINT_VIOLATED,
})  # fmt: skip

_WRONG_SETTINGS: Final = {
    192: "the user is unknown: check LEADSTREAM_CLICKHOUSE_USER",
    193: "the password is wrong: check LEADSTREAM_CLICKHOUSE_PASSWORD",
    194: "a password is required: set LEADSTREAM_CLICKHOUSE_PASSWORD",
    516: "user or password are wrong: check LEADSTREAM_CLICKHOUSE_USER and LEADSTREAM_CLICKHOUSE_PASSWORD",
    195: "this address may not connect: allow it for the user",
    164: "the user may only read: grant it INSERT, SELECT, CREATE and ALTER on the database",
    497: "the user lacks a right: grant it INSERT, SELECT, CREATE and ALTER on the database",
    291: "the user may not use the database: grant it INSERT, SELECT, CREATE and ALTER there",
}

# A table or column that is not there: whoever changed it by hand has to undo it.
_WRONG_TABLES: Final = {
    16: "a column is missing",
    47: "a column is missing",
    60: "a table is missing",
    81: "the database is missing",
}


def of_driver(error: Exception, *, where: str) -> SinkError | None:
    """Name what clickhouse-driver raised by what to do next, or None for a bug.

    *where* says what was being done, and to which server.
    """
    if isinstance(error, driver.ServerException):
        return _of_server(error, where=where)
    if isinstance(error, (driver.TypeMismatchError, driver.TooLargeStringSize, UnicodeEncodeError)):
        return Refused(f"{where}: a value does not fit its column ({type(error).__name__})")
    if isinstance(error, (driver.NetworkError, driver.SocketTimeoutError, OSError, EOFError)):
        return Unavailable(
            f"{where}: it does not answer ({type(error).__name__}); is it running, and is that its address?"
        )
    if isinstance(error, driver.Error):
        return Unavailable(f"{where}: the connection broke ({type(error).__name__})")
    return None


def _of_server(error: driver.ServerException, *, where: str) -> SinkError:
    code = error.code or 0
    if code in _REFUSALS:
        return Refused(f"{where}: refused with ClickHouse's error {code}{_constraint(error, code)}")
    if code in _WRONG_SETTINGS:
        return Misconfigured(f"{where}: {_WRONG_SETTINGS[code]}")
    if code in _WRONG_TABLES:
        return Misconfigured(
            f"{where}: {_WRONG_TABLES[code]} (ClickHouse's error {code}): was it changed by hand, or made by another release?"
        )
    return Unavailable(f"{where}: ClickHouse answered with error {code}")


def _constraint(error: driver.ServerException, code: int) -> str:
    """The name of the constraint that was violated: our own word for what is wrong, no value."""
    if code != CONSTRAINT_VIOLATED:
        return ""
    quoted = str(error.message).split("`")
    return f" (constraint {quoted[1]})" if len(quoted) > 1 else ""
