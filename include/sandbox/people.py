"""Invented people: names, addresses, e-mails and telephone numbers, drawn from lists that Faker fills once for a seed."""

import random
import unicodedata
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from faker import Faker

SPECIAL_NAMES = (
    ("MRS", "Jördis", "Müller-Lüdenscheidt"),
    ("MR", "Dr. Jörg", "Groß"),
    ("MRS", "Marie Luise", "von der Heide"),
    ("MR", "Karl-Theodor", "zu Löwenstein"),
    ("MRS", "Ayşe", "Yıldız"),
    ("MR", "Łukasz", "Wójcik"),
    ("MRS", "Zoë", "D’Angelo"),
    ("MR", "Prof. Dr. Günter", "Weiß"),
    ("MRS", "Änne", "Straßburger"),
    ("DIVERSE", "Kim", "Öztürk"),
    ("MR", "Hans Peter", "Schmidt"),
    ("MRS", "Hans-Petra", "Schmitt"),
)

_TRANSLITERATION = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "ł": "l", "ı": "i"})


@dataclass
class Someone:
    """A person's data at a partner; all texts may get defects."""

    salutation: str | None
    first: str
    last: str
    birth: str | None
    email: str | None
    phone: str | None
    mobile: str | None
    address: dict[str, str] | None
    extra: dict[str, Any] = field(default_factory=dict)


class People:
    """Draws people from lists that are created once per seed."""

    def __init__(self, seed: int, rng: random.Random) -> None:
        self._lists = _lists(seed)
        self._rng = rng
        self._drawn = 0

    def draw(self, special: bool = False) -> Someone:
        """Return another person with a new e-mail address."""
        rng, lists = self._rng, self._lists
        self._drawn += 1
        if special:
            salutation, first, last = SPECIAL_NAMES[self._drawn % len(SPECIAL_NAMES)]
        else:
            salutation = rng.choice(("MR", "MRS"))
            first = rng.choice(lists[salutation])
            last = rng.choice(lists["last"])
        digits = f"{rng.randrange(10**7, 10**8)}"
        return Someone(
            salutation=salutation,
            first=first,
            last=last,
            birth=(date(1945, 1, 1) + timedelta(days=rng.randrange(22_000))).isoformat(),
            email=f"{slug(first)}.{slug(last)}{self._drawn}@example.org",
            phone=rng.choice(PHONE_FORMS).format(area=rng.choice(("30", "40", "234", "89")), number=digits),
            mobile=rng.choice(MOBILE_FORMS).format(digits) if rng.random() < 0.7 else None,
            address=self._address(),
        )

    def _address(self) -> dict[str, str]:
        rng = self._rng
        street, zip_code, city = rng.choice(self._lists["places"])
        number = f"{rng.randrange(1, 140)}{rng.choice(('', '', '', 'a', ' b'))}"
        return {"street": street, "houseNumber": number, "zip": zip_code, "city": city, "country": "DE"}


PHONE_FORMS = (
    "0{area} {number}",
    "0{area}/{number}",
    "(0{area}) {number}",
    "+49 {area} {number}",
    "0049{area}{number}",
    "+49 (0){area} {number}",
    "0{area}-{number} (abends)",
)
MOBILE_FORMS = ("0171 {}", "+49171{}", "0171/{}", "0049 171 {}", "(0171) {}", "0171.{}")


def slug(name: str) -> str:
    """Return a name for an e-mail address."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(_TRANSLITERATION))
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in plain if char.isprintable())


@lru_cache(maxsize=4)
def _lists(seed: int) -> dict[str, list[Any]]:
    faker = Faker("de_DE")
    faker.seed_instance(seed)
    return {
        "MR": [faker.first_name_male() for _ in range(150)],
        "MRS": [faker.first_name_female() for _ in range(150)],
        "last": [faker.last_name() for _ in range(400)],
        "places": [(faker.street_name(), faker.postcode(), faker.city_name()) for _ in range(200)],
    }
