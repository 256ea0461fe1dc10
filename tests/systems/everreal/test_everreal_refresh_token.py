"""One log-in with the password, and a refresh token that all tasks share."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from letting_sync.systems.everreal.hook import EverRealHook
from letting_sync.systems.everreal.refresh_tokens import VariableStore

TOKEN = "/accounts/oauth/token"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr("letting_sync.systems.everreal.hook.ROTATION_PAUSE", 0)


@pytest.fixture
def a_task(everreal, shelf, window):
    """What one run's extract does with a hook of its own."""

    def a_task():
        with EverRealHook(refresh_tokens=shelf) as hook:
            return sorted(record["id"] for record in hook.candidates().read(*window))

    return a_task


def test_many_runs_log_in_with_the_password_once(everreal, add_candidates, a_task):
    ids = add_candidates(3)

    for _ in range(5):
        assert a_task() == sorted(ids)

    assert len(everreal.refresh_tokens) == 1


@pytest.mark.parametrize("rotating", [False, True])
def test_tasks_at_the_same_moment_all_get_in(everreal, add_candidates, a_task, rotating):
    """Whether or not each refresh ends the token that it used, nobody is left out and few tokens are made."""
    everreal.options.rotate_refresh_tokens = rotating
    ids = add_candidates(3)
    a_task()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: a_task(), range(24)))

    assert found == [sorted(ids)] * 24
    assert len(everreal.refresh_tokens) <= 25
    assert a_task() == sorted(ids)


def test_a_revoked_token_is_replaced_by_one_log_in_with_the_password(
    everreal, add_candidates, a_task, shelf, asked
):
    ids = add_candidates(3)
    a_task()
    revoked = shelf.token
    everreal._refresh_tokens.clear()

    assert a_task() == sorted(ids)
    assert asked("POST", TOKEN, status=403) == 1
    assert shelf.token not in (None, revoked)
    assert a_task() == sorted(ids)
    assert asked("POST", TOKEN, status=403) == 1


def test_a_token_that_another_task_has_just_replaced_is_read_again(everreal, add_candidates, a_task, shelf):
    """The other task's refresh ended ours between our reading and our use of it."""
    everreal.options.rotate_refresh_tokens = True
    ids = add_candidates(3)
    a_task()
    fresh, stale = shelf.token, "replaced-a-moment-ago"
    reads = iter([stale, fresh])
    shelf.read = lambda: next(reads)

    assert a_task() == sorted(ids)
    assert len(everreal.refresh_tokens) == 1


def test_without_a_store_every_run_logs_in_with_the_password(
    everreal, add_candidates, window, caplog, monkeypatch
):
    """Outside a task there is no Variable to write: the log says so, and nothing else depends on it."""
    ids = add_candidates(3)

    with caplog.at_level(logging.INFO), EverRealHook() as hook:
        assert sorted(record["id"] for record in hook.candidates().read(*window)) == sorted(ids)

    assert not [token for token in everreal.refresh_tokens if token in caplog.text]


def test_another_user_of_the_connection_does_not_go_on_as_the_old_one(everreal, monkeypatch):
    before = EverRealHook().refresh_tokens
    monkeypatch.setenv(
        "AIRFLOW_CONN_EVERREAL", json.dumps(everreal.connection() | {"login": "new@example.org"})
    )
    after = EverRealHook().refresh_tokens

    assert isinstance(before, VariableStore)
    assert isinstance(after, VariableStore)
    assert before.key != after.key
    assert "token" in after.key  # by this word Airflow knows that the value is to be masked
