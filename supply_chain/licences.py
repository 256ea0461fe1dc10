"""Write ``docs/licences.md`` and refuse a licence that nobody has looked at: ``make licences``.

Reads the list of pip-licenses (``--format=json --from=mixed``) from standard input. What a package says of its own
licence is either an SPDX expression (``MIT AND PSF-2.0``), or names of its classifiers, separated by semicolons,
of which some are alternatives and some are not; so every one of them must be permissive.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "licences.md"

PERMISSIVE = frozenset(
    [
        *("MIT", "MIT License", "MIT-0"),
        *("Apache-2.0", "Apache Software License"),
        *("0BSD", "BSD License", "BSD-2-Clause", "BSD-3-Clause", "3-Clause BSD License"),
        *("ISC", "ISC License (ISCL)"),
        *("PSF-2.0", "Python Software Foundation License"),
        *("Zlib", "CC0-1.0", "The Unlicense (Unlicense)"),
    ]
)
"""Licences that ask for no more than a notice, as packages spell them."""

EXCEPTIONS = {
    "certifi": "MPL-2.0 asks for the source of changed files only; we change none",
    "pathspec": "MPL-2.0, as above",
    "psycopg2-binary": "LGPL with exceptions: a library loaded at run time, exchangeable, unchanged",
    "text-unidecode": "Artistic License or GPL, as one likes: taken under the Artistic License",
}
"""Packages whose licence is not merely permissive, and why they may be shipped all the same."""

_HEAD = """# Licences of the packages we ship

Made by `make licences` from the packages of `deploy/requirements.txt` as they are installed; do not edit. The same
command fails if a package has a licence that is not permissive and is not among the exceptions of
`supply_chain/licences.py`. It is what the packages say of themselves, not legal advice.

"""


@dataclass(frozen=True)
class Package:
    """One installed package and what it says of its licence."""

    name: str
    version: str
    licence: str

    @property
    def permissive(self) -> bool:
        """Whether every licence it names asks for no more than a notice; of SPDX alternatives one is enough.

        An expression in brackets or with ``WITH`` is for a person to read.
        """
        parts = re.split(r"; | AND ", self.licence)
        return all(any(name in PERMISSIVE for name in part.split(" OR ")) for part in parts)


def packages_of(listed: str) -> list[Package]:
    """Read the JSON list of pip-licenses, sorted by name."""
    found = [Package(row["Name"], row["Version"], row["License"]) for row in json.loads(listed)]
    return sorted(found, key=lambda package: package.name.lower())


def unexpected(packages: Sequence[Package]) -> list[Package]:
    """Packages with a licence that is neither permissive nor an exception that somebody has given a reason for."""
    return [package for package in packages if not package.permissive and package.name not in EXCEPTIONS]


def page(packages: Sequence[Package]) -> str:
    """The page in Markdown."""
    shown = [package for package in packages if package.name in EXCEPTIONS]
    exceptions = [f"| {p.name} | {p.licence} | {EXCEPTIONS[p.name]} |" for p in shown]
    rows = [f"| {p.name} | {p.version} | {p.licence} |" for p in packages]
    return "\n".join(
        [
            f"{_HEAD}## Not merely permissive\n",
            "| Package | Licence | Why it may be shipped |",
            "| --- | --- | --- |",
            *exceptions,
            f"\n## All {len(packages)}\n",
            "| Package | Version | Licence |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


def main() -> int:
    """Write the page, name what is unexpected; exit code 1 if something is."""
    packages = packages_of(sys.stdin.read())
    PAGE.write_text(page(packages))
    bad = unexpected(packages)
    for package in bad:
        print(f"{package.name} {package.version}: {package.licence}", file=sys.stderr)
    if bad:
        print(
            "These licences are not known as permissive. Look at them; then leave the package out, or give the "
            "reason for shipping it in EXCEPTIONS of supply_chain/licences.py.",
            file=sys.stderr,
        )
        return 1
    print(f"{PAGE.name}: {len(packages)} packages, {len(EXCEPTIONS)} known exceptions, nothing unexpected")
    return 0


if __name__ == "__main__":
    sys.exit(main())
