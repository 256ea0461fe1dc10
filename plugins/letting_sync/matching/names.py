"""Spelling of a person's name: separates titles, rewrites names in capitals, removes superfluous blanks.

Pure functions from text to text; :mod:`letting_sync.matching.cleaning` applies them to whole columns. Source of the
rules: the duplicate check needs blanks, NFC, titles and capitals to be uniform (published: the ERP compares byte
by byte); the lists of particles and prefixes are ordinary German usage (assumed).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

_BLANK_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Invisible fillers that Unicode classifies as letters or symbols."""
_INVISIBLE_MARKS = "\u034f\u180b\u180c\u180d\u180f" + "".join(map(chr, range(0xFE00, 0xFE10)))
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-"))

_TITLE = re.compile(
    r"""(?ix)
    (?: univ\.\s?-?\s?prof | prof(?:essor(?:in)?)? | priv\.\s?-?\s?doz | doktor | dr )
        (?: \.\s? | (?=[\s,-]) | $ ) ,?\s*
    (?: (?: (?:med|phil|jur|rer|nat|pol|oec|ing|habil|theol|vet|dent|sc|techn|h\.?\s?c|mult|e\.?\s?h|iur|agr|paed|psych)\.\s?
          | -\s?ing\.?(?=\s|$)\s? )  )*
    | dipl\.\s?-?\s?(?:ing|kfm|kffr|vw|bw|inf|phys|chem|psych|biol|math|päd|soz)\b\.?\s*(?:\(fh\)\s*)?
    | (?: mag | ing | p\.?d ) \. \s*
    | pd \s (?= (?:prof|dr) )
    | (?: [bm] \.\s? (?: sc | a | eng ) ) \. \s*
    """
)
_LEADING_TITLES = re.compile(rf"(?ix)^(?:{_TITLE.pattern.removeprefix('(?ix)')})+")

_ALWAYS_SMALL = frozenset(
    ["von", "vom", "zu", "zum", "zur", "van", "de", "der", "den", "ter", "ten", "auf", "aus", "dos", "das"]
)
"""Particles that stay in lower case even at the beginning of a last name: von der Heyde, de Vries."""
_SMALL_INSIDE = _ALWAYS_SMALL | frozenset(
    [
        "und",
        "dem",
        "del",
        "della",
        "di",
        "da",
        "du",
        "la",
        "le",
        "el",
        "y",
        "e",
        "do",
        "an",
        "am",
        "im",
        "in",
        "geb",
        "bin",
        "ibn",
    ]
)
_MAC = re.compile(
    r"^Mac(?=(?:alister|allister|arthur|aulay|beth|callum|clure|cormick|donald|donell|dougal|dougall|duff|"
    r"ewan|farlane|gregor|innes|intosh|intyre|kay|kenna|kenzie|kinley|kinnon|lachlan|laren|laughlin|lean|"
    r"leod|mahon|manus|millan|nab|naughton|neil|neill|pherson|quarrie|rae|tavish)$)"
)
_WORD = re.compile(r"[^\s\-./&]+")
_ROMAN = frozenset(("II", "III", "IV", "VI", "VII", "VIII"))
_VOWELS = frozenset("AEIOUYÄÖÜÅÆØ")


_ODD_BUT_PRINTABLE = re.compile(f"[{_BLANK_LETTERS}{_INVISIBLE_MARKS}]")


def without_stray_blanks(text: str) -> str:
    """Return the text composed (NFC), trimmed, with single ordinary blanks and without invisible characters."""
    # Python's "printable" excludes separators other than the ordinary blank, control characters and format marks.
    plain = text.isprintable() and not _ODD_BUT_PRINTABLE.search(text)
    kept = text if plain else text.translate(_REPLACEMENTS)
    return " ".join(unicodedata.normalize("NFC", kept).split())


def stable(step: Callable[[str], str]) -> Callable[[str], str | None]:
    """Repeat a step until nothing changes, so that cleaning is idempotent.

    One step is enough for ordinary text. Unusual sequences (a ligature whose lower-case form decomposes, an entity that was
    encoded twice) need more.
    """

    def repeated(text: str) -> str | None:
        for _ in range(8):
            after = step(text)
            if after == text:
                break
            text = after
        return text or None

    return repeated


_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def without_entities(text: str) -> str:
    """Replace HTML entities by their characters: ``O&#x27;Reilly`` -> ``O'Reilly``.

    Anything else, and entities of characters that are not allowed in a text, stay unchanged.
    """
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(match: re.Match[str]) -> str:
    char = html.unescape(match[0])
    return (
        match[0]
        if any(unicodedata.category(one) in ("Cc", "Cs", "Co", "Cn") or one == "\ufffd" for one in char)
        else char
    )


class _Invisible(dict[int, str | int]):
    """Translation table, filled on demand: separators and control characters become a blank, invisible ones are removed."""

    _known: dict[int, str | int] = {}

    def __getitem__(self, code: int) -> str | int:
        known = self._known.get(code)
        if known is None:
            known = self._known[code] = self._replacement(code)
        return known

    @staticmethod
    def _replacement(code: int) -> str | int:
        char = chr(code)
        category = unicodedata.category(char)
        if category[0] == "Z" or category == "Cc" or char in _BLANK_LETTERS:
            return " "
        if category in ("Cf", "Cs") or char in _INVISIBLE_MARKS:
            return ""
        return code


_REPLACEMENTS = _Invisible()


def plain_name(name: str) -> str:
    """Return the name with single blanks and plain hyphens, without blanks around the hyphens."""
    text = without_stray_blanks(without_entities(name)).translate(_DASHES)
    return re.sub(r"(?<=\w) ?- ?(?=\w)", "-", text)


def tidy_name(name: str) -> str:
    """Return a plain name in mixed case."""
    text = plain_name(name)
    return unicodedata.normalize("NFC", in_ordinary_writing(text)) if _in_capitals(text) else text


def _in_capitals(name: str) -> bool:
    """Return whether a name is written in capitals, ignoring ``ß``, whose capital few keyboards have, and particles.

    If a Turkish dotless ``I`` cannot be distinguished from an ordinary one, the result is False.
    """
    if "I" in name[1:] and "Ş" in name and not _ONLY_TURKISH.intersection(name):
        return False
    if name.isupper():
        return True
    rest = [word for word in _WORD.findall(name) if word not in _SMALL_INSIDE]
    capitals = "".join(rest).replace("ß", "")
    return len(capitals) > 1 and capitals.isupper() and any(len(word) > 2 for word in rest)


_ONLY_TURKISH = frozenset("İĞ")


def in_ordinary_writing(name: str) -> str:
    """Rewrite a name in capitals in mixed case: ``MÜLLER-VON DER HEYDE`` -> ``Müller-von der Heyde``.

    Initials, Roman numerals and two letters without a vowel (``HJ``) stay unchanged.
    """
    if _ONLY_TURKISH.intersection(name):
        name = re.sub(r"(?<=\w)I", "ı", name)
    words = list(_WORD.finditer(name))
    parts, end = [], 0
    for position, match in enumerate(words):
        initial = match.end() < len(name) and name[match.end()] == "." and len(match[0]) == 1
        particle = _is_particle(match[0], position, len(words))
        parts += [name[end : match.start()], _written_word(match[0], initial, particle)]
        end = match.end()
    return "".join([*parts, name[end:]])


def _is_particle(word: str, position: int, words: int) -> bool:
    if words == 1:
        return False
    small = _ALWAYS_SMALL if position == 0 else _SMALL_INSIDE
    return word.lower() in small


def _written_word(word: str, initial: bool, particle: bool) -> str:
    if particle:
        return word.lower()
    if initial or word in _ROMAN or (len(word) <= 2 and not _VOWELS.intersection(word)):
        return word
    if len(word) > 2 and word[1] in "'’" and word[0] in "ODL":
        return word[:2] + _capitalised(word[2:])
    if len(word) > 3 and word.startswith("MC"):
        return "Mc" + _capitalised(word[2:])
    written = _capitalised(word)
    return "Mac" + written[3:].capitalize() if _MAC.match(written) else written


def _capitalised(word: str) -> str:
    # The Turkish İ would become an i with a second dot above it.
    return word[:1] + word[1:].replace("İ", "i").lower()


def split_title(name: str) -> tuple[str | None, str]:
    """Separate leading academic titles: ``Dr. med. Anna`` -> (``Dr. med.``, ``Anna``).

    :param name: a name with single blanks.
    """
    found = []
    while (match := _LEADING_TITLES.match(name)) and match[0]:
        found.append(match[0].strip(" ,"))
        name = name[match.end() :].lstrip(" ,.-")
    return (tidy_title(" ".join(found)), name) if found else (None, name)


_TITLE_WORDS = (
    "Dr. Prof. Dipl. Mag. Ing. Priv. Doz. Univ. med. phil. jur. rer. nat. pol. oec. habil. theol. vet. dent. sc. "
    "techn. mult. iur. agr. paed. psych. Kfm. Kffr. Vw. Bw. Inf. Phys. Chem. Biol. Math. Päd. Soz."
)
_KNOWN_TITLES = {word.rstrip(".").lower(): word for word in _TITLE_WORDS.split(" ")} | {
    "pd": "PD",
    "professor": "Prof.",
    "professorin": "Prof.",
    "doktor": "Dr.",
}


def tidy_title(title: str) -> str:
    """Return the usual spelling of a title: ``DR.MED`` becomes ``Dr. med.``; unknown words stay unchanged."""
    title = without_stray_blanks(without_entities(title)).strip(",- ")
    parts = re.findall(r"[^\W\d_]+\.?|[^\w\s.]|\S", title)
    if any(part.rstrip(".").lower() not in _KNOWN_TITLES and part != "-" for part in parts):
        return title
    words = " ".join(_KNOWN_TITLES.get(part.rstrip(".").lower(), part) for part in parts)
    return words.replace(" - ", "-").strip("- ")


def joined_titles(given: str | None, found: str | None) -> str | None:
    """Return the title field with the title found in the name, unless it contains it already."""
    if not given or not found:
        return given or found
    normalised_given, normalised_found = (re.sub(r"[\s.]", "", title).casefold() for title in (given, found))
    if normalised_found in normalised_given:
        return given
    return found if normalised_given in normalised_found else f"{given} {found}"
