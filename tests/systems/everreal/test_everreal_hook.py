"""EverReal's log-in, limits and answers, over real HTTP."""

import json
import time

import pytest

from letting_sync.errors import StopRun, WaitAndRepeat
from letting_sync.systems.everreal.graphql_errors import ERRORS
from letting_sync.systems.everreal.hook import EverRealHook
from letting_sync.systems.everreal.queries import ListQuery

TOKEN = "/accounts/oauth/token"
GRAPHQL = "/api/reporting/graphql"


def read(hook, window):
    return sorted(candidate["id"] for candidate in hook.candidates().read(*window))


def errors(*errors, data=None):
    """A response of EverReal's that has errors in it."""
    return lambda order, partial=False: {"data": data, "errors": list(errors)}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr("letting_sync.systems.everreal.hook.RECORD_ERROR_PAUSES", (0, 0))
    monkeypatch.setattr("letting_sync.systems.everreal.hook.ROTATION_PAUSE", 0)


def test_a_renewal_asks_for_no_new_refresh_token(
    everreal, hook, add_candidates, window, between_pages, asked
):
    """EverReal keeps 50 refresh tokens for a user and deletes the oldest, perhaps another program's."""
    ids = add_candidates(250)
    between_pages(lambda page: everreal.tokens.expire_all())

    assert read(hook, window) == sorted(ids)
    assert asked("POST", TOKEN) > 2
    assert len(everreal.refresh_tokens) == 1


def test_a_refused_refresh_token_is_replaced_once(
    everreal, hook, add_candidates, window, between_pages, asked
):
    ids = add_candidates(250)

    def forget(page):
        if page == 1:
            everreal.tokens.expire_all()
            everreal._refresh_tokens.clear()

    between_pages(forget)

    assert read(hook, window) == sorted(ids)
    assert asked("POST", TOKEN, status=403) == 1
    assert len(everreal.refresh_tokens) == 1


def test_a_wrong_client_secret_stops_the_run_at_the_first_try(everreal, monkeypatch, window, asked):
    wrong = {"extra": {"client_id": "sandbox-client", "client_secret": "wrong-secret"}}
    monkeypatch.setenv("AIRFLOW_CONN_EVERREAL", json.dumps(everreal.connection() | wrong))

    with pytest.raises(StopRun, match="log-in of connection 'everreal'") as stop:
        read(EverRealHook(), window)

    assert asked() == 1
    assert "client_secret" in str(stop.value)
    assert "wrong-secret" not in str(stop.value)


def test_a_connection_without_client_is_refused_with_that_reason(everreal, monkeypatch, window, asked):
    monkeypatch.setenv("AIRFLOW_CONN_EVERREAL", json.dumps(everreal.connection() | {"extra": {}}))

    with pytest.raises(StopRun, match="client_id"):
        read(EverRealHook(), window)
    assert asked() == 0


def test_a_used_up_limit_is_waited_for_and_not_run_into(everreal, hook, add_candidates, window, asked):
    """``X-RateLimit-Remaining: 0`` holds the next call back for as long as EverReal says."""
    ids = add_candidates(150)
    everreal.options.per_minute, everreal.options.limit_window_seconds = 3, 0.9
    began = time.monotonic()

    assert read(hook, window) == sorted(ids)
    assert asked(status=429) == 0
    assert time.monotonic() - began >= 0.9
    assert hook.seconds_waited_for_limits > 0


def test_a_limit_that_is_met_all_the_same_is_waited_for(everreal, hook, add_candidates, window):
    """Another programme shares the limit: EverReal's 429 has no ``Retry-After``."""
    ids = add_candidates(3)
    everreal.faults.once("429", path=GRAPHQL)

    assert read(hook, window) == ids or read(hook, window) == sorted(ids)


def test_partial_data_beside_an_error_is_not_used(everreal, hook, add_candidates, window, asked):
    """HTTP 200, every second record missing, an error beside it: asked for again, all are there."""
    ids = add_candidates(10)
    everreal.faults.once("graphql_partial", path=GRAPHQL)

    assert read(hook, window) == sorted(ids)


@pytest.mark.parametrize(
    "error",
    [
        {"message": 'Cannot query field "geheim" on type "Candidate".'},
        {"message": "Syntax Error: Unexpected <geheim>."},
        {"message": "geheim", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}},
        {"message": "geheim", "extensions": {"code": "BAD_USER_INPUT"}, "path": ["candidates"]},
        {"message": "geheim", "locations": [{"line": 1, "column": 1}]},
    ],
)
def test_a_query_that_is_wrong_stops_the_run_at_once(everreal, hook, window, monkeypatch, error, asked):
    monkeypatch.setattr(everreal, "response", errors(error))

    with pytest.raises(StopRun, match="query is refused") as stop:
        read(hook, window)

    assert asked("POST", GRAPHQL) == 1
    assert "geheim" not in str(stop.value)


def test_a_token_refused_inside_a_200_is_renewed(everreal, hook, add_candidates, window, monkeypatch, asked):
    ids = add_candidates(2)
    response, refused = everreal.response, []

    def refuse_once(order, partial=False):
        if not refused:
            refused.append(order)
            return {"errors": [{"message": "jwt expired", "extensions": {"code": "UNAUTHENTICATED"}}]}
        return response(order, partial)

    monkeypatch.setattr(everreal, "response", refuse_once)

    assert read(hook, window) == sorted(ids)
    assert asked("POST", TOKEN) == 2


def test_an_error_that_stays_fails_the_task_for_airflow_to_repeat(everreal, hook, window, monkeypatch, asked):
    monkeypatch.setattr("letting_sync.http.retry.FAILURES_IN_A_ROW", 2)
    monkeypatch.setattr(
        everreal, "response", errors({"message": "geheim", "path": ["candidates", 3, "email"]}, data=None)
    )

    with pytest.raises(WaitAndRepeat) as repeat:
        read(hook, window)

    assert "geheim" not in str(repeat.value)
    assert asked("POST", GRAPHQL) == 2


@pytest.mark.parametrize(
    "document",
    [
        "query Q($input: CandidatesFilterListPaging) { candidates(input: $input) { id geheim } }",
        "query Q($input: CandidatesFilterListPaging) { candidates(input: $input) }",
        "query Q($input: CandidatesFilterListPaging) { candidates(input: $input) { id { geheim } } }",
        "query Q($input: GeheimPaging) { candidates(input: $input) { id } }",
        "query Q { candidates(input: $input) { id } }",
        "query Q($input: CandidatesFilterListPaging) { candidates(input: $input) { id }",
        "query Q($input: CandidatesFilterListPaging) { geheim(input: $input) { id } }",
        'query Q { candidates(input: {sort: {field: "geheim"}}) { id } }',
        'query Q { candidates(input: {paging: {take: "geheim"}}) { id } }',
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_every_refusal_of_the_reference_implementation_stops_the_run(
    everreal, hook, window, monkeypatch, document, status, asked
):
    """The texts are graphql-core's own, sent with either status; none of them may look like a passing fault."""
    everreal.options.refused_query_status = status
    monkeypatch.setattr("letting_sync.systems.everreal.hook.CANDIDATES", ListQuery("candidates", document))

    with pytest.raises(StopRun, match="query is refused") as stop:
        read(hook, window)

    assert asked("POST", GRAPHQL) == 1
    assert "eheim" not in str(stop.value)


def test_variables_that_do_not_fit_the_types_stop_the_run(everreal, hook, window, monkeypatch):
    def old_variables(skip, take, direction):
        return {"input": {"sort": {"field": "updatedAt", "direction": direction}}}

    monkeypatch.setattr("letting_sync.systems.everreal.hook.page_variables", old_variables)

    with pytest.raises(StopRun, match="query is refused"):
        read(hook, window)


@pytest.mark.parametrize("field", ["candidate", "units", None])
def test_one_broken_record_is_marked_and_the_others_are_read(
    everreal, hook, add_contracts, window, field, asked
):
    """An error whose path names one record is that record's; it is asked for again before it is given up."""
    ids = add_contracts(7)
    everreal.break_record(ids[3], field=field)

    found = list(hook.contracts().read(*window))

    whole = [record["id"] for record in found if ERRORS not in record]
    broken = [record for record in found if ERRORS in record]
    assert sorted(whole) == sorted(set(ids) - {ids[3]})
    assert [record[ERRORS] for record in broken] == [[field] if field else []]
    assert broken[0].get("id") == (ids[3] if field else None)


def test_a_record_that_fails_once_is_read_after_all(everreal, hook, add_contracts, window, between_pages):
    ids = add_contracts(3)
    everreal.break_record(ids[0], field="candidate")
    between_pages(lambda page: everreal.options.broken_records.clear())

    assert sorted(record["id"] for record in hook.contracts().read(*window)) == sorted(ids)


def test_a_broken_record_is_reported_by_one_window_and_not_by_every_later_one(
    everreal, hook, add_contracts, window
):
    """Without its time nobody knows when a missing record changed: the one above it in the list says so."""
    start, end = window
    ids = add_contracts(7)
    everreal.break_record(ids[3])

    later = list(hook.contracts().read(end, end + (end - start)))

    assert later == []


def test_a_response_without_its_list_stops_the_run(everreal, hook, window, monkeypatch):
    """A changed interface must not look like "nothing to do"."""
    monkeypatch.setattr(everreal, "response", lambda order, partial=False: {"data": {"candidates": None}})

    with pytest.raises(StopRun, match="interface may have changed"):
        read(hook, window)


@pytest.mark.parametrize("contract_id", [4711, 4711.0, " 4711 "])
def test_a_contract_is_found_by_its_id_however_the_id_is_written(everreal, hook, monkeypatch, contract_id):
    """As the extraction has read it."""
    body = {"data": {"contracts": [{"id": contract_id, "status": "SIGNED"}]}}
    monkeypatch.setattr(everreal, "response", lambda order, partial=False: body)

    assert hook.contract("4711")["status"] == "SIGNED"
