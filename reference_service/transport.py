"""stripe-python's HTTP client, told to remember whether a request may have reached Stripe.

With ``max_network_retries`` above zero the library reports only its last try. A time-out
followed by a refused connection would then look like a request that never left, although the
first try may well have been executed. So every try is watched, per thread.

It speaks HTTP by urllib3. The library's own client does so as well, by way of ``requests``, whose
sessions, cookies and prepared requests take more processor time than urllib3 itself.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import stripe
import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    TimeoutError,
)

CONNECT_TIMEOUT_S = 5.0


class WatchingClient(stripe.HTTPClient):
    """An HTTP client over one keep-alive pool of ``connections``, for all threads.

    ``timeout_s`` bounds the wait for an answer; connecting gets ``CONNECT_TIMEOUT_S`` at most.
    Proxy variables and .netrc are not obeyed: the address is a setting of its own.
    """

    name = "urllib3"

    def __init__(self, timeout_s: float, connections: int) -> None:
        super().__init__()
        self.timeout = urllib3.Timeout(connect=min(timeout_s, CONNECT_TIMEOUT_S), read=timeout_s)
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=connections,
            # One try is one request: what is tried again is for stripe-python to say.
            retries=False,
            ca_certs=stripe.ca_bundle_path,
        )
        self._watch = threading.local()

    def shut(self) -> None:
        """Close all connections, of whichever thread."""
        self._pool.clear()

    def close(self) -> None:
        """Nothing: the library closes a thread's own, and this client has one pool for all."""

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
        **_: Any,
    ) -> Any:  # stripe-python's own annotations of it contradict each other
        try:
            answer = self._pool.urlopen(
                method.upper(),
                url,
                body=post_data,
                headers=headers,
                redirect=False,
                timeout=self.timeout,
            )
        except HTTPError as problem:
            error = stripe.APIConnectionError(  # type: ignore[no-untyped-call]  # has no types
                f"Unexpected error communicating with Stripe ({type(problem).__name__}: {problem})",
                should_retry=isinstance(problem, TimeoutError | NewConnectionError | ProtocolError),
            )
            error.__cause__ = problem
            if not never_connected(error):
                self._watch.doubtful = self.doubtful_tries + 1
            raise error from problem
        if answer.status >= 500 or answer.status == 409:
            self._watch.doubtful = self.doubtful_tries + 1
        return answer.data, answer.status, answer.headers


def never_connected(error: stripe.APIConnectionError) -> bool:
    """Return whether the connection was never made, so that nothing can have been sent."""
    return isinstance(error.__cause__, ConnectTimeoutError | NewConnectionError)
