"""The files of rules: mistakes in them are refused, and verdicts are honest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mockserver.errors import UsageError
from mockserver.verify.calls import Verdict
from mockserver.verify.contract import load_yaml
from mockserver.verify.events import CaseFinished, Event
from mockserver.verify.rules.playing import DEMO, RuleRunner
from mockserver.verify.rules.reading import Rule, load_rules
from mockserver.verify.run import Plan, verify
from tests.verify.verifying import DIALECTS, bench_of, cases_of, contract, healthy, run
from tools.mutants.harness import ROOT, Request, Response, right_server

RULES = ROOT / "contracts" / "rules"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_rule_says_what_must_hold_and_why(dialect: str) -> None:
    for rule in load_rules(RULES, dialect):
        assert rule.title
        assert rule.why
        assert rule.tags
        assert rule.steps


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "some.yaml").write_text(text, encoding="utf-8")
    return tmp_path


GOOD = "rules:\n  - {id: a, title: A, why: B, source: page, fact: operation.method, tags: [read], patch: []"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (f"{GOOD}, expcet: 200}}", "did you mean expect?"),
        (f"{GOOD}, then: [{{pach: []}}]}}", "did you mean patch?"),
        (GOOD.replace("source: page", "source: pag") + "}", "did you mean page?"),
        (GOOD.replace("title: A, ", "") + "}", "write title: as text"),
        (f"{GOOD}}}\n  - {{id: a, title: A, why: B, source: assumed}}", "rename one"),
        ("rules: none", "see its neighbours"),
        ("rules: [", "mind indentation and quotes"),
        (f"{GOOD}, authorization: {{ag: 3}}}}", "did you mean age?"),
        (f"{GOOD}, world: another}}", "did you mean other?"),
        (GOOD.replace("operation.method", "members.CustomerTyp.max_length") + "}", "members.CustomerType.max_length?"),
        (
            GOOD.replace("operation.method", "[operation.method, members.CustomerType]") + "}",
            "members.CustomerType.type?",
        ),
        (GOOD.replace("fact: operation.method, ", "") + "}", "such as members.CustomerType.max_length"),
    ],
    ids=[
        "key",
        "key-of-a-step",
        "source",
        "no-title",
        "twice",
        "no-list",
        "no-yaml",
        "authorization",
        "world",
        "fact",
        "more-than-a-fact",
        "no-fact",
    ],
)
def test_a_mistake_in_a_rule_is_refused_with_a_hint(tmp_path: Path, text: str, hint: str) -> None:
    with pytest.raises(UsageError) as refusal:
        load_rules(written(tmp_path, text))
    assert hint in str(refusal.value)
    assert str(tmp_path) in str(refusal.value)


def test_a_file_is_read_anew_when_it_has_changed(tmp_path: Path) -> None:
    """What is read again as it was is not read twice; the list is the caller's own."""
    first = load_rules(written(tmp_path, f"{GOOD}}}"))
    assert load_rules(tmp_path)[0] is first.pop()
    assert [rule.title for rule in load_rules(written(tmp_path, GOOD.replace("title: A", "title: Z") + "}"))] == ["Z"]
    assert [rule.title for rule in load_rules(written(tmp_path, f"{GOOD}}}"))] == ["A"]


def test_what_a_file_holds_is_parsed_once(tmp_path: Path) -> None:
    """And anew when it has changed."""
    path = tmp_path / "some.yaml"
    path.write_text("first: &same {a: 1}\nsecond: *same\n", encoding="utf-8")
    document = load_yaml(path)
    assert document is load_yaml(path)
    assert document == {"first": {"a": 1}, "second": {"a": 1}}
    path.write_text("first: 2\n", encoding="utf-8")
    assert load_yaml(path) == {"first": 2}


def rule(name: str, dialect: str = "vendor") -> Rule:
    return next(rule for rule in load_rules(RULES, dialect) if rule.id == name)


def test_credentials_that_are_refused_are_never_a_pass() -> None:
    """On a mock such a case is broken, elsewhere nothing can be said."""

    def closed(request: Request) -> Response:
        return Response(403, {"content-type": "application/json; charset=utf-8"}, b'{"Message":"No."}')

    bench = bench_of(closed)
    assert RuleRunner(bench, contract()).run(rule("empty-patch")).verdict is Verdict.BROKEN
    elsewhere = replace(bench, is_mock=False, isolated=False)
    assert RuleRunner(elsewhere, contract()).run(rule("empty-patch")).verdict is Verdict.INCONCLUSIVE


def test_a_server_that_cant_be_reached_says_nothing() -> None:
    def broken(request: Request) -> Response:
        raise OSError("gone")

    bench = replace(bench_of(broken), is_mock=False, isolated=False)
    assert RuleRunner(bench, contract()).run(rule("empty-patch")).verdict is Verdict.INCONCLUSIVE


def test_what_a_target_does_not_offer_is_not_verifiable() -> None:
    bench = replace(healthy("vendor"), reader=None)
    outcome = RuleRunner(bench, contract()).run(rule("auth-forbidden"))
    assert outcome.verdict is Verdict.NOT_VERIFIABLE
    assert outcome.problems == ("the target offers no reader",)


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("auth-forbidden", "the target's table has no reader"),
        ("edited-is-stamped-each-time", "only a mock can be asked this"),
    ],
)
def test_of_a_real_system_is_wanted_what_its_owner_can_write_down(case: str, why: str) -> None:
    bench = replace(healthy("vendor"), is_mock=False, isolated=False, reader=None)
    assert RuleRunner(bench, contract()).run(rule(case)).problems == (why,)


def test_a_stricter_server_than_the_vendors_is_tolerated_where_the_contract_allows_it() -> None:
    """Not on the mock, whose dialect says what it does."""
    strict = right_server("rfc6902")
    real = replace(bench_of(strict), is_mock=False, isolated=False)
    assert RuleRunner(real, contract()).run(rule("op-in-other-case")).verdict is Verdict.TOLERATED
    assert RuleRunner(bench_of(strict), contract()).run(rule("op-in-other-case")).verdict is Verdict.BROKEN


def test_a_rule_can_be_chosen_by_the_start_of_its_name() -> None:
    _, events = run(healthy("vendor"), Plan(only=("xml-name*", "empty-patch")))
    assert [case.id for case in cases_of(events)] == ["empty-patch", "xml-name-order"]


def written_rule(tmp_path: Path, text: str) -> Rule:
    return load_rules(
        written(tmp_path, f"rules:\n  - {{id: a, title: A, why: B, source: assumed, tags: [write], {text}}}")
    )[0]


def asked(outcome: CaseFinished) -> list[str]:
    """Return each request with which a case names its own profile: by what, and in XML or not."""
    calls = [exchange.call for exchange in outcome.exchanges if exchange.call.key == DEMO]
    kinds = ["number" if "AlternateId" not in call.target else "id" for call in calls]
    xml = [" xml" * (("Accept", "application/xml") in call.headers) for call in calls]
    return [f"{call.method} {kind}{note}" for call, kind, note in zip(calls, kinds, xml, strict=True)]


TESTED = "then: [{for: {n: 3}, each: {patch: [{op: test, path: /IsActive, value: true}]}}]"


def test_steps_go_by_turns_where_the_rule_says_so(tmp_path: Path) -> None:
    """By alternate id, by ProfileId, answered in XML; read once, since none of them changes anything."""
    rule = written_rule(tmp_path, f"by_turns: true, {TESTED}")
    _, *steps, _ = asked(RuleRunner(healthy("vendor"), contract()).run(rule))
    assert steps == ["PATCH id", "PATCH number", "PATCH id xml"]


def test_a_target_is_read_after_each_step_and_asked_in_one_way(tmp_path: Path) -> None:
    real = replace(healthy("vendor"), is_mock=False, isolated=False)
    rule = written_rule(tmp_path, f"by_turns: true, {TESTED}")
    assert asked(RuleRunner(real, contract()).run(rule)) == ["PATCH id"] * 7


def test_what_a_refused_request_changed_is_seen_before_the_next_change(tmp_path: Path) -> None:
    right = right_server("vendor")

    def careless(request: Request) -> Response:
        answer = right(request)
        if answer.status == 400:
            right(request._replace(body=request.body.replace(b"/NoMember", b"/CustomerType")))
        return answer

    refused = "{patch: [{op: replace, path: /NoMember, value: Wrong}], expect: 400}"
    changed = "{patch: [{op: replace, path: /CustomerType, value: Right}], after: {/CustomerType: Right}}"
    outcome = RuleRunner(bench_of(careless), contract()).run(written_rule(tmp_path, f"then: [{refused}, {changed}]"))
    assert "the profile afterwards differs" in outcome.problems[0]
    assert "/CustomerType" in outcome.problems[0]


def test_what_all_dialects_share_is_asked_in_the_first_alone(tmp_path: Path) -> None:
    written_rule(tmp_path, "once: true, patch: []")
    events: list[Event] = []
    plan = Plan(stages=("rules",), rules=tmp_path)
    assert verify(healthy("library"), contract(), plan, events.append, further=[healthy("vendor")]) == 0
    assert [case.stage for case in cases_of(events)] == ["rules"]
