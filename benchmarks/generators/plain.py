"""A locustfile as anybody writes one: ``FastHttpUser``, one request, nothing recorded."""

from __future__ import annotations

from locust import FastHttpUser, constant, task


class Plain(FastHttpUser):
    """Asks again as soon as it is answered."""

    wait_time = constant(0)

    @task
    def ask(self) -> None:
        self.client.post("/static", data="{}", headers={"Content-Type": "application/json"})
