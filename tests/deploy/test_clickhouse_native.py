"""The native door, by a client nobody here wrote: clickhouse-driver."""

import datetime as dt
import socket
import threading
import uuid
from decimal import Decimal
from ipaddress import IPv4Address

import pytest
from clickhouse_driver import Client, connect
from clickhouse_driver import errors as driver_errors

from deploy.local.status import Status

UTC = dt.UTC
AT = dt.datetime(2026, 3, 1, 12, 30, 15, 123000, tzinfo=UTC)
EVERY_TYPE = {
    "s": ("String", "ünïcode \0 and NUL"),
    "long": ("String", "x" * 70_000),
    "lc": ("LowCardinality(String)", "page"),
    "lcn": ("LowCardinality(Nullable(String))", None),
    "fixed": ("FixedString(3)", "abc"),
    "maybe": ("Nullable(String)", None),
    "maybe_n": ("Nullable(Int32)", 7),
    "at": ("DateTime64(3, 'UTC')", AT),
    "second": ("DateTime('UTC')", AT.replace(microsecond=0)),
    "day": ("Date", dt.date(2026, 3, 1)),
    "f": ("Float64", 0.1),
    "i8": ("Int8", -128),
    "i64": ("Int64", -(2**63)),
    "u64": ("UInt64", 2**64 - 1),
    "u128": ("UInt128", 2**100),
    "id": ("UUID", uuid.UUID("12345678-1234-5678-1234-567812345678")),
    "tags": ("Array(String)", ["a", "", "b" * 200]),
    "lcs": ("Array(LowCardinality(String))", ["a", "b"]),
    "deep": ("Array(Array(Nullable(UInt8)))", [[1, None], [], [3]]),
    "props": ("Map(String, String)", {"utm": "ads", "": ""}),
    "lcmap": ("Map(LowCardinality(String), UInt32)", {"a": 1}),
    "pairs": ("Array(Tuple(k String, v Float64))", [("a", 1.5), ("b", -0.0)]),
    "named": ("Tuple(a Int8, b Nullable(String))", (1, None)),
    "stage": ("Enum8('visitor' = 1, 'it\\'s, (mql)' = 2)", "it's, (mql)"),
    "yes": ("Bool", True),
    "money": ("Decimal(18, 2)", Decimal("12.34")),
    "ip": ("IPv4", IPv4Address("127.0.0.1")),
}


@pytest.fixture(params=[False, "lz4"], ids=["plain", "lz4"])
def client(local_stack: Status, request):
    host, port = local_stack.clickhouse_address
    with Client(host, port=port, compression=request.param) as connected:
        yield connected


@pytest.fixture
def table(client: Client):
    client.execute("DROP TABLE IF EXISTS every_type")
    columns = ", ".join(f"`{name}` {kind}" for name, (kind, _) in EVERY_TYPE.items())
    client.execute(f"CREATE TABLE every_type (n UInt32, {columns}) ENGINE = MergeTree ORDER BY n")
    yield "every_type"
    client.execute("DROP TABLE every_type")


def row(number: int) -> tuple:
    return (number, *(value for _, value in EVERY_TYPE.values()))


def test_rows_of_every_type_are_read_back_as_they_were_written(client, table):
    written = [row(number) for number in range(3)]
    assert client.execute(f"INSERT INTO {table} VALUES", written) == 3
    assert client.execute(f"SELECT * FROM {table} ORDER BY n") == written


def test_columns_are_read_back_as_they_were_written(client, table):
    columns = list(zip(*[row(number) for number in range(500)], strict=True))
    assert client.execute(f"INSERT INTO {table} VALUES", columns, columnar=True) == 500
    assert client.execute(f"SELECT * FROM {table} ORDER BY n", columnar=True) == columns


def test_an_insert_may_name_some_columns_in_any_order(client, table):
    client.execute(f"INSERT INTO {table} (`lc`, n) VALUES", [("page", 5), ("form", 6)])
    assert client.execute(f"SELECT n, lc, s, props FROM {table} ORDER BY n") == [(5, "page", "", {}), (6, "form", "", {})]


def test_an_insert_fills_defaults_and_leaves_computed_columns_alone(client):
    client.execute("DROP TABLE IF EXISTS computed")
    client.execute("CREATE TABLE computed (a Int32, d Int32 DEFAULT a + 1, m Int32 MATERIALIZED a * 2, l Int32 ALIAS a * 3) ENGINE = Memory")
    client.execute("INSERT INTO computed (a) VALUES", [(1,)])
    client.execute("INSERT INTO computed VALUES", [(2, 9)])
    assert client.execute("SELECT a, d, m, l FROM computed ORDER BY a") == [(1, 2, 2, 3), (2, 9, 4, 6)]


def test_names_and_types_come_with_and_without_rows(client):
    kinds = [("n", "UInt8"), ("t", "Array(Tuple(k String, v Float64))"), ("l", "LowCardinality(String)")]
    asked = "SELECT 1 AS n, [('a', 1.)]::Array(Tuple(k String, v Float64)) AS t, toLowCardinality('x') AS l"
    assert client.execute(asked, with_column_types=True) == ([(1, [("a", 1.0)], "x")], kinds)
    assert client.execute(f"{asked} WHERE 0", with_column_types=True) == ([], kinds)


def test_statements_that_are_no_select_return_their_rows(client):
    client.execute("DROP TABLE IF EXISTS shown")
    client.execute("CREATE TABLE shown (a Int32) ENGINE = Memory")
    assert client.execute("SHOW TABLES LIKE 'shown'", with_column_types=True) == ([("shown",)], [("name", "String")])
    assert client.execute("SHOW TABLES LIKE 'nothing'", with_column_types=True) == ([], [("name", "String")])
    assert client.execute("EXISTS TABLE shown") == [(1,)]
    assert client.execute("DESCRIBE TABLE shown")[0][:2] == ("a", "Int32")
    assert client.execute("WITH 2 AS two SELECT two FORMAT JSON;") == [(2,)]
    assert client.execute("(SELECT 1) UNION ALL (SELECT 1)") == [(1,), (1,)]


def test_inserts_without_data_of_the_client_are_run(client):
    client.execute("DROP TABLE IF EXISTS filled")
    client.execute("CREATE TABLE filled (a Int32, b String) ENGINE = MergeTree ORDER BY a")
    client.execute("INSERT INTO filled SELECT number, 'x' FROM numbers(10)")
    client.execute("INSERT INTO filled (a, b) VALUES (10, 'FORMAT Native'), (11, 'it''s; VALUES')")
    assert client.execute("SELECT count(), max(b) FROM filled") == [(12, "x")]
    assert client.execute("SELECT b FROM filled WHERE a >= 10 ORDER BY a") == [("FORMAT Native",), ("it's; VALUES",)]


def test_a_large_result_arrives_in_blocks(client):
    assert sum(1 for _ in client.execute_iter("SELECT number FROM numbers(300000)")) == 300_000
    (column,) = client.execute("SELECT toString(number) FROM numbers(300000)", columnar=True)
    assert column[0] == "0" and column[-1] == "299999"


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM no_such_table", driver_errors.ErrorCodes.UNKNOWN_TABLE),
        ("SELEC 1", driver_errors.ErrorCodes.SYNTAX_ERROR),
        ("SELECT toInt32(unhex('FF41'))", driver_errors.ErrorCodes.CANNOT_PARSE_TEXT),
        ("INSERT INTO no_such_table SELECT unhex('FF') AS `x`", driver_errors.ErrorCodes.UNKNOWN_TABLE),
        ("SELECT 1; SELECT 2", driver_errors.ErrorCodes.SYNTAX_ERROR),
        ("INSERT INTO no_such_table SELECT 1", driver_errors.ErrorCodes.UNKNOWN_TABLE),
        ("SELECT throwIf(number = 200000) FROM numbers(1000000)", driver_errors.ErrorCodes.FUNCTION_THROW_IF_VALUE_IS_NON_ZERO),
    ],
)
def test_an_exception_keeps_its_code_and_the_connection(client, sql, code):
    with pytest.raises(driver_errors.ServerException) as told:
        client.execute(sql)
    assert told.value.code == code
    assert "DB::Exception" in str(told.value)
    assert client.execute("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("INSERT INTO no_such_table VALUES", driver_errors.ErrorCodes.UNKNOWN_TABLE),
        ("INSERT INTO refused (nope) VALUES", driver_errors.ErrorCodes.NO_SUCH_COLUMN_IN_TABLE),
        ("INSERT INTO refused (a) VALUES", 469),  # VIOLATED_CONSTRAINT
    ],
)
def test_a_refused_insert_keeps_its_code_and_the_connection(client, sql, code):
    client.execute("CREATE TABLE IF NOT EXISTS refused (a Int32, CONSTRAINT small CHECK a < 10) ENGINE = MergeTree ORDER BY a")
    with pytest.raises(driver_errors.ServerException) as told:
        client.execute(sql, [(20,)])
    assert told.value.code == code
    assert client.execute("SELECT count() FROM refused") == [(0,)]


def test_a_database_is_chosen_at_the_connection_or_by_use(local_stack, client):
    client.execute("CREATE DATABASE IF NOT EXISTS other")
    host, port = local_stack.clickhouse_address
    with Client(host, port=port, database="other") as there:
        assert there.execute("SELECT currentDatabase()") == [("other",)]
    assert client.execute("SELECT currentDatabase()") == [("default",)]
    client.execute("USE other")
    assert client.execute("SELECT currentDatabase()") == [("other",)]
    with Client(host, port=port, database="nowhere") as lost, pytest.raises(driver_errors.ServerException) as told:
        lost.execute("SELECT 1")
    assert told.value.code == driver_errors.ErrorCodes.UNKNOWN_DATABASE


def test_settings_hold_for_one_query(client):
    asked = "SELECT getSetting('max_block_size')"
    usual = client.execute(asked)
    assert client.execute(asked, settings={"max_block_size": 77}) == [(77,)]
    assert client.execute(asked) == usual
    assert client.execute("SELECT 1", settings={"no_such_setting": 1}) == [(1,)]


def test_an_important_setting_must_be_known(local_stack):
    host, port = local_stack.clickhouse_address
    with Client(host, port=port, settings={"no_such_setting": 1}, settings_is_important=True) as strict, pytest.raises(driver_errors.ServerException) as told:
        strict.execute("SELECT 1")
    assert told.value.code == driver_errors.ErrorCodes.UNKNOWN_SETTING


def test_parameters_are_substituted(client):
    assert client.execute("SELECT %(a)s, %(b)s, %(c)s", {"a": 1, "b": "it's \\ \n", "c": [1, 2]}) == [(1, "it's \\ \n", [1, 2])]
    assert client.execute("SELECT {a:UInt8} + 1, {b:String}", settings={"param_a": 1, "param_b": "it's"}) == [(2, "it's")]


def test_a_repeated_dedup_token_inserts_nothing(client):
    client.execute("DROP TABLE IF EXISTS once")
    client.execute("CREATE TABLE once (a Int32) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100")
    for token in ("first", "first", "second"):
        client.execute("INSERT INTO once VALUES", [(1,), (2,)], settings={"insert_deduplication_token": token})
    assert client.execute("SELECT count() FROM once") == [(4,)]


def test_a_table_may_come_along_with_its_query(client):
    tables = [{"name": "given", "structure": [("id", "UInt32"), ("name", "String")], "data": [(1, "a"), (2, "b")]}]
    for _ in range(2):
        assert client.execute("SELECT sum(id), max(name) FROM given", external_tables=[{**table, "data": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]} for table in tables]) == [(3, "b")]


def test_temporary_tables_belong_to_their_connection(local_stack, client):
    client.execute("CREATE TEMPORARY TABLE mine (a Int8)")
    client.execute("INSERT INTO mine VALUES", [(3,)])
    assert client.execute("SELECT a FROM mine") == [(3,)]
    host, port = local_stack.clickhouse_address
    with Client(host, port=port) as other, pytest.raises(driver_errors.ServerException):
        other.execute("SELECT a FROM mine")


def test_a_query_can_be_cancelled_and_the_next_one_runs(client):
    rows = client.execute_iter("SELECT number FROM numbers(100000000)")
    next(rows)
    client.cancel()
    assert client.execute("SELECT 1") == [(1,)]


def test_progress_and_profile_tell_what_was_read(client):
    client.execute("SELECT number FROM numbers(1000) WHERE number % 2 = 0")
    assert client.last_query.profile_info.rows == 500
    assert client.last_query.progress.rows == 1000
    client.connection.force_connect()
    assert client.connection.ping()


def test_the_dbapi_describes_a_result(local_stack):
    host, port = local_stack.clickhouse_address
    with connect(host=host, port=port) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT number AS n FROM numbers(3)")
        assert [column[0] for column in cursor.description] == ["n"]
        assert cursor.fetchall() == [(0,), (1,), (2,)]


def test_a_slow_query_and_an_open_insert_keep_no_other_client_waiting(local_stack):
    host, port = local_stack.clickhouse_address
    order, opened, go_on = [], threading.Event(), threading.Event()

    def slow_rows():
        yield (1,)
        opened.set()
        go_on.wait(60)
        yield (2,)

    def insert():
        with Client(host, port=port, settings={"insert_block_size": 1}) as inserting:
            inserting.execute("INSERT INTO slow VALUES", slow_rows())
            order.append("insert")

    def query():
        with Client(host, port=port) as slow:
            slow.execute("SELECT sleep(2)")
            order.append("slow query")

    with Client(host, port=port) as client:
        client.execute("DROP TABLE IF EXISTS slow")
        client.execute("CREATE TABLE slow (a Int32) ENGINE = MergeTree ORDER BY a")
        threads = [threading.Thread(target=insert), threading.Thread(target=query)]
        for thread in threads:
            thread.start()
        assert opened.wait(60)
        with Client(host, port=port) as late:
            late.execute("SELECT 1")
            order.append("quick query")
        go_on.set()
        for thread in threads:
            thread.join()
        assert order[0] == "quick query"
        assert client.execute("SELECT sum(a) FROM slow") == [(3,)]


def test_many_clients_insert_and_read_at_once(local_stack):
    host, port = local_stack.clickhouse_address
    with Client(host, port=port) as client:
        client.execute("DROP TABLE IF EXISTS crowd")
        client.execute("CREATE TABLE crowd (who UInt8, n UInt32) ENGINE = MergeTree ORDER BY (who, n)")
    failures = []

    def work(who: int):
        try:
            with Client(host, port=port, compression=bool(who % 2)) as mine:
                for batch in range(5):
                    mine.execute("INSERT INTO crowd VALUES", [(who, batch * 100 + n) for n in range(100)])
                    assert mine.execute("SELECT count() FROM crowd WHERE who = %(who)s", {"who": who}) == [((batch + 1) * 100,)]
        except Exception as error:  # noqa: BLE001  told below, in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Client(host, port=port) as client:
        assert client.execute("SELECT count(), uniqExact(who, n) FROM crowd") == [(4000, 4000)]


def test_an_insert_whose_client_leaves_stores_nothing(local_stack):
    host, port = local_stack.clickhouse_address
    with Client(host, port=port) as client:
        client.execute("DROP TABLE IF EXISTS halfway")
        client.execute("CREATE TABLE halfway (a Int32) ENGINE = MergeTree ORDER BY a")

        def broken_rows():
            yield (1,)
            raise LookupError("the client dies here")

        with Client(host, port=port, settings={"insert_block_size": 1}) as leaving, pytest.raises(LookupError):
            leaving.execute("INSERT INTO halfway VALUES", broken_rows())
        assert client.execute("SELECT count() FROM halfway") == [(0,)]


def test_a_stranger_at_the_native_port_is_told_so(local_stack):
    with socket.create_connection(local_stack.clickhouse_address) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert stranger.recv(1000).startswith(b"HTTP/1.0 400")
    with socket.create_connection(local_stack.clickhouse_address) as stranger:
        stranger.sendall(b"\x07 what")
        assert b"UNEXPECTED_PACKET_FROM_CLIENT" in stranger.recv(1000)
