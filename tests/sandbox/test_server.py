"""The sandbox as a whole: in process, from another process, on the command line, and as pages."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from include.sandbox import Sandbox, SandboxClient
from include.sandbox.__main__ import main

ROOT = Path(__file__).resolve().parents[2]


def test_it_starts_and_stops_quickly_and_holds_its_world() -> None:
    with Sandbox(seed=7) as warm:  # Faker's lists are made once
        assert warm.immomio.applications
    begin = time.process_time()
    with Sandbox(seed=7, prospects=3) as box:
        assert time.process_time() - begin < 1.5  # about half a second of work
        assert len(box.everreal.contracts) == len(box.world.everreal_contracts)
        assert {len(system.units) for system in (box.yuneo, box.sigma)} == {906}
        assert box.yuneo.offers[0].expired
        address = box.yuneo.url
    with pytest.raises(requests.ConnectionError):
        requests.get(address, timeout=1)


def test_connections_are_ready_for_airflow(box: Sandbox) -> None:
    connections = {name: json.loads(text) for name, text in box.connections().items()}

    assert set(connections) == {"immomio", "everreal", "yuneo", "sigma"}
    assert connections["everreal"] == {
        "conn_type": "http",
        "host": box.everreal.url,
        "login": box.everreal.login,
        "password": box.everreal.password,
        "extra": {"client_id": "sandbox-client", "client_secret": "sandbox-client-secret"},
    }


def test_another_process_turns_the_knobs(box: Sandbox) -> None:
    client = SandboxClient(box.yuneo.url)
    box.yuneo.add_offer("p1", box.yuneo.units[0], box.yuneo.add_business_partner().number)
    box.yuneo.let_unit(box.yuneo.units[1])

    assert client.health() == {"system": "yuneo", "status": "ok"}
    assert client.state()["offers_per_external_id"] == {"p1": 1}
    assert client.state()["leases_per_unit"] == {box.yuneo.units[1]: 1}
    client.options(offer_valid_days=3, import_keys=["email"])
    assert (box.yuneo.options.offer_valid_days, box.yuneo.options.import_keys) == (3, ("email",))
    client.fault_once("503", path="/api/v1/offers", times=2)
    assert requests.get(box.yuneo.url + "/api/v1/offers", timeout=5).status_code == 503
    assert client.fault_log() == [{"kind": "503", "method": "GET", "path": "/api/v1/offers"}]
    client.clear_faults()
    client.fault_rate(0.5, ["500"], seed=1)
    for wrong in ({"kind": "nonsense"}, {"rate": 1}):
        response = requests.put(f"{box.yuneo.url}/_sandbox/faults", json=wrong, timeout=5)
        assert response.status_code == 400
    with pytest.raises(requests.HTTPError):
        client.options(per_minute=5, nonsense=1)
    assert client.options()["per_minute"] == 600
    assert client.reset()["offers"] == 0


def test_pages_show_what_happened_and_escape_it(box: Sandbox) -> None:
    partner = box.sigma.add_business_partner(first_name="<script>", last_name="Groß ")
    box.sigma.add_offer("p<1>", box.sigma.units[0], partner.number)

    for system in box.systems:
        page = requests.get(system.url, timeout=5)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "http" not in page.text.replace("http-equiv", "")
    page = requests.get(box.sigma.url, timeout=5)
    assert "p&lt;1&gt;" in page.text
    assert "&lt;script&gt;" in page.text
    assert len(box.sigma.requests) == 0


def _four_free_ports() -> int:
    """The first of four following ports that nobody uses now."""
    for first in range(20_000, 60_000, 7):
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + 4):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise AssertionError("no free ports")


def test_the_command_line_serves_until_it_is_stopped() -> None:
    port = _four_free_ports()
    process = subprocess.Popen(
        [sys.executable, "-m", "include.sandbox", "--port", str(port), "--days", "1"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline().split() for _ in range(4)]
        states = [SandboxClient(address).health()["system"] for _, address in lines]
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)

    assert states == [name for name, _ in lines] == ["immomio", "everreal", "yuneo", "sigma"]
    assert (process.returncode, errors) == (0, "")


def test_a_taken_port_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code = main(["--port", str(taken.getsockname()[1]), "--empty"])

    assert code == 2
    assert capsys.readouterr().err.count("\n") == 1
