"""The latency of a request: before it begins, while it holds its object, and after its effect.

The parts are different experiments. Waiting before lets other requests overtake; holding the
object's lock makes others wait for it, or give up (``locks``); waiting after leaves a client in
doubt about something that has already happened.
"""

from __future__ import annotations

import math
import random
from typing import Annotated

import msgspec

MAX_MS = 600_000.0

Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=MAX_MS)]


class Fixed(msgspec.Struct, frozen=True, tag="fixed", tag_field="kind", forbid_unknown_fields=True):
    """Always the same."""

    ms: Milliseconds = 0.0

    def sample(self, rng: random.Random) -> float:
        """Milliseconds."""
        return self.ms


class Uniform(
    msgspec.Struct, frozen=True, tag="uniform", tag_field="kind", forbid_unknown_fields=True
):
    """Anything between two bounds, equally likely."""

    low_ms: Milliseconds
    high_ms: Milliseconds

    def __post_init__(self) -> None:
        if self.low_ms > self.high_ms:
            raise ValueError("low_ms must not be greater than high_ms")

    def sample(self, rng: random.Random) -> float:
        """Milliseconds."""
        return rng.uniform(self.low_ms, self.high_ms)


class Exponential(
    msgspec.Struct, frozen=True, tag="exponential", tag_field="kind", forbid_unknown_fields=True
):
    """Mostly short, sometimes long: the given mean, cut off at ``cap_ms``."""

    mean_ms: Annotated[float, msgspec.Meta(gt=0, le=MAX_MS)]
    cap_ms: Milliseconds = MAX_MS

    def sample(self, rng: random.Random) -> float:
        """Milliseconds."""
        return min(self.cap_ms, rng.expovariate(1 / self.mean_ms))


class LogNormal(
    msgspec.Struct, frozen=True, tag="lognormal", tag_field="kind", forbid_unknown_fields=True
):
    """Around a median, with a long tail: ``sigma`` is the standard deviation of the logarithm."""

    median_ms: Annotated[float, msgspec.Meta(gt=0, le=MAX_MS)]
    sigma: Annotated[float, msgspec.Meta(ge=0, le=5)]
    cap_ms: Milliseconds = MAX_MS

    def sample(self, rng: random.Random) -> float:
        """Milliseconds."""
        return min(self.cap_ms, rng.lognormvariate(math.log(self.median_ms), self.sigma))


Distribution = Fixed | Uniform | Exponential | LogNormal


class Latency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All parts; nothing unless said otherwise. ``seed`` restarts the stream of samples.

    One sample of ``around`` is split in two: a half of it comes before all else, a half after.
    """

    before: Distribution = Fixed()
    held: Distribution = Fixed()
    after: Distribution = Fixed()
    around: Distribution = Fixed()
    seed: int | None = None


NONE = Latency()


def split(ms: float) -> Latency:
    """A fixed latency of ``ms`` in all, half of it on either side of the effect."""
    return Latency(before=Fixed(ms / 2), after=Fixed(ms / 2))
