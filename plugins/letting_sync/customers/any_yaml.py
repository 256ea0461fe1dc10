"""Reads any customer's file, with ``ruamel.yaml``, and says what is wrong in which line.

``ruamel.yaml`` composes nodes, which have line numbers, and constructs no objects, so a tag executes nothing. Anchors, aliases
and tags are rejected, so that a small file cannot expand to a large one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import ComposerError, MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.resolver import BaseResolver, VersionedResolver

from letting_sync.customers.setting import Groups, Setting, Value, WrongLine, text_of

DEEPEST = 10
"""Levels that are read before a file is rejected. Three are allowed; the others allow a better error message."""
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


def settings_or_mistake(text: str, groups: Groups) -> dict[str, Setting]:
    """Return the settings of any file.

    :raises WrongLine: what is wrong with it.
    """
    # Nothing is written back, so the slower round-trip loader, which keeps comments, is not needed.
    yaml = YAML(typ="safe", pure=True)
    yaml.Resolver = _TextStaysText
    yaml.max_depth = DEEPEST
    try:
        return _of_document(yaml.compose(text), groups)
    except MaxDepthExceededError as error:
        raise WrongLine(_line(error.problem_mark), "a setting has one value or a list of values") from None
    except ComposerError as error:
        second = error.context is not None
        rule = "a second document begins here; a file holds one customer" if second else MARKS
        raise WrongLine(_line(error.problem_mark), rule) from None
    except MarkedYAMLError as error:
        said = f"{error.problem} ({error.context})" if error.context else str(error.problem)
        hint = next((f": {hint}" for part, hint in HINTS.items() if part in said), "")
        # The parser notices a name without a colon only on the next line.
        mark = error.context_mark if "simple key" in said else error.problem_mark
        raise WrongLine(_line(mark or error.context_mark), f"this is not YAML: {said}{hint}") from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise WrongLine(
            line, f"this is not YAML: the character U+{error.character:04X} is not allowed"
        ) from None


def _of_document(document: Node | None, groups: Groups) -> dict[str, Setting]:
    if document is None:
        raise WrongLine(1, "the file is empty")
    _refuse_marks(document)
    if not isinstance(document, MappingNode):
        raise WrongLine(_line(document.start_mark), "a file holds settings, one a line: 'name: value'")
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
            raise WrongLine(line, f"{name:.80} is set a second time, first on line {found[name][1]}")
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
        raise WrongLine(line, rule)
    for name in names:
        if name in others:
            rule = f"{name} belongs to the group {group}, which is on line {line}: write it there"
            raise WrongLine(others[name].line, rule)
    settings = {}
    for name, (value, at) in _mapping(node).items():
        if name not in names:
            rule = f"{group}.{name:.80}: the group has no such setting; it has {', '.join(names)}"
            raise WrongLine(at, rule)
        settings[name] = Setting(_value(name, value), at)
    return settings


def _name(key: Node) -> str:
    _refuse_marks(key)
    if isinstance(key, ScalarNode) and key.value:
        return str(key.value)
    raise WrongLine(_line(key.start_mark), "here must be the name of a setting")


def _value(name: str, node: Node) -> Value:
    _refuse_marks(node)
    if isinstance(node, ScalarNode):
        return text_of(node)
    if not isinstance(node, SequenceNode):
        raise WrongLine(_line(node.start_mark), f"{name:.80}: must be one value or a list of values")
    return list(_entries(name, node))


def _entries(name: str, node: SequenceNode) -> Iterator[str | None]:
    for entry in node.value:
        _refuse_marks(entry)
        if not isinstance(entry, ScalarNode):
            raise WrongLine(_line(entry.start_mark), f"{name:.80}: each entry of the list must be one value")
        yield text_of(entry)


def _refuse_marks(node: Node) -> None:
    if node.anchor is not None:
        raise WrongLine(_line(node.start_mark), MARKS)
    if node.ctag != _TAGS[type(node)]:
        raise WrongLine(_line(node.start_mark), "tags (!) are not read: leave it out, or quote the value")


def _line(mark: Any) -> int:
    return mark.line + 1 if mark else 1
