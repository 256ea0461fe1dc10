"""Read-only HTML pages with a system's records: rendered on the server, escaped, without resources from other hosts."""

import html
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response

if TYPE_CHECKING:
    from include.sandbox.erp import Erp
    from include.sandbox.erp_records import Job, Lease, Offer

MOST_ROWS = 500

STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 1.5rem auto; max-width: 84rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
th, td { border-bottom: 1px solid #8886; padding: .3rem .6rem; text-align: left; white-space: pre; }
th { font-weight: 600; }
ul { display: flex; flex-wrap: wrap; gap: .5rem 2rem; list-style: none; padding: 0; }
li b { font-size: 1.4rem; display: block; }
"""


def _page(title: str, body: str) -> Response:
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><h1>{html.escape(title)}</h1>{body}</body></html>",
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


def _figures(figures: dict[str, Any]) -> str:
    named = ((name.replace("_", " "), n) for name, n in figures.items())
    items = (f"<li><b>{html.escape(str(n))}</b>{html.escape(name)}</li>" for name, n in named)
    return f"<ul>{''.join(items)}</ul>"


def _cell(value: Any) -> str:
    return f"<td>{'' if value is None else html.escape(str(value))}</td>"


def _table(title: str, records: list[dict[str, Any]]) -> str:
    """Return a table, newest rows first; blanks in names are kept, since they matter here."""
    if not records:
        return f"<h2>{html.escape(title)}</h2><p>None yet.</p>"
    head = "".join(f'<th scope="col">{html.escape(name.replace("_", " "))}</th>' for name in records[0])
    newest = records[::-1][:MOST_ROWS]
    lines = "".join(f"<tr>{''.join(map(_cell, record.values()))}</tr>" for record in newest)
    more = f"<p>The newest {MOST_ROWS} of {len(records)}.</p>" if len(records) > MOST_ROWS else ""
    return (
        f"<h2>{html.escape(title)}</h2>{more}"
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
    )


def partner_page(title: str, counts: dict[str, Any], applicants: list[dict[str, Any]]) -> Response:
    """Return a page of a partner's records, counted by status, and its applicants, latest change first."""
    applicants = sorted(applicants, key=lambda one: str(one["updated"]))
    figures = {name: n for name, n in counts.items() if not isinstance(n, dict)}
    return _page(
        title,
        _figures(figures)
        + "<h2>By status</h2>"
        + _figures(counts["by_status"])
        + _table("Applicants", applicants),
    )


def erp_page(title: str, erp: "Erp", jobs: list["Job"]) -> Response:
    """Return a page of an ERP's offers, leases, business partners and imports."""
    counts = {name: n for name, n in erp.counts().items() if not isinstance(n, dict)}
    people = {one.number: one.person for one in erp.business_partners}

    def who(number: int | None) -> str:
        person = people.get(number or 0)
        return f"{number} {person.first_name} {person.last_name}" if person else ""

    return _page(
        title,
        _figures(counts)
        + _table("Offers", [_offer(one, who(one.business_partner)) for one in erp.offers])
        + _table("Leases", [_lease(one, who(one.business_partner)) for one in erp.leases])
        + _table("Business partners", [{"number": n, **asdict(person)} for n, person in people.items()])
        + _table("Imports", [_import(job) for job in jobs]),
    )


def _offer(offer: "Offer", who: str) -> dict[str, Any]:
    return {
        "number": offer.number,
        "unit": offer.unit,
        "business partner": who,
        "status": offer.status,
        "lease": offer.lease_number,
        "valid until": offer.valid_until,
        "exchange": offer.exchange,
        "external id": offer.external_id,
    }


def _lease(lease: "Lease", who: str) -> dict[str, Any]:
    return {
        "number": lease.number,
        "unit": lease.unit,
        "business partner": who,
        "start": lease.start,
        "end": lease.end,
        "offer": lease.offer_number,
    }


def _import(job: "Job") -> dict[str, Any]:
    return {
        "number": job.id,
        "exchange": job.exchange,
        "status": job.status,
        "prospects": job.total,
        "offers": sum(result.offer is not None for result in job.results),
        "rejected": sum(result.offer is None for result in job.results),
        "created": f"{job.created_at:%Y-%m-%d %H:%M:%S} UTC",
    }
