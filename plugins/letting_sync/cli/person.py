"""``letting-sync person``: data of one person, at the partners too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from letting_sync.cli.pairs import UnknownPair, argument_of, dag_of_pair
from letting_sync.customers.yaml_settings import WrongFile
from letting_sync.errors import StopRun
from letting_sync.partner import Partner, PartnerTarget
from letting_sync.privacy import subject_requests


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, prog: str | None = None) -> int:
    """Run a command of :mod:`letting_sync.privacy.subject_requests`, which asks the partners of the pairs."""
    return subject_requests.main(arguments, out, prog, open_partner)


def open_partner(pair: str) -> Partner:
    """Open the partner of a pair.

    :raises StopRun: there is no such pair any more, or its file or its connection is wrong.
    """
    try:
        target: PartnerTarget = argument_of(dag_of_pair(pair), "auto_accept", "partner")
    except (UnknownPair, WrongFile) as error:
        raise StopRun(str(error)) from None
    return target.open()
