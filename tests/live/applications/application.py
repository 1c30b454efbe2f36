"""Change a profile's type, hide the profile and bring it back, in JSON and then in XML.

Usage: application.py URL CLIENT USER TYPE ID, with the user's key in the environment as SECRET_KEY.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sys
from datetime import UTC, datetime
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen
from xml.etree import ElementTree

PATCHES = "http://schemas.datacontract.org/2004/07/Microsoft.AspNetCore.JsonPatch"
ROOT = "JsonPatchDocumentOfUserProfile5B0F46o8"


class Preferences:
    """The calls that the application makes, in one format."""

    def __init__(self, url: str, client: str, user: str, kind: str, identifier: str, form: str) -> None:
        self.url, self.client, self.user, self.form = url.rstrip("/"), quote(client, safe=""), user, form
        self.place = f"AlternateIdType/{quote(kind, safe='')}/AlternateId/{quote(identifier, safe='')}"

    def authorization(self) -> str:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        message = f"{self.client}:{self.user}:{stamp}".encode()
        digest = hmac.new(os.environ["SECRET_KEY"].encode(), message, hashlib.sha256).digest()
        signature = base64.b64encode(digest).decode()
        return f"PNAUTHINFO3-HMAC-SHA256 Credential={self.user}/{stamp} Signature={signature}"

    def send(self, method: str, place: str, body: str | None = None) -> tuple[int, str]:
        headers = {"Authorization": self.authorization(), "Accept": f"application/{self.form}"}
        if body is not None:
            headers["Content-Type"] = f"application/{self.form}"
        data = None if body is None else body.encode()
        request = Request(f"{self.url}/{self.client}/Profile/{place}", data, headers, method=method)
        try:
            with urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    def patch(self, kind: str) -> tuple[int, str]:
        if self.form == "json":
            body = json.dumps([{"op": "replace", "path": "/CustomerType", "value": kind}])
        else:
            operation = f"<op>replace</op><path>/CustomerType</path><value>{kind}</value>"
            operations = f"<Operations><OperationOfUserProfile>{operation}</OperationOfUserProfile></Operations>"
            body = f'<{ROOT} xmlns="{PATCHES}">{operations}</{ROOT}>'
        return self.send("PATCH", self.place, body)

    def member(self, profile: str, name: str) -> str:
        if self.form == "json":
            return str(json.loads(profile)[name])
        return ElementTree.fromstring(profile).findtext(f"{{*}}{name}") or ""

    def tell(self, what: str, answer: tuple[int, str], *, profile: bool = True) -> None:
        status, body = answer
        known = self.member(body, "CustomerType") if profile and status == 200 else ""
        print(f"{self.form}: {what} {status} {known}".rstrip())


def main(url: str, client: str, user: str, kind: str, identifier: str) -> None:
    for form, changed in (("json", "Prospect"), ("xml", "Lead")):
        api = Preferences(url, client, user, kind, identifier, form)
        first = api.send("GET", api.place)
        api.tell("read", first)
        number = api.member(first[1], "ProfileId")
        api.tell("patch", api.patch(changed))
        api.tell("read back", api.send("GET", api.place))
        api.tell("deactivate", api.send("POST", f"{number}/Deactivate"), profile=False)
        api.tell("patch", api.patch("Nobody"))
        api.tell("activate", api.send("POST", f"{number}/Activate"), profile=False)
        api.tell("read", api.send("GET", api.place))


if __name__ == "__main__":
    main(*sys.argv[1:])
