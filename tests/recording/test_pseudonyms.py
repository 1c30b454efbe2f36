"""The laws of replacement: the same for the same, formats kept, never an original."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mockserver.errors import SafetyRefusal
from mockserver.recording.guard import Guard, folded
from mockserver.recording.pseudonyms import Pseudonyms, dates_in, plausible_words, says_nothing
from tests.examples import many

KEY = b"a key of the tests, long enough"
WORDS = plausible_words()
PHONES = ("(819) 555-0123", "+44 20 7946 0958", "+358 9 12345")
VALUES = (
    *("Anna", "ANNA", "O'Neil", "anna.walsh@gmail.com", "C-000417", "2012-06-01", "2019-10-05T18:44:10.535Z"),
    *("8195550123", "442079460958", "358912345", "SW1A 1AA", "שרה לוי", "0000", "call +44 20 7946 0958"),
    "https://crm.acme.com/c/C-000417?next=https%3A%2F%2Fx.org%2F%3Fm%3Danna.walsh%2540gmail.com",
    *PHONES,
)


def mapped(*values: str, key: bytes = KEY) -> dict[str, str]:
    originals = [value for value in values if not says_nothing(value)]
    phones = [value for value in values if value in PHONES]
    return Pseudonyms(key, WORDS, originals, phones).mapping(values)


NEW = mapped(*VALUES)


def test_the_same_key_gives_the_same_and_another_key_something_else() -> None:
    assert mapped(*reversed(VALUES)) == NEW
    assert all(new != NEW[value] for value, new in mapped(*VALUES, key=b"another key, as long").items())


def test_letter_case_is_kept() -> None:
    assert NEW["ANNA"] == NEW["Anna"].upper() != NEW["Anna"]


def test_a_name_is_the_same_inside_an_address() -> None:
    assert NEW["anna.walsh@gmail.com"].startswith(f"{NEW['Anna'].lower()}.")


def test_an_id_and_an_address_are_the_same_inside_a_url() -> None:
    """However deep they are encoded there."""
    url = NEW[VALUES[-4]]
    assert f"/{NEW['C-000417']}?" in url
    assert NEW["anna.walsh@gmail.com"] in unquote(unquote(url))
    assert url.startswith("https://")


@pytest.mark.parametrize(
    ("written", "numeric"), [*zip(PHONES, ("8195550123", "442079460958", "358912345"), strict=True)]
)
def test_a_telephone_number_is_the_same_in_digits_alone(written: str, numeric: str) -> None:
    assert re.sub(r"\D", "", NEW[written]) == NEW[numeric]
    assert NEW[written] in NEW["call +44 20 7946 0958"] or "44" not in written


@pytest.mark.parametrize(("written", "start"), [("+44 20 7946 0958", "+44 20 "), ("+358 9 12345", "+358 9 ")])
def test_a_telephone_number_stays_in_its_country(written: str, start: str) -> None:
    pattern = re.sub(r"\d", r"\\d", re.escape(written.removeprefix(start)))
    assert re.fullmatch(re.escape(start) + pattern, NEW[written])


def test_dates_move_by_one_offset_and_keep_their_form() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT18:44:10\.535Z", NEW["2019-10-05T18:44:10.535Z"])
    three = mapped("2012-06-01", "2012-06-02", "2012-07-01T00:00:00Z")
    days = sorted(int(new[8:10]) for new in three.values())
    assert len(set(three.values())) == len(days) == 3


@pytest.mark.parametrize("text", ["true", "False", "https", "", "   ", "-----", "9999-12-31T23:59:59Z", "0001-01-01"])
def test_what_is_nobodys_stays(text: str) -> None:
    assert mapped(text) == {text: text}


@pytest.mark.parametrize("value", ["anna@mail.acme.com", "https://user:pw@acme.com:8443/x"])
def test_no_mailbox_or_server_is_a_real_one(value: str) -> None:
    """Names that nobody can have (RFC 2606)."""
    assert re.search(r"\.(example|test|invalid)(:8443/|$)", mapped(value)[value])


@pytest.mark.parametrize("text", ["http://a.org/" * 900, "anna%" + "25" * 5000 + "40x.org"], ids=["URLs", "signs"])
def test_what_is_nested_beyond_any_reading_is_replaced_as_well(text: str) -> None:
    new = mapped(text, "anna")[text]
    assert len(new) > 1000
    assert not Guard([text, "anna"]).finds(new)


PIECES = st.sampled_from(["Anna", "walsh", "42", "0417", "2012-06-01", "@", ".", "-", " ", "%40", "http://x.org/", "ß"])
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=6).map("".join)


@settings(max_examples=many(15))
@given(st.lists(TEXTS, min_size=1, max_size=12))
def test_no_replacement_holds_an_original(values: list[str]) -> None:
    """Whatever the values are; those of more than three signs, which are not found by chance everywhere.

    Values that leave nothing to replace, such as `%40)`, may be refused: then nothing is written.
    """
    try:
        new = mapped(*values)
    except SafetyRefusal:
        assume(False)
    originals = [value for value in values if len(value) > 3 and not says_nothing(value)]
    assert not any(Guard(originals).finds(text) for value, text in new.items() if not says_nothing(value))
    assert not any(folded(value) in folded(text) for value in originals if folded(value) for text in new.values())


@settings(max_examples=many(12))
@given(st.sets(st.from_regex(r"[A-Z]{1,2}-[0-9]{3,6}", fullmatch=True), min_size=2, max_size=30))
def test_ids_stay_different_and_in_their_form(ids: set[str]) -> None:
    new = Pseudonyms(KEY, WORDS, ids).mapping(ids, frozenset(ids))
    assert len({folded(text) for text in new.values()}) == len(ids)
    assert all(
        re.fullmatch(rf"[A-Z]{{{value.index('-')}}}-\d{{{len(value.split('-')[1])}}}", new[value]) for value in ids
    )


def test_a_text_that_begins_with_the_first_day_is_somebodys() -> None:
    assert "Anna" not in mapped("0001-01-01 Anna")["0001-01-01 Anna"]


def test_ids_that_cannot_stay_different_are_refused() -> None:
    """There are fewer letters to draw than there are here."""
    ids = frozenset("abcdefghijklmnopqrstuvwxyzé")
    with pytest.raises(SafetyRefusal, match="can't be replaced"):
        Pseudonyms(KEY, WORDS, ids).mapping(ids, ids)


def test_moments_inside_a_text_are_known() -> None:
    assert dates_in("born 1970-01-31, seen 2020-02-29T01:02:03+01:00.") == ["1970-01-31", "2020-02-29T01:02:03+01:00"]
