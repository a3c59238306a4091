"""Random services searched, and held against plain threads: counts of what agrees.

    python benchmarks/fuzz_services.py --services 2000 --seed 0 --out wrong

Every service on which a search and the truth differ is made smaller and written to ``--out``, as
JSON that ``tests/fuzz_services`` reads. Takes 1 to 5 s a service. The exit code is 1 where anything
is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

TESTS = Path(__file__).parents[1] / "tests" / "fuzz_services"
sys.path[:0] = [str(TESTS), str(TESTS / "generic")]

from comparing import Agreement, Comparer, Comparison, Effort  # noqa: E402
from pieces import service  # noqa: E402
from searching import open_searcher  # noqa: E402
from truth import Truth  # noqa: E402

from harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, shared_servers  # noqa: E402

FRESH_AFTER = 200
"""Services after which everything is started anew, so that one bad one spoils few others."""


async def main(options: argparse.Namespace) -> int:
    counts: Counter[Agreement] = Counter()
    executions, began = 0, time.monotonic()
    seeds = list(range(options.seed, options.seed + options.services))
    with shared_servers() as servers:
        postgres, redis = servers[POSTGRES_VARIABLE], servers[REDIS_VARIABLE]
        truth = Truth(postgres, urlunsplit(urlsplit(redis)._replace(path="/14")))
        while seeds:
            some, seeds = seeds[:FRESH_AFTER], seeds[FRESH_AFTER:]
            with tempfile.TemporaryDirectory() as folder:
                async with open_searcher(service(0), Path(folder), postgres, redis) as searcher:
                    comparer = Comparer(searcher, truth, Effort())
                    for seed in some:
                        compared = await comparer.compare(service(seed))
                        counts[compared.agreement] += 1
                        executions += compared.executions
                        if compared.agreement.wrong:
                            await tell(comparer, compared, seed, options.out)
                        elif options.verbose:
                            took = f"{compared.executions} executions, {compared.seconds:.1f} s"
                            print(seed, compared.agreement, compared.why, took, flush=True)
        truth.close()
    for agreement, count in counts.most_common():
        print(f"{count:6}  {agreement}")
    seconds = time.monotonic() - began
    print(
        f"{sum(counts.values())} services from seed {options.seed}; {executions} executions of"
        f" reduced searches, {truth.executions} orders of plain threads, {seconds:.0f} s"
    )
    return int(any(agreement.wrong for agreement in counts))


async def tell(comparer: Comparer, compared: Comparison, seed: int, out: Path) -> None:
    """Print what differs, and write the smallest service found on which it does."""
    print(f"seed {seed}: {compared.agreement}: {compared.why}", flush=True)
    smallest = await comparer.shrunk(compared)
    path = out / f"seed-{seed}.json"
    path.write_text(smallest.service.text())
    print(f"  smallest, in {path}: {smallest.why}")
    for number, each in enumerate(smallest.service.paths):
        print(f"  path {number}, {smallest.service.level}, retry {each.retry}")
        for step in (*each.steps, *each.ends):
            print(f"    {step.op} {step.text} [{step.check}]", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--services", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("wrong-services"))
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    sys.exit(asyncio.run(main(given)))
