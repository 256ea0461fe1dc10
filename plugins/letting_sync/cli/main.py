"""The command letting-sync: operate the package from a shell, beside Airflow's own command airflow.

Exit codes: 0 success, 1 a problem was found or something could not be done, 2 wrong usage. Results go to standard output,
log lines and errors to standard error.
"""

from __future__ import annotations

import argparse
import os
import pkgutil
import sys
from collections.abc import Sequence
from typing import TextIO

COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("letting_sync.cli.check:main", "compare a pair's two systems with their contracts"),
    "pairs validate": ("letting_sync.customers.loader:main", "check customer files for errors"),
    "migrate": ("letting_sync.ledger.migrate:main", "migrate the ledger's database to the newest version"),
    "ledger restored": (
        "letting_sync.ledger.restored:main",
        "after a restore: which windows must be read again",
    ),
    "person": (
        "letting_sync.cli.person:main",
        "data of one person: export, find, erase",
    ),
    "retention": (
        "letting_sync.privacy.retention:main",
        "delete personal data after its retention period",
    ),
    "alerts test": ("letting_sync.alerts.callbacks:main", "send a test alert to every channel"),
}
"""Command -> function that does it, called with its arguments, where to print, and its name; and one line of help. A function
is imported when its command is called: Airflow takes seconds to import."""
GROUPS = {
    "pairs": "customer files",
    "ledger": "after a restore of the ledger",
    "alerts": "send a test alert",
}


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None) -> int:
    """Run a command; returns its exit code.

    :param arguments: by default those of this process.
    :param out: where the command prints; by default standard output.
    """
    chosen, rest = _parser().parse_known_args(arguments)
    command = " ".join(filter(None, (chosen.command, getattr(chosen, "subcommand", None))))
    function = pkgutil.resolve_name(COMMANDS[command][0])
    from sqlalchemy.exc import SQLAlchemyError

    from letting_sync.errors import StopRun, WaitAndRepeat, outside_a_task
    from letting_sync.storage_errors import storage_errors

    try:
        with storage_errors():
            return int(function(rest, out=out, prog=f"letting-sync {command}"))
    except (StopRun, WaitAndRepeat) as error:
        print(f"letting-sync {command}: {outside_a_task(error)}", file=sys.stderr)
    except SQLAlchemyError as error:
        print(f"letting-sync {command}: the ledger cannot be used ({type(error).__name__})", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    """The words of the commands; what follows them is parsed by the command's own function, its ``--help`` too."""
    parser = argparse.ArgumentParser("letting-sync", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    words = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    groups = {}
    for name, (_, text) in COMMANDS.items():
        group, _, word = name.partition(" ")
        if not word:
            words.add_parser(name, help=text, add_help=False, allow_abbrev=False)
            continue
        if group not in groups:
            made = words.add_parser(group, help=GROUPS[group], description=GROUPS[group])
            groups[group] = made.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
        groups[group].add_parser(word, help=text, add_help=False, allow_abbrev=False)
    return parser


def run() -> int:
    """Entry point of the package: :func:`main` with standard output for the command alone, as Airflow's loggers write there too."""
    # As Airflow's own command does: connections are also looked for in Airflow's database, not in the environment alone.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    if {"-h", "--help"} & set(sys.argv[1:]):
        return main()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        return main(out=out)
