"""How fast cleaning, exact matching and suspects are; how right suspects are, is measured by ``benchmarks.bench_suspects``.

    python -m benchmarks.bench_dedup [--rows 1000000] [--suspects 100000]

Everything runs on one core; each measurement in a process of its own, whose peak memory holds the frame too. Times are of the
processor, so other load on the machine matters little.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import pyarrow as pa

from letting_sync.matching.cleaning import clean
from letting_sync.matching.dedup import merge_same_person
from letting_sync.matching.suspects.suspects import suspects
from tests.harness.synthetic_people import KINDS, SURNAMES, people

TEXTS = "external_id unit salutation title first_name last_name email phone mobile street house_number postal_code city country message"


def prospects_of_a_run(rows: int, distinct: bool = False) -> pd.DataFrame:
    """A run as a partner delivers it: a tenth untidy, a twentieth twice on one listing, a twentieth on two."""
    rng = np.random.default_rng(7)
    fresh = rows - rows // 10
    frame = people(fresh, 0, KINDS["ordinary"], seed=7).drop(columns="entity")
    number = pd.Series(np.arange(fresh).astype(str))
    if distinct:
        letters = number.str.translate(str.maketrans("0123456789", "abcdefghij"))
        frame = frame.assign(first_name=frame["first_name"] + letters, last_name=frame["last_name"] + letters)
    dice = rng.random(fresh)
    frame = frame.assign(
        external_id="ext-" + number,
        unit="1/2/" + pd.Series(rng.integers(1, 5000, fresh).astype(str)) + "/7",
        chosen=True,
        withdrawn=False,
        updated_at=pd.Timestamp("2026-01-01", tz="UTC")
        + pd.to_timedelta(rng.integers(0, 10**6, fresh), unit="s"),
        salutation="NONE",
        email=frame["first_name"].str.lower().str.replace(" ", ".")
        + number
        + np.where(dice < 0.05, "@WEB.de", "@web.de"),
        phone=np.where(dice < 0.5, "030 / ", "+49 171 ")
        + pd.Series(rng.integers(10**6, 10**7, fresh).astype(str)),
        street="Hauptstr.",
        house_number="12",
        postal_code=pd.Series(rng.integers(10**4, 10**5, fresh).astype(str)),
        city="Berlin",
        country="DE",
        lease_start=pd.NaT,
    )
    frame["first_name"] = frame["first_name"].where(dice > 0.05, frame["first_name"] + " ")
    frame["last_name"] = frame["last_name"].where(
        (dice < 0.05) | (dice > 0.1), frame["last_name"].str.upper()
    )
    frame["first_name"] = frame["first_name"].where(
        (dice < 0.1) | (dice > 0.11), "Dr. " + frame["first_name"]
    )
    again = frame.head(rows // 10).assign(
        external_id=lambda x: "again-" + x["external_id"],
        last_name=lambda x: x["last_name"] + "\u00a0",
        unit=lambda x: np.where(np.arange(len(x)) % 2, x["unit"], "9/9/9/9"),
    )
    both = pd.concat([frame, again], ignore_index=True).assign(title=None, mobile=None, message=None)
    both["record"] = np.arange(len(both))
    return both.astype({name: "str" for name in TEXTS.split()})


def timed(work: Callable[[], object]) -> tuple[float, object]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def bench_exact(rows: int) -> None:
    print(f"\nCleaning and exact matching, {rows:,} prospects, one core")
    for name, distinct in (("names as they repeat", False), ("all names distinct", True)):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            cleaning, matching, peak, plain, lost, merged = pool.apply(_exact, (rows, distinct))
            tenth = sum(pool.apply(_exact, (rows // 10, distinct))[:2])
        print(
            f"  {name:22s} clean {cleaning:5.2f} s + match {matching:5.2f} s = {cleaning + matching:5.2f} s, "
            f"peak {peak:.2f} GB, ten times the rows cost {(cleaning + matching) / tenth:.1f} times"
        )
        print(
            f"  {'':22s} pandas drop_duplicates {plain:5.2f} s ({(cleaning + matching) / plain:.1f} times faster), "
            f"finds {lost:,} of {merged:,} duplicates"
        )


def _exact(rows: int, distinct: bool) -> tuple[float, float, float, float, int, int]:
    pa.set_cpu_count(1)
    frame = prospects_of_a_run(rows, distinct)
    clean(frame.head(1000))
    cleaning, cleaned = timed(lambda: clean(frame))
    matching, merged = timed(lambda: merge_same_person(cleaned))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    key = ["unit", "first_name", "last_name", "birth_date"]
    plain, kept = timed(lambda: frame.drop_duplicates(key))
    return cleaning, matching, peak, plain, len(frame) - len(kept), len(merged[1])


def at_addresses(rows: int) -> pd.DataFrame:
    """Persons of whom a tenth occurs twice, all with contact data and an address; two thirds as many households."""
    frame = people(rows, rows // 10, KINDS["ordinary"], seed=42)
    rng = np.random.default_rng(3)
    home = rng.integers(0, rows * 2 // 3, frame["entity"].max() + 1)[frame["entity"]]
    streets = np.array(
        [f"{name} {end}" for name in SURNAMES for end in ("Straße", "Weg", "Platz", "Allee")], object
    )
    return frame.drop(columns="entity").assign(
        email=[f"{at}@example.org" for at in home],
        phone=[f"+4930{at:07d}" for at in home],
        street=streets[home % len(streets)],
        house_number=(home // 7 % 120 + 1).astype(str),
        postal_code=(10_000 + home % 800 * 7).astype(str),
        city="Berlin",
    )


def bench_suspects(rows: int) -> None:
    print("\nSuspects, one core, a tenth of the records twice with errors")
    for name, frame in (
        ("names and date", people(rows, rows // 10, KINDS["ordinary"], seed=42).drop(columns="entity")),
        ("contacts and address too", at_addresses(rows)),
    ):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, listed, peak = pool.apply(_suspects, (frame,))
        print(f"  {rows:,} records, {name:25s} {seconds:5.2f} s, {listed:,} pairs listed, peak {peak:.2f} GB")
    day = clean(prospects_of_a_run(20))
    suspects(merge_same_person(day)[0])
    seconds, _ = timed(lambda: [suspects(merge_same_person(clean(day))[0]) for _ in range(20)])
    print(f"  an ordinary day of 20 prospects, cleaning and exact matching included: {seconds / 20:.3f} s")


def _suspects(frame: pd.DataFrame) -> tuple[float, int, float]:
    pa.set_cpu_count(1)
    prospects = clean(frame).assign(person=np.arange(len(frame)))
    suspects(prospects.head(1000))
    seconds, table = timed(lambda: suspects(prospects))
    return seconds, len(table), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--suspects", type=int, default=100_000)
    given = parser.parse_args()
    pa.set_cpu_count(1)
    bench_exact(given.rows)
    bench_suspects(given.suspects)


if __name__ == "__main__":
    main()
