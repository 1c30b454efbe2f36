"""Documents of the calls around the PATCH: JSON is read as leniently as that of a PATCH (assumed)."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.conftest import Client

STRICT, LENIENT = "documented", "assumed"
NAMESPACE = "http://schemas.datacontract.org/2004/07/ProfileServices.REST.Models"

# The body, what becomes of /CustomerType, and how sure that is.
CREATED: dict[str, tuple[bytes, str, str]] = {
    "strict JSON": (b'{"CustomerType": "A"}', "A", STRICT),
    "other quotes": (b"{'CustomerType': 'A'}", "A", LENIENT),
    "a name without quotes": (b'{CustomerType: "A"}', "A", LENIENT),
    "a comment": (b'/* new */ {"CustomerType": "A"}', "A", LENIENT),
    "text behind the object": (b'{"CustomerType": "A"} and more', "A", LENIENT),
    "a byte order mark": (codecs.BOM_UTF8 + b'{"CustomerType": "A"}', "A", LENIENT),
    "a name in other case": (b'{"customertype": "A"}', "A", LENIENT),
    "an unknown member": (b'{"CustomerType": "A", "Nothing": [{}]}', "A", LENIENT),
    "a number as text": (b'{"CustomerType": 5}', "5", LENIENT),
    "true as text": (b'{"CustomerType": true}', "true", LENIENT),
    "more digits than 64 bits hold": (b'{"CustomerType": 12345678901234567890123}', "12345678901234567890123", LENIENT),
    "a date is no date where a text is wanted": (
        b'{"CustomerType": "2024-01-05T10:00:00.000Z"}',
        "2024-01-05T10:00:00.000Z",
        STRICT,
    ),
    "nor in lenient JSON": (b"{'CustomerType': '/Date(99999999999999999)/'}", "/Date(99999999999999999)/", LENIENT),
}


@pytest.mark.parametrize(("body", "stored", "sure"), CREATED.values(), ids=CREATED)
def test_a_profile_is_read_as_leniently_as_a_patch(
    call: Callable[..., Client], body: bytes, stored: str, sure: str
) -> None:
    """And the answer says how sure that is."""
    status, headers, answer = call()(body, method="POST", target="/ACME01/Profile")
    assert (status, orjson.loads(answer)["CustomerType"]) == (201, stored)
    assert headers["X-Mock-Provenance"] == sure


# The path of the call, the body, the reason of the refusal and the keys of its ModelState.
REFUSED: dict[str, tuple[str, bytes, str, Any]] = {
    "nothing": ("Profile", b" ", "document-missing", ["profile"]),
    "null": ("Profile", b"null", "document-missing", ["profile"]),
    "a list": ("Profile", b"[]", "document-unfit", ["profile"]),
    "a text": ("Profile", b'"x"', "document-unfit", ["profile"]),
    "no JSON": ("Profile", b"<x/>", "body-not-json", ["profile"]),
    "an object that is never closed": ("Profile", b'{"CustomerType": "A"', "body-not-json", ["profile.CustomerType"]),
    "a value that is none": ("Profile", b'{"Emails": [{"IsDefault": maybe}]}', "body-not-json", None),
    "an object where a text is wanted": ("Profile", b'{"CustomerType": {}}', "document-unfit", ["profile"]),
    "a constructor": ("Profile", b'{"CustomerType": new Date(0)}', "document-unfit", ["profile"]),
    "too deep": ("Profile", b'{"a":' * 300 + b"1" + b"}" * 300, "body-too-deep", None),
    "bytes that are no UTF-8": ("Profile", b'{"CustomerType": "\xff"}', "body-bad-encoding", ["profile"]),
    "consents in a list": ("Consents/70012345", b"[]", "document-unfit", ["consents"]),
    "a consent that is a text": ("Consents/70012345", b'{"Consents": ["x"]}', "document-unfit", ["consents"]),
    "a reason in a list": ("Profile/70012345/Deactivate", b"[]", "document-unfit", ["reasonCode"]),
}


@pytest.mark.parametrize(("path", "body", "reason", "keys"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_refused(
    call: Callable[..., Client], path: str, body: bytes, reason: str, keys: Any
) -> None:
    """With the key under which the vendor's stack would report it (assumed), and nothing changes."""
    client = call()
    status, headers, answer = client(body, method="POST", target=f"/ACME01/{path}")
    assert (status, headers["X-Mock-Explain"]) == (400, reason)
    assert keys is None or list(orjson.loads(answer)["ModelState"]) == keys
    assert client.profile()["IsActive"] is True


def test_a_call_that_needs_no_document_needs_no_content_type(call: Callable[..., Client]) -> None:
    client = call()
    assert client(b"", method="POST", target="/ACME01/Profile/70012345/Deactivate", content_type=None)[0] == 200


@pytest.mark.parametrize("content", ["text", "<Nothing/>text", "<CustomerType><a/></CustomerType>"])
def test_xml_of_another_shape_is_refused(call: Callable[..., Client], content: str) -> None:
    body = f'<UserProfile xmlns="{NAMESPACE}">{content}</UserProfile>'
    status, _, _ = call()(body, method="POST", target="/ACME01/Profile", content_type="text/xml")
    assert status == 400


CONSENT = {"ConsentType": "Marketing", "ConsentVersion": "4", "Locale": "en-US", "ConsentStatus": 1}
KEPT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a number as text": ({"ConsentVersion": 4}, {"ConsentVersion": "4"}),
    "an unknown member": ({"Nothing": 1}, {"ConsentVersion": "4"}),
    "a date of Microsoft's": ({"ConsentDate": "/Date(1704448800000)/"}, {"ConsentDate": "2024-01-05T10:00:00.000Z"}),
    "seven digits": ({"ConsentDate": "2024-01-05T10:00:00.0000001Z"}, {"ConsentDate": "2024-01-05T10:00:00.000Z"}),
}


@pytest.mark.parametrize(("sent", "kept"), KEPT.values(), ids=KEPT)
def test_a_consent_is_read_as_leniently(
    call: Callable[..., Client], sent: dict[str, Any], kept: dict[str, Any]
) -> None:
    """Its list too may be named in any letter case."""
    client = call()
    body = orjson.dumps({"consents": [{**CONSENT, **sent}]})
    status, headers, _ = client(body, method="POST", target="/ACME01/Consents/70012345")
    assert (status, headers["X-Mock-Provenance"]) == (201, LENIENT)
    assert kept.items() <= client.profile()["Consents"][-1].items()
