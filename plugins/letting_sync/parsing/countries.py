"""Conversion of a country's name or code to ISO 3166 alpha-2.

The names are those of the Unicode CLDR (from Babel) in German, English and languages of German tenants, and common
short names. A name is found with and without its umlauts and accents. A name of two countries is not recognised.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from babel.core import Locale

LANGUAGES: Final = ("de", "en")
"""Languages whose names have precedence."""
OTHER_LANGUAGES: Final = tuple(
    [
        "ar",
        "bg",
        "bs",
        "cs",
        "da",
        "el",
        "es",
        "et",
        "fa",
        "fi",
        "fr",
        "hr",
        "hu",
        "it",
        "lt",
        "lv",
        "mk",
        "nl",
        "no",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sl",
        "sq",
        "sr",
        "sr_Latn",
        "sv",
        "tr",
        "uk",
        "vi",
    ]
)
"""Languages of the largest groups of tenants in Germany, and of its neighbours. Assumed."""

_EVERYDAY: Final = {
    "DE": "Deutschland|Germany|Bundesrepublik Deutschland|BRD|D|GER|Bundesrepublik|Federal Republic of Germany",
    "AT": "A|Republik Österreich",
    "CH": "Schweizerische Eidgenossenschaft",
    "GB": "Großbritannien|Grossbritannien|Great Britain|Britain|England|Schottland|Scotland|Wales|Nordirland|UK|U.K."
    "|Vereinigtes Königreich von Großbritannien und Nordirland",
    "US": "USA|U.S.A.|U.S.|Amerika|Vereinigte Staaten von Amerika|United States of America",
    "CZ": "Česká republika|Tschechien|Tschechische Republik|Tschechei|Czech Republic|Czechia",
    "SK": "Slowakische Republik|Slovak Republic",
    "NL": "Holland|Die Niederlande|The Netherlands",
    "TR": "Türkei|Turkey|Türkiye|Republik Türkei",
    "RU": "Russische Föderation|Russian Federation",
    "CN": "Volksrepublik China|VR China|People's Republic of China",
    "KR": "Republik Korea|Republic of Korea|South Korea",
    "MK": "Mazedonien|Macedonia|Nord-Mazedonien",
    "MD": "Moldawien|Moldau|Republik Moldau",
    "BY": "Weißrussland|Weissrussland|Belorussia",
    "BA": "Bosnien|Bosnien-Herzegowina|Bosnia",
    "XK": "Republik Kosovo|Kosova",  # no code of ISO, but the usual one (assumed)
    "PL": "Republik Polen",
    "FR": "Französische Republik",
    "IT": "Italienische Republik",
    "IR": "Islamische Republik Iran",
    "SY": "Arabische Republik Syrien",
    "VN": "Viet Nam|Sozialistische Republik Vietnam",
    "CI": "Elfenbeinküste|Ivory Coast",
    "MM": "Burma|Birma",
    "CV": "Kap Verde|Cape Verde",
    "CD": "DR Kongo|Demokratische Republik Kongo",
    "AE": "VAE|Emirate",
    "HR": "Republik Kroatien",
    "RS": "Republik Serbien",
    "AL": "Shqipëria|Republik Albanien",
    "GR": "Hellas",
    "ES": "Kanarische Inseln|Kanaren|Canary Islands",
}
_NO_COUNTRIES: Final = frozenset(
    ["EU", "EZ", "UN", "QO", "XA", "XB", "ZZ", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"]
)
"""Codes of the CLDR that ISO 3166 has not assigned."""
_GERMAN_SPELLINGS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


@lru_cache(1024)
def alpha2(written: str) -> str | None:
    """Return the ISO code of a country, ``None`` for an unknown name."""
    key = _key(written)
    return _everyday_names().get(key) or _main_names().get(key) or _names_in_other_languages().get(key)


def _key(written: str) -> str:
    text = unicodedata.normalize("NFKC", written).casefold()
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", text))


def _spellings(name: str) -> Iterator[str]:
    """Yield a name unchanged, with ``ae`` for ``ä``, and without accents (``Oesterreich``, ``Osterreich``)."""
    key = _key(name)
    yield key
    yield key.translate(_GERMAN_SPELLINGS)
    # Unicode does not decompose letters such as ``ø`` and ``ı`` into a base letter and an accent.
    plain = unicodedata.normalize("NFKD", key.replace("ß", "ss").replace("ı", "i").replace("ł", "l"))
    yield "".join(char for char in plain if not unicodedata.combining(char))


@cache
def _everyday_names() -> dict[str, str]:
    """The names and codes that nearly every record has, without the CLDR, which takes longer than a small run."""
    known = {code.casefold(): code for code in _EVERYDAY}
    for code, names in _EVERYDAY.items():
        for name in names.split("|"):
            known |= dict.fromkeys(_spellings(name), code)
    return known


@cache
def _main_names() -> dict[str, str]:
    from babel.core import Locale, get_global  # here: a DAG file must not load it

    known = dict(_everyday_names())
    for language in LANGUAGES:
        for code, name in _territories(Locale(language)):
            for key in _spellings(name):
                known.setdefault(key, code)
            known[code.casefold()] = code
    for alias, codes in get_global("territory_aliases").items():
        if len(codes) == 1 and alias.isalpha() and codes[0].casefold() in known:
            known.setdefault(alias.casefold(), codes[0])
    return known


@cache
def _names_in_other_languages() -> dict[str, str]:
    from babel.core import Locale

    known: dict[str, str] = {}
    unclear = set()
    for language in OTHER_LANGUAGES:
        for code, name in _territories(Locale.parse(language)):
            for key in _spellings(name):
                if known.setdefault(key, code) != code:
                    unclear.add(key)
    return {key: code for key, code in known.items() if key not in unclear}


def _territories(locale: Locale) -> Iterator[tuple[str, str]]:
    for code, name in locale.territories.items():
        if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES:
            yield code, name
