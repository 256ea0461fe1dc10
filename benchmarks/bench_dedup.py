"""How fast and how right cleaning, exact matching and suspects are, beside splink, recordlinkage and pandas.

    PYTHONPATH=.:plugins python benchmarks/bench_dedup.py [--rows 1000000] [--suspects 100000] [--quality 10000]

Peers are pinned in ``benchmarks/requirements.txt``; one that is not installed is named and skipped. Everything
runs on one core in one process, on the same frames; the memory of the exact matching is measured in a process
of its own, the frame included. Times are of the processor, so other load on the machine matters little.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import pyarrow as pa

from letting_sync.matching.cleaning import clean
from letting_sync.matching.dedup import merge_same_person
from letting_sync.matching.suspects.suspects import suspects
from tests.harness.synthetic_people import KINDS, people, true_pairs

Pairs = set[tuple[int, int]]
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


def ours(frame: pd.DataFrame) -> Pairs:
    """Suspects, and the pairs that are merged because their keys are equal."""
    prospects = clean(frame).assign(
        external_id=frame["record"].astype("str"),
        unit="1/1/1/1",
        chosen=True,
        withdrawn=False,
        updated_at=pd.Timestamp(0, tz="UTC"),
    )
    kept, duplicates = merge_same_person(prospects)
    table = suspects(kept)
    found = list(zip(table["record"], table["other_record"], strict=True))
    found += duplicates[["record", "duplicate_of"]].itertuples(index=False, name=None)
    return {(min(pair), max(pair)) for pair in found}


def plain_pandas(frame: pd.DataFrame) -> Pairs:
    """Equal bytes, as the ERP's own check compares."""
    groups = frame.groupby(["first_name", "last_name", "birth_date"])["record"].agg(list)
    return {(min(group), max(group)) for group in groups if len(group) > 1}


def with_recordlinkage(frame: pd.DataFrame) -> Pairs:
    """Four blocking keys; a pair counts if at least four of both names and three parts of the date agree.

    (Its ECM classifier is far worse on such data.)
    """
    import recordlinkage

    table = _plain_types(frame).set_index("record")
    index = recordlinkage.Index()
    for key in (["first_name", "last_name"], ["born"], ["last_name", "year"], ["first_name", "year"]):
        index.block(key)
    pairs = index.index(table)
    compare = recordlinkage.Compare()
    for name in ("first_name", "last_name"):
        compare.string(name, name, method="damerau_levenshtein", threshold=0.75, label=name)
    for name in ("year", "month", "day"):
        compare.exact(name, name, label=name)
    agreeing = compare.compute(pairs, table).sum(axis=1)
    return {(min(pair), max(pair)) for pair in agreeing.index[agreeing >= 4]}


def with_splink(frame: pd.DataFrame) -> Pairs:
    """DuckDB, term frequencies, the date in three parts, weights by expectation maximisation, best of the thresholds tried (0.2)."""
    import splink.comparison_library as compare
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on  # type: ignore[attr-defined]

    rules = [
        block_on("born"),
        block_on("first_name", "last_name"),
        block_on("last_name", "year", "month"),
        block_on("first_name", "year", "month"),
    ]
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record",
        blocking_rules_to_generate_predictions=rules,
        comparisons=[
            compare.DamerauLevenshteinAtThresholds("first_name", [1, 2]).configure(
                term_frequency_adjustments=True
            ),
            compare.DamerauLevenshteinAtThresholds("last_name", [1, 2]).configure(
                term_frequency_adjustments=True
            ),
            *(compare.ExactMatch(part) for part in ("year", "month", "day")),
        ],
        retain_intermediate_calculation_columns=False,
    )
    api = DuckDBAPI()
    api.duckdb_con.execute("SET threads = 1")
    linker = Linker(api.register(_plain_types(frame)), settings, log_level="ERROR")
    linker.training.estimate_probability_two_random_records_match([block_on("born", "last_name")], recall=0.3)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (block_on("born"), block_on("first_name", "last_name")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    found = linker.inference.predict(threshold_match_probability=0.2).as_pandas_dataframe()
    pairs = zip(found["record_l"], found["record_r"], strict=True)
    return {(min(pair), max(pair)) for pair in pairs}


def _plain_types(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns as the peers read them: Python text and numbers."""
    born = frame["birth_date"].dt
    return pd.DataFrame(
        {
            "record": frame["record"],
            "first_name": frame["first_name"].astype(object),
            "last_name": frame["last_name"].astype(object),
            "born": born.strftime("%Y-%m-%d").astype(object),
            "year": born.year,
            "month": born.month,
            "day": born.day,
        }
    )


def bench_suspects(rows: int, title: str, kinds: list[str]) -> None:
    peers = {
        "this project": ours,
        "splink": with_splink,
        "recordlinkage": with_recordlinkage,
        "pandas, equal bytes": plain_pandas,
    }
    for kind in kinds:
        print(f"\n{title}: {rows:,} records, {rows // 10:,} of them duplicates with errors, names {kind!r}")
        frame = people(rows, rows // 10, KINDS[kind], seed=42)
        truth = true_pairs(frame)
        own = None
        for name, work in peers.items():
            try:
                seconds, found = timed(partial(work, frame))
            except ImportError:
                print(f"  {name:20s} is not installed, skipped (benchmarks/requirements.txt)")
                continue
            own = own or seconds
            right = len(found & truth)  # type: ignore[operator]
            count = len(found)  # type: ignore[arg-type]
            print(
                f"  {name:20s} {seconds:7.2f} s ({seconds / own:6.1f} times ours)  precision {right / max(count, 1):.4f}  "
                f"recall {right / len(truth):.4f}  F1 {2 * right / (count + len(truth)):.4f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--suspects", type=int, default=100_000)
    parser.add_argument("--quality", type=int, default=10_000)
    given = parser.parse_args()
    pa.set_cpu_count(1)
    bench_exact(given.rows)
    bench_suspects(given.quality, "Quality", list(KINDS))
    bench_suspects(given.suspects, "Speed of the suspects", ["ordinary"])


if __name__ == "__main__":
    main()
