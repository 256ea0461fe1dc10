"""Cleaning of the partner's texts, so that the ERP's duplicate check, which compares byte by byte, finds a known person.

Pure functions on pandas frames. One regular expression per column recognises ordinary values, which stay unchanged.
The others are cleaned once per distinct value.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from letting_sync.matching.birth_dates import placeholders
from letting_sync.matching.columns import (
    as_dates,
    column,
    days,
    distinct_values,
    on_distinct,
    once_each,
    text_series,
    unlike,
)
from letting_sync.matching.emails import cleaned_emails
from letting_sync.matching.keys import NAMES
from letting_sync.matching.names import (
    joined_titles,
    plain_name,
    split_title,
    stable,
    tidy_name,
    tidy_title,
    without_entities,
    without_stray_blanks,
)
from letting_sync.matching.phones import cleaned_phones
from letting_sync.matching.postal_codes import cleaned_postal_codes

CLEANED: Final = (
    "title",
    "first_name",
    "last_name",
    "email",
    "phone",
    "mobile",
    "street",
    "house_number",
    "postal_code",
    "city",
    "country",
    "message",
)
"""The text fields that cleaning may change."""
ALTERED: Final = (*CLEANED, "birth_date")
"""All fields that cleaning may change, in the order in which ``changed`` lists them."""
DATES: Final = ("birth_date", "lease_start")

_VISIBLE = (
    r"\x21-\x25\x27-\x7e\x{c0}-\x{17f}"  # ASCII and Latin letters: composed, nothing invisible, no entity
)
_TIDY_TEXT = rf"^[{_VISIBLE}]+(?: [{_VISIBLE}]+)*$"
_LATIN = [chr(code) for code in (*range(0x41, 0x5B), *range(0x61, 0x7B), *range(0xC0, 0x180))]
_UPPER = "".join(char for char in _LATIN if char.isupper())
_LOWER = "".join(char for char in _LATIN if char.islower())
_TIDY_NAME = rf"^[{_UPPER}][{_LOWER}]+(?:[ -][{_UPPER}][{_LOWER}]+)*$"
_ONE_WORD_IN_CAPITALS = r"^[A-Z]{3,}$"
_ODD_IN_CAPITALS = r"^(?:MA?C|[IVX]+$)"
_MAYBE_TITLE = r"(?i)^(?:univ|prof|priv|do[ck]tor|dr|dipl|mag|ing|p\.?d|[bm])(?:[^a-z\x{df}-\x{ff}]|essor|$)"


Repair = Callable[[str], str | None]


def clean(prospects: pd.DataFrame) -> pd.DataFrame:
    """Return the prospects as the ERP's duplicate check needs them.

    * texts: single blanks, NFC, HTML entities replaced by their characters; a blank text becomes missing;
    * names: academic titles moved to ``title``, names in capitals rewritten in mixed case;
    * e-mail addresses: the bare address with a lower-case domain;
    * telephone numbers: E.164;
    * postal codes: with their leading zero;
    * dates of birth: placeholders (:mod:`letting_sync.matching.birth_dates`) become missing.

    A value that cannot be improved with certainty is only trimmed. The function is idempotent.

    :param prospects: columns of ``Prospect``, text as ``str``. A missing column stays missing, except
        ``title``. Dates in any form that :func:`~letting_sync.matching.columns.as_dates` accepts.
    :returns: the same rows and columns, dates as ``datetime64[s]``, plus ``title`` and ``changed``: the comma-separated
        names of the fields that were changed, empty if none was. It never contains values.
    :raises TypeError: a date column contains a value that is not a date.
    """
    result = prospects.copy(deep=False)
    flags = np.zeros(len(prospects), np.int64)
    titled: list[pa.Array] = []
    countries = once_each(column(prospects, "country"), _cleaned_texts)
    for bit, field in enumerate(CLEANED):
        if field not in prospects.columns or field == "title":
            continue
        before = column(prospects, field)
        if field in NAMES:
            after, title = _cleaned_names(before, keep_whole=field == "last_name")
            titled.append(title)
        else:
            after = _cleaned(before, field, countries)
        flags |= _put(result, field, before, after) << bit
    before = column(prospects, "title")
    flags |= _put(result, "title", before, _with_found_titles(before, titled)) << CLEANED.index("title")
    for field in DATES:
        if field in prospects.columns:
            result[field] = as_dates(prospects, field)
    if "birth_date" in prospects.columns:
        unknown = placeholders(days(result, "birth_date"))
        flags |= unknown.astype(np.int64) << ALTERED.index("birth_date")
        if unknown.any():
            result["birth_date"] = result["birth_date"].mask(unknown)
    result["changed"] = _names_of(flags, prospects)
    return result


def _put(result: pd.DataFrame, field: str, before: pa.Array, after: pa.Array) -> np.ndarray:
    """Store the column if a value changed (otherwise the old column is shared); return a mask of the changes."""
    if after is before:
        if field not in result.columns or result[field].dtype != "str":
            result[field] = text_series(after, result.index)
        return np.zeros(len(result), np.int64)
    result[field] = text_series(after, result.index)
    same = pc.fill_null(pc.equal(before, after), False)
    both_missing = pc.and_(pc.is_null(before), pc.is_null(after))
    return pc.invert(pc.or_(same, both_missing)).to_numpy(zero_copy_only=False).astype(np.int64)


def _names_of(flags: np.ndarray, prospects: pd.DataFrame) -> pd.Series:
    """Return the names of the changed fields as text, including those of an earlier cleaning of the same rows."""
    if "changed" in prospects.columns:
        for bit, field in enumerate(ALTERED):
            earlier = pc.match_substring_regex(column(prospects, "changed"), rf"(?:^|,){field}(?:,|$)")
            flags = (
                flags | pc.fill_null(earlier, False).to_numpy(zero_copy_only=False).astype(np.int64) << bit
            )
    patterns, codes = np.unique(flags, return_inverse=True)
    texts = [
        ",".join(field for bit, field in enumerate(ALTERED) if pattern >> bit & 1) for pattern in patterns
    ]
    return text_series(pa.array(texts, pa.large_string()).take(pa.array(codes)), prospects.index)


def _cleaned(values: pa.Array, field: str, countries: pa.Array) -> pa.Array:
    if field in ("phone", "mobile"):
        return cleaned_phones(values, countries)
    if field == "email":
        return cleaned_emails(values)
    texts = once_each(values, _cleaned_messages if field == "message" else _cleaned_texts)
    return cleaned_postal_codes(texts, countries) if field == "postal_code" else texts


def _cleaned_texts(texts: pa.Array, repair: Repair | None = None) -> pa.Array:
    untidy = unlike(texts, _TIDY_TEXT)
    if not pc.any(untidy).as_py():
        return texts
    trimmed = pc.utf8_trim_whitespace(texts.filter(untidy))
    return pc.replace_with_mask(
        texts, untidy, on_distinct(trimmed, unlike(trimmed, _TIDY_TEXT), repair or _tidy_text)
    )


def _cleaned_messages(texts: pa.Array) -> pa.Array:
    return on_distinct(texts, unlike(texts, _TIDY_TEXT), _tidy_message)


@stable
def _tidy_text(text: str) -> str:
    return without_stray_blanks(without_entities(text))


_plain_name = stable(plain_name)
_tidy_name = stable(tidy_name)


@stable
def _tidy_message(text: str) -> str:
    # Line breaks and invisible joiners (emoji) are part of a message; it is only trimmed.
    return unicodedata.normalize("NFC", without_entities(text).strip())


def _cleaned_names(names: pa.Array, keep_whole: bool) -> tuple[pa.Array, pa.Array]:
    """Clean a column of names and separate the titles.

    :param keep_whole: keep a name that consists of a title only, since a last name must not become empty.
    :returns: names (the same array if nothing changed) and titles.
    """
    distinct, spread = distinct_values(names)
    tidy = _cleaned_texts(distinct, _plain_name)
    rest, titles = _without_titles(tidy, keep_whole)
    plain = pc.match_substring_regex(rest, _ONE_WORD_IN_CAPITALS)
    if pc.any(plain).as_py():
        simple = pc.and_not(plain, pc.match_substring_regex(rest, _ODD_IN_CAPITALS))
        rest = pc.if_else(simple, pc.ascii_capitalize(rest), rest)
    done = on_distinct(rest, unlike(rest, _TIDY_NAME), _tidy_name)
    return names if done is distinct else spread(done), spread(titles)


def _without_titles(names: pa.Array, keep_whole: bool) -> tuple[pa.Array, pa.Array]:
    none = pa.nulls(len(names), pa.large_string())
    maybe = pc.fill_null(pc.match_substring_regex(names, _MAYBE_TITLE), False)
    parts = [_parted(name, keep_whole) for name in names.filter(maybe).to_pylist()]
    if not any(title for title, _ in parts):
        return names, none
    titles = pa.array([title for title, _ in parts], pa.large_string())
    rest = pa.array([name for _, name in parts], pa.large_string())
    return pc.replace_with_mask(names, maybe, rest), pc.replace_with_mask(none, maybe, titles)


def _parted(name: str, keep_whole: bool) -> tuple[str | None, str | None]:
    title, rest = split_title(name)
    if title is None or (keep_whole and not rest):
        return None, name
    return title, rest or None


def _with_found_titles(given: pa.Array, found: list[pa.Array]) -> pa.Array:
    tidy = on_distinct(given, pc.fill_null(pc.not_equal(given, ""), False), stable(tidy_title))
    tidy = on_distinct(tidy, pc.fill_null(pc.equal(tidy, ""), False), lambda _: None)
    for titles in found:
        present = pc.is_valid(titles)
        if pc.any(present).as_py():
            pairs = zip(tidy.filter(present).to_pylist(), titles.filter(present).to_pylist(), strict=True)
            joined = pa.array([joined_titles(*pair) for pair in pairs], pa.large_string())
            tidy = pc.replace_with_mask(tidy, present, joined)
    return tidy
