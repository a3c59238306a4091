"""What is done side by side: all of it, or the failure that ended it."""

from __future__ import annotations

import asyncio

import pytest

from paidonce.harness.errors import UsageError
from paidonce.harness.process.together import together


def test_what_came_of_each_is_in_the_order_given() -> None:
    async def main() -> list[int]:
        first_may = asyncio.Event()

        async def first() -> int:
            await first_may.wait()
            return 1

        async def second() -> int:
            first_may.set()  # one after the other this would never be reached
            return 2

        async with asyncio.timeout(30):
            return await together(first(), second())

    assert asyncio.run(main()) == [1, 2]


def test_a_failure_ends_the_others_and_is_raised_itself() -> None:
    ended = []

    async def main() -> None:
        begun = asyncio.Event()

        async def waits() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("waits")

        async def fails() -> None:
            await begun.wait()
            raise UsageError("no such server")

        await together(waits(), fails())

    with pytest.raises(UsageError, match="no such server"):
        asyncio.run(main())
    assert ended == ["waits"]
