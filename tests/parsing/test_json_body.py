"""JSON from outside: UTF-8 and nothing else, and bounded before it is parsed."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from letting_sync.parsing.json_body import DEEPEST, UnreadableJson, read_json

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=json_values, ascii_only=st.booleans(), mark=st.booleans())
@example(value='["\\"[{', ascii_only=True, mark=True)
def test_what_a_system_writes_is_read(value: Any, ascii_only: bool, mark: bool) -> None:
    """With a byte order mark or without."""
    body = json.dumps(value, ensure_ascii=ascii_only).encode(
        "utf-8-sig" if mark else "utf-8", "surrogatepass"
    )
    assert read_json(body) == value


@given(st.binary() | st.text())
def test_whatever_comes_is_json_or_refused(body: bytes | str) -> None:
    """And no other exception: its text might quote the body."""
    with contextlib.suppress(UnreadableJson):
        read_json(body)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-32"])
def test_another_encoding_is_refused_and_not_guessed(encoding: str) -> None:
    with pytest.raises(UnreadableJson):
        read_json('{"lastname": "Müller"}'.encode(encoding))


def nested(depth: int) -> str:
    return '{"a": [' * (depth // 2) + "1" + "]}" * (depth // 2)


def depth_of(value: Any) -> int:
    depth = 0
    while isinstance(value, dict | list):
        depth += 1
        value = value["a"] if isinstance(value, dict) else value[0]
    return depth


@pytest.mark.parametrize("depth", [DEEPEST + 2, 5_000, 40_000])
def test_what_is_too_deep_is_cut_and_the_rest_is_read(depth: int) -> None:
    """One record's fault; the others on the page are read."""
    records = read_json('[{"id": "[", "x": ' + nested(depth) + '}, {"id": "]\\"["}]')

    assert [record["id"] for record in records] == ["[", ']"[']
    assert depth_of(records[0]["x"]) == DEEPEST - 2


@given(st.integers(1, DEEPEST))
def test_what_is_not_too_deep_is_left_alone(depth: int) -> None:
    text = "[" * depth + "]" * depth + " "
    assert read_json(f"{text}".replace(" ", "")) == json.loads(text)


@pytest.mark.parametrize(
    "body", ["[" * 1_000_000, "[" * 1_000_000 + "]" * 1_000_000, '{"a":' * 200_000, '"\\' * 500_000]
)
def test_an_absurd_body_is_refused(body: str) -> None:
    with pytest.raises(UnreadableJson):
        read_json(body.encode())


def test_a_number_without_end_is_the_text_of_its_digits() -> None:
    """Its field refuses it; the others on the page are read."""
    digits = "1" * 5_000

    assert read_json(f'[{{"id": {digits}}}, {{"id": 4711}}]') == [{"id": digits}, {"id": 4711}]
