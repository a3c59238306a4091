"""The SDKs' suites: which tests there are, and how they are run against a server.

Every test begins with a server that has forgotten everything, as stripe-mock, for which they are
written, remembers nothing.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import httpx
from resources import GO_PACKAGES, resource_of
from servers import Server, fronted

from paidonce.harness.backends.stripe_simulator import CONTROL_HEADERS
from paidonce.harness.errors import UsageError

Results = dict[str, bool]
"""By test, whether it passed; those that are applicable alone."""

_HERE = Path(__file__).parent


def go(checkout: Path, server: Server, folder: Path) -> Results:
    """Run stripe-go's tests of each resource: ``<package>/client_test.go``.

    ``folder`` keeps what is built from one server to the next.
    """
    results: Results = {}
    with fronted(server, folder) as port:
        environment = {**os.environ, "STRIPE_MOCK_PORT": str(port)}
        for package in GO_PACKAGES:
            program = folder / f"{package.replace('/', '_')}.test"
            if not program.exists():
                build = ["go", "test", "-c", "-o", str(program), f"./{package}/"]
                if subprocess.run(build, cwd=checkout, check=False).returncode:
                    raise UsageError(
                        f"{checkout}: ./{package}/ cannot be built; expected stripe-go's checkout"
                    )
            for test in _said([str(program), "-test.list", "."], environment):
                if test.startswith("Test"):
                    _reset(server)
                    run = [str(program), "-test.run", f"^{test}$", "-test.timeout", "60s"]
                    done = subprocess.run(
                        run, cwd=checkout / package, env=environment, capture_output=True
                    )
                    results[f"{package} {test}"] = done.returncode == 0
    return results


def python(checkout: Path, server: Server, folder: Path) -> Results:
    """Run stripe-python's generated examples: ``tests/test_generated_examples.py``.

    ``python`` on the path has what the suite wants installed.
    """
    report = folder / "python.xml"
    port = server.url.rpartition(":")[2]
    environment = {
        **os.environ,
        "STRIPE_MOCK_PORT": port,
        "STRIPE_MOCK_HOST": "127.0.0.1",
        "PAIDONCE_RESET": server.reset_url,
        "PYTHONPATH": str(_HERE),
    }
    command = [
        *("python", "-m", "pytest", "-q", "-p", "forgetful", "-p", "no:cacheprovider"),
        # The file is so long that to show where in it something failed takes seconds each time.
        *("-o", "addopts=", "--tb=no", f"--junitxml={report}", "tests/test_generated_examples.py"),
    ]
    return _reported(command, checkout, environment, report)


def node(checkout: Path, server: Server, folder: Path) -> Results:
    """Run stripe-node's generated examples; ``npm install`` and ``tsc`` have been run before."""
    report = folder / "node.xml"
    environment = {
        **os.environ,
        "STRIPE_MOCK_PORT": server.url.rpartition(":")[2],
        "STRIPE_MOCK_HOST": "127.0.0.1",
        "PAIDONCE_RESET": server.reset_url,
        "MOCHA_FILE": str(report),
    }
    command = [
        # One process: of several, each would have the server forget what another test has made.
        *("npx", "mocha", "--no-parallel", "--require", str(_HERE / "forgetful.cjs")),
        *("--reporter", "mocha-junit-reporter"),
        "test/resources/generated_examples_test.spec.js",
    ]
    return _reported(command, checkout, environment, report)


SUITES: dict[str, Callable[[Path, Server, Path], Results]] = {
    "stripe-go": go,
    "stripe-python": python,
    "stripe-node": node,
}


def _reported(
    command: list[str], checkout: Path, environment: dict[str, str], report: Path
) -> Results:
    """Run a suite, which fails where a test does, and read its report.

    Raises ``UsageError`` where it has not come to write one.
    """
    report.unlink(missing_ok=True)
    try:
        done = subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise UsageError(f"{checkout}: {command[0]} cannot be run there ({error})") from error
    if not report.exists():
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
        raise UsageError(
            f"{checkout}: `{' '.join(command[:3])}` has run no test; expected a checkout of the "
            f"suite, with what it needs installed for the {command[0]} on PATH. It said: {said}"
        )
    return _read(report)


def _read(report: Path) -> Results:
    """Read a report in JUnit's form."""
    results: Results = {}
    # A report that was written here, a moment ago.
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314
        name = case.get("name", "").split()[-1]
        resource = resource_of(name)
        if resource is not None:
            failed = case.find("failure") is not None or case.find("error") is not None
            results[f"{resource} {name}"] = not failed
    report.unlink()
    return results


def _said(command: list[str], environment: dict[str, str]) -> list[str]:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def _reset(server: Server) -> None:
    if server.reset_url:
        httpx.post(server.reset_url, json={}, headers=CONTROL_HEADERS).raise_for_status()
