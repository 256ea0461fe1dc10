"""Quarantine, offers that wait and questions are reported when they change."""

from __future__ import annotations

import pytest
from alert_receiver import PAIR, context, counts, run, waiting_offer

from letting_sync.alerts import callbacks
from letting_sync.ledger.ledger import Ledger
from letting_sync.settings import AlertLimits


def test_quarantine_above_the_share_is_reported_once_and_its_end_too(received):
    for hours, quarantined in enumerate((8, 9, 10, 0, 0)):
        callbacks.reconciled(context(run(hours)), counts(40, quarantined), AlertLimits())
    much = "many records in quarantine"
    assert received.headlines == [f"{PAIR}: {much}", f"{PAIR}: resolved ({much})"]
    assert (
        "In quarantine: 9 of 40 records. An alert is sent from 20% or 20 records. Reasons: 9 × last name: missing (last_name_missing)"
        in received.text
    )


@pytest.mark.parametrize(
    ("quarantined", "extracted", "exceeded"),
    [
        (0, 0, False),
        (1, 1, False),
        (2, 3, True),
        (8, 40, False),
        (9, 40, True),
        (20, 1000, False),
        (21, 1000, True),
    ],
)
def test_the_limits_of_quarantine(quarantined, extracted, exceeded):
    assert AlertLimits().quarantine_exceeded(quarantined, extracted) is exceeded


def test_an_interface_that_is_not_as_assumed_is_reported_once_and_its_end_too(received):
    """A run that read nothing does not end it: it saw no status at all."""
    strange = {"unknown_words": {"COMPLETED": 2}, "interface_findings": {"field_never_there dateOfBirth": 3}}
    for hours, found in enumerate(({}, strange, strange, {"extracted": 0}, {})):
        callbacks.reconciled(context(run(hours)), counts(3) | found, AlertLimits())
    differs = "the partner's interface differs from the contract"
    assert received.headlines == [f"{PAIR}: {differs}", f"{PAIR}: resolved ({differs})"]
    assert (
        "field dateOfBirth is missing in all 3 records; unknown status COMPLETED (2 records)" in received.text
    )


def test_a_finding_of_a_partner_that_others_have_added_is_reported_by_its_code(received):
    callbacks.reconciled(
        context(run(0)), counts(3) | {"interface_findings": {"moon phase": 2}}, AlertLimits()
    )
    assert "moon phase (2 ×)" in received.text


def test_waiting_offers_are_reported_when_new_ones_wait_and_when_none_is_left(received):
    first = waiting_offer("1")
    waiting_offer("2", "rejected_by_approver")
    for hours in range(3):
        callbacks.reconciled(context(run(hours)), counts(), AlertLimits())
    assert received.headlines == [f"{PAIR}: offers on hold need a decision"]
    assert (
        "Offers on hold: 1, of which new: 1. Reasons: 1 × another chosen prospect competes for the unit (competing_offer)"
        in received.text
    )

    second = waiting_offer("3", "expired")
    callbacks.reconciled(context(run(4)), counts(), AlertLimits())
    assert len(received.mails) == 2

    Ledger().mark_leased(first, "M1", "r")
    Ledger().mark_leased(second, "M2", "r")
    callbacks.reconciled(context(run(5)), counts(), AlertLimits())
    assert received.headlines[2] == f"{PAIR}: resolved (offers on hold need a decision)"


def test_a_dry_run_alerts_nobody(received):
    waiting_offer("1")
    callbacks.reconciled(context(run(), dry_run=True), counts(40, 40), AlertLimits())
    assert received.mails == []


def test_every_question_is_reported_once_and_its_end(received):
    """The notifier is called at every try of the task."""
    for hours in (0, 0, 1):
        dag_run = run(hours)
        waiting_offer(str(hours), run_id=dag_run["dag_run_id"], awaiting=True)
        callbacks.ApprovalAsked()(context(dag_run))
    asked = f"{PAIR}: offers wait for approval"
    assert received.headlines == [asked, asked]
    callbacks.succeeded(context(run(1)))
    assert received.headlines[2:] == [f"{PAIR}: resolved (offers wait for approval)"]
    callbacks.succeeded(context(run(0)))
    assert len(received.mails) == 4
