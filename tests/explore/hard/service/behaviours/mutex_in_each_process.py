"""A mutex covers all of a payment, but the shop runs in two processes with one each."""

from __future__ import annotations

from behaviours.mutex import Behaviour as Mutex


class Behaviour(Mutex):
    workers = 2
