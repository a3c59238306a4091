"""Our locustfile, with recording taken out: what is left is what our users cost by themselves."""

from __future__ import annotations

import itertools
from typing import Any

import paidonce.harness.load.generate.locustfile as ours
from paidonce.harness.history import Completed
from paidonce.harness.load.generate.locustfile import (
    HotOrder,
    ManyOrders,
    Payer,
    Shopper,
    WarmUpThenHold,
)
from paidonce.harness.load.record.recorder import Recorder

__all__ = ["HotOrder", "ManyOrders", "Payer", "Shopper", "WarmUpThenHold"]


class Forgetful(Recorder):
    """Numbers operations and reads answers, and writes nothing of them down."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._forgotten = itertools.count(1)

    def invoked(self, *_: Any, **__: Any) -> int:
        return next(self._forgotten)

    def _complete(self, completed: Completed) -> None:
        pass


ours.Recorder = Forgetful  # type: ignore[misc]
