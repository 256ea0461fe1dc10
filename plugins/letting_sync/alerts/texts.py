"""What alerts say, in English and German: for each kind what it means, in one sentence, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from letting_sync.config import Language


@dataclass(frozen=True)
class Text:
    """The sentences of one kind of incident."""

    headline: str
    meaning: str
    next_step: str
    closed: str


LABELS: dict[Language, dict[str, str]] = {
    "en": {
        "pair": "Pair", "window": "Window", "what": "What", "meaning": "What it means",
        "next_step": "What to do next", "run": "Run", "open": "Open the run in Airflow",
        "open_held": "Open the list of held offers",
        "by_hand": "started by hand", "to": "to", "well_again": "well again", "test": "test alert",
    },
    "de": {
        "pair": "Strecke", "window": "Zeitraum", "what": "Was", "meaning": "Was es bedeutet",
        "next_step": "Was jetzt zu tun ist", "run": "Lauf", "open": "Lauf in Airflow öffnen",
        "open_held": "Liste der zurückgestellten Angebote öffnen",
        "by_hand": "von Hand gestartet", "to": "bis", "well_again": "wieder in Ordnung", "test": "Probemeldung",
    },
}  # fmt: skip

TEXTS: dict[Language, dict[str, Text]] = {
    "en": {
        "failed": Text(
            "a run has failed",
            "A step has failed after all its tries; what it was to do for this window is not done.",
            "Read the last line of the task's log, mend what it names, clear the task. Nothing is sent twice.",
            "A later run went well.",
        ),
        "late": Text(
            "a run is late",
            "The run has not ended by its deadline: a system is slow, a task was killed, or no worker is free.",
            "Open the run. A task that waits for the ERP's import needs patience; one that is queued or without a "
            "sign of life needs a look at workers and scheduler. Clear it if it is dead. Nothing is sent twice.",
            "The late run has ended, or a later one was in time.",
        ),
        "retrying": Text(
            "a system cannot serve a run",
            "The run waits and tries again by itself; until then nothing more of its window is loaded. It holds no worker.",
            "Ask whoever looks after the system: maintenance, a fault, or a limit that is too low. There is nothing to do in "
            "Airflow, unless the run fails in the end.",
            "The run has ended well.",
        ),
        "retention": Text(
            "personal data is not deleted",
            "The nightly deletion has not ended well for more than two days. Data is kept longer than its keeping time.",
            "Look at the DAG prospect_retention: is it there, switched on, and did its last run end well? "
            "Mend what the log names and start it; it may run at any time.",
            "The nightly deletion has run.",
        ),
        "files": Text(
            "files of customers are wrong",
            "These customers have no DAG, so no new run of theirs begins. All others run.",
            "Correct the lines that are named; within a minute or two the DAGs are there again. Then backfill the days "
            "that are missing.",
            "All files of customers are right.",
        ),
        "quarantine": Text(
            "much in quarantine",
            "These records were not loaded; all others were.",
            "Look at the reasons under Prospects, have the cause mended, then replay them there.",
            "A later run is below the limits.",
        ),
        "interface": Text(
            "the partner's interface is not as assumed",
            "Records carry a status word that is not known, or none of them has a field that all should have, or the pair "
            "used to bring prospects and has brought none for long (silence, with the records per status). Prospects may "
            "be missing without an error.",
            "Ask the partner what the words or fields mean and correct the mapping (docs/contracts.md says where). Then "
            "run the windows in question again.",
            "A later run found everything as expected.",
        ),
        "waiting": Text(
            "held offers wait for a person",
            "These offers are in the ERP, but no lease was made of them, and no later run will do it by itself.",
            "Look at the reasons under Prospects; settle each offer in the ERP, or mend the cause and replay the "
            "prospect there.",
            "No held offer waits for a person any more.",
        ),
        "reminder": Text(
            "offers still wait for approval",
            "Nobody has answered the question of this run; when its time is over the offers stay held.",
            "Open the run, tab Required Actions; take out offers that are not to become leases; answer.",
            "The question has been answered, or its time has passed.",
        ),
        "approval": Text(
            "offers wait for approval",
            "The run goes on when somebody has answered; without an answer in time the offers stay held.",
            "Open the run, tab Required Actions; take out offers that are not to become leases; answer.",
            "The question has been answered, or its time has passed.",
        ),
    },
    "de": {
        "failed": Text(
            "ein Lauf ist fehlgeschlagen",
            "Ein Schritt ist nach allen Versuchen fehlgeschlagen; was er für diesen Zeitraum tun sollte, ist noch offen.",
            "Die letzte Zeile im Log des Schritts lesen, beheben, was sie nennt, dann den Schritt in Airflow "
            "zurücksetzen (Clear). Nichts wird doppelt gesendet.",
            "Ein späterer Lauf war erfolgreich.",
        ),
        "late": Text(
            "ein Lauf ist zu spät",
            "Der Lauf ist nicht rechtzeitig fertig geworden: Ein System ist langsam, ein Schritt wurde abgebrochen, "
            "oder es ist kein Worker frei.",
            "Den Lauf öffnen. Wartet ein Schritt auf den Import des ERP, hilft Geduld; steht er in der Warteschlange "
            "oder gibt er kein Lebenszeichen, Worker und Scheduler prüfen. Hängt er, zurücksetzen (Clear). Nichts "
            "wird doppelt gesendet.",
            "Der verspätete Lauf ist beendet, oder ein späterer war pünktlich.",
        ),
        "retrying": Text(
            "ein System kann einen Lauf nicht bedienen",
            "Der Lauf wartet und versucht es von selbst wieder; bis dahin wird aus seinem Zeitraum nichts weiter geladen. Er "
            "belegt keinen Worker.",
            "Bei den Betreuern des Systems nachfragen: Wartung, Störung oder eine zu niedrige Grenze. In Airflow ist nichts zu "
            "tun, es sei denn, der Lauf schlägt am Ende fehl.",
            "Der Lauf war erfolgreich.",
        ),
        "retention": Text(
            "personenbezogene Daten werden nicht gelöscht",
            "Die nächtliche Löschung ist seit mehr als zwei Tagen nicht erfolgreich zu Ende gelaufen. Daten werden länger "
            "aufbewahrt als vorgesehen.",
            "Den DAG prospect_retention ansehen: Ist er da, eingeschaltet, und war sein letzter Lauf erfolgreich? Beheben, was "
            "das Log nennt, und ihn starten; er darf jederzeit laufen.",
            "Die nächtliche Löschung ist gelaufen.",
        ),
        "files": Text(
            "Kundendateien sind falsch",
            "Diese Kunden haben keinen DAG, es beginnt also kein neuer Lauf für sie. Alle anderen laufen.",
            "Die genannten Zeilen berichtigen; nach ein, zwei Minuten sind die DAGs wieder da. Danach die fehlenden Tage "
            "nachholen (Backfill).",
            "Alle Kundendateien sind richtig.",
        ),
        "quarantine": Text(
            "viele Datensätze in Quarantäne",
            "Diese Datensätze wurden nicht geladen, alle anderen schon.",
            "Die Gründe auf der Seite Interessenten (Prospects) ansehen, die Ursache beheben lassen, dann dort erneut "
            "senden.",
            "Ein späterer Lauf liegt unter den Grenzen.",
        ),
        "interface": Text(
            "die Schnittstelle des Portals ist anders als angenommen",
            "Datensätze haben ein unbekanntes Statuswort, oder keinem ist ein Feld mitgegeben, das alle haben sollten, "
            "oder das Paar brachte sonst Interessenten und seit langem keinen mehr (silence, mit den Datensätzen je "
            "Status). Es können Interessenten fehlen, ohne dass ein Fehler auftritt.",
            "Beim Portal erfragen, was die Wörter oder Felder bedeuten, und die Zuordnung berichtigen (wo, steht in "
            "docs/contracts.md). Danach die betroffenen Zeiträume noch einmal laufen lassen.",
            "Ein späterer Lauf fand alles wie erwartet.",
        ),
        "waiting": Text(
            "zurückgestellte Angebote warten auf Klärung",
            "Diese Angebote stehen im ERP, aber es wurde kein Mietvertrag daraus, und kein späterer Lauf holt das von "
            "selbst nach.",
            "Die Gründe auf der Seite Interessenten (Prospects) ansehen; jedes Angebot im ERP klären, oder die Ursache "
            "beheben und den Interessenten erneut senden.",
            "Kein zurückgestelltes Angebot wartet mehr auf Klärung.",
        ),
        "reminder": Text(
            "Angebote warten noch auf Freigabe",
            "Die Frage dieses Laufs hat niemand beantwortet; nach Ablauf ihrer Frist bleiben die Angebote zurückgestellt.",
            "Den Lauf öffnen, Reiter Erforderliche Interaktionen (Required Actions); Angebote herausnehmen, aus denen kein "
            "Mietvertrag werden soll; antworten.",
            "Die Frage ist beantwortet, oder ihre Frist ist abgelaufen.",
        ),
        "approval": Text(
            "Angebote warten auf Freigabe",
            "Der Lauf geht weiter, sobald jemand geantwortet hat; ohne rechtzeitige Antwort bleiben die Angebote "
            "zurückgestellt.",
            "Den Lauf öffnen, Reiter Erforderliche Interaktionen (Required Actions); Angebote herausnehmen, aus denen kein "
            "Mietvertrag werden soll; antworten.",
            "Die Frage ist beantwortet, oder ihre Frist ist abgelaufen.",
        ),
    },
}

FAILED_TASK: dict[Language, dict[str, str]] = {
    "en": {
        "extract": "The partner's records of this window could not be read; nothing was loaded.",
        "dedup": "The records were read but not cleaned; nothing was loaded.",
        "load_offers": "Some prospects of this window may still be without an offer in the ERP.",
        "auto_accept": "All offers are in the ERP, but some leases may not have been made.",
        "reconcile": "All is loaded, but the proof that no record was lost has failed.",
        "staged_tables": "Personal data whose keeping time is over has not been deleted.",
        "ledger_rows": "Rows of the ledger whose keeping time is over have not been deleted.",
    },
    "de": {
        "extract": "Die Datensätze des Portals konnten nicht gelesen werden; nichts wurde geladen.",
        "dedup": "Die Datensätze wurden gelesen, aber nicht bereinigt; nichts wurde geladen.",
        "load_offers": "Einige Interessenten dieses Zeitraums haben womöglich noch kein Angebot im ERP.",
        "auto_accept": "Alle Angebote stehen im ERP, aber womöglich fehlen Mietverträge.",
        "reconcile": "Alles ist geladen, aber der Nachweis, dass kein Datensatz verloren ging, ist nicht gelungen.",
        "staged_tables": "Personenbezogene Daten, deren Aufbewahrungszeit vorbei ist, wurden nicht gelöscht.",
        "ledger_rows": "Einträge des Protokolls, deren Aufbewahrungszeit vorbei ist, wurden nicht gelöscht.",
    },
}

AFTER_ERROR: dict[Language, dict[str, tuple[str, str]]] = {
    "en": {
        "WaitAndRepeat": (
            "",
            "All tries are used up: nothing goes on by itself. Clear the task once the system answers. Nothing is sent twice.",
        ),
        "ResponseLost": (
            "",
            "All tries are used up: nothing goes on by itself. Clear the task once the system answers; what may have taken "
            "effect is looked up first. Nothing is sent twice.",
        ),
        "IdsNotFound": (
            "The ids that were found have been handed over as usual.",
            "Compare the ids with the partner's; correct the wrong ones and start a new run with them. Do not clear this run.",
        ),
    },
    "de": {
        "WaitAndRepeat": (
            "",
            "Alle Versuche sind aufgebraucht, von selbst geht nichts weiter. Den Schritt zurücksetzen (Clear), sobald das System "
            "wieder antwortet. Nichts wird doppelt gesendet.",
        ),
        "ResponseLost": (
            "",
            "Alle Versuche sind aufgebraucht, von selbst geht nichts weiter. Den Schritt zurücksetzen (Clear), sobald das System "
            "wieder antwortet; was vielleicht gewirkt hat, wird zuerst nachgeschlagen. Nichts wird doppelt gesendet.",
        ),
        "IdsNotFound": (
            "Die gefundenen Nummern wurden wie gewohnt übergeben.",
            "Die Nummern mit denen des Portals vergleichen; die falschen berichtigen und mit ihnen einen neuen Lauf starten. "
            "Diesen Lauf nicht zurücksetzen.",
        ),
    },
}
"""By the class of the error: what it means (empty: what the task's failure means) and what to do."""

WHAT: dict[Language, dict[str, str]] = {
    "en": {
        "task": "task {task}",
        "run": "the run as a whole",
        "late": "not ended by {deadline}",
        "retrying": "{failure}. This began at {since}",
        "retention": "last ended well: {last}",
        "never": "never",
        "files": "{sentences}",
        "quarantine": "{quarantined} of {extracted} records; limits: {share:.0%} or {count}. Reasons: {reasons}",
        "interface": "found: {found}",
        "waiting": "{total} offers, {new} of them new. Reasons: {reasons}",
        "approval": "{total} offers",
        "reminder": "{total} offers",
        "left_late": "Still not ended: {runs}.",
        "left_failed": "Failed and not made up for: {runs}. Clear them, oldest first.",
        "test": "Nothing has happened. If you can read this, alerts arrive.",
    },
    "de": {
        "task": "Schritt {task}",
        "run": "der Lauf als Ganzes",
        "late": "nicht fertig bis {deadline}",
        "retrying": "{failure}. Begonnen hat das um {since}",
        "retention": "zuletzt erfolgreich: {last}",
        "never": "nie",
        "files": "{sentences}",
        "quarantine": "{quarantined} von {extracted} Datensätzen; Grenzen: {share:.0%} oder {count}. Gründe: {reasons}",
        "interface": "gefunden: {found}",
        "waiting": "{total} Angebote, davon {new} neu. Gründe: {reasons}",
        "approval": "{total} Angebote",
        "reminder": "{total} Angebote",
        "left_late": "Noch nicht fertig: {runs}.",
        "left_failed": "Fehlgeschlagen und nicht nachgeholt: {runs}. Zurücksetzen (Clear), die ältesten zuerst.",
        "test": "Es ist nichts passiert. Wer dies liest, den erreichen die Meldungen.",
    },
}
