"""Wrong servers by hand: what is remembered from one request to the next, too long or for too much.

With the index of alternate ids, which is such a memory too, and a few more that once passed the whole verification.
"""

from __future__ import annotations

from tools.mutants.source import Edit

_HELD = "if signed is None or not signed.since <= handling.now <= signed.until:"
_DIFFERS = "map(is_not, found, before)"

CACHES: list[Edit] = [
    # -- heads
    Edit(
        "C-head-method",
        "a head is kept whatever its method",
        "service/door.py",
        '("REQUEST_METHOD", "RAW_URI",',
        '("RAW_URI",',
    ),
    Edit(
        "C-head-case",
        "a head is kept whatever its URL's letter case",
        "service/door.py",
        "    return telling, telling(environ)",
        '    return telling, telling({**environ, "RAW_URI": raw_target(environ).lower()})',
    ),
    Edit(
        "C-head-content-type",
        "a head is kept whatever its Content-Type",
        "service/door.py",
        '"QUERY_STRING", "CONTENT_TYPE"',
        '"QUERY_STRING"',
    ),
    Edit(
        "C-head-accept",
        "a head is kept whatever its Accept",
        "service/door.py",
        'if name[:5] == "HTTP_" or',
        'if (name[:5] == "HTTP_" and name != "HTTP_ACCEPT") or',
    ),
    Edit(
        "C-head-charset",
        "a head is kept whatever its Accept-Charset",
        "service/door.py",
        'if name[:5] == "HTTP_" or',
        'if (name[:5] == "HTTP_" and name != "HTTP_ACCEPT_CHARSET") or',
    ),
    Edit(
        "C-head-authorization",
        "a head is kept whatever its Authorization",
        "service/door.py",
        'if name[:5] == "HTTP_" or',
        'if (name[:5] == "HTTP_" and name != "HTTP_AUTHORIZATION") or',
    ),
    Edit(
        "C-head-namespace",
        "a head is kept whatever its namespace",
        "service/door.py",
        'if name[:5] == "HTTP_" or',
        'if (name[:5] == "HTTP_" and name != "HTTP_X_MOCK_NAMESPACE") or',
    ),
    # -- signatures and tokens
    Edit(
        "C-signature-for-ever",
        "a signature found good once stays good",
        "service/service.py",
        _HELD,
        "if signed is None:",
    ),
    Edit(
        "C-signature-from-any-time",
        "a signature found good once is good before its time",
        "service/service.py",
        _HELD,
        "if signed is None or handling.now > signed.until:",
    ),
    Edit(
        "C-signature-twice-as-long",
        "a signature found good once is good for twice the window",
        "auth/signing.py",
        "timedelta(seconds=_window_s(client) + dates.skew_s)",
        "timedelta(seconds=2 * _window_s(client) + dates.skew_s)",
    ),
    Edit(
        "C-signature-of-any-account",
        "a signature found good once is good for half an hour, whatever the account's window",
        "auth/signing.py",
        "return since, issued + timedelta(seconds=_window_s(client) + dates.skew_s)",
        "return since, issued + timedelta(seconds=1800)",
    ),
    Edit(
        "C-token-for-ever",
        "a bearer token never expires",
        "auth/tokens.py",
        'if now.timestamp() >= content["expires"]:',
        'if now.timestamp() >= content["expires"] + 86400:',
    ),
    Edit(
        "C-window-of-no-account",
        "every account's signatures hold for 15 minutes",
        "auth/signing.py",
        "<= _window_s(client) + dates.skew_s:",
        "<= DEFAULT_SIGNATURE_WINDOW_S + dates.skew_s:",
    ),
    Edit(
        "C-token-of-any-account",
        "whose account a bearer token is for is not looked at",
        "auth/tokens.py",
        "if client.client_id != client_id:",
        "if not client_id:",
    ),
    Edit(
        "C-token-of-any-user",
        "a bearer token gives every permission",
        "service/service.py",
        "            user = authenticate(head.token,",
        "            handling.user = authenticate(head.token, client=addressed.client,"
        " now=handling.now, key=self.policy.token_key).user_id\n"
        "            return\n            user = authenticate(head.token,",
    ),
    Edit(
        "C-user-to-the-first-slash",
        "a UserId ends at its first slash",
        "auth/signing.py",
        'credential.removeprefix("Credential=").rpartition("/")',
        'credential.removeprefix("Credential=").partition("/")',
    ),
    # -- texts in XML
    Edit(
        "C-xml-by-beginning",
        "a member's XML is remembered by the length and beginning of its JSON",
        "formats/xml_write.py",
        _DIFFERS,
        "(_beginning(one) != _beginning(other) for one, other in zip(found, before))",
        "\n\ndef _beginning(member):\n"
        "    return (len(bytes(member)), bytes(member)[:64]) if isinstance(member, Raw) else member\n",
    ),
    Edit(
        "C-xml-in-small-letters",
        "a member's XML is remembered whatever the letter case of its JSON",
        "formats/xml_write.py",
        _DIFFERS,
        "(_low(one) != _low(other) for one, other in zip(found, before))",
        "\n\ndef _low(member):\n    return bytes(member).lower() if isinstance(member, Raw) else member\n",
    ),
    Edit("C-xml-greater", "> is not escaped in plain texts", "formats/xml_write.py", '.replace(b">", b"&gt;")', ""),
    # -- namespaces
    Edit(
        "C-suffix-ignored",
        "the suffix on the account names no namespace",
        "service/routes.py",
        "kind, identifier, number, world or None, key)",
        "kind, identifier, number, None, key)",
    ),
    Edit(
        "C-suffix-first",
        "the suffix on the account goes before the header",
        "service/door.py",
        'headers.get("x-mock-namespace") or suffix',
        'suffix or headers.get("x-mock-namespace")',
    ),
    # -- Edited
    Edit(
        "C-stamp-once",
        "of one user only the first change is stamped",
        "service/life.py",
        '    noted["ModifiedDate"] = shown',
        '    if noted.get("ModifiedBy") == user:\n        return noted\n    noted["ModifiedDate"] = shown',
    ),
    Edit(
        "C-stamp-zone",
        "a stamp does not say that it is UTC",
        "service/life.py",
        '// 1000:03}Z"',
        '// 1000:03}"',
    ),
    Edit(
        "C-stamp-shared",
        "all profiles share the stamp of those that have none",
        "service/life.py",
        'dict(tree.root.members["Edited"].template)',
        'tree.root.members["Edited"].template',
    ),
    # -- the index of alternate ids
    Edit(
        "C-index-before-check",
        "new alternate ids lead to a profile whose change is then refused",
        "state/profiles.py",
        "        for key in wanted:\n            if (owner",
        "        for key in sorted(wanted):\n            if self._slot(overlay, key) is None:\n"
        "                overlay.index[key] = slot\n            if (owner",
    ),
    Edit(
        "C-index-forgets-first",
        "old alternate ids are lost by a change that is then refused",
        "state/profiles.py",
        "        for key in wanted:\n            if (owner",
        "        for key in self._keys_of(overlay, client, slot) - wanted:\n            overlay.index[key] = None\n"
        "        for key in wanted:\n            if (owner",
    ),
    Edit(
        "C-index-keeps-all-but-one",
        "of several alternate ids taken away together one is forgotten",
        "state/profiles.py",
        "dict.fromkeys(freed)",
        "dict.fromkeys(sorted(freed)[:1])",
    ),
    Edit(
        "C-index-of-the-fixtures",
        "whether an alternate id is taken is looked up as it was at the start",
        "state/profiles.py",
        "if (owner := self._slot(overlay, key)) is not None and owner != slot:",
        "if (owner := overlay.base.index.get(key)) is not None and owner != slot:",
    ),
    # -- what else passed
    Edit(
        "C-secret-by-beginning",
        "the beginning of an application's secret is enough",
        "auth/tokens.py",
        "hmac.compare_digest(utf8(secret), expected)",
        "expected.startswith(utf8(secret))",
    ),
    Edit(
        "C-xml-no-characters",
        "U+FFFE and U+FFFF are written as they are",
        "formats/xml_write.py",
        "if _ESCAPES in body or _NONCHARACTERS in body:",
        "if _ESCAPES in body:",
    ),
    Edit(
        "C-parameter-last",
        "of two parameters of one name the last counts",
        "formats/negotiation.py",
        'parameters.setdefault(parameter[1].lower(), parameter[2] or "")',
        'parameters[parameter[1].lower()] = parameter[2] or ""',
    ),
]
