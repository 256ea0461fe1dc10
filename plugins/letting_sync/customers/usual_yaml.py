"""Reads a customer's file without unusual syntax, with libyaml: a twentieth of the time that ``any_yaml`` takes."""

from __future__ import annotations

import re
from typing import Any

import yaml as libyaml

from letting_sync.customers.setting import Groups, Setting, text_of

_UNUSUAL = re.compile(
    r"[^\n -~\xa0-\u2027\u202a-\ud7ff]"  # line breaks of only one version of YAML, and invalid characters
    # Blanks of one line: with \s, each of many blank lines would be the start of a search to the end of the file.
    r"|(?:^|[:,\[?-])[^\S\n]*[&*!%@`{?|>]"  # anchors, aliases, tags, mappings in braces, block texts
    r"|[-?] +[-?]|\[[^\]]*\["  # lists in lists
    r"|^(?:---|\.\.\.)",  # several documents
    re.MULTILINE,
)
"""Syntax that :func:`usual_settings` does not support, or in which libyaml and ruamel.yaml may differ."""


class _UsualLoader(libyaml.CBaseLoader):
    """Guesses the type of no value: values stay text."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        del kind, value, implicit
        return ""


def usual_settings(text: str, groups: Groups) -> dict[str, Setting] | None:
    """Return the settings of a file without unusual syntax and without errors; ``None`` for any other file."""
    if _UNUSUAL.search(text):
        return None
    try:
        document = libyaml.compose(text, Loader=_UsualLoader)
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
        values = [text_of(entry) for entry in entries]
        settings[name] = Setting(values if entries is node.value else values[0], line)
    return settings
