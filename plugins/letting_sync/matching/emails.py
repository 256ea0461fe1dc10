"""E-mail addresses: extracts the bare address from the forms in which people and programs write it.

Only if exactly one address is meant. Two addresses in one field, or a text that no mail server accepts (``a@b@c``, ``@``),
become missing: an ERP would refuse the whole prospect, and losing a chosen tenant is worse than losing the address. The
original text stays in the staged table ``extracted``.
"""

from __future__ import annotations

import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from letting_sync.matching.columns import on_distinct, unlike
from letting_sync.matching.names import stable, without_entities, without_stray_blanks

_TIDY: Final = r"^[A-Za-z0-9._%+\x{c0}-\x{17f}-]+@(?:[a-z0-9-]+\.)*[a-z0-9-]*[a-z0-9]$"
_PLAIN: Final = r"^(?P<local>[A-Za-z0-9._%+-]+)@(?P<domain>(?:[A-Za-z0-9-]+\.)*[A-Za-z0-9-]*[A-Za-z0-9])$"
_ADDRESS: Final = re.compile(
    r"""([^\s@<>()\[\]{},;:"\\]+)@((?:[^\s@<>()\[\]{},;:"'\\/?.]+\.)*[^\s@<>()\[\]{},;:"'\\/?.]+)"""
)
_IN_BRACKETS: Final = re.compile(
    r"^(?P<name>[^<>@]*|[^<>@\s]+@[^<>@\s]+) ?< ?(?P<address>[^<>]+?) ?>[.,; ]*$"
)
_SCHEME: Final = re.compile(r"(?i)^(?:mailto ?:|e-?mail ?:) ?")
_QUERY: Final = re.compile(r"\?[^@]*$")
_AROUND: Final = re.compile(r" ?@ ?")
_QUOTES: Final = (('"', '"'), ("'", "'"), ("(", ")"), ("[", "]"))


def cleaned_emails(values: pa.Array) -> pa.Array:
    """Return the bare addresses with lower-case domains; anything that is not exactly one address becomes missing."""
    untidy = unlike(values, _TIDY)
    if not pc.any(untidy).as_py():
        return values
    rest = values.filter(untidy)
    parts = pc.extract_regex(rest, _PLAIN)
    local, domain = (pc.struct_field(parts, name) for name in ("local", "domain"))
    small = pc.binary_join_element_wise(local, pc.ascii_lower(domain), pa.scalar("@", local.type))
    others = pc.and_(pc.is_null(small), pc.is_valid(rest))
    return pc.replace_with_mask(values, untidy, on_distinct(pc.coalesce(small, rest), others, _stable_email))


def tidy_email(text: str) -> str:
    """Return the address in a text: ``Eva Kern <eva@Example.org>`` -> ``eva@example.org``.

    A text that is not exactly one address is returned trimmed and without entities; without any address it is empty.
    """
    trimmed = without_stray_blanks(without_entities(text))
    none = "" if trimmed == text else trimmed
    if len(trimmed) > _LONGEST:
        return none
    bare = trimmed
    if match := _IN_BRACKETS.match(bare):
        name, bare = match["name"], match["address"]
        if "@" in name and name.casefold() != bare.casefold():
            return none  # two addresses
    bare = _without_decoration(bare)
    if not (match := _ADDRESS.fullmatch(bare)):
        return none
    # A domain in another script may become longer or decompose when it is made small.
    return without_stray_blanks(f"{match[1]}@{match[2].lower()}")


_stable_email = stable(tidy_email)
_LONGEST: Final = 400


def _without_decoration(text: str) -> str:
    bare = text.rstrip(".,;: ")
    for opening, closing in _QUOTES:
        if bare.startswith(opening) and bare.endswith(closing) and len(bare) > 1:
            bare = bare[1:-1].strip().rstrip(".,;: ")
    if scheme := _SCHEME.match(bare):
        bare = _QUERY.sub("", bare[scheme.end() :])
    return _AROUND.sub("@", bare, count=1) if bare.count("@") == 1 else bare
