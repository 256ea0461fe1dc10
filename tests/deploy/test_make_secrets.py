"""The secrets of a deployment: random, made once, readable in the containers, and agreeing with each other."""

import json
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy import make_secrets
from deploy.make_secrets import Places
from include.sandbox import Sandbox
from tests.harness import compose_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "secrets"
    make_secrets.make(made, Places(), make_secrets.placeholders())
    return made


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def test_makes_each_file_that_the_compose_file_names(folder: Path) -> None:
    named = {Path(secret["file"]).name for secret in compose_file.load()["secrets"].values()}
    assert {path.name for path in folder.iterdir()} == named


def test_folder_keeps_others_out_and_containers_may_read_the_files(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o644}


def test_never_overwrites(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert make_secrets.make(folder, Places(), {}) == []
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_lost_one_is_made_anew(folder: Path) -> None:
    old = (folder / "jwt_secret").read_text()
    (folder / "jwt_secret").unlink()
    assert make_secrets.make(folder, Places(), {}) == ["jwt_secret"]
    assert (folder / "jwt_secret").read_text() != old


def test_one_of_several_with_the_same_password_is_not_made_alone(folder: Path) -> None:
    (folder / "broker").unlink()
    with pytest.raises(SystemExit, match="broker missing"):
        make_secrets.make(folder, Places(), {})
    assert not (folder / "broker").exists()


def test_no_two_deployments_share_a_secret(folder: Path, tmp_path: Path) -> None:
    make_secrets.make(tmp_path / "other", Places(), make_secrets.placeholders())
    for path in folder.iterdir():
        assert path.read_text() != (tmp_path / "other" / path.name).read_text()


def test_passwords_agree(folder: Path) -> None:
    broker, results = (urlsplit((folder / name).read_text()) for name in ("broker", "celery_results"))
    assert (folder / "redis_conf").read_text() == f"requirepass {broker.password}\n"
    assert results.password == broker.password
    assert results.path != broker.path
    users = {
        key["accessKey"]: (key["secretKey"], identity["actions"])
        for identity in read(folder / "object_store.json")["identities"]
        for key in identity["credentials"]
    }
    rights = {"connections.json": "Write:prospects", "connections-init.json": "Admin"}
    for file in (*rights, "connections-console.json"):
        store = read(folder / file)["aws_default"]
        password, actions = users[store["login"]]
        assert password == store["password"]
        assert {action for action in actions if action.startswith(("Write:", "Admin"))} == {
            rights.get(file)
        } - {None}


def test_hosts_of_other_machines_are_in_every_address(tmp_path: Path) -> None:
    hosts = ["--postgres", "db1:6432", "--redis", "queue1:6380", "--object-store", "https://s3.example.com"]
    assert make_secrets.main([str(tmp_path), *hosts]) == 0

    assert "@db1:6432/" in (tmp_path / "database_airflow").read_text()
    assert "@queue1:6380/" in (tmp_path / "broker").read_text()
    for name in ("connections.json", "connections-console.json", "connections-init.json"):
        connections = read(tmp_path / name)
        assert (connections["prospect_ledger"]["host"], connections["prospect_ledger"]["port"]) == (
            "db1",
            6432,
        )
        assert connections["aws_default"]["extra"]["endpoint_url"] == "https://s3.example.com"


def test_the_ledger_is_the_same_for_all_and_the_console_knows_no_outside_system(folder: Path) -> None:
    files = [
        read(folder / name)
        for name in ("connections.json", "connections-init.json", "connections-console.json")
    ]
    assert len({json.dumps(file["prospect_ledger"]) for file in files}) == 1
    assert set(files[2]) == set(files[1]) == {"prospect_ledger", "aws_default"}
    assert set(files[0]) == {"prospect_ledger", "aws_default", *make_secrets.SYSTEMS}
    assert len(files[0]["prospect_ledger"]["extra"]["hash_key"]) >= 64
    superuser = (folder / "postgres_password").read_text()
    assert superuser not in (folder / "database_airflow").read_text()


def test_sandbox_connections_are_the_sandboxs() -> None:
    box = Sandbox(populate=False)
    theirs = {name: json.loads(text) for name, text in box.connections().items()}
    ours = read(make_secrets.SANDBOX)
    for number, name in enumerate(theirs):
        assert ours[name].pop("host") == f"http://sandbox:{8091 + number}"
        del theirs[name]["host"]
    assert ours == theirs


def test_command_needs_the_standard_library_only(tmp_path: Path) -> None:
    """It runs on a host that has Docker and nothing else of ours."""
    code = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
    code += "runpy.run_module('deploy.make_secrets', run_name='__main__')"
    made = tmp_path / "made"
    command = [sys.executable, "-I", "-S", "-c", code, str(compose_file.ROOT), "--sandbox", str(made)]
    response = subprocess.run(command, capture_output=True, text=True)
    assert response.returncode == 0, response.stderr
    assert read(made / "connections.json")["yuneo"]["host"] == "http://sandbox:8093"


def test_says_what_is_left_to_do_and_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "made"
    assert make_secrets.main([str(made)]) == 0
    said = capsys.readouterr().out
    assert f"{made}/connections.json" in said
    connections = read(made / "connections.json")
    assert all(connections[name]["host"].endswith(".invalid") for name in make_secrets.SYSTEMS)
    assert not any((made / name).read_text().strip() in said for name in ("admin_password", "jwt_secret"))
