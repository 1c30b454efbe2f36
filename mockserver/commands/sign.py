"""`mockserver sign`: print a header that the API accepts, or explain one that it does not."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from mockserver.auth.diagnosis import Diagnosis, explain
from mockserver.auth.signing import Client, User, issued_at, issued_now, sign
from mockserver.cli import add_settings, print_json, settings_of
from mockserver.errors import UsageError
from mockserver.fixtures.loading import load_fixtures
from mockserver.profile.keys import fold
from mockserver.service.assembly import known_secrets, load_members
from mockserver.state.clock import system_now

EXAMPLES = """examples:
  mockserver sign
  mockserver sign --client ACME01 --user editor@acme.example --algorithm SHA512
  MY_SECRET=… mockserver sign --client ACME01 --user me --secret-env MY_SECRET
  curl -H "Authorization: $(mockserver sign)" …
  mockserver sign --client ACME01 --explain 'PNAUTHINFO3-HMAC-SHA256 Credential=… Signature=…'"""
_NOT_EXPLAINED = ("user", "secret_env", "secret_file", "algorithm", "unkeyed", "timestamp")


def configure(parser: argparse.ArgumentParser) -> None:
    add_settings(parser, "fixtures", "contract", "unkeyed_signatures")
    parser.add_argument("--client", help="clientId as it stands in the URL (default: the first of the fixtures)")
    parser.add_argument("--user", help="UserId (default: the client's first user)")
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument("--secret-env", metavar="NAME", help="environment variable that holds the key (default: none)")
    keys.add_argument("--secret-file", type=Path, metavar="FILE", help="file that holds the key (default: none)")
    parser.add_argument("--algorithm", metavar="SHA256|SHA384|SHA512", help="hash (default: SHA256)")
    parser.add_argument("--unkeyed", action="store_true", help="the form without a key (what it hashes is assumed)")
    parser.add_argument("--timestamp", metavar="TIME", help="ISO 8601 time to sign (default: now)")
    parser.add_argument(
        "--explain", metavar="HEADER", help="say which part of this header is wrong (default: sign a new one)"
    )
    parser.add_argument("--now", metavar="TIME", help="with --explain: the server's time (default: now)")


def run(options: argparse.Namespace) -> int:
    """Print the header's value, or the diagnosis; 1 if the explained header is wrong."""
    _refuse_what_has_no_effect(options)
    clients = _clients(options)
    if options.explain is not None:
        return _explain(options, clients)
    if options.timestamp and issued_at(options.timestamp) is None:
        print(f"note: {options.timestamp!r} is not ISO 8601; the API will refuse it", file=sys.stderr)
    client_id, user_id, secret = _signer(options, clients)
    header = sign(
        client_id,
        user_id,
        secret,
        options.timestamp or issued_now(system_now()),
        algorithm=options.algorithm or "SHA256",
        keyed=not options.unkeyed,
    )
    if options.json:
        print_json({"Authorization": header})
    else:
        print(header)
    return 0


def _refuse_what_has_no_effect(options: argparse.Namespace) -> None:
    if options.explain is None and options.now is not None:
        hint = "add --explain HEADER; the time to sign is --timestamp"
        raise UsageError("there is nothing to explain", place="--now", hint=hint)
    for name in _NOT_EXPLAINED if options.explain is not None else ():
        if getattr(options, name):
            hint = "leave it out: what matters is in the header and the fixtures"
            raise UsageError("means nothing to --explain", place=f"--{name.replace('_', '-')}", hint=hint)


def _clients(options: argparse.Namespace) -> dict[str, Client]:
    settings = settings_of(options)
    _, tree = load_members(settings.contract)
    return dict(load_fixtures(settings.fixtures, tree).clients)


def _client(options: argparse.Namespace, clients: dict[str, Client]) -> Client | None:
    if options.client is None:
        return next(iter(clients.values()), None)
    return clients.get(fold(options.client.partition("~")[0]))


def _signer(options: argparse.Namespace, clients: dict[str, Client]) -> tuple[str, str, str]:
    client = _client(options, clients)
    users = client.users if client else {}
    user = users.get(options.user) if options.user else next(iter(users.values()), None)
    secret = _given_secret(options) or _known_secret(user, options, clients)
    client_id = options.client or (client.client_id if client else "")
    return client_id, options.user or (user.user_id if user else ""), secret


def _given_secret(options: argparse.Namespace) -> str | None:
    if options.secret_env:
        value = os.environ.get(options.secret_env)
        if value is None:
            raise UsageError(f"the environment has no variable {options.secret_env}", place="--secret-env")
        return value
    if options.secret_file:
        try:
            return str(options.secret_file.read_text(encoding="utf-8")).rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8 text"
            raise UsageError(f"can't read the key: {reason}", place=str(options.secret_file)) from problem
    return None


def _known_secret(user: User | None, options: argparse.Namespace, clients: dict[str, Client]) -> str:
    if user is None:
        known = [f"{client.client_id}: {', '.join(client.users)}" for client in clients.values()]
        raise UsageError(
            f"the fixtures have no user{f' {options.user}' if options.user else ''}"
            + (f" of client {options.client}" if options.client else ""),
            hint=f"known are {'; '.join(known)}; or give the key with --secret-env",
        )
    return user.secrets[0]


def _moment(text: str) -> datetime:
    moment = issued_at(text)
    if moment is None:
        raise UsageError(f"{text!r} is no time", place="--now", hint="write e.g. 2026-01-31T12:00:00Z")
    return moment


def _explain(options: argparse.Namespace, clients: dict[str, Client]) -> int:
    client = _client(options, clients)
    client_id = options.client or (client.client_id if client else "")
    diagnosis = explain(
        options.explain,
        client=client,
        client_id=client_id,
        clients=clients,
        now=_moment(options.now) if options.now is not None else system_now(),
        allow_unkeyed=settings_of(options).unkeyed_signatures,
    )
    if diagnosis.cause == "scheme-bearer" and "credential=" not in options.explain.lower():
        diagnosis = _bearer(diagnosis)
    text = known_secrets(clients.values()).text
    diagnosis = replace(diagnosis, sentence=text(diagnosis.sentence), hint=text(diagnosis.hint))
    if options.json:
        print_json({name: getattr(diagnosis, name) for name in ("cause", "certain", "sentence", "hint")})
    else:
        print(f"{diagnosis.cause}: {diagnosis.sentence}")
        if diagnosis.hint:
            print(f"  {diagnosis.hint}")
    return 0 if diagnosis.cause == "valid" else 1


def _bearer(diagnosis: Diagnosis) -> Diagnosis:
    """Say what a token is: here, unlike in a refused request, it may well be right."""
    return replace(
        diagnosis,
        sentence="A bearer token is no signature, so there is nothing to explain about it.",
        hint="Tokens come from POST /oauth/token and are sent as they are: Authorization: Bearer <token>.",
    )
