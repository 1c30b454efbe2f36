"""Invented profiles that are as hard to clear as real ones."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from mockserver.fixtures.generator import generate

LOCALES = ("en-US", "en-GB", "de-DE", "fr-CA", "ja-JP", "pl-PL", "pt-BR", "sv-SE")
NUMBERS = (
    ("+44 20 7946 {:04d}", "44207946{:04d}"),
    ("+49 (0)30 2312 {:04d}", "49302312{:04d}"),
    ("0033 1 99 00 {:04d}", "331990{:04d}"),
    ("+358 9 1{:04d}", "35891{:04d}"),
    ("1-819-555-{:04d}", "1819555{:04d}"),
    ("+81-3-5550-{:04d}", "8135550{:04d}"),
)
NAMES = ("שרה לוי", "محمد العلي", "Zoë", "Zoe\u0308", "Ng", "Mark", "City", "Home", "false", "O'Neil-Żak", "李", "Ana")


def profiles(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Return generated profiles with what scrubbers miss."""
    return [hardened(number, profile) for number, profile in enumerate(generate(count, seed, LOCALES))]


def hardened(number: int, profile: dict[str, Any]) -> dict[str, Any]:
    name, identifier = profile["CustomerName"], profile["AlternateIds"][0]["AlternateId"]
    name["FirstName"] = NAMES[number % len(NAMES)] if number % 3 == 0 else name["FirstName"]
    written, numeric = NUMBERS[number % len(NUMBERS)]
    phone = {"PhoneNumber": written.format(number), "PhoneNumberNumeric": int(numeric.format(number))}
    profile["PhoneNumbers"] += [{"PhoneType": "Mobile", "IsDefault": False, "IsActive": True, "IsMobile": True} | phone]
    email = profile["Emails"][0]["EmailAddress"]
    url = f"https://crm.acme{number}.com/customers/{identifier}?mail={quote(email, safe='')}"
    fields = {
        "Url": url,
        "Return": f"https://sso.acme.com/?next={quote(url, safe='')}",
        "Token": base64.b64encode(email.encode()).decode(),
        "Note": f"{name['FirstName']} {name['LastName']} called from {phone['PhoneNumber']} about {identifier}",
        "Json": f'{{"mail": "{email}", "name": "{name["LastName"]}"}}',
        "Xml": f"<name>{name['LastName'].upper()} &amp; co</name>",
        "Born": f"19{40 + number % 60}-0{1 + number % 9}-1{number % 10}",
        "Since": str(1990 + number % 30),
        "OptIn": ("true", "no")[number % 2],
        "Guid": f"3f2504e0-4f89-11d3-9a0c-{number:012x}",
        "Emoji": "😀😀😀😀",
        "Rtl": f"\u202b{name['FirstName']}\u202c",
    }
    profile["CustomFields"] += [{"Name": key, "Value": value} for key, value in fields.items()]
    profile["Nickname"] = f"{name['LastName']} the {number + 1000}th"
    return profile
