from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest
from reference_run import SOUND, Backends, Running, Starter, serving

from paidonce.harness.backends import open_stripe
from paidonce.harness.backends.shared import open_shared_postgres, open_shared_redis
from paidonce.reference_service.guards import GUARDS

_EVERY_FAULT = ("row_lock", "claim")
"""Guards under which every fault is tried by default: one that holds a lock, one that does not."""


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to the slow tests what tries one more fault under one more guard."""
    first: dict[str, str] = {}
    for item in items:
        chosen = getattr(item, "callspec", None)
        if chosen is None or not {"fault", "sound_session"} <= set(chosen.params):
            continue
        fault = first.setdefault(item.nodeid.split("[")[0], chosen.params["fault"])
        if chosen.params["sound_session"] not in _EVERY_FAULT and chosen.params["fault"] != fault:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def backends() -> Iterator[Backends]:
    with (
        open_shared_postgres() as postgres,
        open_shared_redis() as redis,
        open_stripe("simulator") as stripe,
    ):
        yield Backends(postgres, redis.url(), stripe.url)


@pytest.fixture(scope="session")
def serve(backends: Backends) -> Starter:
    """Starts a service: ``with serve("row_lock", STRIPE_TIMEOUT_S="1") as running``."""

    def start(guard: str, **settings: str) -> AbstractContextManager[Running]:
        url = settings.pop("DATABASE_URL", None) or backends.database()
        return serving(guard, url, backends.redis_url, backends.stripe_url, **settings)

    return start


@pytest.fixture(scope="session")
def under(serve: Starter) -> Iterator[Callable[[str], Running]]:
    """Tells the service under a guard, which is started when it is first asked for."""
    with ExitStack() as exits:
        yield functools.cache(lambda guard: exits.enter_context(serve(guard)))


@pytest.fixture(scope="session", params=list(GUARDS))
def every(request: pytest.FixtureRequest, under: Callable[[str], Running]) -> Running:
    """A service under each guard in turn."""
    return under(request.param)


@pytest.fixture(scope="session", params=SOUND)
def sound_session(request: pytest.FixtureRequest, under: Callable[[str], Running]) -> Running:
    return under(request.param)


@pytest.fixture
def sound(sound_session: Running) -> Running:
    """A service under each sound guard in turn."""
    sound_session.front.reset()
    return sound_session
