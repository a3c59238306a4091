"""The search of a target file, whoever asks for it: one set of defaults for commands and tests."""

from __future__ import annotations

from dataclasses import replace

from paidonce.harness.explore import shrinking
from paidonce.harness.explore.exploration import SearchRequest
from paidonce.harness.targets.run.script import TargetScript


def request_for(script: TargetScript, variant: str) -> SearchRequest:
    """Return what is asked of a search of ``variant``, before anybody says more.

    The verdict must not depend on who asks. So what decides it is said here and in
    ``SearchRequest`` alone; whoever asks adds what was asked for in so many words (a budget, a
    seed, another scheduler) and what changes when something is found, but not whether (orders to
    try first).
    """
    explore = script.loaded.file.explore
    request = SearchRequest(scenario=script, variant=variant, shrink=shrinking.BUDGET)
    return replace(request, watch=explore.watch_s, noise=explore.noise)
