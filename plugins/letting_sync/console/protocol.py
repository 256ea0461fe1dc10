"""The acceptance protocol of a dry run: a page in German for the meeting before go-live, field by field.

Made of the run's staged tables when it is fetched; nothing is stored beside them. It stands alone, without a script.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from letting_sync.console import words
from letting_sync.console.runs import RunRow
from letting_sync.window import TIMEZONE

MOST_PROSPECTS = 200
"""So many prospects are shown field by field."""
FIELDS = {
    "unit": "VE-Nummer",
    "salutation": "Anrede",
    "title": "Titel",
    "first_name": "Vorname",
    "last_name": "Nachname",
    "birth_date": "Geburtsdatum",
    "email": "E-Mail",
    "phone": "Telefon",
    "mobile": "Mobilnummer",
    "street": "Straße",
    "house_number": "Hausnummer",
    "postal_code": "Postleitzahl",
    "city": "Ort",
    "country": "Land",
    "lease_start": "Vertragsbeginn",
    "message": "Nachricht",
}
_SENT, _CLEANED, _EMPTY, _NOT_TAKEN = "gesendet", "bereinigt gesendet", "leer", "nimmt das ERP nicht an"
_NOTES = (_SENT, _CLEANED, _EMPTY, _NOT_TAKEN)
_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #18181b; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { border: 1px solid #ccc; padding: 3px 8px; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { background: #f1f1f3; }
.note-leer, .note-nimmt { color: #5c5c66; }
.note-bereinigt { background: #fdf3d8; }
section { break-inside: avoid; }
.sign td { height: 3rem; }
"""


def page(run: RunRow, rows: Sequence[Mapping[str, Any]], fields: Sequence[Mapping[str, Any]]) -> str:
    """Return the protocol as an HTML page.

    :param rows: what would become of each record, as :func:`staged.dry_run` returns it.
    :param fields: what would be sent, as :func:`staged.protocol_fields` returns it.
    """
    title = f"Abnahmeprotokoll des Probelaufs: {run.dag_id}"
    return (
        '<!doctype html><html lang="de"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1>{_head(run)}{_summary(rows)}{_by_field(fields)}"
        f"{_decisions(rows)}{_prospects(fields)}{_signatures()}</body></html>"
    )


def _head(run: RunRow) -> str:
    window = (
        f"{_moment(run.window[0])} bis {_moment(run.window[1])}"
        if run.window
        else "nach Auswahl oder von Hand"
    )
    return _table(
        ("Lauf", "Zeitraum", "Beginn des Laufs"),
        [(run.run_id, window, _moment(run.started))],
    ) + (
        "<p>In diesem Lauf wurde <b>nichts geschrieben</b>, weder in das ERP noch in das Protokoll des Programms. Dieses "
        "Dokument enthält personenbezogene Daten: nur für die Abnahme verwenden, danach löschen.</p>"
        "<p>Nicht prüfbar vor dem ersten echten Lauf: ob das ERP die VE-Nummer kennt und ob die Einheit frei ist; bei manchem ERP "
        "auch der Name der Immobilienbörse.</p>"
    )


def _summary(rows: Sequence[Mapping[str, Any]]) -> str:
    said = words.of("de")
    loads = Counter(row["kind"] for row in rows if row["kind"])
    leases = Counter(row["verdict"] for row in rows if row["verdict"])
    counted = [(said[f"would.{kind}"], count) for kind, count in loads.most_common()]
    counted += [(said[f"verdict.{verdict}"], count) for verdict, count in leases.most_common()]
    return "<h2>Was geschehen würde</h2>" + _table(("Ergebnis", "Anzahl"), counted)


def _by_field(fields: Iterable[Mapping[str, Any]]) -> str:
    counts = defaultdict[str, Counter[str]](Counter)
    names: dict[str, str] = {}
    for row in fields:
        counts[row["field"]][_note(row)] += 1
        names[row["field"]] = row["erp_field"] or "–"
    lines = [
        (label, names[field], *(counts[field][note] or "" for note in _NOTES))
        for field, label in FIELDS.items()
        if field in counts
    ]
    return "<h2>Je Feld</h2>" + _table(("Feld", "Feld im ERP", *_NOTES), lines)


def _decisions(rows: Sequence[Mapping[str, Any]]) -> str:
    said = words.of("de")

    def why(code: str | None) -> str:
        return said.get(f"reason.{code}", code or "")

    lines = [
        (
            row["external_id"] or "–",
            row["unit"] or "–",
            said[f"would.{row['kind']}"] if row["kind"] else "Angebot eines früheren Laufs",
            why(row["load_reason"]),
            said[f"verdict.{row['verdict']}"] if row["verdict"] else "–",
            why(row["reason"]),
        )
        for row in rows
    ]
    heads = ("Externe Kennung", "VE-Nummer", "Übergabe", "Grund", "Mietvertrag", "Grund")
    return "<h2>Je Interessent</h2>" + _table(heads, lines)


def _prospects(fields: Sequence[Mapping[str, Any]]) -> str:
    by_record = defaultdict[int, list[Mapping[str, Any]]](list)
    for row in fields:
        by_record[row["record"]].append(row)
    parts = ["<h2>Was gesendet würde</h2>"]
    for rows in list(by_record.values())[:MOST_PROSPECTS]:
        head = f"{rows[0]['external_id']} · {rows[0]['unit']}"
        lines = [
            (FIELDS.get(r["field"], r["field"]), r["written"] or "", r["sent"] or "", _note(r)) for r in rows
        ]
        parts.append(
            f"<section><h3>{escape(head)}</h3>{_table(('Feld', 'im Portal', 'an das ERP', 'Vermerk'), lines)}</section>"
        )
    if len(by_record) > MOST_PROSPECTS:
        parts.append(f"<p>Gezeigt sind {MOST_PROSPECTS} von {len(by_record)} Interessenten.</p>")
    return "".join(parts)


def _signatures() -> str:
    return (
        "<h2>Abnahme</h2><table class='sign'><thead><tr><th>Datum</th><th>Name</th><th>Unterschrift</th></tr></thead>"
        "<tbody><tr><td></td><td></td><td></td></tr><tr><td></td><td></td><td></td></tr></tbody></table>"
    )


def _note(row: Mapping[str, Any]) -> str:
    if row["erp_field"] is None:
        return _NOT_TAKEN if row["written"] else _EMPTY
    if row["sent"] is None:
        return _EMPTY
    return _CLEANED if row["cleaned"] else _SENT


def _table(heads: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    head = "".join(f'<th scope="col">{escape(str(text))}</th>' for text in heads)
    body = "".join(f"<tr>{''.join(map(_cell, line))}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    note = f' class="note-{str(value).split()[0]}"' if value in _NOTES else ""
    return f"<td{note}>{escape(str(value))}</td>"


def _moment(time: datetime | None) -> str:
    return time.astimezone(ZoneInfo(TIMEZONE)).strftime("%d.%m.%Y %H:%M") if time else "–"
