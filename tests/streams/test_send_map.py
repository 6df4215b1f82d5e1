"""The map: what each field of an event is made of, row by row; and what is wrong with a map, all at once."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.model.problems import ModelProblems
from streams.sending.dates import Dates, words
from streams.sending.map_file import load, refuse_unknown_columns
from streams.sending.mapping import Event, Skipped, Unfit
from streams.sending.rows import Row

LEAST = 'kind: phone_call\ncrm_id: "{id}"\n'


def event(text: str, **values: Any) -> Event:
    mapped = load(text).event_of(Row(7, values))
    assert isinstance(mapped, Event), mapped
    return mapped


def problems(text: str) -> list[str]:
    with pytest.raises(ModelProblems) as caught:
        load(text)
    return [str(problem) for problem in caught.value.problems]


def test_constants_columns_and_both_in_one_text() -> None:
    made = event('id: "call-{id}-{n}"\nkind: phone_call\ncrm_id: "{id}"\nproperties: {by: "{first} {last}", brace: "{{x}}"}\n',
                 id="7", n=2, first="Ann", last="Lee")  # fmt: skip
    assert made.body == {"kind": "phone_call", "crm_id": "7", "id": "call-7-2", "properties": {"by": "Ann Lee", "brace": "{x}"}}


def test_a_text_with_an_empty_column_in_it_is_left_out() -> None:
    made = event(LEAST + 'campaign: "{c}"\nproperties: {by: "{first} {last}", n: "{n}"}\n', id="7", c=" ", first="Ann", last="", n=None)
    assert made.body["properties"] == {}
    assert "campaign" not in made.body


def test_a_column_alone_keeps_the_type_it_has_in_json() -> None:
    made = event(LEAST + 'properties: {n: "{n}", on: "{on}", list: "{list}"}\n', id=9007199254740993, n=1.5, on=True, list=["a", "b"])
    assert made.body["properties"] == {"n": 1.5, "on": True, "list": ["a", "b"]}
    assert made.body["crm_id"] == 9007199254740993


def test_a_path_leads_into_nested_json_unless_a_column_has_that_very_name() -> None:
    text = LEAST + 'properties: {url: "{page.url}", deep: "{a.b.c}"}\n'
    assert event(text, id="1", page={"url": "/x"}, a={"b": 3}).body["properties"] == {"url": "/x"}
    assert event(text, id="1", page={"url": "/x"}, **{"page.url": "/flat"}).body["properties"]["url"] == "/flat"


def test_a_table_of_words_gives_the_kind_and_skip_leaves_rows_out() -> None:
    text = 'kind: {column: type, map: {Call: phone_call, Note: skip}, otherwise: custom_other}\ncrm_id: "{id}"\n'
    assert event(text, id="1", type="Call").body["kind"] == "phone_call"
    assert event(text, id="1", type="Visit").body["kind"] == "custom_other"
    assert load(text).event_of(Row(3, {"id": "1", "type": "Note"})) == Skipped(3)


def test_a_word_that_is_not_in_the_table_stays_and_the_empty_one_has_its_own_line() -> None:
    text = LEAST + 'channel: {column: origin, map: {ads: paid_search, "": unknown}}\n'
    assert [event(text, id="1", origin=origin).body["channel"] for origin in ("ads", "fair", "")] == ["paid_search", "fair", "unknown"]


def test_the_first_of_several_columns_that_is_not_empty() -> None:
    text = "kind: phone_call\nemail: {column: [work, home]}\n"
    assert event(text, work="", home="h@x.de").body["email"] == "h@x.de"
    assert event(text, work="w@x.de", home="h@x.de").body["email"] == "w@x.de"


def test_conditions_choose_rows_as_they_do_in_a_scoring_model() -> None:
    made = load(LEAST + 'where: {status: [won, "lost*"], amount: {at_least: 10}}\n')
    rows = [{"id": "1", "status": status, "amount": amount} for status in ("won", "lost to x", "open") for amount in ("9", "10", "")]
    assert [isinstance(made.event_of(Row(n, row)), Event) for n, row in enumerate(rows)] == [
        False, True, False, False, True, False, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "row", "expected"),
    [
        ('"{at}"', {"at": "2018-02-01"}, "2018-02-01T00:00:00.000Z"),
        ('"{at}"', {"at": "2018-02-01 02:03:04.567"}, "2018-02-01T02:03:04.567Z"),
        ('"{at}"', {"at": "2018-02-01T02:03:04+02:00"}, "2018-02-01T00:03:04.000Z"),
        ('"{at}"', {"at": "1517450400"}, "2018-02-01T02:00:00.000Z"),
        ('"{at}"', {"at": 1517450400000}, "2018-02-01T02:00:00.000Z"),
        ("{column: at, zone: America/Sao_Paulo}", {"at": "2018-02-01"}, "2018-02-01T02:00:00.000Z"),
        ("{column: at, zone: America/Sao_Paulo}", {"at": "2018-06-01"}, "2018-06-01T03:00:00.000Z"),
        ('{column: at, zone: "+02:00"}', {"at": "2018-02-01 02:00"}, "2018-02-01T00:00:00.000Z"),
        ('{column: at, format: "%d.%m.%Y"}', {"at": "01.02.2018"}, "2018-02-01T00:00:00.000Z"),
        ('{template: "{d} {t}", format: "%m/%d/%Y %H:%M", zone: Europe/Berlin}', {"d": "02/01/2018", "t": "13:00"}, "2018-02-01T12:00:00.000Z"),
        ("{column: at, format: unix_s}", {"at": "1517450400.25"}, "2018-02-01T02:00:00.250Z"),
    ],
)  # fmt: skip
def test_dates_are_read_as_the_map_says(at: str, row: dict[str, Any], expected: str) -> None:
    made = event(LEAST + f"at: {at}\n", id="1", **row)
    assert made.at is not None
    assert words(made.at) == expected
    assert made.body["at"] == made.at


@pytest.mark.parametrize(
    ("text", "row", "field"),
    [
        (LEAST + 'at: "{at}"\n', {"id": "1", "at": "01.02.2018"}, "at"),
        (LEAST + 'at: "{at}"\n', {"id": "1", "at": ""}, "at"),
        (LEAST, {"id": ""}, "crm_id"),
        ('kind: phone_call\ncrm_id: "{id}"\nemail: "{e}"\n', {}, "crm_id, email"),
        (LEAST + 'id: "x-{n}"\n', {"id": "1"}, "id"),
        ('kind: "{k}"\ncrm_id: "{id}"\n', {"id": "1", "k": ""}, "kind"),
    ],
)
def test_a_row_that_cannot_become_an_event_names_the_field_and_never_the_value(text: str, row: dict[str, Any], field: str) -> None:
    mapped = load(text).event_of(Row(9, row))
    assert isinstance(mapped, Unfit)
    assert (mapped.line, mapped.field) == (9, field)
    assert mapped.detail.startswith(f"{field}: ")
    assert "01.02" not in mapped.detail


def test_without_an_id_the_whole_row_tells_it_apart() -> None:
    one, same, other = (event(LEAST, id="1", note=note) for note in ("a", "a", "b"))
    assert one.body["id"] == same.body["id"] != other.body["id"]


@given(st.dictionaries(st.sampled_from("abcd"), st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.none()), max_size=4))
def test_equal_rows_become_equal_events_whatever_the_order_of_their_columns(values: dict[str, Any]) -> None:
    made = load('kind: custom_x\nvisitor_id: "{a}"\nproperties: {"*": all}\n')
    backwards = dict(reversed(values.items()))
    assert made.event_of(Row(1, values)) == made.event_of(Row(1, backwards))


def test_all_other_columns_become_properties_under_their_own_names() -> None:
    made = event(LEAST + 'properties: {"*": all, renamed: "{x}"}\n', id="1", x="1", y=2, z="")
    assert made.body["properties"] == {"renamed": "1", "y": 2}


def test_every_problem_of_a_map_is_told_at_once_with_its_place_and_a_way_out() -> None:
    found = problems("kind: demo_boked\nat: {colum: x, zone: Europe/Berln, format: dd.mm.yyyy}\nid: fixed\nchannel: [a]\nproprties: {}\ndelimiter: ab\n")
    assert [line.split(":")[0] for line in found] == ["1", "1", "2", "2", "2", "2", "3", "4", "5", "6"]
    said = "\n".join(found)
    for part in (
        "did you mean demo_booked?", "a map needs to say who it was", "did you mean column?", "the time zone Europe/Berln is not known",
        "the format is a pattern of %-letters", "id is the same for every row", "channel is one value", "did you mean properties?",
        "the delimiter is one character",
    ):  # fmt: skip
        assert part in said


def test_a_brace_alone_is_told() -> None:
    assert problems('kind: phone_call\ncrm_id: "{id"\n') == ["2:9: crm_id: a { stands alone here: a column is written {name}, a brace itself {{"]


def test_a_column_that_the_file_does_not_have_is_told_with_the_one_that_was_meant() -> None:
    made = load(LEAST + "where: {statsu: won}\n")
    with pytest.raises(ModelProblems) as caught:
        refuse_unknown_columns(made, ["id", "status"], name_of_file="m.yaml")
    assert str(caught.value) == 'm.yaml:3:9: where.statsu: the column "statsu" is not known (did you mean status?)'


def test_a_day_that_the_clocks_change_begins_at_its_midnight() -> None:
    """
    Berlin, 2024-03-31:  00:00 +01:00 ... 02:00 -> 03:00 +02:00
                         |_ 23:00 UTC of the day before
    """
    made = load(LEAST + "at: {column: at, zone: Europe/Berlin}\n")
    assert words(made.dates.read("2024-03-31") or 0) == "2024-03-30T23:00:00.000Z"
    assert Dates().read("yesterday") is None


def test_a_second_document_in_a_map_is_told_as_one() -> None:
    assert problems(LEAST + "---\n" + LEAST) == ["3:1: a second document starts here: a file holds one map, remove the ---"]


EXAMPLES = Path(__file__).parents[2]


@pytest.mark.parametrize("path", sorted((EXAMPLES / "examples" / "maps").glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_is_a_map(path: Path) -> None:
    assert load(path.read_text(encoding="utf-8"), name_of_file=path.name).columns


def test_every_map_in_the_guide_is_one() -> None:
    guide = (EXAMPLES / "docs" / "importing.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        load(block if "kind:" in block else LEAST + block)
