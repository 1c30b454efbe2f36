"""clients.toml: the clients, their users and groups, and their OAuth applications."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from mockserver.core.auth import DEFAULT_SIGNATURE_WINDOW_S, Client, OAuthClient, User
from mockserver.core.conformance import Problem
from mockserver.core.keys import fold
from mockserver.core.members import MemberTree

# The one permission that the one operation asks for; its name is ours (assumed).
PERMISSIONS: Final = ("profile:update",)
_CLIENT_KEYS: Final = (
    "name", "default_type", "default_locale", "signature_window_minutes", "groups", "users", "oauth_clients",
)  # fmt: skip
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_TOML_PLACE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)")
_EXAMPLE: Final = "[clients.ACME01]"


def read_clients(raw: bytes, tree: MemberTree) -> tuple[dict[str, Client], list[Problem]]:
    """Return the clients by their folded ids and every problem; a problem's path is a TOML key or `line:column`.

    No problem quotes a secret.
    """
    found: list[Problem] = []
    document = _parse(raw, found)
    if document is None:
        return {}, found
    root = _Table(document, (), found)
    root.refuse_unknown(("clients",))
    clients: dict[str, Client] = {}
    for client_id, table in root.tables("clients"):
        _check_client_id(client_id, clients, table)
        clients[fold(client_id)] = _client(client_id, table, tree)
    if not clients and not found:
        found.append(Problem("clients", "no client is defined", f"write at least one table like {_EXAMPLE}"))
    _check_applications(clients, found)
    return clients, found


def nearest(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return a hint that names the known word nearest to a wrong one."""
    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else otherwise


def _parse(raw: bytes, found: list[Problem]) -> dict[str, Any] | None:
    if raw.startswith(codecs.BOM_UTF8):
        found.append(Problem("1:1", "the text starts with a byte order mark", "save it as UTF-8 without one"))
        return None
    try:
        return tomllib.loads(raw.decode())
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        found.append(Problem(f"{line}:{column}", "the text is not UTF-8", "save it as UTF-8"))
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        at = f"{place[1]}:{place[2]}" if place and place[1] else "at the end"
        text = _TOML_PLACE.sub("", str(error))
        found.append(Problem(at, f"not TOML: {text}", f"see {_EXAMPLE} in the demo's clients.toml"))
    return None


class _Table:
    """A TOML table with its place; what is wrong in it goes to one list, and stands in as empty or absent."""

    def __init__(self, items: Mapping[str, Any], place: tuple[str, ...], found: list[Problem]) -> None:
        self._items = items
        self._place = place
        self._found = found

    def problem(self, key: str, text: str, hint: str) -> None:
        """Note a problem of one key, or of the table itself if the key is empty."""
        parts = (*self._place, key) if key else self._place
        place = ".".join(part if _BARE_KEY.fullmatch(part) else f'"{part}"' for part in parts)
        self._found.append(Problem(place, text, hint))

    def refuse_unknown(self, known: tuple[str, ...]) -> None:
        for key in self._items:
            if key not in known:
                self.problem(key, "no such key", nearest(key, known, f"write one of {', '.join(known)}"))

    def text(self, key: str, *, required: bool = False, longest: int | None = None) -> str | None:
        value = self._items.get(key)
        if value is None and not required:
            return None
        if not isinstance(value, str) or not value:
            self.problem(key, "missing" if key not in self._items else "not a text, or empty", "write a text in quotes")
            return None
        if longest is not None and len(value) > longest:
            self.problem(key, f"{len(value)} characters; at most {longest} are allowed", "shorten the text")
        return value

    def texts(self, key: str, known: Iterable[str], otherwise: str) -> list[str]:
        """Return a list of words, each of which must be known."""
        value = self._items.get(key, [])
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            self.problem(key, "not a list of texts", f'write {key} = ["…"]')
            return []
        for word in value:
            if word not in known:
                self.problem(key, f"there is no {word!r}", nearest(word, known, otherwise))
        return value

    def positive(self, key: str, default: float) -> float:
        value = self._items.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            self.problem(key, f"{value!r} is not a number above 0", f"write a number, like {default:g}")
            return default
        return value

    def tables(self, key: str) -> Iterator[tuple[str, _Table]]:
        value = self._items.get(key, {})
        if not isinstance(value, dict):
            self.problem(key, "not a table", f"write tables like [{'.'.join((*self._place, key))}.NAME]")
            return
        for name, items in value.items():
            place = (*self._place, key, name)
            if not name:
                self.problem(key, "a name is empty", "write a name between the quotes")
            elif isinstance(items, dict):
                yield name, _Table(items, place, self._found)
            else:
                _Table({}, place, self._found).problem("", "not a table", f"write it as [{'.'.join(place)}]")


def _check_client_id(client_id: str, clients: Mapping[str, Client], table: _Table) -> None:
    if set(client_id) & set("/~"):
        table.problem(
            "", "a client id can't hold / or ~", "write the id as it stands in the URL; ~ separates a namespace"
        )
    if (other := clients.get(fold(client_id))) is not None:
        table.problem("", f"the same id as {other.client_id}, letter case apart", "delete or rename one of the two")


def _client(client_id: str, table: _Table, tree: MemberTree) -> Client:
    table.refuse_unknown(_CLIENT_KEYS)
    # For people who read the file.
    table.text("name")
    groups = {name: _permissions(group) for name, group in table.tables("groups")}
    users = {name: _user(name, user, groups) for name, user in table.tables("users")}
    applications = {name: _application(name, item, users) for name, item in table.tables("oauth_clients")}
    default_minutes = DEFAULT_SIGNATURE_WINDOW_S / 60
    members = tree.root.members
    return Client(
        client_id,
        users,
        applications,
        signature_window_s=round(table.positive("signature_window_minutes", default_minutes) * 60),
        default_type=table.text("default_type", longest=members["CustomerType"].max_length),
        default_locale=table.text("default_locale", longest=members["DefaultLocale"].max_length),
    )


def _permissions(group: _Table) -> list[str]:
    group.refuse_unknown(("permissions",))
    return group.texts("permissions", PERMISSIONS, f"the only permission is {PERMISSIONS[0]}")


def _user(user_id: str, table: _Table, groups: Mapping[str, list[str]]) -> User:
    table.refuse_unknown(("secret", "previous_secret", "groups"))
    secrets = (table.text("secret", required=True), table.text("previous_secret"))
    names = table.texts("groups", groups, "define it as a table of the client's groups")
    granted = frozenset(permission for name in names for permission in groups.get(name, ()))
    return User(user_id, tuple(secret for secret in secrets if secret), granted)


def _application(client_id: str, table: _Table, users: Mapping[str, User]) -> OAuthClient:
    table.refuse_unknown(("secret", "users"))
    secret = table.text("secret", required=True) or ""
    return OAuthClient(client_id, secret, frozenset(table.texts("users", users, "write one of the client's users")))


def _check_applications(clients: Mapping[str, Client], found: list[Problem]) -> None:
    """Refuse an OAuth client id of two clients: the token endpoint's URL names none, so the id must tell."""
    owners: dict[str, str] = {}
    for client in clients.values():
        for name in client.oauth_clients:
            owner = owners.setdefault(name, client.client_id)
            if owner != client.client_id:
                place = f"clients.{client.client_id}.oauth_clients.{name}"
                found.append(Problem(place, f"also an OAuth client of {owner}", "give each client one of its own"))
