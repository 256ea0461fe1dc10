"""A body is UTF-8, whatever its headers say, and what is not is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from api_server import Server, look_up, sigma_at

from letting_sync.errors import WaitAndRepeat

BODY = '{"angebote": [{"angebotNr": "1", "bearbeiter": "Müller"}], "gesamt": 1}'


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    "kind", ["application/json", "text/json", "text/plain", "text/plain; charset=iso-8859-1", "text/html", ""]
)
def test_json_is_utf_8_whatever_the_headers_say(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, kind: str, mark: bytes
) -> None:
    server = serve((200, mark + BODY.encode(), {"Content-Type": kind} if kind else {}))

    assert look_up(sigma_at(server.url, monkeypatch))[0]["bearbeiter"] == "Müller"


def test_another_encoding_is_an_error_and_not_guessed(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve((200, BODY.encode("cp1252"), {"Content-Type": "application/json; charset=windows-1252"}))

    with pytest.raises(WaitAndRepeat, match="not UTF-8"):
        look_up(sigma_at(server.url, monkeypatch))


@pytest.mark.parametrize("number", [4711, 4711.0, "4711"])
def test_an_import_has_the_same_number_however_it_is_written(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, number: Any
) -> None:
    server = serve((200, {"laufNr": number}))

    assert sigma_at(server.url, monkeypatch).start_import("Immomio") == "4711"
