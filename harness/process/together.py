"""Things that are opened side by side, since each of them mostly waits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


async def together(*work: Coroutine[object, object, T]) -> list[T]:
    """Do all of ``work`` side by side; returns what came of each, in the order given.

    Where one fails the others are cancelled and waited for, and its failure is raised itself.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in work]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
