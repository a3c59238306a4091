"""Scenarios: who does what, what is held, what must hold after, and how one is played.

``model`` is the frozen description, ``choreography`` the gate that holds what a scenario says,
``client`` one of its clients, ``play`` plays it once in real time, ``performance`` is one
execution, real or lent to a search, ``pytest_case`` makes a test of it.

Imports test beds and services. Others use ``Scenario`` and its parts, ``play_scenario`` and
``scenario_test``.
"""
