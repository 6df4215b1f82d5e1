"""What the doors must know of an SQL text."""

import pytest

from deploy.local.front import statement


@pytest.mark.parametrize(
    ("sql", "expected", "data"),
    [
        ("INSERT INTO t VALUES", ("INSERT INTO t ", "t", (), "Values"), ""),
        ("insert into t(a,b)values(1,'x')", ("insert into t(a,b)", "t", ("a", "b"), "Values"), "(1,'x')"),
        ('INSERT INTO db.t (`a b`, "c") FORMAT Native', ('INSERT INTO db.t (`a b`, "c") ', "db.t", ("a b", "c"), "Native"), ""),
        ("INSERT INTO TABLE `d`.`t` FORMAT CSV\n1,2\n", ("INSERT INTO TABLE `d`.`t` ", "`d`.`t`", (), "CSV"), "1,2\n"),
        ("INSERT INTO t FORMAT TSV \t\n\tx", ("INSERT INTO t ", "t", (), "TSV"), "\tx"),
        ("-- why\n/* how */ INSERT INTO t VALUES;", ("-- why\n/* how */ INSERT INTO t ", "t", (), "Values"), ""),
        ("INSERT INTO FUNCTION file('a(b)', 'CSV', 'a Int32') FORMAT CSV\n", ("INSERT INTO FUNCTION file('a(b)', 'CSV', 'a Int32') ", "FUNCTION file('a(b)', 'CSV', 'a Int32')", (), "CSV"), ""),
        ("INSERT INTO t (n.k, `n`.v) VALUES", ("INSERT INTO t (n.k, `n`.v) ", "t", ("n.k", "n.v"), "Values"), ""),
    ],
)
def test_an_insert_with_data_is_taken_apart(sql, expected, data):
    found = statement.data_insert(sql)
    assert (found.into, found.target, found.columns, found.data_format) == expected
    assert sql[found.data_at :] == data


def test_settings_of_an_insert_stand_apart_because_its_source_goes_before_them():
    found = statement.data_insert("INSERT INTO t (a) SETTINGS insert_deduplication_token = 'x VALUES y', b = 1 VALUES")
    assert (found.into, found.settings) == ("INSERT INTO t (a) ", "SETTINGS insert_deduplication_token = 'x VALUES y', b = 1 ")


@pytest.mark.parametrize("sql", ["INSERT INTO t SELECT 1", "INSERT INTO t (a) SELECT 'VALUES'", "SELECT 'INSERT INTO t VALUES'", "CREATE TABLE t (a Int8)", "INSERT INTO t WITH 1 AS x SELECT x", ""])
def test_other_statements_take_no_data(sql):
    assert statement.data_insert(sql) is None


@pytest.mark.parametrize(
    ("sql", "named", "bare"),
    [
        ("SELECT 1", None, "SELECT 1"),
        ("SELECT 1 FORMAT JSON", "JSON", "SELECT 1 "),
        ("SELECT 1 format CSV ; -- done", "CSV", "SELECT 1 "),
        ("SELECT 1 FORMAT JSON SETTINGS a = 1", "JSON", "SELECT 1  SETTINGS a = 1"),
        ("SELECT 'FORMAT JSON'", None, "SELECT 'FORMAT JSON'"),
        ("SELECT formatted FROM t", None, "SELECT formatted FROM t"),
    ],
)
def test_the_format_of_a_result_is_found_and_taken_away(sql, named, bare):
    assert statement.output_format(sql) == named
    assert statement.without_format(sql) == bare


@pytest.mark.parametrize(("sql", "word"), [("select 1", "SELECT"), ("/* a */ -- b\n ((SELECT 1))", "SELECT"), ("  WITH x AS (SELECT 1) SELECT 1", "WITH"), ("", ""), ("; ;", "")])
def test_the_first_word_is_found_behind_comments_and_brackets(sql, word):
    assert statement.first_word(sql) == word


@pytest.mark.parametrize(
    ("sql", "several"),
    [("SELECT 1;", False), ("SELECT 1; ; -- end\n", False), ("SELECT ';' AS `;` -- ;\n/* ; */", False), ("SELECT 1; SELECT 2", True), ("SELECT 'it''s'; x", True), ("SELECT '\\'; x'", False)],
)
def test_a_second_statement_is_noticed(sql, several):
    assert statement.is_several(sql) is several


@pytest.mark.parametrize("name", ["plain", "with `tick`", "back\\slash", "dot.ted"])
def test_a_quoted_name_reads_back(name):
    assert statement.unquoted(statement.identifier(name)) == name
