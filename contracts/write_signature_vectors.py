"""Write `signature-vectors.json`: headers that the mock accepts, and wrong ones with the reason why it refuses them.

An implementation in any language can sign the first and compare. Run it after a change to signing or to REFUSALS:
`python contracts/write_signature_vectors.py`; `--check` only says whether it is due.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mockserver.auth.signing import ALGORITHMS, Client, User, sign, verify
from mockserver.errors import Unauthorized

VECTORS = Path(__file__).with_name("signature-vectors.json")
ABOUT = (
    "Authorization: <header> is right for a request to /<client>/… that arrives at `now`, from <user> with the secret"
    " <key>. The keys are invented. Texts are UTF-8. In `refused`, `reason` says why the mock refuses the header, and"
    " `message` is the vendor's text."
)
NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
STAMP = "2026-01-31T12:00:00Z"
CLIENT, USER, KEY = "ACME01", "editor@acme.example", "fake-demo-secret-of-the-acme-editor"

# id: client, user, key, timestamp
SIGNERS = {
    "plain": (CLIENT, USER, KEY, STAMP),
    "world in the client id": ("ACME01~my-test", USER, KEY, STAMP),
    "milliseconds": (CLIENT, USER, KEY, "2026-01-31T11:59:59.667Z"),
    "seven digits, as .NET prints": (CLIENT, USER, KEY, "2026-01-31T11:59:59.1234567Z"),
    "offset": (CLIENT, USER, KEY, "2026-01-31T13:00:00+01:00"),
    "as old as it may be": (CLIENT, USER, KEY, "2026-01-31T11:45:00Z"),
    "key outside ASCII": (CLIENT, USER, "clé secrète €", STAMP),
    "key longer than a block": (CLIENT, USER, "0123456789" * 15, STAMP),
    "user with slash and space": (CLIENT, "jane/de la+cruz", KEY, STAMP),
}
GOOD = sign(CLIENT, USER, KEY, STAMP)
HEAD, SIGNATURE = GOOD.split("Signature=")
# id: a header that the server must refuse
MISTAKES = {
    "no header": "",
    "another scheme": GOOD.replace("SHA256", "MD5"),
    "another user's key": sign(CLIENT, USER, "fake-demo-secret-of-the-acme-reader", STAMP),
    "client in another case": sign("acme01", USER, KEY, STAMP),
    "another timestamp signed": HEAD + sign(CLIENT, USER, KEY, "2026-01-31T11:59:59Z").split("Signature=")[1],
    "hexadecimal": f"{HEAD}Signature={base64.b64decode(SIGNATURE).hex()}",
    "no padding": GOOD.rstrip("="),
    "a comma between the parts": GOOD.replace(" Signature", ", Signature"),
    "no signature": HEAD.strip(),
    "a second too old": sign(CLIENT, USER, KEY, "2026-01-31T11:44:59Z"),
    "a second ahead": sign(CLIENT, USER, KEY, "2026-01-31T12:00:01Z"),
    "a day alone": sign(CLIENT, USER, KEY, "2026-01-31"),
    "seconds since 1970": sign(CLIENT, USER, KEY, "1769860800"),
    "unknown user": sign(CLIENT, "nobody@acme.example", KEY, STAMP),
    "user in another case": sign(CLIENT, USER.upper(), KEY, STAMP),
}


def accepted() -> Iterator[dict[str, str]]:
    """Yield the signers with each algorithm; a longer digest has longer keys' blocks and other padding."""
    for name, (client, user, key, timestamp) in SIGNERS.items():
        for algorithm in ALGORITHMS if name in ("plain", "key longer than a block") else ALGORITHMS[:1]:
            header = sign(client, user, key, timestamp, algorithm=algorithm)
            asked(client, user, key, header)
            yield {
                "id": name if algorithm == "SHA256" else f"{name}, {algorithm}",
                "client": client, "user": user, "key": key, "timestamp": timestamp,
                "algorithm": algorithm, "header": header,
            }  # fmt: skip


def refused() -> Iterator[dict[str, str]]:
    """Yield the mistakes, each with what the server says."""
    for name, header in MISTAKES.items():
        try:
            asked(CLIENT, USER, KEY, header)
        except Unauthorized as refusal:
            said = {"reason": refusal.rule, "message": str(refusal.message)}
            yield {"id": name, "client": CLIENT, "user": USER, "key": KEY, "header": header, **said}
        else:
            raise SystemExit(f"{name}: the server accepts it")


def asked(client_id: str, user_id: str, key: str, header: str) -> None:
    """Let the server judge a header at NOW; raise Unauthorized as it does."""
    client = Client(client_id, {user_id: User(user_id, (key,))})
    verify(header, client=client, client_id=client_id, now=NOW, allow_unkeyed=True)


def document() -> dict[str, Any]:
    return {"about": ABOUT, "now": STAMP, "accepted": list(accepted()), "refused": list(refused())}


def main() -> int:
    """Write the file, or with --check compare it."""
    text = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
    if "--check" not in sys.argv[1:]:
        VECTORS.write_text(text, encoding="utf-8")
        return 0
    if VECTORS.read_text(encoding="utf-8") == text:
        return 0
    print(f"{VECTORS.name} is stale: run python contracts/write_signature_vectors.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
