"""The HTTP door, by clients nobody here wrote: clickhouse-connect and curl."""

import datetime as dt
import gzip
import http.client
import json
import shutil
import subprocess
import urllib.parse
import uuid

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from deploy.local.status import Status

AT = dt.datetime(2026, 3, 1, 12, 30, 15, 123000, tzinfo=dt.UTC)
TYPES = {
    "n": ("UInt32", 1),
    "s": ("String", "ünïcode \n tab\t it's"),
    "lc": ("LowCardinality(String)", "page"),
    "maybe": ("Nullable(String)", None),
    "at": ("DateTime64(3, 'UTC')", AT),
    "f": ("Float64", 0.1),
    "u64": ("UInt64", 2**64 - 1),
    "id": ("UUID", uuid.UUID("12345678-1234-5678-1234-567812345678")),
    "tags": ("Array(String)", ["a", "b"]),
    "props": ("Map(String, String)", {"utm": "ads"}),
    "pairs": ("Array(Tuple(String, Float64))", [("a", 1.5)]),
    "stage": ("Enum8('visitor' = 1, 'mql' = 2)", "mql"),
    "yes": ("Bool", True),
}


@pytest.fixture(params=[False, True, "gzip"], ids=["plain", "lz4", "gzip"])
def client(local_stack: Status, request):
    url = urllib.parse.urlsplit(local_stack.clickhouse_url)
    connected = clickhouse_connect.get_client(host=url.hostname, port=url.port, compress=request.param)
    yield connected
    connected.close()


@pytest.fixture
def ask(local_stack: Status):
    """POST to the server's address and return status, headers and body."""
    url = urllib.parse.urlsplit(local_stack.clickhouse_url)

    def asking(body: bytes = b"", *, method: str = "POST", headers: dict | None = None, path: str = "/", **parameters):
        connection = http.client.HTTPConnection(url.hostname, url.port)
        target = path + ("?" + urllib.parse.urlencode(parameters) if parameters else "")
        connection.request(method, target, body=body or None, headers=headers or {})
        answer = connection.getresponse()
        told = (answer.status, dict(answer.headers), answer.read())
        connection.close()
        return told

    return asking


@pytest.fixture
def curl(local_stack: Status):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")

    def curling(*arguments: str, path: str = "/", stdin: bytes = b"") -> bytes:
        return subprocess.run(["curl", "--silent", *arguments, local_stack.clickhouse_url + path], input=stdin, capture_output=True, check=False).stdout

    return curling


def test_connect_reads_back_rows_of_every_type(client):
    client.command("DROP TABLE IF EXISTS connected")
    client.command(f"CREATE TABLE connected ({', '.join(f'{name} {kind}' for name, (kind, _) in TYPES.items())}) ENGINE = MergeTree ORDER BY n")
    written = [tuple(value for _, value in TYPES.values())] * 2
    client.insert("connected", written, column_names=list(TYPES))
    result = client.query("SELECT * FROM connected")
    # The client returns instants in UTC without their zone.
    assert result.result_rows == [tuple(value.replace(tzinfo=None) if value is AT else value for value in row) for row in written]
    assert list(result.column_names) == list(TYPES)
    assert client.command("SELECT count() FROM connected") == 2


def test_connect_substitutes_parameters_on_the_server(client):
    asked = "SELECT {n:Int32} + 1, {s:String}, {many:Array(String)}, {at:DateTime64(3)}"
    given = {"n": 41, "s": "it's \\ \n", "many": ["a", "b'c"], "at": AT}
    ((n, s, many, at),) = client.query(asked, parameters=given).result_rows
    assert (n, s, many, at.replace(tzinfo=dt.UTC)) == (42, "it's \\ \n", ["a", "b'c"], AT)


def test_connect_reads_more_than_fits_one_answer(client):
    result = client.query("SELECT number, toString(number) AS text FROM numbers(400000)")
    assert result.row_count == 400_000
    assert result.result_rows[-1] == (399_999, "399999")


def test_connect_keeps_a_session(client):
    client.command("CREATE TEMPORARY TABLE mine (a Int8)")
    client.command("INSERT INTO mine VALUES (3)")
    assert client.query("SELECT a FROM mine").result_rows == [(3,)]


def test_connect_tells_the_code_of_an_exception(client):
    with pytest.raises(DatabaseError, match=r"(?s)code: 60.*UNKNOWN_TABLE"):
        client.query("SELECT * FROM no_such_table")
    with pytest.raises(DatabaseError, match="62"):
        client.command("SELEC 1 FROM")
    assert client.query("SELECT 1").result_rows == [(1,)]


def test_curl_gets_and_posts(curl):
    assert curl(path="/ping") == b"Ok.\n"
    assert curl() == b"Ok.\n"
    assert curl(path="/?query=SELECT%201") == b"1\n"
    assert curl("--data-binary", "SELECT 2") == b"2\n"
    assert curl("--data-binary", "1, 2", path="/?query=SELECT") == b"1\t2\n"
    assert curl("--get", "--data-urlencode", "query=SELECT {x:UInt8} * 2, {s:String}", "--data-urlencode", "param_s=it's", "--data", "param_x=4") == b"8\tit\\'s\n"
    assert json.loads(curl("--data-binary", "SELECT 1 AS x FORMAT JSON"))["data"] == [{"x": 1}]
    assert b"404" in curl("--include", path="/nothing").splitlines()[0]


def test_curl_inserts_in_any_format(curl):
    curl("--data-binary", "DROP TABLE IF EXISTS formats")
    curl("--data-binary", "CREATE TABLE formats (a Int32, b String) ENGINE = MergeTree ORDER BY a")
    curl("--data-binary", "@-", path="/?query=INSERT%20INTO%20formats%20FORMAT%20CSV", stdin=b'1,"a"\n')
    curl("--data-binary", "@-", path="/?query=INSERT%20INTO%20formats%20FORMAT%20JSONEachRow", stdin=b'{"a": 2, "b": "b"}\n')
    curl("--data-binary", "@-", stdin=b"INSERT INTO formats (b, a) FORMAT TabSeparated\nc\t3\n")
    curl("--data-binary", "@-", stdin=b"INSERT INTO formats VALUES (4, 'FORMAT CSV'), (5, 'e');")
    curl("--data-binary", "(6, 'f')", path="/?query=INSERT%20INTO%20formats%20VALUES")
    curl("--header", "Transfer-Encoding: chunked", "--data-binary", "@-", path="/?query=INSERT%20INTO%20formats%20FORMAT%20TSV", stdin=b"7\tg\n")
    curl("--header", "Content-Encoding: gzip", "--data-binary", "@-", path="/?query=INSERT%20INTO%20formats%20FORMAT%20TSV", stdin=gzip.compress(b"8\th\n") + gzip.compress(b"9\ti\n"))
    native = curl("--data-binary", "SELECT toInt32(2570) AS a, '\\n\\n;' AS b FORMAT Native")
    curl("--data-binary", "@-", stdin=b"INSERT INTO formats FORMAT Native\n" + native)
    assert curl("--data-binary", "SELECT groupArray((a, b)) FROM (SELECT * FROM formats ORDER BY a)") == (
        rb"[(1,'a'),(2,'b'),(3,'c'),(4,'FORMAT CSV'),(5,'e'),(6,'f'),(7,'g'),(8,'h'),(9,'i'),(2570,'\n\n;')]" + b"\n"
    )


def test_curl_is_sent_a_long_result_and_told_when_it_breaks(curl):
    assert curl("--data-binary", "SELECT number FROM numbers(1000000)").count(b"\n") == 1_000_000
    cut = curl("--data-binary", "SELECT throwIf(number = 900000), repeat('x', 100) FROM numbers(1000000)")
    assert cut.count(b"xxx\n") > 1000
    assert cut.rstrip().endswith(b"(FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4"])
def test_an_answer_is_compressed_when_asked(ask, encoding):
    status, headers, body = ask(b"SELECT number FROM numbers(300000)", headers={"Accept-Encoding": f"br;q=1.0, {encoding};q=0.8"}, enable_http_compression=1)
    assert (status, headers["Content-Encoding"]) == (200, encoding)
    if encoding == "gzip":
        assert gzip.decompress(body).count(b"\n") == 300_000
    _, headers, body = ask(b"SELECT 1", headers={"Accept-Encoding": encoding}, enable_http_compression=0)
    assert ("Content-Encoding" in headers, body) == (False, b"1\n")


def test_an_exception_has_its_code_in_status_header_and_text(ask):
    for sql, code, expected in ((b"SELECT * FROM nowhere", "60", 404), (b"SELECT (", "62", 400), (b"", "62", 400), (b"SELECT 1; SELECT 2", "62", 400), (b"SELECT throwIf(1)", "395", 500)):
        status, headers, body = ask(sql)
        assert (status, headers["X-ClickHouse-Exception-Code"]) == (expected, code)
        assert body.startswith(f"Code: {code}. DB::Exception: ".encode())
    status, headers, _ = ask(b"SELECT 1", no_such_setting="1")
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (404, "115")
    status, headers, _ = ask(b"SELECT 1", database="nowhere")
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (404, "81")


def test_a_get_changes_nothing(ask):
    ask(b"CREATE TABLE IF NOT EXISTS kept (a Int32) ENGINE = Memory")
    status, headers, _ = ask(method="GET", query="DROP TABLE kept")
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (500, "164")
    assert ask(method="GET", query="EXISTS kept")[2] == b"1\n"


def test_headers_and_parameters_name_database_format_and_query(ask):
    ask(b"CREATE DATABASE IF NOT EXISTS elsewhere")
    status, headers, body = ask(b"SELECT currentDatabase() AS d", database="elsewhere", default_format="JSONEachRow", query_id="mine")
    assert (status, body) == (200, b'{"d":"elsewhere"}\n')
    assert (headers["X-ClickHouse-Query-Id"], headers["X-ClickHouse-Format"], headers["X-ClickHouse-Timezone"]) == ("mine", "JSONEachRow", "UTC")
    assert headers["Content-Type"].startswith("application/x-ndjson")
    _, headers, body = ask(b"SELECT currentDatabase() AS d", headers={"X-ClickHouse-Database": "elsewhere", "X-ClickHouse-Format": "CSV"})
    assert body == b'"elsewhere"\n'
    assert headers["X-ClickHouse-Query-Id"] != "mine"
    summary = json.loads(ask(b"SELECT number FROM numbers(10)", wait_end_of_query="1")[1]["X-ClickHouse-Summary"])
    assert (summary["read_rows"], summary["result_rows"]) == ("10", "10")


def test_settings_hold_for_one_request(ask):
    usual = ask(b"SELECT getSetting('max_block_size')")[2]
    assert ask(b"SELECT getSetting('max_block_size')", max_block_size="77", session_id="settings")[2] == b"77\n"
    assert ask(b"SELECT getSetting('max_block_size')", session_id="settings")[2] == usual


def test_a_session_is_kept_locked_and_looked_for(ask):
    ask(b"CREATE TEMPORARY TABLE t (a Int8)", session_id="one")
    assert ask(b"EXISTS TEMPORARY TABLE t", session_id="one")[2] == b"1\n"
    assert ask(b"EXISTS TEMPORARY TABLE t", session_id="two")[2] == b"0\n"
    assert ask(b"SELECT 1", session_id="never", session_check="1")[1]["X-ClickHouse-Exception-Code"] == "372"


def test_clickhouse_frames_go_in_and_out(ask):
    _, _, framed = ask(b"SELECT 'x' FROM numbers(5000)", compress="1")
    assert len(framed) < 1000
    ask(b"CREATE TABLE IF NOT EXISTS framed (a String) ENGINE = Memory")
    ask(b"TRUNCATE TABLE framed")
    assert ask(framed, query="INSERT INTO framed FORMAT TSV", decompress="1")[0] == 200
    assert ask(b"SELECT count() FROM framed")[2] == b"5000\n"


def test_an_unreadable_body_is_refused_and_the_next_request_is_served(ask):
    assert ask(b"\xff\xfe SELECT")[0] == 500
    assert ask(b"not gzip", headers={"Content-Encoding": "gzip"}, query="INSERT INTO framed FORMAT TSV")[1]["X-ClickHouse-Exception-Code"] == "271"
    assert ask(b"?", headers={"Content-Encoding": "zstd"}, query="SELECT 1")[0] == 501
    assert ask(b"SELECT 1")[2] == b"1\n"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "rebound.example:18123"}])
def test_a_web_page_is_refused(ask, headers):
    status, told, _ = ask(b"SELECT 1", headers=headers)
    assert (status, told["X-ClickHouse-Exception-Code"]) == (403, "497")
    assert ask(b"SELECT 1", headers={"Host": "localhost:1", "Sec-Fetch-Site": "none"})[0] == 200
