"""Run the four systems: ``python -m include.sandbox``."""

import argparse
import signal
import sys
import threading
from datetime import date

from include.sandbox.core import HOST
from include.sandbox.server import Sandbox


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m include.sandbox", description="The four external systems, on four following ports."
    )
    parser.add_argument("--seed", type=int, default=7, help="a seed gives the same data again (default 7)")
    parser.add_argument("--port", type=int, default=8091, help="the first port (default 8091)")
    parser.add_argument("--host", default=HOST, help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--days", type=int, default=14, help="days of data (default 14)")
    parser.add_argument(
        "--anchor", type=date.fromisoformat, help="the data end at this day's midnight (default today)"
    )
    parser.add_argument(
        "--prospects", type=int, default=0, help="so many plain prospects more for each partner"
    )
    parser.add_argument("--empty", action="store_true", help="empty partners; the ERPs know units only")
    parser.add_argument("--latency", type=float, default=0, help="seconds from a request to its answer")
    parser.add_argument("--work-order-seconds", type=float, default=2, help="Yuneo's import (default 2)")
    parser.add_argument("--run-seconds", type=float, default=2, help="Sigma's import (default 2)")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """Serve until a signal comes; 2 if a port is taken."""
    arguments = _arguments(given)
    box = Sandbox(
        seed=arguments.seed,
        populate=not arguments.empty,
        anchor=arguments.anchor,
        days=arguments.days,
        prospects=arguments.prospects,
        port=arguments.port,
        host=arguments.host,
    )
    for system in box.systems:
        system.options.latency_seconds = arguments.latency
    box.yuneo.options.work_order_seconds = arguments.work_order_seconds
    box.sigma.options.run_seconds = arguments.run_seconds

    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    try:
        box.start()
    except OSError as error:
        last = arguments.port + len(box.systems) - 1
        print(f"sandbox: ports {arguments.port} to {last}: {error.strerror}", file=sys.stderr)
        return 2
    for system in box.systems:
        print(f"{system.name:9} {system.url}", flush=True)
    end.wait()
    box.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
