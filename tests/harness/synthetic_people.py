"""Generated people with known duplicates, for the benchmark and the tests of duplicate matching.

Surnames are the most common German ones with approximately their real shares; first names, dates and errors are random.
A *kind* determines how common the names are, which decides how difficult the matching is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

SURNAMES = {
    "Müller": 95, "Schmidt": 69, "Schneider": 40, "Fischer": 35, "Weber": 30, "Meyer": 33, "Wagner": 27, "Becker": 27,
    "Schulz": 27, "Hoffmann": 26, "Schäfer": 24, "Koch": 23, "Bauer": 23, "Richter": 22, "Klein": 21, "Wolf": 20,
    "Schröder": 19, "Neumann": 18, "Schwarz": 17, "Zimmermann": 17, "Braun": 16, "Krüger": 16, "Hofmann": 16,
    "Hartmann": 15, "Lange": 15, "Schmitt": 15, "Werner": 14, "Schmitz": 14, "Krause": 14, "Meier": 14, "Lehmann": 13,
    "Schmid": 13, "Schulze": 13, "Maier": 13, "Köhler": 12, "Herrmann": 12, "König": 12, "Walter": 12, "Mayer": 12,
    "Huber": 11, "Kaiser": 11, "Fuchs": 11, "Peters": 11, "Lang": 11, "Scholz": 11, "Möller": 11, "Weiß": 10,
    "Jung": 10, "Hahn": 10, "Schubert": 10, "Vogel": 9, "Friedrich": 9, "Keller": 9, "Günther": 9, "Frank": 9,
    "Berger": 9, "Winkler": 9, "Roth": 8, "Beck": 8, "Lorenz": 8, "Baumann": 8, "Franke": 8, "Albrecht": 8,
    "Schuster": 8, "Simon": 8, "Ludwig": 8, "Böhm": 8, "Winter": 8, "Kraus": 8, "Martin": 8, "Schumacher": 7,
    "Krämer": 7, "Vogt": 7, "Stein": 7, "Jäger": 7, "Otto": 7, "Sommer": 7, "Groß": 7, "Seidel": 7, "Heinrich": 7,
    "Brandt": 7, "Haas": 7, "Schreiber": 6, "Graf": 6, "Schulte": 6, "Dietrich": 6, "Ziegler": 6, "Kuhn": 6,
    "Kühn": 6, "Pohl": 6, "Engel": 6, "Horn": 6, "Busch": 6, "Bergmann": 6, "Thomas": 6, "Voigt": 6, "Sauer": 6,
    "Arnold": 6, "Wolff": 6, "Pfeiffer": 6, "Yılmaz": 5, "Nowak": 5, "Kowalski": 4, "Kaya": 4, "Nguyen": 4,
}  # fmt: skip
FIRST_NAMES = [
    "Peter",
    "Michael",
    "Thomas",
    "Andreas",
    "Wolfgang",
    "Klaus",
    "Jürgen",
    "Günter",
    "Stefan",
    "Christian",
    "Uwe",
    "Werner",
    "Horst",
    "Frank",
    "Dieter",
    "Manfred",
    "Gerhard",
    "Hans",
    "Bernd",
    "Thorsten",
    "Matthias",
    "Helmut",
    "Walter",
    "Heinz",
    "Martin",
    "Jörg",
    "Rolf",
    "Jens",
    "Sven",
    "Alexander",
    "Jan",
    "Rainer",
    "Holger",
    "Karl",
    "Dirk",
    "Joachim",
    "Ralf",
    "Carsten",
    "Herbert",
    "Oliver",
    "Wilhelm",
    "Kurt",
    "Markus",
    "Heinrich",
    "Harald",
    "Paul",
    "Hermann",
    "Kai",
    "Rudolf",
    "Ulrich",
    "Daniel",
    "Sebastian",
    "Tobias",
    "Florian",
    "Lukas",
    "Leon",
    "Finn",
    "Jonas",
    "Maximilian",
    "Felix",
    "Mehmet",
    "Mustafa",
    "Ahmed",
    "Piotr",
    "Luca",
    "Noah",
    "Ben",
    "Ursula",
    "Maria",
    "Monika",
    "Petra",
    "Elisabeth",
    "Sabine",
    "Renate",
    "Helga",
    "Karin",
    "Brigitte",
    "Ingrid",
    "Erika",
    "Andrea",
    "Gisela",
    "Claudia",
    "Susanne",
    "Gabriele",
    "Christa",
    "Christine",
    "Hildegard",
    "Anna",
    "Birgit",
    "Barbara",
    "Gertrud",
    "Heike",
    "Marianne",
    "Elke",
    "Martina",
    "Angelika",
    "Irmgard",
    "Nicole",
    "Silke",
    "Stefanie",
    "Julia",
    "Katharina",
    "Melanie",
    "Sandra",
    "Ute",
    "Anja",
    "Christina",
    "Ilse",
    "Jutta",
    "Katrin",
    "Sarah",
    "Laura",
    "Lena",
    "Lea",
    "Hannah",
    "Emma",
    "Mia",
    "Sophie",
    "Marie",
    "Fatma",
    "Ayşe",
    "Olga",
    "Svetlana",
    "Elena",
    "Andrée",
    "Jana",
    "Johanna",
    "Hanna",
    "Annette",
    "Anne",
    "Ruth",
    "Rita",
    "Eva",
]
_SYLLABLES = [
    "ber",
    "gen",
    "hau",
    "sen",
    "stein",
    "wal",
    "ter",
    "mann",
    "lich",
    "ken",
    "dorf",
    "bach",
    "rot",
    "wis",
    "lin",
    "dau",
    "hol",
    "zer",
    "kro",
    "pe",
    "mar",
    "tin",
    "ka",
    "si",
    "lo",
    "vi",
    "ne",
    "ru",
]
_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))


@dataclass(frozen=True)
class Kind:
    """How crowded the names are and how the records go wrong."""

    tail: float
    """Share of persons whose names are not among the common ones."""
    years: tuple[int, int] = (1930, 2006)
    two_errors: float = 0.08
    middle_names: float = 0.05
    flatness: float = 1.0
    """Exponent of the surnames' shares: above 1 the commonest are commoner still."""


KINDS = {
    "crowded": Kind(tail=0.03, flatness=1.0),
    "ordinary": Kind(tail=0.45),
    "young": Kind(tail=0.35, years=(1985, 2007), two_errors=0.05),
    "sloppy": Kind(tail=0.2, two_errors=0.2),
    "rare": Kind(tail=1.0),
}


def people(count: int, duplicates: int, kind: Kind, seed: int) -> pd.DataFrame:
    """Persons of whom some occur twice, the second time with an error or two.

    :returns: ``record``, ``first_name``, ``last_name``, ``birth_date`` and the truth in ``entity``, shuffled.
    """
    rng = np.random.default_rng(seed)
    singles = count - duplicates
    frame = pd.DataFrame(
        {
            "first_name": _first_names(rng, singles, kind),
            "last_name": _last_names(rng, singles, kind),
            "birth_date": _dates(rng, singles, kind),
            "entity": np.arange(singles),
        }
    )
    copies = frame.sample(duplicates, random_state=seed)
    rows = [_spoilt(rng, *row, kind) for row in copies.itertuples(index=False, name=None)]
    both = pd.concat([frame, pd.DataFrame(rows, columns=frame.columns)]).sample(frac=1, random_state=seed + 1)
    both["birth_date"] = both["birth_date"].astype("datetime64[s]")
    return both.reset_index(drop=True).assign(record=np.arange(count))


def true_pairs(frame: pd.DataFrame) -> set[tuple[int, int]]:
    """The pairs of records that are one person, the smaller record first."""
    twice = frame.sort_values("record").groupby("entity")["record"].agg(list)
    return {
        (group[i], group[j]) for group in twice for i in range(len(group)) for j in range(i + 1, len(group))
    }


def _last_names(rng: np.random.Generator, count: int, kind: Kind) -> np.ndarray:
    shares = np.array(list(SURNAMES.values()), float) ** kind.flatness
    common = rng.choice(np.array(list(SURNAMES), object), count, p=shares / shares.sum())
    return np.where(rng.random(count) < kind.tail, _made_up(rng, count), common)


def _first_names(rng: np.random.Generator, count: int, kind: Kind) -> np.ndarray:
    shares = 1 / (np.arange(len(FIRST_NAMES)) % 67 + 12)
    names = np.array(FIRST_NAMES, object)
    common = rng.choice(names, count, p=shares / shares.sum())
    first = np.where(rng.random(count) < kind.tail / 3, _made_up(rng, count), common)
    middle = rng.choice(names, count)
    return np.where(rng.random(count) < kind.middle_names, first + " " + middle, first)


def _made_up(rng: np.random.Generator, count: int) -> np.ndarray:
    syllables = np.array(_SYLLABLES, object)
    # Cubed, so that some made-up names are shared by several persons and most are not.
    rank = (rng.random((count, 3)) ** 1.5 * len(syllables)).astype(int)
    name = (
        syllables[rank[:, 0]]
        + syllables[rank[:, 1]]
        + np.where(rng.random(count) < 0.6, syllables[rank[:, 2]], "")
    )
    return np.array([text.capitalize() for text in name], object)


def _dates(rng: np.random.Generator, count: int, kind: Kind) -> np.ndarray:
    first, last = (np.datetime64(f"{year}-01-01") for year in kind.years)
    return first + rng.integers(0, (last - first).astype(int), count).astype("timedelta64[D]")


def _spoilt(rng: np.random.Generator, first: str, last: str, born: object, entity: int, kind: Kind) -> tuple:
    date = pd.Timestamp(born)
    errors = 2 if rng.random() < kind.two_errors else 1
    for what in rng.choice(
        ["first", "last", "year", "month", "day"], errors, replace=False, p=[0.3, 0.3, 0.15, 0.09, 0.16]
    ):
        if what == "first":
            first = _typo(rng, first)
        elif what == "last":
            last = _typo(rng, last)
        else:
            date = _wrong_date(rng, date, what)
    return first, last, date, entity


def _typo(rng: np.random.Generator, text: str) -> str:
    at = int(rng.integers(0, len(text)))
    letter = str(rng.choice(_LETTERS))
    how = rng.choice(["insert", "replace", "drop", "swap"], p=[0.45, 0.35, 0.13, 0.07])
    if how == "insert":
        return text[: at + 1] + letter + text[at + 1 :]
    if how == "replace":
        return text[:at] + (letter if text[at] != letter else "x") + text[at + 1 :]
    if how == "drop" and len(text) > 2:
        return text[:at] + text[at + 1 :]
    at = min(at, len(text) - 2)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _wrong_date(rng: np.random.Generator, date: pd.Timestamp, what: str) -> pd.Timestamp:
    while True:
        value = {"year": date.year, "month": date.month, "day": date.day}[what]
        if rng.random() < 0.7:
            digits = list(f"{value:02d}")
            digits[int(rng.integers(max(0, len(digits) - 2), len(digits)))] = str(rng.integers(0, 10))
            new = int("".join(digits))
        else:
            new = int(rng.integers(*{"year": (1925, 2010), "month": (1, 13), "day": (1, 32)}[what]))
        try:
            wrong = date.replace(**{what: new})
        except ValueError:
            continue
        if wrong != date:
            return wrong
