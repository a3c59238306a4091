"""Mutants of the reference service's sound guards: declared, played by threads, searched.

    python benchmarks/mutants.py [--only PREFIX] [--rounds 40] [--seconds 120] [--no-threads]

Prints a table, a line a mutant. The exit code is 1 where threads or a search contradict what is
declared; a search that decides nothing is counted apart.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "mutants"))

from copies import write_copies
from mutants import MUTANTS
from searching_mutants import SECONDS, open_mutant_searcher
from threads import Surroundings

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, shared_servers

_ROW = "{:<34} {:<9} {:<34} {:<12} {:>5}"


async def main(options: argparse.Namespace) -> int:
    chosen = tuple(mutant for mutant in MUTANTS if mutant.name.startswith(options.only))
    misjudged, doubtful, undecided = [], [], []
    with shared_servers() as servers, tempfile.TemporaryDirectory() as folder:
        start = write_copies(Path(folder), chosen)
        postgres, redis = servers[POSTGRES_VARIABLE], servers[REDIS_VARIABLE]
        around = Surroundings(postgres, urlunsplit(urlsplit(redis)._replace(path="/13")), start)
        print(_ROW.format("mutant", "declared", "threads", "search", "executions"), flush=True)
        async with open_mutant_searcher(start, chosen, postgres, redis) as searcher:
            for mutant in chosen:
                told = "not played"
                if options.threads:
                    seen = await asyncio.to_thread(around.seen, mutant, options.rounds, enough=2)
                    what = ", ".join(sorted(seen.broken)) or "nothing broke"
                    told = f"{what} ({seen.rounds} rounds)"
                    if bool(seen.broken) is mutant.sound:
                        doubtful.append(mutant.name)
                found = await searcher.search(mutant, options.seconds)
                declared = "sound" if mutant.sound else "broken"
                if found.code not in (0, 1):
                    undecided.append(f"{mutant.name}: {found.reason}")
                elif found.verdict != declared:
                    misjudged.append(f"{mutant.name}: {found.verdict}, {found.reason}")
                print(
                    _ROW.format(mutant.name, declared, told, found.verdict, found.executions),
                    flush=True,
                )
        around.close()
    print(f"{len(chosen)} mutants, {len(misjudged)} misjudged, {len(undecided)} not decided")
    for title, names in (
        ("misjudged", misjudged),
        ("not decided", undecided),
        ("threads contradict what is declared", doubtful),
    ):
        for name in names:
            print(f"{title}: {name}")
    return int(bool(misjudged or doubtful))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--no-threads", dest="threads", action="store_false")
    sys.exit(asyncio.run(main(parser.parse_args())))
