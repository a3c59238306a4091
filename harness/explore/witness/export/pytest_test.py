"""A counterexample as a regression test for pytest, to be kept beside the witness."""

from __future__ import annotations

import re
import textwrap

import msgspec

from paidonce.harness.explore.witness.file import Witness
from paidonce.harness.explore.witness.narrative.wording import one_line

_TEXT = '''\
"""Regression test: a race that once broke the service must not break it any more.

It follows the schedule of the witness that lies beside this file. Red as long as an
invariant breaks, green once the service is fixed. That no other schedule breaks it
either is what "paidonce explore" can show.

{story}
"""

from pathlib import Path

from paidonce.harness.explore.regression import replay_witness
from paidonce.scenarios.catalog import scenario
from paidonce.scenarios.reference import TARGET

WITNESS = Path(__file__).with_name({witness})
VARIANT = {variant}


def test_{name}() -> None:
    replay = replay_witness(
        WITNESS, target=TARGET, scenario=scenario({scenario}), variant=VARIANT
    )
    assert replay.gone, replay.explanation
'''


_OF_A_TARGET = '''\
"""Regression test: a race that once broke the service must not break it any more.

It follows the schedule of the witness that lies beside this file. Red as long as an
invariant breaks, green once the service is fixed. That no other schedule breaks it
either is what "paidonce check" can show.

{story}
"""

from pathlib import Path

from paidonce.harness.targets.check.replay import replay_target_witness

WITNESS = Path(__file__).with_name({witness})
VARIANT = {variant}


def test_{name}() -> None:
    replay = replay_target_witness(WITNESS, variant=VARIANT)
    assert replay.gone, replay.explanation
'''


def pytest_test(witness: Witness, file: str) -> str:
    """A module that replays the witness in ``file`` (a name, beside the module)."""
    lines = [
        f"The witness (scenario {witness.scenario}, {witness.target}, {witness.variant}) showed:"
    ]
    lines += [broken.words for broken in witness.broken]
    lines += witness.changed
    wrapped = [
        textwrap.fill(_plain(line), 86, initial_indent=indent, subsequent_indent=indent + "  ")
        for line, indent in zip(lines, ["", *["  "] * (len(lines) - 1)], strict=True)
    ]
    text = _TEXT if witness.described_in is None else _OF_A_TARGET
    return text.format(
        story="\n".join(wrapped),
        witness=_quoted(file),
        variant=_quoted(witness.variant),
        scenario=_quoted(witness.scenario),
        name=name_of(witness),
    )


def name_of(witness: Witness) -> str:
    """Return the name of the test: the scenario and the variant as one Python name."""
    return re.sub(r"\W+", "_", f"{witness.scenario}_{witness.variant}", flags=re.ASCII).lower()


def _quoted(value: str) -> str:
    """``value`` as a Python literal; JSON's strings are Python's as well."""
    return msgspec.json.encode(value).decode()


def _plain(line: str) -> str:
    """``line`` as it may stand in a docstring."""
    return one_line(line).replace("\\", "/").replace('"""', "'''")
