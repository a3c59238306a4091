"""Replays a witness of a target from a test: is the race gone, or is it still there?

replay = replay_target_witness(path)
assert replay.gone, replay.explanation
"""

from __future__ import annotations

import os
from pathlib import Path

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.regression import Replay, replay_witness, shared_choice
from paidonce.harness.explore.witness.file import read_witness
from paidonce.harness.targets.check.find_file import find_source
from paidonce.harness.targets.file.loading import load_target
from paidonce.harness.targets.run.kept_for_tests import kept_for_tests
from paidonce.harness.targets.run.script import script_of
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.stack import Choice


def replay_target_witness(
    path: str | os.PathLike[str],
    *,
    target: str | os.PathLike[str] | None = None,
    variant: str | None = None,
    choice: Choice | None = None,
) -> Replay:
    """Start the target's service, follow the witness in ``path``, and judge what came of it.

    ``target`` is the target file, by default the one the witness names; ``variant`` is the
    witness's own unless another is named. Without a ``choice`` Postgres and Redis are those the
    environment names for the test run, else embedded ones; everything that is started is stopped.

    Raises ``UsageError`` when the witness cannot be read or is of no target file that is here,
    and all that ``replay_witness`` raises.
    """
    witness = read_witness(Path(path))
    if target is None and witness.described_in is None:
        raise UsageError(f"{os.fspath(path)}: the witness is of no target file")
    if target is None:
        assert witness.described_in is not None
        target = find_source(witness.described_in, Path(path))
    loaded = load_target(Path(target))
    backends, kept = kept_for_tests(loaded, choice or shared_choice())
    return replay_witness(
        path,
        target=TargetSubject(loaded),
        scenario=script_of(loaded),
        variant=variant,
        choice=backends,
        kept=kept,
    )
