"""Defects of real data: one function for each kind, and the kinds that can be combined in a record."""

import random
import unicodedata
from collections.abc import Callable

from include.sandbox.people import Someone

NBSP, ZERO_WIDTH = "\u00a0", "\u200b"


def _blank_before(one: Someone) -> None:
    one.first = f" {one.first}"


def _blank_after(one: Someone) -> None:
    one.last = f"{one.last} "


def _blank_doubled(one: Someone) -> None:
    one.first = f"{one.first}  Maria"


def _nbsp(one: Someone) -> None:
    one.first = f"{one.first}{NBSP}Luise"
    one.last = f"{one.last}{NBSP}"


def _zero_width(one: Someone) -> None:
    one.last = f"{one.last[:2]}{ZERO_WIDTH}{one.last[2:]}"


def _nfd(one: Someone) -> None:
    one.first, one.last = "Jürgen", "Größer-Öhm"
    one.first = unicodedata.normalize("NFD", one.first)
    one.last = unicodedata.normalize("NFD", one.last)


def _capitals(one: Someone) -> None:
    one.first, one.last = one.first.upper(), one.last.upper()


def _german_date(one: Someone) -> None:
    if one.birth:
        year, month, day = one.birth.split("-")
        one.birth = f"{day}.{month}.{year}"


def _empty_strings(one: Someone) -> None:
    one.salutation = one.phone = one.mobile = ""
    one.address = {"street": "", "houseNumber": "", "zip": "", "city": "", "country": ""}


def _no_birth_date(one: Someone) -> None:
    one.birth = None


def _no_contact(one: Someone) -> None:
    one.phone = one.mobile = one.address = None


def _odd_phone(one: Someone) -> None:
    one.phone, one.mobile = "siehe E-Mail", "0171 / 12 34"


def _padded_email(one: Someone) -> None:
    one.email = f" {(one.email or '').upper()} "


def _unknown_fields(one: Someone) -> None:
    one.extra |= {"preferredLanguage": "de", "householdScore": {"version": 3, "value": None}}


def _self_disclosure(one: Someone) -> None:
    one.extra |= {
        "income": 3150.0,
        "profession": "Tischlerin",
        "creditReport": {"score": 97, "url": "https://example.org/report.pdf"},
    }


TEXT_DIRT: dict[str, Callable[[Someone], None]] = {
    "blank_before": _blank_before,
    "blank_after": _blank_after,
    "blank_doubled": _blank_doubled,
    "nbsp": _nbsp,
    "zero_width": _zero_width,
    "nfd": _nfd,
    "capitals": _capitals,
    "german_date": _german_date,
    "empty_strings": _empty_strings,
    "no_birth_date": _no_birth_date,
    "no_contact": _no_contact,
    "odd_phone": _odd_phone,
    "padded_email": _padded_email,
    "unknown_fields": _unknown_fields,
    "self_disclosure": _self_disclosure,
}
"""Defects of the person's data only."""


def soil(one: Someone, kind: str) -> None:
    """Add a defect to a person's data; a kind that is not in ``TEXT_DIRT`` changes nothing."""
    if change := TEXT_DIRT.get(kind):
        change(one)


def some_kind(rng: random.Random) -> str:
    """Return a random kind of defect."""
    return rng.choice(list(TEXT_DIRT))
