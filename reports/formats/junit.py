"""JUnit XML: one suite a guard, one case a cell, for the test views of CI systems.

The shape is the one common to readers (Jenkins' xUnit schema and the description at
https://github.com/testmoapp/junitxml). An UNKNOWN is never a pass: it is *skipped*, with the
reason, where nothing was decided or the backend could not show what was needed, and an *error*
where only a part of what was to be judged was.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from paidonce.harness.results.assessment import Assessment
from paidonce.harness.results.problem import Problem, Weight
from paidonce.harness.results.problems import first_run, why_not_judged
from paidonce.harness.results.proof import Cell, Proof, Variant
from paidonce.harness.results.standing import Standing, tally
from paidonce.harness.verdict import Status
from paidonce.reports.charts.svg import xml_safe
from paidonce.reports.formats.report_format import ReportFormat
from paidonce.reports.overview.backends import BackendColumn, columns
from paidonce.reports.overview.searches import replay_command, search_words


def junit(assessed: Assessment) -> bytes:
    """The document, UTF-8, with its XML declaration."""
    root, proof, cells = ET.Element("testsuites", name="paidonce"), assessed.proof, assessed.cells
    by_cell = {(p.variant, p.scenario): p for p in assessed.problems if p.standing is not None}
    for variant in proof.variants:
        mine = [cells.get((variant.name, scenario.name)) for scenario in proof.scenarios]
        suite = ET.SubElement(root, "testsuite", name=xml_safe(variant.name))
        _add_properties(suite, assessed)
        suite.set("timestamp", _timestamp(proof))
        for cell, scenario in zip(mine, proof.scenarios, strict=True):
            case = ET.SubElement(
                suite, "testcase", classname=xml_safe(variant.name), name=xml_safe(scenario.name)
            )
            seconds = sum(run.seconds for run in cell.runs) if cell is not None else 0.0
            case.set("time", f"{seconds:.3f}")
            place = (variant.name, scenario.name)
            _judge(case, cell, assessed.standing(*place), by_cell.get(place))
        _add_loads(suite, proof, variant)
        _count(suite)
    _add_the_whole(root, assessed)
    for column in columns(assessed)[1:]:
        _add_column(root, proof, column)
    _count(root)
    ET.indent(root, " ")
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _judge(case: ET.Element, cell: Cell | None, kind: Standing, problem: Problem | None) -> None:
    if kind.good:
        assert cell is not None
        told = f"{kind.look.word} {tally(cell, kind)}"
        if cell.search is not None:
            told += f"\n{search_words(cell.search)}"
        ET.SubElement(case, "system-out").text = xml_safe(told)
    elif kind is Standing.SKIPPED:
        assert cell is not None
        ET.SubElement(case, "skipped", message=xml_safe(cell.skipped or ""))
    elif kind is Standing.NOT_JUDGED:
        assert cell is not None
        ET.SubElement(case, "skipped", message=xml_safe(why_not_judged(cell)))
    elif problem is None:
        ET.SubElement(case, "skipped", message="not run")
    elif kind is Standing.ACCEPTED or (kind is Standing.UNKNOWN and _open(cell)):
        ET.SubElement(case, "skipped", message=xml_safe(problem.text))
    elif kind.contradicts:
        _add(case, "failure", kind, problem, cell)
    elif kind is Standing.NOT_RUN:
        ET.SubElement(case, "skipped", message=xml_safe(problem.text))
    else:
        _add(case, "error", kind, problem, cell)


def _open(cell: Cell | None) -> bool:
    """Nothing was decided, or what was seen depends on load."""
    if cell is None:
        return False
    return cell.depends_on_load or all(
        verdict.status is Status.UNKNOWN for run in cell.runs for verdict in run.verdicts
    )


def _add(case: ET.Element, tag: str, kind: Standing, problem: Problem, cell: Cell | None) -> None:
    element = ET.SubElement(case, tag, message=xml_safe(problem.text), type=kind.value)
    lines = []
    status = Status.INVALID if kind is Standing.BROKEN else Status.UNKNOWN
    run = first_run(cell, status) if cell is not None else None
    for verdict in run.verdicts if run is not None else ():
        if verdict.status is not Status.VALID:
            lines.append(f"{verdict.checker} ({verdict.status.value}): {verdict.reason}")
    if cell is not None and cell.search is not None:
        lines += [search_words(cell.search), *(broken.words for broken in cell.search.broken)]
        again = replay_command(cell)
        lines += [f"replay it: {again}"] if again is not None else []
    if problem.history is not None:
        lines += [f"history: {problem.history}", f"look again: paidonce check {problem.history}"]
    element.text = xml_safe("\n".join(lines))


def _add_loads(suite: ET.Element, proof: Proof, variant: Variant) -> None:
    """A case for each load run, so that an invariant broken under load is not silent."""
    for load in proof.loads:
        if load.variant != variant.name:
            continue
        case = ET.SubElement(
            suite,
            "testcase",
            classname=xml_safe(variant.name),
            name=xml_safe(
                f"load {load.profile} {load.users} users"
                + (f", round {load.round}" if load.round > 1 else "")
            ),
            time=f"{load.seconds:.3f}",
        )
        reasons = "; ".join(v.words for v in load.verdicts if v.status is load.status)
        if load.status is Status.UNKNOWN:
            ET.SubElement(case, "skipped", message=xml_safe(f"not judged: {reasons}"))
        elif load.status is Status.INVALID and variant.sound:
            failure = ET.SubElement(case, "failure", message=xml_safe(reasons), type="broken")
            failure.text = xml_safe(
                f"history: {load.history}\nlook again: paidonce check {load.history}"
            )


def _timestamp(proof: Proof) -> str:
    """Return when it began, without a time zone, which the schema has no place for."""
    return xml_safe(re.sub(r"(Z|[+-]\d\d:?\d\d)$", "", proof.started))


def _add_properties(suite: ET.Element, assessed: Assessment) -> None:
    """The backends, and what they could not judge."""
    proof, own = assessed.proof, columns(assessed)[:1]
    properties = [(f"backend.{k}", what) for k, what in proof.machine.backends.items()]
    properties += [("not judged", want.words) for column in own for want in column.wants]
    if properties:
        element = ET.SubElement(suite, "properties")
        for name, value in properties:
            ET.SubElement(element, "property", name=xml_safe(name), value=xml_safe(value))


def _add_column(root: ET.Element, proof: Proof, column: BackendColumn) -> None:
    """A suite for another set of backends: a case for each scenario, all guards in one."""
    name = xml_safe(f"with {column.name}")
    suite = ET.SubElement(root, "testsuite", name=name)
    suite.set("timestamp", _timestamp(proof))
    for number, scenario in enumerate(proof.scenarios):
        case = ET.SubElement(
            suite, "testcase", classname=name, name=xml_safe(scenario.name), time="0"
        )
        if column.missing:
            ET.SubElement(case, "skipped", message=xml_safe(column.missing))
            continue
        entry = column.entries[number]
        kinds = [kind for kind, _ in entry.counts]
        whys = "; ".join(w.reason for w in column.wants if scenario.name in w.scenarios)
        if entry.loud:
            message = xml_safe(f"{entry.words}; see {column.folder}")
            tag = "failure" if any(kind.contradicts for kind in kinds) else "error"
            worst = next(k for k in kinds if k.contradicts or k is Standing.ERROR)
            ET.SubElement(case, tag, message=message, type=worst.value)
        elif not any(kind.decided for kind in kinds):
            ET.SubElement(case, "skipped", message=xml_safe(whys or entry.words))
        else:
            told = f"{entry.words}{f'; {whys}' if whys else ''}"
            ET.SubElement(case, "system-out").text = xml_safe(told)
    _count(suite)


def _add_the_whole(root: ET.Element, assessed: Assessment) -> None:
    """Problems of no single cell: a guard never caught, an interruption, nothing judged."""
    whole = [
        problem
        for problem in assessed.problems
        if problem.standing is None
        and problem.weight is not Weight.NOTE
        and not any(load.history == problem.history for load in assessed.proof.loads)
    ]
    if not whole:
        return
    suite = ET.SubElement(root, "testsuite", name="the proof as a whole")
    for problem in whole:
        name = f"{problem.variant} is caught somewhere" if problem.variant else "is complete"
        case = ET.SubElement(suite, "testcase", classname="proof", name=xml_safe(name), time="0")
        tag = "failure" if problem.weight is Weight.CONTRADICTED else "error"
        ET.SubElement(case, tag, message=xml_safe(problem.text), type=problem.weight.value)
    _count(suite)


def _count(element: ET.Element) -> None:
    cases = list(element.iter("testcase"))
    element.set("tests", str(len(cases)))
    for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        element.set(name, str(sum(case.find(tag) is not None for case in cases)))
    element.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")


def _make(assessed: Assessment, _folder: Path) -> bytes:
    return junit(assessed)


FORMAT = ReportFormat(
    name="junit",
    file="junit.xml",
    make=_make,
)
