"""Each fact of the vendor's page has a rule that shows it, and each rule of the page names the facts it rests on."""

from __future__ import annotations

import pytest

from mockserver.package import shipped
from mockserver.verify.rules.every_answer import FACT
from mockserver.verify.rules.facts import load_facts, places
from mockserver.verify.rules.reading import Rule, load_rules
from tests.verify.verifying import DIALECTS

FACTS = list(places(load_facts(shipped("contracts") / "page-facts.yaml")))
SHOWN_BY_NO_REQUEST = {
    "members.ReasonCode.type": "this operation neither sets nor returns the member",
    "members.ReasonCode.max_length": "this operation neither sets nor returns the member",
    "request.body.name": "in JSON the body has no name; that it is an element in XML is assumed",
}


def rules_of_the_page(dialect: str = "vendor") -> list[Rule]:
    return [rule for rule in load_rules(shipped("contracts") / "rules", dialect) if rule.source == "page"]


def test_every_fact_of_the_page_has_a_rule() -> None:
    """Or a reason why no request can show it; a reason that isn't needed any more has to go."""
    shown = {place for rule in rules_of_the_page() for place in rule.fact}
    assert [place for place in FACTS if place not in shown] == sorted(SHOWN_BY_NO_REQUEST, key=FACTS.index)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_rule_of_the_page_names_facts_of_the_page(dialect: str) -> None:
    rules = rules_of_the_page(dialect)
    assert [rule.id for rule in rules if not rule.fact or not set(rule.fact) <= set(FACTS)] == []
    assert [rule.id for rule in rules if len(set(rule.fact)) < len(rule.fact)] == []


def test_the_case_of_every_answer_names_facts_of_the_page() -> None:
    assert set(FACT) <= set(FACTS)


def test_a_place_is_section_name_and_what_is_said() -> None:
    """What is said may be a list or a table of its own; an item of a list of names is a fact of its own."""
    facts = {
        "operation": {"method": "PATCH", "supported": ["add", "test"]},
        "members": {"CustomerType": {"type": "string", "max_length": 100}},
        "resources": {"Tag": {"json": {"Name": "string"}, "xml": ["Name"]}},
        "response": {"statuses": [200]},
    }
    assert list(places(facts)) == [
        "operation.method",
        "operation.supported.add",
        "operation.supported.test",
        "members.CustomerType.type",
        "members.CustomerType.max_length",
        "resources.Tag.json",
        "resources.Tag.xml",
        "response.statuses.200",
    ]
