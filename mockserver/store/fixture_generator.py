"""Many invented profiles: names and places from Faker, everything else drawn from one seed.

Faker is slow, so each locale's names and places are drawn once into pools and then combined.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from random import Random
from typing import Any, Final, NamedTuple

from mockserver.errors import UsageError
from mockserver.settings import pip_install

FIRST_PROFILE_ID: Final = 80_000_000
_POOL_SIZE: Final = 200
_EPOCH: Final = datetime(2015, 1, 1, tzinfo=UTC)
_SPAN_S: Final = 10 * 365 * 86_400
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_TAGS: Final = ("Rewards", "VIP", "Newsletter", "Influencer", "Beta tester", "Wholesale", "Do not mail", "Churn risk")
_CONSENTS: Final = ("Marketing", "TCPA", "Privacy policy", "Profiling", "Partner offers")
_CUSTOM_FIELDS: Final[Mapping[str, Sequence[str]]] = {
    "FavoriteColor": ("Blue", "Green", "Red", "Yellow", "Violet"),
    "PreferredStore": ("Airport", "Downtown", "Harbor", "Online"),
    "Score": tuple(str(score) for score in range(0, 101, 5)),
    "Joined": tuple(f"{year}-06-01" for year in range(2012, 2025)),
    "ShoeSize": ("36", "38", "40", "42", "44"),
}
_STAFF: Final = ("import", "web", "csr.anna", "csr.liam", "store-042", "mobile-app")


class _Country(NamedTuple):
    """What a locale's addresses and numbers need besides Faker's words; `street` and `region` are Faker formats."""

    name: str
    alpha2: str
    alpha3: str
    numeric: str
    dialling_code: str
    street: str = "{{street_address}}"
    region: str = "{{administrative_unit}}"


COUNTRIES: Final[Mapping[str, _Country]] = {
    "de-DE": _Country("Deutschland", "DE", "DEU", "276", "49"),
    "en-CA": _Country("Canada", "CA", "CAN", "124", "1", region="{{province_abbr}}"),
    "en-GB": _Country("United Kingdom", "GB", "GBR", "826", "44"),
    "en-US": _Country("United States", "US", "USA", "840", "1", region="{{state_abbr}}"),
    "es-ES": _Country("España", "ES", "ESP", "724", "34"),
    "es-MX": _Country("México", "MX", "MEX", "484", "52"),
    "fr-CA": _Country("Canada", "CA", "CAN", "124", "1", region="{{province_abbr}}"),
    "fr-FR": _Country("France", "FR", "FRA", "250", "33"),
    "it-IT": _Country("Italia", "IT", "ITA", "380", "39"),
    "ja-JP": _Country("日本", "JP", "JPN", "392", "81", street="{{town}}{{chome}}{{ban}}{{gou}}"),
    "nl-NL": _Country("Nederland", "NL", "NLD", "528", "31"),
    "pl-PL": _Country("Polska", "PL", "POL", "616", "48"),
    "pt-BR": _Country("Brasil", "BR", "BRA", "076", "55", region="{{estado_sigla}}"),
    "sv-SE": _Country("Sverige", "SE", "SWE", "752", "46"),
}


@dataclass(frozen=True, slots=True)
class _Pool:
    """The words of one locale."""

    locale: str
    country: _Country
    given: Sequence[str]
    family: Sequence[str]
    streets: Sequence[str]
    places: Sequence[tuple[str, str, str]]
    companies: Sequence[str]


def generate(
    count: int, seed: int, locales: Sequence[str] = ("en-US",), client_id: str = "ACME01"
) -> Iterator[dict[str, Any]]:
    """Return that many complete profiles, drawn in turn from the locales; the same arguments give the same profiles.

    ProfileIds count up from FIRST_PROFILE_ID and no two alternate ids are the same, also without regard to case.
    Raises UsageError at once for an unknown locale, a negative count, or if Faker is not installed.
    Another version of Faker may know other names.
    """
    if count < 0:
        raise UsageError(f"can't generate {count} profiles", hint="write a count of 0 or more")
    if not locales:
        raise UsageError("no locale to generate profiles for", hint=f"write one or more of {', '.join(COUNTRIES)}")
    pools = [_pool(_known_locale(locale), seed) for locale in locales]
    return _profiles(count, Random(f"{seed}/{client_id}"), pools, client_id)  # noqa: S311


def _profiles(count: int, draw: Random, pools: Sequence[_Pool], client_id: str) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield _profile(number, draw, pools[number % len(pools)], client_id)


def _known_locale(locale: str) -> str:
    name = locale.replace("_", "-")
    if name not in COUNTRIES:
        near = get_close_matches(name, COUNTRIES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"write one of {', '.join(COUNTRIES)}"
        raise UsageError(f"no profiles can be generated for the locale {locale!r}", hint=hint)
    return name


def _pool(locale: str, seed: int) -> _Pool:
    fake = _faker(locale, seed)
    country = COUNTRIES[locale]
    size = range(_POOL_SIZE)
    return _Pool(
        locale,
        country,
        given=[fake.first_name() for _ in size],
        family=[fake.last_name() for _ in size],
        streets=[fake.parse(country.street).strip() for _ in size],
        places=[(fake.city(), fake.parse(country.region), fake.postcode()) for _ in size],
        companies=[_ascii(fake.last_name()) or "nishi" for _ in range(20)],
    )


def _faker(locale: str, seed: int) -> Any:
    try:
        from faker import Faker
    except ImportError as missing:
        raise UsageError(
            "generating profiles needs the package Faker, which is not installed",
            hint=pip_install("faker>=33"),
        ) from missing
    fake = Faker(locale.replace("-", "_"))
    fake.seed_instance(seed)
    return fake


def _profile(number: int, draw: Random, pool: _Pool, client_id: str) -> dict[str, Any]:
    given, family = draw.choice(pool.given), draw.choice(pool.family)
    created = draw.randrange(_SPAN_S)
    edited = _edited(draw, created, client_id)
    return {
        "ProfileId": FIRST_PROFILE_ID + number,
        "Edited": edited,
        "Addresses": [_address(draw, pool, index) for index in range(_few(draw, 1, 3))],
        "PhoneNumbers": [_phone(draw, pool, index) for index in range(_few(draw, 0, 3))],
        "Consents": [_consent(draw, pool, consent, created) for consent in _sample(draw, _CONSENTS, 3)],
        "IsActive": draw.random() < 0.95,
        "RegistrationConfirmed": draw.random() < 0.6,
        "DefaultLocale": pool.locale,
        "CustomerType": "Customer" if draw.random() < 0.8 else "Prospect",
        "PreservePreferences": draw.random() < 0.9,
        "CustomerName": _name(draw, pool, given, family),
        "AlternateIds": _alternate_ids(number, draw),
        "Emails": [_email(number, draw, pool, given, family, index) for index in range(_few(draw, 1, 2))],
        "Groups": _groups(draw),
        "ProfileTags": [{"Name": tag} for tag in _sample(draw, _TAGS, 4)],
        "CustomFields": [
            {"Name": name, "Value": draw.choice(_CUSTOM_FIELDS[name])}
            for name in _sample(draw, tuple(_CUSTOM_FIELDS), 4)
        ],
    }


def _few(draw: Random, least: int, most: int) -> int:
    """Draw a small count; the least is the most frequent."""
    return min(int(least + draw.random() ** 2 * (most - least + 1)), most)


def _sample(draw: Random, words: Sequence[str], most: int) -> list[str]:
    return draw.sample(words, draw.randrange(most + 1))


def _moment(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _edited(draw: Random, created: int, client_id: str) -> dict[str, Any]:
    domain = f"{_ascii(client_id) or 'client'}.example"
    return {
        "CreateDate": _moment(created),
        "CreatedBy": f"{draw.choice(_STAFF)}@{domain}",
        "ModifiedDate": _moment(created + draw.randrange(_SPAN_S - created)),
        "ModifiedBy": f"{draw.choice(_STAFF)}@{domain}",
    }


def _address(draw: Random, pool: _Pool, index: int) -> dict[str, Any]:
    city, region, postcode = draw.choice(pool.places)
    street = draw.choice(pool.streets)
    country = pool.country
    # CASS is the U.S. Postal Service's certification: addresses elsewhere are not standardised.
    cass = country.alpha2 == "US" and draw.random() < 0.8
    return {
        "AddressType": ("Home", "Work", "Previous")[index],
        "IsDefault": index == 0,
        "IsActive": index < 2,
        "Country": country.name,
        "Address1": street,
        "Address2": None,
        "City": city,
        "StateProvince": region,
        "CountryCode_Numeric": country.numeric,
        "CountryCode_Alpha2": country.alpha2,
        "CountryCode_Alpha3": country.alpha3,
        "PostalCode": postcode,
        "CassAddress1": street.upper() if cass else None,
        "CassAddress2": None,
        "CassCity": city.upper() if cass else None,
        "CassStateProvince": region if cass else None,
        "CassPostalCode": f"{postcode}-{draw.randrange(10_000):04d}" if cass else None,
        "CassStatus": "Y" if cass else "N",
    }


def _phone(draw: Random, pool: _Pool, index: int) -> dict[str, Any]:
    """Invent a number that nobody has: 555-0100 to 555-0199 are reserved for that in North America."""
    code, area, line = pool.country.dialling_code, draw.randrange(201, 990), f"01{draw.randrange(100):02d}"
    return {
        "PhoneType": ("Mobile", "Home", "Work")[index],
        "PhoneNumber": f"({area}) 555-{line}" if code == "1" else f"+{code} {area} 555 {line}",
        "PhoneNumberNumeric": int(f"{area}555{line}" if code == "1" else f"{code}{area}555{line}"),
        "IsDefault": index == 0,
        "IsActive": draw.random() < 0.9,
        "IsMobile": index == 0,
    }


def _consent(draw: Random, pool: _Pool, consent_type: str, created: int) -> dict[str, Any]:
    given = created + draw.randrange(_SPAN_S - created)
    expires = draw.random() < 0.5
    moment = _moment(given)
    return {
        "ConsentType": consent_type,
        "Locale": pool.locale,
        "ConsentStatus": "Accepted" if draw.random() < 0.75 else "Declined",
        "ConsentVersion": str(draw.randrange(1, 6)),
        "Expired": "False",
        "ExpirationDate": _moment(given + 20 * 365 * 86_400) if expires else None,
        "ConsentDate": moment,
        "Edited": {"CreateDate": moment, "CreatedBy": "web", "ModifiedDate": moment, "ModifiedBy": "web"},
    }


def _name(draw: Random, pool: _Pool, given: str, family: str) -> dict[str, Any]:
    return {
        "FirstName": given,
        "MiddleName": draw.choice(pool.given) if draw.random() < 0.2 else None,
        "LastName": family,
        "Prefix": "Dr." if draw.random() < 0.05 else None,
        "Suffix": "Jr." if pool.locale == "en-US" and draw.random() < 0.03 else None,
    }


def _alternate_ids(number: int, draw: Random) -> list[dict[str, Any]]:
    """Name the profile in up to three systems; each id holds the profile's number, so none can meet another's."""
    entries = [{"AlternateIdType": "CRM", "AlternateId": f"C-{1_000_000 + number}"}]
    if draw.random() < 0.6:
        padding = "".join(draw.choices(_DIGITS, k=4))
        entries.append({"AlternateIdType": "Salesforce", "AlternateId": f"003G{number:010d}{padding}"})
    if draw.random() < 0.4:
        entries.append({"AlternateIdType": "Loyalty", "AlternateId": str(5_000_000_000 + number)})
    return entries


def _email(number: int, draw: Random, pool: _Pool, given: str, family: str, index: int) -> dict[str, Any]:
    domain = f"{draw.choice(pool.companies)}.example" if index else f"example.{draw.choice(('com', 'net', 'org'))}"
    name = ".".join(filter(None, (_ascii(given), _ascii(family)))) or "customer"
    return {
        "EmailAddressType": "Work" if index else "Personal",
        "EmailAddress": f"{name}.{number}@{domain}",
        "IsDefault": index == 0,
        "IsActive": draw.random() < 0.95,
    }


def _groups(draw: Random) -> list[dict[str, Any]]:
    kinds = ("Household", "Employer", "Club")[: _few(draw, 0, 3)]
    return [
        {"GroupId": f"{kind[:2].upper()}-{draw.randrange(1000, 9999)}", "GroupType": kind, "IsPrimary": index == 0}
        for index, kind in enumerate(kinds)
    ]


def _ascii(text: str) -> str:
    """Return the text's Latin letters and digits, in lower case and without accents, to name mailboxes and domains."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("ł", "l").replace("ß", "ss").replace("ø", "o"))
    return "".join(letter for letter in plain if letter.isascii() and letter.isalnum())
