"""Read a file of settings: YAML with one level, each setting with the line on which it stands.

Text stays text until the setting's own type is known: ``off``, ``no``, ``08`` and ``20:00:00`` mean what stands there,
not what YAML 1.1 makes of them. Anchors, aliases and tags are refused, so that a small file cannot become large.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

try:
    from yaml import CBaseLoader as Loader
except ImportError:  # a PyYAML without libyaml: slower, the same otherwise
    from yaml import BaseLoader as Loader  # type: ignore[assignment]

LARGEST = 64 * 1024
"""Bytes of a file; a customer's has about 500."""
NOTHING = ("", "~", "null")

_BEFORE = (yaml.StreamStartEvent, yaml.DocumentStartEvent)

Value = str | list[str | None] | None


class WrongFile(ValueError):
    """A file is wrong: one sentence for each wrong line, with the file's name and the line's number."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class Setting(NamedTuple):
    """What stands behind a setting's name, and on which line (from 1)."""

    value: Value
    line: int


class _Wrong(Exception):
    def __init__(self, line: int, rule: str) -> None:
        super().__init__(rule)
        self.line = line


def read_settings(path: Path) -> dict[str, Setting]:
    """The settings of a file by name; whatever the bytes, only :class:`WrongFile` is raised."""
    try:
        return _settings(_text(path))
    except _Wrong as wrong:
        raise WrongFile(f"{path.name}, line {wrong.line}: {wrong}") from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise _Wrong(1, f"the file cannot be read: {error.strerror}") from None
    if len(raw) > LARGEST:
        raise _Wrong(1, f"the file is larger than {LARGEST // 1024} KiB; a customer has about 20 lines")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _Wrong(line, "the file is not UTF-8 text: save it as UTF-8") from None


def _settings(text: str) -> dict[str, Setting]:
    try:
        # Events, not nodes: PyYAML builds nodes by recursion in C, and 60,000 brackets end the whole process.
        return _of_events(yaml.parse(text, Loader=Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" ({error.context})" if error.context else ""
        raise _Wrong(mark.line + 1 if mark else 1, f"this is not YAML: {error.problem}{where}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _Wrong(line, f"this is not YAML: {error.reason}") from None


def _of_events(events: Iterator[yaml.Event]) -> dict[str, Setting]:
    settings: dict[str, Setting] = {}
    start = next(event for event in events if not isinstance(event, _BEFORE))
    if isinstance(start, yaml.StreamEndEvent):
        raise _Wrong(1, "the file is empty")
    _refuse_marks(start)
    if not isinstance(start, yaml.MappingStartEvent):
        raise _Wrong(_line(start), "a file holds settings, one a line: 'name: value'")
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        name, line = _name(event), _line(event)
        if name in settings:
            raise _Wrong(line, f"{name:.80} stands here a second time, first on line {settings[name].line}")
        settings[name] = Setting(_value(name, next(events), events), line)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            raise _Wrong(_line(event), "a second document begins here; a file holds one customer")
    return settings


def _name(event: yaml.Event) -> str:
    _refuse_marks(event)
    if isinstance(event, yaml.ScalarEvent) and event.value:
        return str(event.value)
    raise _Wrong(_line(event), "here must stand the name of a setting")


def _value(name: str, event: yaml.Event, events: Iterator[yaml.Event]) -> Value:
    _refuse_marks(event)
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if not isinstance(event, yaml.SequenceStartEvent):
        raise _Wrong(_line(event), f"{name:.80}: must be one value or a list of values")
    values: list[str | None] = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        _refuse_marks(event)
        if not isinstance(event, yaml.ScalarEvent):
            raise _Wrong(_line(event), f"{name:.80}: each entry of the list must be one value")
        values.append(_scalar(event))
    return values


def _scalar(event: yaml.ScalarEvent) -> str | None:
    quoted = bool(event.style)
    return None if not quoted and event.value in NOTHING else str(event.value)


def _refuse_marks(event: yaml.Event) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise _Wrong(
            _line(event), "anchors (&) and aliases (*) are not read: write the value out, or quote it"
        )
    if getattr(event, "tag", None):
        raise _Wrong(_line(event), "tags (!) are not read: leave it out, or quote the value")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
