"""Scoring models for property tests: any that the loader accepts, within bounds."""

from hypothesis import strategies as st

from processors.model.scoring_model import (
    ANY_KIND,
    Cap,
    Cooling,
    Criterion,
    FitModel,
    PropertyTest,
    Rule,
    ScoringModel,
    Stage,
    Threshold,
    VerdictRule,
)
from processors.profile.vocabulary import CODES
from schemas.kinds import KNOWN

DAY_MS = 86_400_000
OWN_KINDS = ("checkout_started", "quote_requested", "no", "null", "on")  # words that other readers of YAML trip over

names = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
texts = st.one_of(
    st.sampled_from(["NO", "on", "null", "~", "1e3", "010", "*x*", "/a*", "- a", "a: b", "#", "'", '"', "2024-01-01", "0x1", "%", "{", "&a", "!b"]),
    st.text(st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(" *"), min_size=1, max_size=20),
).filter(lambda text: text.strip() == text != "")
numbers = st.integers(-1000, 1000).map(float) | st.floats(-1000, 1000)
durations_s = st.integers(1, 3650 * 86_400) | st.integers(1, 3650).map(lambda days: days * 86_400)


@st.composite
def conditions(draw):
    tests = []
    for field in draw(st.lists(texts, max_size=3, unique=True)):
        for operator in draw(st.lists(st.sampled_from(["is", "in", "matches", "not", "at_least", "at_most", "below", "exists"]), min_size=1, max_size=2, unique=True)):
            match operator:
                case "exists":
                    tests.append(PropertyTest(field=field, operator=operator))
                case "is":
                    tests.append(PropertyTest(field=field, operator=operator, values=(draw(texts),)))
                case "in" | "matches" | "not":
                    tests.append(PropertyTest(field=field, operator=operator, values=tuple(draw(st.lists(texts, min_size=1, max_size=3)))))
                case _:
                    tests.append(PropertyTest(field=field, operator=operator, number=draw(numbers)))
    return tuple(tests)


@st.composite
def fit_conditions(draw):
    tests = []
    for field in draw(st.lists(st.sampled_from(sorted(CODES)), min_size=1, max_size=3, unique=True)):
        operator = draw(st.sampled_from(["is", "in", "not", "exists"]))
        most = {"is": 1, "exists": 0}.get(operator, 3)
        values = draw(st.lists(st.sampled_from(CODES[field]), min_size=min(most, 1), max_size=most))
        tests.append(PropertyTest(field=field, operator=operator, values=tuple(values)))
    return tuple(tests)


@st.composite
def rules(draw, name):
    points = draw(numbers) + 0.0
    limit = draw(st.sampled_from(["none", "cap", "once"]))
    cap = Cap(points=draw(st.floats(max(abs(points), 0.001), 10_000)), window_ms=draw(st.sampled_from([DAY_MS, 7 * DAY_MS]))) if limit == "cap" else None
    kinds = draw(st.just((ANY_KIND,)) | st.lists(st.sampled_from([*sorted(KNOWN), *OWN_KINDS, "custom_x"]), min_size=1, max_size=3, unique=True).map(tuple))
    return Rule(
        name=name, kinds=kinds, where=draw(conditions()), points=points, half_life_s=draw(st.just(0) | durations_s), cap=cap, once=limit == "once",
    )  # fmt: skip


@st.composite
def fits(draw):
    if draw(st.booleans()):
        return FitModel()
    labels = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    criteria = [Criterion(name=label, where=draw(fit_conditions()), points=draw(st.floats(-100, 100)) + 0.0) for label in labels]
    criteria[0] = Criterion(name=labels[0], where=criteria[0].where, points=100.0)  # so that every grade can be had
    begins = sorted(draw(st.lists(st.floats(0.5, 100), min_size=3, max_size=3, unique=True)), reverse=True)
    return FitModel(criteria=tuple(criteria), grades=tuple(zip("ABC", begins, strict=True)))


@st.composite
def stages(draw, between, jobs, *, graded):
    """Stages whose scores rise: stage *i* is entered between 100 i and 100 i + 99, and cools below its own."""
    entered = [Stage(name="visitor")]
    for i, name in enumerate(between, start=1):
        letters = sorted(draw(st.lists(st.sampled_from("ABCD" if graded else "D"), max_size=4, unique=True)))
        scores = sorted(draw(st.lists(st.floats(100 * i, 100 * i + 99), min_size=len(letters), max_size=len(letters), unique=True)))
        thresholds = [Threshold(score=score, grade=letter) for score, letter in zip(scores, letters, strict=True)]
        # the wider threshold has the higher score; written in any order
        thresholds = draw(st.permutations(thresholds))
        conversions = frozenset(rule for rule, job in jobs.items() if job == name)
        if not thresholds and not conversions:
            thresholds = [Threshold(score=100.0 * i)]
        cooling = None
        if draw(st.booleans()):
            cooling = Cooling(below=draw(st.floats(-100, 99)) + 0.0, to=draw(st.sampled_from([s.name for s in entered])), dwell_ms=draw(durations_s) * 1000)
        entered.append(Stage(name=name, conversions=conversions, thresholds=tuple(thresholds), cooling=cooling))
    return (*entered, Stage(name="customer", conversions=frozenset(rule for rule, job in jobs.items() if job == "customer")))


@st.composite
def models(draw):
    between = draw(st.lists(names.filter(lambda n: n not in ("visitor", "customer", "disqualified")), max_size=4, unique=True))
    labels = draw(st.lists(names, min_size=2, max_size=8, unique=True))
    jobs = {label: draw(st.sampled_from([*between, "customer", "disqualify", "recycle", "none"])) for label in labels[1:]} | {labels[0]: "customer"}
    made = [draw(rules(label)) for label in labels]
    made = [Rule(name=r.name, kinds=r.kinds, where=r.where, points=-1.0, half_life_s=r.half_life_s, once=r.once) if jobs[r.name] == "recycle" else r for r in made]
    fit = draw(fits())
    places = ["visitor", *between]
    verdicts = {
        name: VerdictRule(to=draw(st.sampled_from([*places, "disqualified"])), holds_ms=draw(st.just(0) | durations_s) * 1000)
        for name in draw(st.lists(st.sampled_from(["accepted", "rejected", "recycled"]), unique=True))
    }
    if draw(st.booleans()):
        verdicts["disqualified"] = VerdictRule(to="disqualified", holds_ms=draw(st.just(0) | durations_s) * 1000)
    return ScoringModel(
        name=draw(names), version=draw(st.integers(1, 2**31 - 1)), rules=tuple(made), fit=fit,
        stages=draw(stages(between, jobs, graded=bool(fit.criteria))),
        disqualifies=frozenset(rule for rule, job in jobs.items() if job == "disqualify"),
        recycles={rule: draw(st.sampled_from(places)) for rule, job in jobs.items() if job == "recycle"},
        verdicts=verdicts, kinds=OWN_KINDS,
    )  # fmt: skip
