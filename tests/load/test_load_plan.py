"""What is decided before anything runs: addresses, the plan, options, the job."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from paidonce.harness.errors import UsageError
from paidonce.harness.load.generate.job import LoadJob
from paidonce.harness.load.generate.targets import load_target, write_target
from paidonce.harness.load.plan.address import loopback_url
from paidonce.harness.load.plan.plan import TAIL, LoadPlan
from paidonce.harness.load.plan.settings import OPTIONS, command_line, settings_from
from paidonce.harness.service.description import Target


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8000", "http://localhost:1", "http://[::1]:80/", "http://127.9.9.9"],
)
def test_addresses_of_this_machine_are_accepted(address: str) -> None:
    assert loopback_url(address, "--host") == address.rstrip("/")


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com",
        "http://10.0.0.1:8000",
        "http://0.0.0.0:8000",
        "http://127.0.0.1.example.com",
        "http://localhost@example.com/",
        "https://127.0.0.1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1/orders",
        "http://user@127.0.0.1",
        "127.0.0.1:8000",
        "",
    ],
)
def test_other_addresses_are_refused_with_their_origin(address: str) -> None:
    with pytest.raises(UsageError, match="--host"):
        loopback_url(address, "--host")


def test_a_plan_steps_up_holds_and_ends() -> None:
    plan = LoadPlan(users=10, warmup=4, seconds=6)
    assert [plan.users_at(t) for t in (0, 0.99, 1, 2, 3, 3.99)] == [3, 3, 5, 8, 10, 10]
    assert plan.users_at(4) == plan.users_at(9.9) == plan.users_at(10 + TAIL - 0.01) == 10
    assert plan.users_at(10 + TAIL) is None


def test_a_plan_without_warm_up_starts_with_everybody() -> None:
    assert LoadPlan(users=7, warmup=0, seconds=1).users_at(0) == 7


def test_users_never_decrease_and_reach_the_number_a_second_before_measuring() -> None:
    for users in range(1, 40):
        for warmup in (0.3, 1, 2.5, 7):
            plan = LoadPlan(users=users, warmup=warmup, seconds=1)
            counts = [plan.users_at(i * 0.1) for i in range(int(10 * (warmup + 1)))]
            known = [count for count in counts if count is not None]
            assert known == sorted(known)
            assert known[0] >= 1
            assert plan.users_at(max(0.0, warmup - 1 + 1e-9)) == users


@pytest.mark.parametrize(
    ("field", "value"),
    [("users", 0), ("users", 10**6), ("warmup", -1), ("seconds", 0.5), ("seconds", float("inf"))],
)
def test_a_plan_out_of_range_is_refused(field: str, value: Any) -> None:
    values: dict[str, Any] = {"users": 1, "warmup": 0, "seconds": 1, field: value}
    with pytest.raises(UsageError, match=field):
        LoadPlan(**values)


def options(**changed: Any) -> Namespace:
    values: dict[str, Any] = {
        option.flag.removeprefix("--").replace("-", "_"): option.default for option in OPTIONS
    }
    return Namespace(**{**values, "num_users": None, "run_time": None, **changed})


def test_options_have_defaults_that_work_and_always_end() -> None:
    settings = settings_from(options())
    assert settings.plan.users == 10
    assert settings.plan.warmup + settings.plan.seconds == 30


def test_the_run_time_includes_the_warm_up_and_measure_overrules_it() -> None:
    assert settings_from(options(run_time=20, warmup="5")).plan.seconds == 15
    assert settings_from(options(run_time=20, warmup="5", measure="1.5")).plan.seconds == 1.5


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"warmup": "soon"}, "--warmup.*a number.*'soon'"),
        ({"max_orders": "1.5"}, "--max-orders.*whole number"),
        ({"max_orders": "0"}, "--max-orders.*at least 1"),
        ({"think": "-1"}, "--think"),
        ({"think": "nan"}, "--think"),
        ({"client_timeout": "0"}, "--client-timeout"),
        ({"contention": "warm"}, "--contention"),
        ({"retries": "21"}, "--retries"),
        ({"retries": "few"}, "--retries.*whole"),
        ({"run_time": 3}, "--run-time 3 .*--warmup 3"),
        ({"measure": "0.1"}, "--measure"),
        ({"num_users": 100_000}, "users"),
    ],
)
def test_a_wrong_option_is_named(changed: dict[str, Any], names: str) -> None:
    with pytest.raises(UsageError, match=names):
        settings_from(options(**changed))


def test_only_options_there_are_become_arguments() -> None:
    assert command_line({"--seed": 3, "--paidonce-variant": "--x"}) == [
        "--seed=3",
        "--paidonce-variant=--x",
    ]
    with pytest.raises(KeyError):
        command_line({"--sed": 3})


def test_a_target_survives_its_file(tmp_path: Path, target: Target) -> None:
    write_target(target, tmp_path / "target.json")
    assert load_target(str(tmp_path / "target.json"), "ignored") == target


def test_a_target_is_found_in_a_module(target: Target) -> None:
    found = load_target("", "paidonce.scenarios.reference:TARGET")
    assert isinstance(found, Target)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("paidonce.scenarios.reference", "module:attribute"),
        ("no_such_module_anywhere:TARGET", "cannot import no_such_module_anywhere"),
        ("paidonce.scenarios.reference:VARIANTS", "not a paidonce.harness.service"),
        ("paidonce.scenarios.reference:NOTHING", "not a paidonce.harness.service"),
    ],
)
def test_a_wrong_target_object_is_named(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        load_target("", name)


def test_a_wrong_target_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.json cannot be read"):
        load_target(str(tmp_path / "missing.json"), "")
    wrong = tmp_path / "wrong.json"
    wrong.write_bytes(msgspec.json.encode({"name": 1}))
    with pytest.raises(UsageError, match=r"wrong\.json does not describe a target"):
        load_target(str(wrong), "")


def job(target: Target, **changed: Any) -> LoadJob:
    values: dict[str, Any] = {
        "target": target,
        "base_url": "http://127.0.0.1:1",
        "variant": "v",
        "profile": "hot",
        "users": 4,
        "seconds": 1,
        "warmup": 0,
    }
    return LoadJob(**{**values, **changed})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"base_url": "http://example.com"}, "base_url.*this machine only"),
        ({"profile": "warm"}, "hot, many, pay, shop"),
        ({"users": 0}, "users"),
        ({"processes": 5}, "one for each of 5 processes"),
        ({"processes": 0}, "processes"),
        ({"max_orders": 0}, "max_orders"),
    ],
)
def test_a_wrong_job_is_refused_before_anything_starts(
    target: Target, changed: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        job(target, **changed)


def test_the_orders_of_a_job_are_shared_out_among_its_processes(target: Target) -> None:
    arguments = job(target, processes=3, max_orders=10).locust_arguments(Path("t"), Path("h"), 9)
    assert "--max-orders=3" in arguments
    assert "--master-bind-host=127.0.0.1" in arguments
    assert arguments[-1] == "HotOrder"


def test_files_are_named_harmlessly(target: Target) -> None:
    assert job(target, variant="../row lock").file_stem == "load-hot-..-row-lock"
