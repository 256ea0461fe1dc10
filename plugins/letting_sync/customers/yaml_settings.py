"""Reads a YAML file of settings, single or in groups, with the line of each setting.

A group is a mapping under its name (``acceptance:``). Its settings may also be written on the first level, without the name of the
group, but not in both forms in one file.

Values stay text until the setting's own type is known: ``off``, ``no``, ``08`` and ``20:00:00`` are not interpreted by
YAML. ``ruamel.yaml`` composes nodes, which have line numbers, and constructs no objects, so a tag executes
nothing. Anchors, aliases and tags are rejected, so that a small file cannot expand to a large one.

``ruamel.yaml`` gives the best error messages, but takes about a millisecond for a file, and Airflow reads thousands of files every few
minutes. A file without unusual syntax is therefore read by libyaml, in a twentieth of that time.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml as libyaml
from ruamel.yaml import YAML
from ruamel.yaml.composer import ComposerError, MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.resolver import BaseResolver, VersionedResolver

LARGEST = 64 * 1024
"""Largest size of a file in bytes; a customer file has about 500."""
DEEPEST = 10
"""Levels that are read before a file is rejected. Three are allowed; the others allow a better error message."""
NOTHING = ("", "~", "null")
MARKS = "anchors (&) and aliases (*) are not read: write the value out, or quote it"
HINTS = {
    "found character '\\t'": "indent with spaces, YAML allows no tabs",
    "mapping values are not allowed": "each setting begins at the start of its line; a value with ': ' in it is quoted",
    "expected <block end>": "each setting begins at the start of its line",
    "expected '<document start>'": "each setting begins at the start of its line",
    "could not find expected ':'": "a setting is written 'name: value'",
    "scanning an alias": "a value that begins with * is quoted",
}
"""Advice for common mistakes, by a part of the parser's message."""

Value = str | list[str | None] | None


class WrongFile(ValueError):
    """A file is invalid: one sentence for each wrong line, with the file's name and the line's number."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


Groups = Mapping[str, Collection[str]]
"""Name of a group -> names of its settings."""


class Setting(NamedTuple):
    """The value of a setting, and the line of its name (from 1)."""

    value: Value
    line: int


class _Wrong(Exception):
    def __init__(self, line: int, rule: str) -> None:
        super().__init__(rule)
        self.line = line


def read_settings(path: Path, groups: Groups) -> dict[str, Setting]:
    """Return the settings of a file by name, including those of the groups.

    :raises WrongFile: the only exception, whatever the file contains.
    """
    try:
        text = _text(path)
        found = usual_settings(text, groups)
        return settings_or_mistake(text, groups) if found is None else found
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


class _TextStaysText(VersionedResolver):
    """Resolves every node without a tag to a text, a list or a mapping."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        del value, implicit
        return _TAGS[kind]


_TAGS = {
    ScalarNode: BaseResolver.DEFAULT_SCALAR_TAG,
    SequenceNode: BaseResolver.DEFAULT_SEQUENCE_TAG,
    MappingNode: BaseResolver.DEFAULT_MAPPING_TAG,
}


# --- files without unusual syntax ----------------------------------------------------------------------------

_UNUSUAL = re.compile(
    r"[^\n -~\xa0-\u2027\u202a-\ud7ff]"  # line breaks of only one version of YAML, and invalid characters
    r"|(?:^|[:,\[?-])\s*[&*!%@`{?|>]"  # anchors, aliases, tags, mappings in braces, block texts
    r"|[-?] +[-?]|\[[^\]]*\["  # lists in lists
    r"|^(?:---|\.\.\.)",  # several documents
    re.MULTILINE,
)
"""Syntax that :func:`usual_settings` does not support, or in which libyaml and ruamel.yaml may differ."""


def usual_settings(text: str, groups: Groups) -> dict[str, Setting] | None:
    """Return the settings of a file without unusual syntax and without errors; ``None`` for any other file."""
    if _UNUSUAL.search(text):
        return None
    try:
        document = libyaml.compose(text, Loader=libyaml.CBaseLoader)
    except libyaml.YAMLError:
        return None
    outer = _usual_mapping(document)
    if outer is None:
        return None
    settings = _usual_values({name: one for name, one in outer.items() if name not in groups})
    for group in groups.keys() & outer.keys():
        inner, own = _usual_values(_usual_mapping(outer[group][0]) or {}), set(groups[group])
        if not inner or settings is None or not inner.keys() <= own or own & outer.keys():
            return None
        settings |= inner
    return settings


_UsualNodes = dict[str, tuple[libyaml.Node, int]]


def _usual_mapping(node: libyaml.Node | None) -> _UsualNodes | None:
    """Return the values of a mapping by name, each with the line of its name."""
    if not isinstance(node, libyaml.MappingNode):
        return None
    names = [key.value for key, _ in node.value if isinstance(key, libyaml.ScalarNode) and key.value]
    if len(set(names)) < len(node.value):
        return None
    return {key.value: (value, key.start_mark.line + 1) for key, value in node.value}


def _usual_values(nodes: _UsualNodes) -> dict[str, Setting] | None:
    settings = {}
    for name, (node, line) in nodes.items():
        entries: list[Any] = node.value if isinstance(node, libyaml.SequenceNode) else [node]
        if not all(isinstance(entry, libyaml.ScalarNode) for entry in entries):
            return None
        values = [_scalar(entry) for entry in entries]
        settings[name] = Setting(values if entries is node.value else values[0], line)
    return settings


# --- all files ----------------------------------------------------------------------------------------------


def settings_or_mistake(text: str, groups: Groups) -> dict[str, Setting]:
    """Return the settings of any file.

    :raises _Wrong: what is wrong with it.
    """
    # Nothing is written back, so the slower round-trip loader, which keeps comments, is not needed.
    yaml = YAML(typ="safe", pure=True)
    yaml.Resolver = _TextStaysText
    yaml.max_depth = DEEPEST
    try:
        return _of_document(yaml.compose(text), groups)
    except MaxDepthExceededError as error:
        raise _Wrong(_line(error.problem_mark), "a setting has one value or a list of values") from None
    except ComposerError as error:
        second = error.context is not None
        rule = "a second document begins here; a file holds one customer" if second else MARKS
        raise _Wrong(_line(error.problem_mark), rule) from None
    except MarkedYAMLError as error:
        said = f"{error.problem} ({error.context})" if error.context else str(error.problem)
        hint = next((f": {hint}" for part, hint in HINTS.items() if part in said), "")
        # The parser notices a name without a colon only on the next line.
        mark = error.context_mark if "simple key" in said else error.problem_mark
        raise _Wrong(_line(mark or error.context_mark), f"this is not YAML: {said}{hint}") from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _Wrong(
            line, f"this is not YAML: the character U+{error.character:04X} is not allowed"
        ) from None


def _of_document(document: Node | None, groups: Groups) -> dict[str, Setting]:
    if document is None:
        raise _Wrong(1, "the file is empty")
    _refuse_marks(document)
    if not isinstance(document, MappingNode):
        raise _Wrong(_line(document.start_mark), "a file holds settings, one a line: 'name: value'")
    entries = _mapping(document)
    settings = {
        name: Setting(_value(name, node), line)
        for name, (node, line) in entries.items()
        if name not in groups
    }
    for group, names in groups.items():
        if group in entries:
            settings |= _of_group(group, *entries[group], names, settings)
    return settings


def _mapping(node: MappingNode) -> dict[str, tuple[Node, int]]:
    """Return the values of a mapping by name, each with the line of its name."""
    found: dict[str, tuple[Node, int]] = {}
    for key, value in node.value:
        name, line = _name(key), _line(key.start_mark)
        if name in found:
            raise _Wrong(line, f"{name:.80} is set a second time, first on line {found[name][1]}")
        found[name] = (value, line)
    return found


def _of_group(
    group: str, node: Node, line: int, names: Collection[str], others: Mapping[str, Setting]
) -> dict[str, Setting]:
    """Return the settings of a group.

    :param others: the settings outside the groups; none of them may belong to this group.
    """
    _refuse_marks(node)
    if not isinstance(node, MappingNode):
        rule = f"{group} is a group of settings: write them below it, indented ({', '.join(names)})"
        raise _Wrong(line, rule)
    for name in names:
        if name in others:
            rule = f"{name} belongs to the group {group}, which is on line {line}: write it there"
            raise _Wrong(others[name].line, rule)
    settings = {}
    for name, (value, at) in _mapping(node).items():
        if name not in names:
            rule = f"{group}.{name:.80}: the group has no such setting; it has {', '.join(names)}"
            raise _Wrong(at, rule)
        settings[name] = Setting(_value(name, value), at)
    return settings


def _name(key: Node) -> str:
    _refuse_marks(key)
    if isinstance(key, ScalarNode) and key.value:
        return str(key.value)
    raise _Wrong(_line(key.start_mark), "here must be the name of a setting")


def _value(name: str, node: Node) -> Value:
    _refuse_marks(node)
    if isinstance(node, ScalarNode):
        return _scalar(node)
    if not isinstance(node, SequenceNode):
        raise _Wrong(_line(node.start_mark), f"{name:.80}: must be one value or a list of values")
    return list(_entries(name, node))


def _entries(name: str, node: SequenceNode) -> Iterator[str | None]:
    for entry in node.value:
        _refuse_marks(entry)
        if not isinstance(entry, ScalarNode):
            raise _Wrong(_line(entry.start_mark), f"{name:.80}: each entry of the list must be one value")
        yield _scalar(entry)


def _scalar(node: ScalarNode | libyaml.ScalarNode) -> str | None:
    quoted = bool(node.style)
    return None if not quoted and node.value in NOTHING else str(node.value)


def _refuse_marks(node: Node) -> None:
    if node.anchor is not None:
        raise _Wrong(_line(node.start_mark), MARKS)
    if node.ctag != _TAGS[type(node)]:
        raise _Wrong(_line(node.start_mark), "tags (!) are not read: leave it out, or quote the value")


def _line(mark: Any) -> int:
    return mark.line + 1 if mark else 1
