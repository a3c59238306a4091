"""stripe-python's HTTP client, told to remember whether a request may have reached Stripe.

With ``max_network_retries`` above zero the library reports only its last try. A time-out
followed by a refused connection would then look like a request that never left, although the
first try may well have been executed. So every try is watched, per thread.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import requests
import stripe
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError

CONNECT_TIMEOUT_S = 5.0


class WatchingClient(stripe.RequestsClient):
    """A ``RequestsClient`` over one keep-alive pool of ``connections``, for all threads.

    ``timeout_s`` bounds the wait for an answer; connecting gets ``CONNECT_TIMEOUT_S`` at most.
    """

    def __init__(self, timeout_s: float, connections: int) -> None:
        session = requests.Session()
        # Proxy variables and .netrc are not ours to obey: the address is a setting of its own.
        session.trust_env = False
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        self._pool = session
        super().__init__(timeout=(min(timeout_s, CONNECT_TIMEOUT_S), timeout_s), session=session)
        self._watch = threading.local()

    def shut(self) -> None:
        """Close all connections, of whichever thread."""
        self._pool.close()

    def start_watching(self) -> None:
        """Forget what this thread's earlier calls did."""
        self._watch.doubtful = 0

    @property
    def doubtful_tries(self) -> int:
        """Tries of this thread's current call that may have been executed unseen."""
        return int(getattr(self._watch, "doubtful", 0))

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **kwargs: Any,
    ) -> Any:  # stripe-python's own annotations of it contradict each other
        try:
            answer = super().request(method, url, headers, post_data, **kwargs)
        except stripe.APIConnectionError as error:
            if not never_connected(error):
                self._watch.doubtful = self.doubtful_tries + 1
            raise
        if answer[1] >= 500 or answer[1] == 409:
            self._watch.doubtful = self.doubtful_tries + 1
        return answer


def never_connected(error: stripe.APIConnectionError) -> bool:
    """Whether the connection was never made, so that nothing can have been sent."""
    cause = error.__cause__
    if isinstance(cause, requests.exceptions.ConnectTimeout):
        return True
    if not isinstance(cause, requests.exceptions.ConnectionError) or not cause.args:
        return False
    inner = cause.args[0]
    return isinstance(inner, MaxRetryError) and isinstance(inner.reason, NewConnectionError)
