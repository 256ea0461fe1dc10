"""Reads a YAML file of settings, single or in groups, with the line of each setting.

A group is a mapping under its name (``acceptance:``). Its settings may also be written on the first level, without the name of the
group, but not in both forms in one file.

Values stay text until the setting's own type is known: ``off``, ``no``, ``08`` and ``20:00:00`` are not interpreted by
YAML.

Airflow reads thousands of files every few minutes. A file without unusual syntax is therefore read by :mod:`.usual_yaml`. Any other
file, and any file with an error, is read by :mod:`.any_yaml`, which takes longer and gives the better messages.
"""

from __future__ import annotations

from pathlib import Path

from letting_sync.customers.setting import Groups, Setting, WrongLine
from letting_sync.customers.usual_yaml import usual_settings

LARGEST = 64 * 1024
"""Largest size of a file in bytes; a customer file has about 500."""


class WrongFile(ValueError):
    """A file is invalid: one sentence for each wrong line, with the file's name and the line's number."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


def read_settings(path: Path, groups: Groups) -> dict[str, Setting]:
    """Return the settings of a file by name, including those of the groups.

    :raises WrongFile: the only exception, whatever the file contains.
    """
    try:
        text = _text(path)
        found = usual_settings(text, groups)
        return _settings_or_mistake(text, groups) if found is None else found
    except WrongLine as wrong:
        raise WrongFile(f"{path.name}, line {wrong.line}: {wrong}") from None


def _settings_or_mistake(text: str, groups: Groups) -> dict[str, Setting]:
    # Its library takes longer to import than a task's own customer file to read, and few files need it.
    from letting_sync.customers.any_yaml import settings_or_mistake

    return settings_or_mistake(text, groups)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise WrongLine(1, f"the file cannot be read: {error.strerror}") from None
    if len(raw) > LARGEST:
        raise WrongLine(1, f"the file is larger than {LARGEST // 1024} KiB; a customer has about 20 lines")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise WrongLine(line, "the file is not UTF-8 text: save it as UTF-8") from None
