"""Random services searched, and held against plain threads: counts of what agrees.

    python benchmarks/fuzz_services.py --services 2000 --seed 0 --out wrong

Services that make no sense serially are passed over and not counted. One on which a search and the
truth differ is written to ``--out``, as JSON that ``tests/fuzz_services`` reads; with ``--shrink``
made smaller first. What a search relied on is tried by ``--validate`` executions, or as ``paidonce
explore`` does with ``--validate default``: fewer make a harder test of the search itself. Takes
about a second a service. The exit code is 1 where anything is wrong.

With ``--deliveries`` services hand out what was paid for, and are told of it by events of Stripe's,
once, twice or in any order, from the moment at which the money was taken.

With ``--level serializable`` (or another) all services connect at that level.

With ``--failures crash`` (or ``reset``, ``error``) services that hold while nothing goes wrong are
searched under one such failure, and held against plain threads that are killed, reset or answered
an error at each of their stops. That takes about half a minute a service.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

TESTS = Path(__file__).parents[1] / "tests" / "fuzz_services"
sys.path[:0] = [str(TESTS), str(TESTS / "generic")]

from comparing import Agreement, Comparer, Comparison, Effort  # noqa: E402
from comparing_failures import KINDS, FailureComparer, Tries  # noqa: E402
from deliveries import delivered  # noqa: E402
from further import further  # noqa: E402
from generic.programme import Service  # noqa: E402
from kills import Kills  # noqa: E402
from pieces import service  # noqa: E402
from searching import open_searcher  # noqa: E402
from truth import Truth  # noqa: E402

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, shared_servers  # noqa: E402
from paidonce.harness.explore.validate.spending import validation_of  # noqa: E402

QUICK = Effort(reduced=30, full=0, quick=20, deep=40)
FRESH_AFTER = 200
"""Services after which everything is started anew, so that one bad one spoils few others."""


async def main(options: argparse.Namespace) -> int:
    counts: Counter[Agreement] = Counter()
    executions, began = 0, time.monotonic()
    validation = validation_of(None if options.validate == "default" else options.validate)
    effort = replace(QUICK if options.quick else Effort(), validation=validation)
    seeds = itertools.count(options.seed)
    kind = further if options.further else delivered if options.deliveries else service

    def made(seed: int) -> Service:
        found = kind(seed)
        return replace(found, level=options.level) if options.level else found

    with shared_servers() as servers:
        postgres, redis = servers[POSTGRES_VARIABLE], servers[REDIS_VARIABLE]
        made_by = Kills if options.failures else Truth
        truth = made_by(postgres, urlunsplit(urlsplit(redis)._replace(path="/14")))
        while _sensible(counts) < options.services:
            with tempfile.TemporaryDirectory() as folder:
                async with open_searcher(service(0), Path(folder), postgres, redis) as searcher:
                    comparer = Comparer(searcher, truth, effort)
                    failing = FailureComparer(searcher, truth, Tries(full=0))
                    for seed in itertools.islice(seeds, FRESH_AFTER):
                        compared = (
                            await failing.compare(made(seed), options.failures)
                            if options.failures
                            else await comparer.compare(made(seed))
                        )
                        counts[compared.agreement] += 1
                        executions += compared.executions
                        if compared.agreement.wrong:
                            await tell(comparer, compared, seed, options)
                            if compared.agreement is Agreement.FAILED:
                                break  # it may have left something behind that others wait for
                        elif options.verbose:
                            took = f"{compared.executions} executions, {compared.seconds:.1f} s"
                            print(seed, compared.agreement, compared.why, took, flush=True)
                        if _sensible(counts) >= options.services:
                            break
        truth.close()
    for agreement, count in counts.most_common():
        print(f"{count:6}  {agreement}")
    seconds = time.monotonic() - began
    print(
        f"{_sensible(counts)} services from seed {options.seed} on; {executions} executions of"
        f" reduced searches, {truth.executions} orders of plain threads, {seconds:.0f} s"
    )
    return int(any(agreement.wrong for agreement in counts))


def _sensible(counts: Counter[Agreement]) -> int:
    return counts.total() - counts[Agreement.SENSELESS]


async def tell(
    comparer: Comparer, compared: Comparison, seed: int, options: argparse.Namespace
) -> None:
    """Print what differs, and write the service on which it does."""
    print(f"seed {seed}: {compared.agreement}: {compared.why}", flush=True)
    if options.shrink and not options.failures:
        compared = await comparer.shrunk(compared)
    path = options.out / f"seed-{seed}.json"
    path.write_text(compared.service.text())
    print(f"  {path}: {compared.why}")
    for number, each in enumerate(compared.service.paths):
        print(f"  path {number}, {compared.service.level}, retry {each.retry}")
        for step in (*each.steps, *each.ends):
            print(f"    {step.op} {step.text} [{step.check}]", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--services", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("wrong-services"))
    parser.add_argument("--validate", default="12")
    parser.add_argument("--further", action="store_true", help="with further pieces")
    parser.add_argument(
        "--deliveries", action="store_true", help="services that Stripe's events are delivered to"
    )
    parser.add_argument("--level", default="", help="isolation level of all: serializable, ...")
    parser.add_argument("--quick", action="store_true", help="no full search, fewer orders")
    parser.add_argument("--shrink", action="store_true")
    parser.add_argument("--failures", choices=KINDS, default="", help="under one failure")
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    sys.exit(asyncio.run(main(given)))
