"""Worked examples, from a clean copy: the race is found, its witness replays, the fixes are proved.

They are services as teams write them, built with their own package managers and driven with
nothing of ours in them. Express with SQL and Go are built by default, their races found and
replayed, and a fix searched to completion; the others, whose searches or builds take longest, by
slow tests. What the proofs rely on is tried of one of them by default, and of all in slow tests.
"""

from __future__ import annotations

import os
import re
import shutil
import tomllib

import pytest
from example_runs import EXAMPLES, Wanted, build, copied, explored

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from paidonce.harness.errors import DeadlineExceeded
from paidonce.harness.explore.search import Budget, Ending
from paidonce.harness.explore.validate.spending import Validation
from paidonce.harness.predict import Standing
from paidonce.harness.process.child import ChildFailed
from paidonce.harness.targets import load_target
from paidonce.harness.targets.run import launch as starting
from paidonce.harness.testbed.stack import Choice

TOOLS = {
    "express-pg": ("node", "npm"),
    "express-prisma": ("node", "npm", "npx"),
    "go": ("go",),
    "java": ("java", "mvn"),
    "queue-worker": ("node", "npm"),
}
TARGETS = sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.glob("*/*.toml"))
SLOW = {
    "express-prisma/create-intent.toml": ("redis_lock",),
    "express-prisma/target.toml": ("redis_lock", "version"),
    "django/target.toml": ("fixed",),
    "java/target.toml": ("fixed",),
    "queue-worker/target.toml": ("autocommit", "skip_locked"),
    "webhook-settles/target.toml": ("fixed",),
}
"""Variants that are searched by ``make test-slow``."""
SECOND = (
    "express-prisma/create-intent.toml",
    *(f"webhook-settles/{name}.toml" for name in ("sweep", "twice", "within")),
)
"""Second targets of services that ``make test`` plays by their first."""
ALIKE = (
    *("express-prisma/target.toml", "flask-sqlalchemy/target.toml"),
    *("java/target.toml", "webhook-settles/target.toml"),
    *("django/target.toml", "queue-worker/target.toml"),
)
"""Services like one that ``make test`` plays (another of Express or of SQL alone; the reference
service has SQLAlchemy), and those that take longest to build or to search."""
LANES = {"queue-worker/target.toml": 4}
"""Searches that wait more than they work: for a moment after each step, in case it woke another."""
VALIDATED = ("express-pg/target.toml",)
BUILD_DEADLINE_S = 300.0
REPLAYS = 3
SHRINK = Budget(schedules=10)

OUT_OF_REACH = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|no such host|dial tcp|Unknown host"
    r"|i/o timeout|TLS handshake timeout"
    r"|npm (?:error|ERR!) (?:network|code E40[134]|code ENOTCACHED|code ETARGET)"
    r"|No matching distribution|Max retries exceeded|HTTP error \d+ while getting"
    r"|: reading \S+: [45]\d\d |module lookup disabled|toolchain not available"
    r"|go\.mod requires go >="
    r"|Could not (?:transfer|find) artifact|Cannot access \S+ \(\S+\) in offline mode"
    r"|(?:was not found|failed to transfer) \S* ?in .* during a previous attempt"
    r"|release version \d+ not supported",
    re.IGNORECASE,
)
"""What package managers say where a package, or a compiler of the right version, cannot be had."""

SAID = {
    "npm error code E403\nnpm error 403 403 Forbidden - GET http://127.0.0.1/xtend": True,
    "npm error code E404\nnpm error 404 Not Found - GET http://127.0.0.1/xtend": True,
    "npm error code ENOTFOUND\nnpm error syscall getaddrinfo": True,
    "main.go:13:2: github.com/jackc/pgx/v5@v5.12.0: reading "
    "http://127.0.0.1/github.com/jackc/pgx/v5/@v/v5.12.0.zip: 403 Forbidden": True,
    "payments.go:13:2: github.com/stripe/stripe-go/v83@v83.2.1: reading "
    "http://127.0.0.1/github.com/stripe/stripe-go/v83/@v/v83.2.1.zip: 404 Not Found": True,
    "go: go.mod requires go >= 1.25.0 (running go 1.22.2; GOTOOLCHAIN=local)": True,
    "[ERROR] Plugin org.apache.maven.plugins:maven-resources-plugin:2.6 or one of its dependencies "
    "could not be resolved: Failed to read artifact descriptor for "
    "org.apache.maven.plugins:maven-resources-plugin:jar:2.6: Could not transfer artifact "
    "org.apache.maven.plugins:maven-resources-plugin:pom:2.6 from/to m (http://127.0.0.1/): "
    "authorization failed for http://127.0.0.1/org/apache/maven": True,
    "[ERROR] Failed to execute goal on project shop: Could not resolve dependencies for project "
    "com.example:shop:jar:1: Could not find artifact com.google.code.gson:gson:jar:2.13.299 in "
    "central (https://repo.maven.apache.org/maven2) -> [Help 1]": True,
    "ERROR: Could not find a version that satisfies the requirement Flask (from versions: none)\n"
    "ERROR: No matching distribution found for Flask": True,
    "[ERROR] /x/src/main/java/shop/Main.java:[118,20] ';' expected\n[ERROR] -> [Help 1]\n[ERROR] "
    "http://cwiki.apache.org/confluence/display/MAVEN/MojoFailureException": False,
    "# example.com/shop\n./payments.go:52:9: syntax error: unexpected name p at end": False,
    "src/app.ts(12,5): error TS2304: Cannot find name 'netwrok'.": False,
    "npm error code EUSAGE\nnpm error `npm ci` can only install packages when your package.json "
    "and package-lock.json are in sync.": False,
}
"""What they were seen to say, and whether a package was out of reach."""


def of(name):
    return name.split("/")[0]


def param(name, *marks):
    # The targets of an example share its build.
    return pytest.param(name, marks=[pytest.mark.xdist_group(of(name)), *marks], id=name)


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """Builds an example once, and tells the path of a target in it; skips what cannot be built."""
    folders, lacking = {}, {}

    def prepared(name):
        example = of(name)
        if example not in folders and example not in lacking:
            try:
                folders[example] = built(name)
            except pytest.skip.Exception as skipped:
                lacking[example] = skipped.msg
        if example in lacking:
            pytest.skip(lacking[example])
        return folders[example] / name.split("/")[1]

    def built(name):
        tools = [tool for tool in TOOLS.get(of(name), ()) if shutil.which(tool) is None]
        if tools:
            pytest.skip(f"{of(name)} needs {' and '.join(tools)}, which is not on this machine")
        folder = copied(of(name), tmp_path_factory.mktemp("example"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(starting, "BUILD_DEADLINE_S", BUILD_DEADLINE_S)
            try:
                build(folder / name.split("/")[1])
            except ChildFailed as failure:
                if not OUT_OF_REACH.search(failure.log):
                    raise
                pytest.skip(f"{of(name)} needs packages that are out of reach: {failure.log}")
            except DeadlineExceeded as late:
                pytest.skip(f"{of(name)} was not built: {late}")
        return folder

    yield prepared
    for folder in folders.values():
        shutil.rmtree(folder)  # hundreds of megabytes that pytest would keep


def variants_of(target):
    return {name: one.sound for name, one in load_target(target).variants.items()}


def played(target, folder, **wanted):
    name = f"{target.parent.name}/{target.name}"
    lanes = LANES.get(name, 1)
    redis = redis_url_of_worker(os.environ[REDIS_VARIABLE])
    choice = Choice(
        postgres=os.environ[POSTGRES_VARIABLE], redis=redis if lanes == 1 else "embedded"
    )
    return explored(target, choice, folder, Wanted(lanes=lanes, replays=REPLAYS, **wanted))


AWAITED = ("webhook-settles/sweep.toml", "webhook-settles/within.toml")
"""Targets of which nothing is predicted: who waits for an event of Stripe's does nothing alone."""


def looks_right(example):
    """Each variant is as declared: caught, predicted and replayed, or proved."""
    for variant, came in example.explored.items():
        result, predictions = came.result, example.predictions.get(variant)
        standing = None if predictions is None else {one.standing for one in predictions}
        if example.sound[variant]:
            assert (result.ending, result.reason) == (Ending.COMPLETE, ""), variant
            assert result.invalid == (), variant
            assert standing is None or standing <= {Standing.REFUTED}, variant
        else:
            assert standing is None or Standing.CONFIRMED in standing, variant
            assert result.ending is Ending.COUNTEREXAMPLE, variant
            assert result.found[0].execution.number <= 10, variant
            assert example.replays[variant] == [""] * REPLAYS, (variant, came.notes)


@pytest.mark.parametrize(
    "name", [param(name, *[pytest.mark.slow] * (name in (*SECOND, *ALIKE))) for name in TARGETS]
)
def test_the_race_is_found_and_a_fix_is_proved(ready, name, tmp_path):
    target = ready(name)
    chosen = tuple(one for one in variants_of(target) if one not in SLOW.get(name, ()))
    validation = Validation() if name in VALIDATED else None
    example = played(target, tmp_path, variants=chosen, shrink=SHRINK, validation=validation)
    assert set(variants_of(target).values()) == {True, False}
    looks_right(example)
    assert bool(example.predictions) == (name not in AWAITED)


@pytest.mark.slow
@pytest.mark.parametrize("name", [param(name) for name in SLOW])
def test_the_fixes_that_take_long_are_proved_too(ready, name, tmp_path):
    example = played(ready(name), tmp_path, variants=SLOW[name])
    assert tuple(example.sound) == SLOW[name]
    looks_right(example)


@pytest.mark.slow
@pytest.mark.parametrize("name", [param(name) for name in TARGETS if name not in VALIDATED])
def test_what_the_proofs_rely_on_is_so(ready, name, tmp_path):
    target = ready(name)
    sound = {one for one, is_sound in variants_of(target).items() if is_sound}
    if wanted := tuple(sound - set(SLOW.get(name, ()))):  # the others are tried as they are proved
        looks_right(played(target, tmp_path, variants=wanted))


@pytest.mark.parametrize(
    ("said", "out_of_reach"), SAID.items(), ids=[said.split("\n")[0][:40] for said in SAID]
)
def test_only_what_cannot_be_had_is_skipped(said, out_of_reach):
    assert bool(OUT_OF_REACH.search(said)) is out_of_reach


@pytest.mark.parametrize("name", TARGETS)
def test_an_example_has_what_its_readers_expect(name):
    target = load_target(EXAMPLES / name)
    folder = EXAMPLES / of(name)
    assert (folder / "README.md").exists()
    assert (folder / "schema.sql").exists()
    assert f"paidonce check examples/{name}" in (folder / "README.md").read_text()
    assert {variant.sound for variant in target.variants.values()} == {True, False}
    # Its targets share what is built.
    assert target.file.build == load_target(next(folder.glob("*.toml"))).file.build


def test_nothing_of_ours_is_in_an_example():
    sources = [
        path
        for path in EXAMPLES.glob("*/**/*")
        if path.suffix in (".js", ".ts", ".py", ".go", ".java", ".sql", ".json", ".txt", ".xml")
        and not {"node_modules", ".venv", "dist", "target", "generated", "witnesses"}
        & set(path.parts)
    ]
    assert len(sources) > 30
    for path in sources:
        text = path.read_text()
        assert "paidonce" not in text.lower(), path
        assert '"resolved"' not in text, f"{path} names a registry"


def test_every_example_is_listed():
    listed = (EXAMPLES / "README.md").read_text()
    for name in TARGETS:
        assert f"]({of(name)})" in listed
    assert tomllib.loads((EXAMPLES / "ruff.toml").read_text())["extend"] == "../pyproject.toml"
