"""Time-outs that leave a person time to think, while an execution waits at the keyboard."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec

from paidonce.harness.cli.playable import Playable
from paidonce.harness.scenario.model import Scenario
from paidonce.harness.scenario.subject import Described
from paidonce.harness.service.description import Target
from paidonce.harness.targets.run.script import TargetScript

THINKING_S = 600.0
"""How long a person may look before a time-out of the service or of a client goes off.

Much longer ones services refuse, and rightly so.
"""


def patient(playable: Playable) -> Playable:
    """The same with time-outs that leave a person time to think, as far as we can set them."""
    described = playable.subject.described
    if described is not None and isinstance(playable.script, Scenario):
        return replace(
            playable,
            subject=Described(patient_target(described)),
            script=patient_story(playable.script),
        )
    if isinstance(playable.script, TargetScript):
        return replace(playable, script=playable.script.patient(THINKING_S))
    return playable


def patient_target(target: Target) -> Target:
    """``target`` with time-outs that leave a person time to think.

    Settings named in seconds (``_s``) or milliseconds (``_ms``) are raised; 0 means never.
    """
    units = {"_s": 1.0, "_ms": 1000.0}
    raised = dict(target.under_control)
    for name, value in target.under_control.items():
        for suffix, per_second in units.items():
            if name.endswith(suffix) and float(value) > 0:
                raised[name] = str(math.ceil(max(float(value), THINKING_S * per_second)))
    return msgspec.structs.replace(target, under_control=raised)


def patient_story(story: Scenario) -> Scenario:
    """``story`` with clients that wait, but for those whose impatience it is about."""
    attempts = tuple(
        replace(
            attempt,
            steps=tuple(
                replace(step, timeout_s=step.timeout_s or THINKING_S) for step in attempt.steps
            ),
        )
        for attempt in story.attempts
    )
    return replace(story, attempts=attempts)
