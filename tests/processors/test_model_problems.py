"""Every mistake one can make in a scoring model is reported at its place, in a plain sentence, with a way out.

In the texts below @@ stands where the problem is to be reported; it is taken out before the text is read.
"""

import pytest

from processors.model.file import load
from processors.model.problems import ModelProblems

MODEL = """\
model: small
version: 3
kinds: [checkout_started]
rules:
  - name: page
    kind: page_view
    where: {path: /a}
    points: 5
    half_life: 14d
    cap: 20 per day
  - {name: book, kind: ebook_downloaded, points: 20, half_life: 30d, once: true}
  - {name: demo, kind: demo_booked, points: 50, half_life: 60d}
  - {name: won, kind: deal_won, points: 0, half_life: never}
  - {name: lost, kind: deal_lost, points: -50, half_life: 60d}
  - {name: rival, kind: any, where: {email_domain: r.example}, points: 0, half_life: never}
fit:
  criteria:
    - {name: decides, where: {role: [vp]}, points: 60}
    - {name: here, where: {country: [DE]}, points: 20}
  grades: {A: 70, B: 45, C: 20}
stages:
  - name: visitor
  - name: mql
    enter_on: [book]
    enter_at: [{score: 40, grade: B}, {score: 60}]
    cool: {below: 5, to: visitor, after: 90d}
  - name: sql
    enter_on: [demo]
    enter_at: [{score: 80, grade: A}, {score: 100, grade: B}]
    cool: {below: 25, to: mql, after: 60d}
  - name: customer
    enter_on: [won]
disqualify_on: [rival]
recycle_on: {lost: mql}
verdicts:
  accepted: {to: sql, holds: 90d}
  disqualified: {to: disqualified, holds: for good}
"""

CASES = {
    # The text
    "a tab for indentation": ("    kind: page_view", "@@\tkind: page_view", "", "a tab stands here: indent with spaces", ""),
    "a missing colon": ("    kind: page_view\n    where", "    kind page_view\n    @@where", "", "a colon is missing after the key in the line before", ""),
    "an open bracket": ("kinds: [checkout_started]", "kinds: [checkout_started", "", "a comma or the closing ] is missing", "", "rules@@"),
    "an open brace": ("    where: {path: /a}", "    where: {path: /a", "", "a comma or the closing } is missing", "", "points@@"),
    "an open quote": ("model: small", "model: 'small", "", "a quotation mark that opened before here is not closed", "", "holds: for good}\n@@"),
    "a wrong indentation": ("    points: 5\n", "   @@points: 5\n", "", "this does not fit the indentation before: keys of one section, and dashes of one list, start in one column", ""),
    "a star that YAML takes for an alias": ("{path: /a}", "{path: *pricing@@*}", "", 'a * at the start of a value means something else in YAML: put it in quotes, as in "*pricing*"', ""),
    "an alias": ("{path: /a}", "{path: @@*pricing}", "rules[0].where.path", "a * at the start of a value means something else in YAML", 'put it in quotes, as in "*pricing*"'),
    "an anchor": ("{path: /a}", "{path: @@&x /a}", "rules[0].where.path", "a & at the start of a value means something else in YAML", "put the value in quotes"),
    "a tag": ("{path: /a}", "{path: @@!!python/name:os.system /a}", "rules[0].where.path", "a ! at the start of a value means something else in YAML", "put the value in quotes"),
    "a reserved character": ("{path: /a}", "{path: @@%a}", "", "a value may not start with this character: put the value in quotes", ""),
    "a hidden character": ("{path: /a}", "{path: @@/a\u00a0b}", "rules[0].where.path", "the text holds a hidden character, such as a non-breaking space", "type the text anew"),
    "an unprintable character": ("{path: /a}", "{path: /a@@\x00}", "", "a character that cannot be printed stands here (U+0000): delete it", ""),
    "an impossible escape": ("@@model: small", 'model: "\\UFFFFFFFF"', "", "the file is no YAML that can be read: an escape or a directive (a line starting with %) is wrong", "", "@@"),
    "a second document": ("fit:", "@@---\nfit:", "", "a second document starts here: a file holds one scoring model, remove the ---", ""),
    "a key twice": ("    points: 5\n", "    points: 5\n    @@points: 6\n", "rules[0].points", 'the key "points" stands here for the second time; the first is in line 8', ""),
    "a list as a key": ("    points: 5\n", "    points: 5\n    @@[a]: 6\n", "rules[0]", "a key must be a word", ""),
    # Sections and keys
    "an unknown section": ("verdicts:", "@@verdict:", "verdict", 'the key "verdict" is not known', "did you mean verdicts?"),
    "an unknown key": ("    half_life: 14d", "    half_life: 14d\n    @@color: red", "rules[0].color", 'the key "color" is not known', "a rule has the keys name, kind, where, points, half_life, cap, once"),
    "a missing section": ("model: small\n", "", "", "a scoring model needs model", "a name, as in model: b2b", "@@version"),
    "a missing key": ("    half_life: 14d\n", "", "rules[0]", "a rule needs half_life", 'how fast the points fade, as in half_life: 30d, or "never"', "@@name: page"),
    "an empty key": ("    points: 5", "    points:@@", "rules[0].points", "nothing stands behind this key", "write a value, or remove the key"),
    "a word for a section": ("fit:\n", "fit: @@none\nfoo:\n", "fit", "fit is a section of keys and values", "its keys are criteria, grades"),
    "a word for a list": ("kinds: [checkout_started]", "kinds: @@{a: b}", "kinds", "a kind is a list", "write each entry on its own line behind a dash, or all in [ ]"),
    "a list for a word": ("model: small", "model: @@[small]", "model", "the model's name is one value, not a list or a section", ""),
    "an empty list": ("kinds: [checkout_started]", "kinds: @@[]", "kinds", "this list is empty", "write an entry, or remove the key"),
    # Single values
    "a version that is no whole number": ("version: 3", "version: @@3.5", "version", "the version must be a whole number, not 3.5", ""),
    "a version below 1": ("version: 3", "version: @@0", "version", "the version must lie between 1 and 2147483647, not 0", ""),
    "a name with capitals": ("{name: book,", "{name: @@Big Book,", "rules[1].name", 'the rule\'s name "Big Book" must be of lower-case letters, digits and _, beginning with a letter', "write big_book"),
    "a long name": ("{name: book,", "{name: @@" + "b" * 65 + ",", "rules[1].name", "the rule's name is longer than 64 characters", ""),
    "points in words": ("    points: 5\n", "    points: @@five\n", "rules[0].points", 'points must be a number, not "five"', ""),
    "a decimal comma": ("    points: 5\n", "    points: @@5,5\n", "rules[0].points", 'points must be a number, not "5,5"', "write 5.5"),
    "infinite points": ("    points: 5\n", "    points: @@.inf\n", "rules[0].points", 'points must be a number, not ".inf"', ""),
    "too many points": ("    points: 5\n", "    points: @@1001\n", "rules[0].points", "points must lie between -1000 and 1000, not 1001", ""),
    "a half-life without a unit": ("half_life: 14d", "half_life: @@14", "rules[0].half_life", 'half_life must be a duration such as 30min, 6h, 14d or 2w, or "never", not "14"', "a number and s, min, h, d, w or y"),
    "a half-life in m": ("half_life: 14d", "half_life: @@3m", "rules[0].half_life", 'half_life must be a duration such as 30min, 6h, 14d or 2w, or "never", not "3m"', "m could be minutes or months: write 3min, or 90d"),
    "a half-life of nothing": ("half_life: 14d", "half_life: @@0", "rules[0].half_life", 'half_life must be a duration such as 30min, 6h, 14d or 2w, or "never", not "0"', 'write "never"'),
    "a half-life of no days": ("half_life: 14d", "half_life: @@0d", "rules[0].half_life", 'half_life must be longer than nothing and at most 10 years, not "0d"', ""),
    "a half-life of eleven years": ("half_life: 14d", "half_life: @@11y", "rules[0].half_life", 'half_life must be longer than nothing and at most 10 years, not "11y"', ""),
    "a cap that is a number": ("cap: 20 per day", "cap: @@20", "rules[0].cap", 'a cap must be points per day or week, not "20"', 'as in "20 per day"'),
    "a cap per month": ("cap: 20 per day", "cap: @@20 per month", "rules[0].cap", 'the window "month" is not known', "caps are per day or per week"),
    "a cap below nothing": ("cap: 20 per day", "cap: @@-20 per day", "rules[0].cap", "a cap must be more than 0 points and at most a million", "it bounds negative points too: 20 lets -20 through"),
    "a cap below the points": ("cap: 20 per day", "cap: @@4 per day", "rules[0].cap", "the cap lies below what a single contact earns, 5 points", "write at least 5"),
    "a cap on what counts once": ("cap: 20 per day", "cap: @@20 per day\n    once: true", "rules[0].cap", "a rule that counts once per lead needs no cap", "remove cap, or once"),
    "once neither true nor false": ("once: true", "once: @@maybe", "rules[1].once", 'once is true or false, not "maybe"', ""),
    # Kinds
    "a misspelt kind": ("kind: demo_booked", "kind: @@demo_boked", "rules[2].kind", 'the kind "demo_boked" is not known', "did you mean demo_booked?"),
    "a kind nobody heard of": ("kind: demo_booked", "kind: @@teleported", "rules[2].kind", 'the kind "teleported" is not known', "if your site or your tools send it, list it under kinds: at the top of the file"),
    "a kind that has another name here": ("kind: demo_booked", "kind: @@demo_requested", "rules[2].kind", "demo_requested is not seen here: it arrives as demo_booked", "write demo_booked"),
    "a kind of one's own that has another name here": ("[checkout_started]", "[@@products_searched]", "kinds[0]", "products_searched is not seen here: it arrives as search_performed", "write search_performed in the rules"),
    "a kind twice": ("kind: demo_booked", "kind: [demo_booked, @@demo_booked]", "rules[2].kind[1]", '"demo_booked" stands in this list twice', ""),
    "any kind and another": ("kind: demo_booked", "kind: [demo_booked, @@any]", "rules[2].kind[1]", "any means every kind already", "remove the other kinds"),
    "a reserved kind": ("[checkout_started]", "[@@any]", "kinds[0]", "any cannot be a kind of your own: the word has a meaning already", ""),
    # Conditions
    "conditions as a word": ("where: {path: /a}", "where: @@/a", "rules[0].where", "where is a section of conditions", 'as in where: {path: "/pricing*"}'),
    "no condition": ("where: {path: /a}", "where: @@{}", "rules[0].where", "where holds no condition", "write one, or remove the key"),
    "a misspelt condition": ("{path: /a}", "{percent: {@@atleast: 5}}", "rules[0].where.percent.atleast", 'the condition "atleast" is not known', "did you mean at_least?"),
    "an empty condition": ("{path: /a}", "{percent: @@{}}", "rules[0].where.percent", "a condition is missing here", "write one of is, in, matches, not, at_least, at_most, below, exists"),
    "a limit that is no number": ("{path: /a}", "{percent: {at_least: @@most}}", "rules[0].where.percent.at_least", 'at_least must be a number, not "most"', ""),
    "a value that is empty": ("{path: /a}", "{path: @@''}", "rules[0].where.path", "this value is empty", ""),
    "a value that is too long": ("{path: /a}", "{path: @@" + "a" * 257 + "}", "rules[0].where.path", "this value is longer than 256 characters", ""),
    "a property with a long name": ("{path: /a}", "{@@" + "p" * 101 + ": /a}", "rules[0].where." + "p" * 60 + "…", "the name of a property has 1 to 100 characters", ""),
    "a wish for absence": ("{path: /a}", "{path: {exists: @@false}}", "rules[0].where.path.exists", "exists can only be true: what is absent passes no condition", "remove the condition"),
    "too many conditions": ("{path: /a}", "@@{" + ", ".join(f"p{i}: a" for i in range(51)) + "}", "rules[0].where", "where holds 51 conditions, at most 50 are allowed", ""),
    # Rules together
    "two rules of one name": ("  - {name: book,", "  - @@{name: page,", "rules[1]", "a second rule is named page, the first is in line 5", "give each its own name: points are kept and shown by it"),
    "a misspelt rule": ("enter_on: [demo]", "enter_on: [@@demoo]", "stages[2].enter_on[0]", 'the rule "demoo" is not known', "did you mean demo?"),
    "an unknown rule": ("disqualify_on: [rival]", "disqualify_on: [@@nobody]", "disqualify_on[0]", 'the rule "nobody" is not known', "name a rule from the list above"),
    "a rule with two jobs": ("enter_on: [demo]", "enter_on: [demo, @@book]", "stages[2].enter_on[1]", "the rule book is a conversion to mql already", "name it in one place only, or make a second rule"),
    "a rule that converts and disqualifies": ("disqualify_on: [rival]", "disqualify_on: [@@won]", "disqualify_on[0]", "the rule won is a conversion to customer already", "name it in one place only, or make a second rule"),
    # Fit
    "an attribute misspelt": ("{role: [vp]}", "{@@rolle: [vp]}", "fit.criteria[0].where.rolle", 'the attribute "rolle" is not known', "did you mean role?"),
    "an unknown attribute": ("{role: [vp]}", "{@@shoe: [vp]}", "fit.criteria[0].where.shoe", 'the attribute "shoe" is not known', "the fit may ask role, function, industry, size, country, age, budget, timeframe"),
    "an unknown value": ("{role: [vp]}", "{role: [@@boss]}", "fit.criteria[0].where.role[0]", 'the role "boss" is not known', "it can be c_level, vp, director, manager, specialist, student, other"),
    "a value misspelt": ("{role: [vp]}", "{role: [@@C-Level]}", "fit.criteria[0].where.role[0]", 'the role "C-Level" is not known', "did you mean c_level?"),
    "a country by name": ("{country: [DE]}", "{country: [@@Germany]}", "fit.criteria[1].where.country[0]", 'the country "Germany" is not known', "write DE"),
    "a country that is none": ("{country: [DE]}", "{country: [@@Atlantis]}", "fit.criteria[1].where.country[0]", 'the country "Atlantis" is not known', "use two-letter codes, as in DE, FR or US"),
    "a limit inside a band": ("{role: [vp]}", "{size: {at_least: @@100}}", "fit.criteria[0].where.size.at_least", "size is known in bands: 1-10, 11-50, 51-200, 201-1000, 1001+", "at_least can be 1, 11, 51, 201, 1001"),
    "a limit where there is no number": ("{role: [vp]}", "{role: {at_least: @@3}}", "fit.criteria[0].where.role.at_least", "role is no number: at_least cannot ask it", "give a value or a list of values"),
    "limits that exclude each other": ("{role: [vp]}", "{size: @@{at_least: 201, below: 51}}", "fit.criteria[0].where.size", "no size passes all of this", "widen the limits"),
    "two criteria of one name": ("- {name: here,", "- @@{name: decides,", "fit.criteria[1]", "a second criterion is named decides", "give each its own name"),
    "a grade too good for the next": ("B: 45", "B: @@70", "fit.grades.B", "grade B must begin below grade A, which begins at 70 points", ""),
    "a grade for everyone": ("C: 20", "C: @@0", "fit.grades.C", "grade C must begin above 0 points, or nobody could get a lower one", ""),
    "a grade left out": ("{A: 70, B: 45, C: 20}", "@@{A: 70, B: 45}", "fit.grades", "grades needs C", "A, B and C each need the points they begin at, below C begins D"),
    "an unknown grade": ("grade: A}", "grade: @@E}", "stages[2].enter_at[0].grade", 'grade is one of A, B, C, D, not "E"', ""),
    "a grade nobody can have": ("points: 60}", "points: 40}", "stages[2].enter_at[0]", "no lead can have grade A: the fit gives at most 60 points, A begins at 70", "", "@@{score: 80, grade: A}"),
    # Stages
    "another first stage": ("- name: visitor", "- name: @@stranger", "stages[0].name", "the first stage is visitor, not stranger: everyone begins there", ""),
    "another last stage": ("- name: customer", "- name: @@client", "stages[3].name", "the last stage is customer, not client", ""),
    "two stages of one name": ("- name: sql", "- name: @@mql", "stages[2].name", "a second stage is named mql", ""),
    "disqualified as a stage": ("- name: mql\n", "- name: @@disqualified\n", "stages[1].name", "disqualified stands beside the stages", "remove it here and use disqualify_on"),
    "an entry to visitor": ("  - name: visitor\n", "  - @@name: visitor\n    enter_on: [page]\n", "stages[0]", "nothing enters visitor: everyone begins there", "remove enter_on and enter_at"),
    "a score for customers": ("    enter_on: [won]\n", "    enter_on: [won]\n    enter_at: @@{score: 500}\n", "stages[3].enter_at", "no score makes a customer", "name the rule that does under enter_on, as deal_won"),
    "customers from nowhere": ("  - name: customer\n    enter_on: [won]\n", "  - @@name: customer\n", "stages[3]", "nothing makes a customer", "name the rule that does under enter_on, as deal_won"),
    "a stage from nowhere": ("    enter_on: [demo]\n    enter_at: [{score: 80, grade: A}, {score: 100, grade: B}]\n", "", "stages[2]", "nothing leads to sql", "give it enter_on, enter_at or both", "@@name: sql"),
    "a customer that cools": ("    enter_on: [won]\n", "    enter_on: [won]\n    cool: @@{below: 1, to: sql, after: 1d}\n", "stages[3].cool", "a customer does not cool down", "remove cool"),
    "a score of nothing": ("{score: 60}", "{score: @@0}", "stages[1].enter_at[1].score", "score must be more than 0, or every visitor would enter", ""),
    "a threshold without effect": ("{score: 60}", "{score: 40}", "stages[1].enter_at[0]", "score 40 with grade B decides nothing: score 40 with any grade is met before it", "remove one of them", "@@{score: 40, grade: B}"),
    "a threshold below the stage before": ("{score: 100, grade: B}", "@@{score: 85, grade: C}", "stages[2].enter_at[1]", "a lead of grade C enters mql at a score of 90, so sql must ask for more than that", "scores rise from stage to stage", "", ("{score: 60}", "{score: 90}")),
    "cooling above the entry": ("below: 25", "below: @@80", "stages[2].cool.below", "a lead that cools down below 80 would climb back at once: sql is entered at 80", "write less than 80, with room between"),
    "cooling past an entry": ("{below: 25, to: mql,", "{below: @@45, to: visitor,", "stages[2].cool.below", "a lead that cools down below 45 would climb back at once: mql is entered at 40", "write less than 40, with room between"),
    "cooling upwards": ("{below: 5, to: visitor,", "{below: 5, to: @@sql,", "stages[1].cool.to", "mql must cool down to an earlier stage, not to sql", ""),
    "cooling to an unknown stage": ("{below: 5, to: visitor,", "{below: 5, to: @@visitors,", "stages[1].cool.to", 'the stage "visitors" is not known', "did you mean visitor?"),
    "cooling without a stay": (", after: 90d}", "}", "stages[1].cool", "cool needs after", "how long it stays at least, as in after: 30d", "@@{below: 5"),
    # Verdicts and recycling
    "recycling to an unknown stage": ("{lost: mql}", "{lost: @@mqll}", "recycle_on.lost", 'the stage "mqll" is not known', "did you mean mql?"),
    "recycling by an unknown rule": ("{lost: mql}", "{@@lots: mql}", "recycle_on.lots", 'the rule "lots" is not known', "did you mean lost?"),
    "recycling to customer": ("{lost: mql}", "{lost: @@customer}", "recycle_on.lost", "a lead cannot be sent back to customer", "name an earlier stage"),
    "recycling without a loss of points": ("points: -50", "points: 0", "recycle_on.lost", "a lead sent back by lost would climb again by the score it still has", "give the rule lost negative points", "recycle_on: {lost: @@mql}"),
    "recycling as a list": ("{lost: mql}", "@@[lost]", "recycle_on", "recycle_on is a section of rules and stages", "as in recycle_on: {deal_lost: mql}"),
    "a verdict misspelt": ("accepted:", "@@acepted:", "verdicts.acepted", 'the key "acepted" is not known', "did you mean accepted?"),
    "a verdict without an end": ("{to: sql, holds: 90d}", "@@{to: sql}", "verdicts.accepted", "the verdict accepted needs holds", 'how long it holds, as in holds: 90d, or "for good"'),
    "a verdict that never holds": ("holds: 90d", "holds: @@never", "verdicts.accepted.holds", 'holds must be a duration such as 30min, 6h, 14d or 2w, or "for good", not "never"', "a number and s, min, h, d, w or y"),
    "a verdict to an unknown stage": ("{to: sql, holds", "{to: @@sqll, holds", "verdicts.accepted.to", 'the stage "sqll" is not known', "did you mean sql?"),
    "a verdict to customer": ("{to: sql, holds", "{to: @@customer, holds", "verdicts.accepted.to", "no verdict makes a customer", "name the rule that does under enter_on, as deal_won"),
    "disqualifying to a stage": ("{to: disqualified,", "{to: @@visitor,", "verdicts.disqualified.to", "the verdict disqualified moves a lead to disqualified, not to visitor", ""),
}  # fmt: skip


def problems_of(text):
    with pytest.raises(ModelProblems) as caught:
        load(text, name_of_file="my.yaml")
    return caught.value.problems


def test_the_model_below_these_tests_has_no_problem():
    assert load(MODEL).id == "small@3"


# Mistakes that make others: what is renamed is missed elsewhere.
FOLLOWED = {
    "a second document", "a word for a section", "a name with capitals", "a long name", "two rules of one name",
    "another first stage", "two stages of one name", "disqualified as a stage",
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_reported_at_its_place_with_a_way_out(name):
    old, new, path, sentence, suggestion, *more = CASES[name]
    text = MODEL.replace(*more[1]) if len(more) > 1 else MODEL
    if not old.startswith("@@"):
        assert text.count(old) == 1, "the edit is ambiguous"
        text = text.replace(old, new)
    else:
        text = text.replace(old.removeprefix("@@"), new)
    if more and more[0]:
        mark = more[0]
        text = text.replace(mark.replace("@@", ""), mark, 1)
    before = text[: text.index("@@")]
    expected = (path, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1, sentence, suggestion)
    found = [(p.path, p.line, p.column, p.sentence, p.suggestion) for p in problems_of(text.replace("@@", ""))]
    assert expected in found
    assert name in FOLLOWED or found == [expected]


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file():
    text = (
        MODEL.replace("points: 5\n", "points: five\n").replace("demo_booked", "demo_boked").replace("{A: 70, B: 45, C: 20}", "{A: 70, B: 75, C: 20}")
        .replace("below: 25", "below: 90").replace("version: 3", "version: three").replace("enter_on: [won]", "enter_on: [one]")
    )  # fmt: skip
    found = problems_of(text)
    assert [problem.line for problem in found] == [2, 8, 12, 20, 30, 32]
    assert [problem.path for problem in found] == [
        "version", "rules[0].points", "rules[2].kind", "fit.grades.B", "stages[2].cool.below", "stages[3].enter_on[0]",
    ]  # fmt: skip


def test_problems_read_like_those_of_a_compiler():
    with pytest.raises(ModelProblems) as caught:
        load(MODEL.replace("demo_booked", "demo_boked").replace("points: 5\n", "points: five\n"), name_of_file="my.yaml")
    assert str(caught.value).splitlines() == [
        'my.yaml:8:13: rules[0].points: points must be a number, not "five"',
        'my.yaml:12:24: rules[2].kind: the kind "demo_boked" is not known (did you mean demo_booked?)',
    ]


@pytest.mark.parametrize(("text", "sentence"), [
    ("", "the file is empty"), ("# nothing but a comment\n", "the file is empty"), ("hello", "a scoring model is a section of keys and values"),
    ("[1, 2]", "a scoring model is a section of keys and values"), ("a: " + "x" * 300_000, "the file has 300,003 bytes, a scoring model at most 262,144"),
    ("[" * 50_000, "this is nested more than 12 deep"), ("[" + "a," * 30_000 + "]", "the file holds more than 20,000 values"),
])  # fmt: skip
def test_what_is_no_scoring_model_at_all_is_said_in_one_sentence(text, sentence):
    assert [problem.sentence for problem in problems_of(text)] == [sentence]


def test_many_aliases_make_no_bomb():
    lines = ["a: &a [x, x]"] + [f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]" for i in range(20)]
    assert all("something else in YAML" in p.sentence for p in problems_of("\n".join(lines)) if p.path.count("["))


@pytest.mark.parametrize(("name", "limit", "entry"), [
    ("rules", "at most 500 are allowed", "  - {name: r%d, kind: page_view, points: 1, half_life: never}\n"),
    ("stages", "at most 20 are allowed", "  - name: s%d\n"),
])  # fmt: skip
def test_a_list_has_an_end(name, limit, entry):
    text = MODEL.replace(f"{name}:\n", f"{name}:\n" + "".join(entry % i for i in range(501)))
    assert any(limit in problem.sentence for problem in problems_of(text))
