"""Tries every fix that is proposed for racy services, and counts what comes of it.

    python benchmarks/tried_fixes.py [--only NAME] [--part 1/4] [--budget 60s] [--into FILE]
        [--missing] [--out FOLDER]

The services are the racy variants of ``examples`` and those of ``tests/cases`` that have a
counterexample. ``paidonce predict --try`` is run for each: it searches, and once more for every
fix it proposes, with what that changes changed at the taps. Printed is a line for each fix and
what came of it, and the counts at the end. The exit code is 1 where advice is given that does not
close the race (which ``--try`` then calls no fix), and where a fix is proved to close it, and the
repair made by hand, the file's own sound variant, has a counterexample.

It takes hours: ``--part`` does each so-manieth service, and ``--into`` keeps what came of each in a
JSON file, to which other parts are added, and which is counted as a whole; with ``--missing`` those
that are in it already are left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_TOP = Path(__file__).resolve().parent.parent
_CASES = _TOP / "tests" / "cases"
_EXAMPLES = _TOP / "examples"
_LONGEST_S = 1800
_CLOSES, _NOT_CLOSED = "closes it, proved", "does not"
_COMPLETE, _FOUND = 0, 1

Service = tuple[Path, str, str]
"""Folder, target file and variant, "" for the file's only one."""


def main() -> int:
    """Try them; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="services with this in their name")
    parser.add_argument("--part", default="1/1", help="which of how many parts, as 2/5")
    parser.add_argument("--budget", default="60s", help="of each search")
    parser.add_argument("--into", type=Path, help="a JSON file to which the results are added")
    parser.add_argument(
        "--missing", action="store_true", help="leave out what the JSON file has already"
    )
    parser.add_argument("--out", type=Path, help="a folder to keep the reports in")
    options = parser.parse_args()
    part, parts = map(int, options.part.split("/"))
    found: dict[str, Any] = {}
    if options.into and options.into.exists():
        found = json.loads(options.into.read_text())
    with tempfile.TemporaryDirectory() as scratch:
        out = options.out or Path(scratch)
        chosen = [one for one in _services() if options.only in _name(one)]
        for service in chosen[part - 1 :: parts]:
            name = _name(service)
            if options.missing and name in found:
                continue
            tried = _tried(service, options.budget, out)
            found[name] = {"tried": tried, "by hand": _by_hand(service, options.budget)}
            for one in tried:
                print(f"{name}: {one['fix']}: {one['result']}", flush=True)
                if one["result"] == _NOT_CLOSED:
                    print(f"    {one['reason']}", flush=True)
            if options.into:
                options.into.write_text(json.dumps(found, indent=1) + "\n")
    for line in counted(found):
        print(line)
    return int(bool(disagreeing(found) or in_vain(found)))


def counted(found: dict[str, Any]) -> Iterator[str]:
    """Yield how often what came of which fix, and the services on which the two disagree."""
    counts = Counter(
        f"{one['fix']}: {one['result']}" for all_ in found.values() for one in all_["tried"]
    )
    yield f"{len(found):5} services"
    for name, count in sorted(counts.items()):
        yield f"{count:5} {name}"
    hands = [one for one in found.values() if _COMPLETE in one["by hand"].values()]
    proved = [one for one in hands if _CLOSES in _results(one)]
    yield f"{len(proved):5} of {len(hands)} that are closed by hand, proved, have a fix that is"
    yield f"{len(in_vain(found)):5} pieces of advice that do not close the race"
    for name in disagreeing(found):
        yield f"      {name}: proved to be closed, and by hand it is not"


def disagreeing(found: dict[str, Any]) -> list[str]:
    """The services of which a fix is proved, while the file's own sound variant has a
    counterexample."""
    return [
        name
        for name, one in found.items()
        if _CLOSES in _results(one) and _FOUND in one["by hand"].values()
    ]


def in_vain(found: dict[str, Any]) -> list[str]:
    """The fixes that do not close what they are given for, by service and name."""
    return [
        f"{name}: {fix['fix']}"
        for name, one in found.items()
        for fix in one["tried"]
        if fix["result"] == _NOT_CLOSED
    ]


def _results(one: dict[str, Any]) -> set[str]:
    return {fix["result"] for fix in one["tried"]}


def _name(service: Service) -> str:
    folder, target, variant = service
    return f"{folder.relative_to(_TOP)}/{target} {variant}".strip()


def _services() -> Iterator[Service]:
    for path in sorted(_EXAMPLES.glob("*/target.toml")):
        variants = tomllib.loads(path.read_text())["variants"]
        yield from ((path.parent, path.name, n) for n, one in variants.items() if not one["sound"])
    seen = set()
    for case in _table():
        key = (_CASES / case.folder, case.target, case.variant)
        if case.codes == (_FOUND,) and key not in seen and not case.node:
            seen.add(key)
            yield key


def _table() -> Sequence[Any]:
    sys.path.insert(0, str(_CASES))
    from case_table import CASES

    return CASES


def _by_hand(service: Service, budget: str) -> dict[str, int]:
    """How a search ends on the sound variants of the same file: of cases, how it has to end."""
    folder, target, _ = service
    if folder.parent == _CASES:
        return {
            case.variant: case.codes[0]
            for case in _table()
            if (case.folder, case.target) == (folder.name, target)
            and not case.flags
            and case.codes == (_COMPLETE,)
        }
    variants = tomllib.loads((folder / target).read_text())["variants"]
    command = [sys.executable, "-m", "paidonce", "explore", target, "--budget", budget]
    found = {}
    for name in [name for name, one in variants.items() if one["sound"]]:
        with tempfile.TemporaryDirectory() as scratch:
            ran = subprocess.run(
                [*command, "--variant", name, "--out", scratch], cwd=folder, capture_output=True
            )
        found[name] = ran.returncode
    return found


def _tried(service: Service, budget: str, out: Path) -> list[dict[str, str]]:
    """The fixes proposed for one service, each with what came of it, and why."""
    folder, target, variant = service
    report = out / f"{folder.name}-{Path(target).stem}-{variant or 'default'}"
    command = [sys.executable, "-m", "paidonce", "predict", target, "--try", "--out", str(report)]
    command += ["--budget", budget, *(["--variant", variant] if variant else [])]
    try:
        ran = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_LONGEST_S
        )
    except subprocess.TimeoutExpired:
        print(f"{_name(service)}: not over within {_LONGEST_S} s", flush=True)
        return []
    found = report / "predictions.json"
    if not found.exists():
        last = (ran.stderr.strip().splitlines() or ["nothing said"])[-1]
        print(f"{_name(service)}: exit code {ran.returncode}: {last}", flush=True)
        return []
    return [
        {"fix": one["fix"], "result": one["result"], "reason": one["reason"]}
        for prediction in json.loads(found.read_bytes())
        for one in prediction["tried"]
    ]


if __name__ == "__main__":
    sys.exit(main())
