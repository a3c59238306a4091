"""The plugin's options, its marker and what is wrong with either; nothing is started."""

from __future__ import annotations

import pytest
from gate_shop import shop_in

pytest_plugins = "pytester"


def test_help_and_markers_name_it(pytester):
    told = pytester.runpytest_subprocess("--help").stdout
    told.fnmatch_lines(["paidonce: races in payment services:", "*--paidonce-target=PATH*"])
    told.fnmatch_lines(["*paidonce_witnesses (paths):*"])
    pytester.runpytest_subprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.paidonce(*"])


def test_a_run_that_does_not_use_it_imports_nothing_of_the_harness(pytester):
    pytester.makepyfile(
        """
        import sys

        def test_nothing_was_imported():
            ours = {name for name in sys.modules if name.split(".")[0] == "paidonce"}
            plugin = "paidonce.harness.pytest_plugin"
            allowed = {"paidonce", "paidonce.harness", plugin}
            allowed |= {f"{plugin}.{name}" for name in ("options", "failures", "run")}
            assert ours <= allowed
            assert not {"msgspec", "psycopg", "redis", "httpx", "typer"} & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("targt='target.toml'", "unknown key 'targt'; did you mean target?"),
        ("colour='red'", "unknown key 'colour'; expected target, variant"),
        ("'target.toml'", "expected keys, as in target='target.toml'; got 'target.toml'"),
        ("target='shop.toml'", "shop.toml does not exist"),
        ("target=5", "target: expected a path, got 5"),
        ("", "no target: name one by target='FILE', --paidonce-target or the ini key"),
        ("target='target.toml', mode='explode'", "mode: expected one of explore, burst, replay"),
        ("target='target.toml', mode='replay'", "mode='replay' and witness='FILE' go together"),
        ("target='target.toml', attempts=1", "attempts: expected a number from 2 to 200, got 1"),
        ("target='target.toml', faults=4", "faults: expected a number from 0 to 3, got 4"),
        ("target='target.toml', budget='soon'", "budget: expected a time like 30s or 2m"),
        ("target='target.toml', budget=0", "budget: expected a time like 30s or 2m"),
        ("target='target.toml', expect='green'", "expect: expected one of valid, invalid, any"),
        ("target='target.toml', variant=1", "variant: expected a text, got 1"),
    ],
)
def test_a_marker_that_is_wrong_is_one_message(pytester, marker, expected):
    shop_in(pytester.path)
    pytester.makepyfile(
        f"import pytest\n\n@pytest.mark.paidonce({marker})\ndef test_it():\n    pass\n"
    )
    run = pytester.runpytest_inprocess()
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    said = run.stderr.str()
    assert "test_a_marker" in said
    assert "::test_it: @pytest.mark.paidonce" in said
    assert expected in said
    assert "Traceback" not in said + run.stdout.str()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--paidonce-budget", "soon"], "--paidonce-budget: expected a time like 30s or 2m"),
        (["--paidonce-attempts", "many"], "--paidonce-attempts: expected a number from 2 to 200"),
        (["--paidonce-faults", "-1"], "--paidonce-faults: expected a number from 0 to 3"),
        (["--paidonce-target", "gone.toml"], "gone.toml does not exist"),
    ],
)
def test_an_option_that_is_wrong_is_one_message(pytester, arguments, expected):
    shop_in(pytester.path)
    pytester.makepyfile("import pytest\n\n@pytest.mark.paidonce\ndef test_it():\n    pass\n")
    pytester.makeini("[pytest]\npaidonce_target = target.toml\n")
    run = pytester.runpytest_inprocess(*arguments)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    assert expected in run.stderr.str()


def test_witnesses_are_collected_where_they_are_configured_or_named(pytester):
    for folder in ("tests/witnesses", "paidonce-report/latest"):
        (pytester.path / folder).mkdir(parents=True)
        (pytester.path / folder / "racy-shop.witness.json").write_text("{}")
    configured = "tests/witnesses/racy-shop.witness.json::replay"
    report = "paidonce-report/latest/racy-shop.witness.json"

    assert _collected(pytester) == []
    assert _collected(pytester, report) == [f"{report}::replay"]
    pytester.makeini("[pytest]\npaidonce_witnesses = tests/witnesses\n")
    assert _collected(pytester) == [configured]


def _collected(pytester, *arguments):
    run = pytester.runpytest_inprocess("--collect-only", "-q", *arguments)
    return [line for line in run.outlines if "::" in line]


def test_a_file_that_is_no_witness_is_one_message(pytester):
    (pytester.path / "x.witness.json").write_text("[]")
    run = pytester.runpytest_inprocess("x.witness.json", "--paidonce-backends", "embedded")
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(["paidonce: *x.witness.json: not a paidonce witness*"])
    assert "Traceback" not in run.stdout.str()


def test_a_target_file_that_is_wrong_is_one_message(pytester):
    path = shop_in(pytester.path)
    path.write_text(path.read_text().replace("status = 200", "state = 200"))
    pytester.makepyfile(
        "import pytest\n\n@pytest.mark.paidonce(target='target.toml')\ndef test_it():\n    pass\n"
    )
    run = pytester.runpytest_inprocess("--paidonce-backends", "embedded")
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(["paidonce: *target.toml, ?success?, state: unknown key*"])


def test_several_variants_and_none_named(pytester):
    shop_in(pytester.path)
    pytester.makepyfile(
        "import pytest\n\n@pytest.mark.paidonce(target='target.toml')\ndef test_it():\n    pass\n"
    )
    run = pytester.runpytest_inprocess("--paidonce-backends", "embedded")
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(["*has several variants; name one by variant=*racy, locked"])


def test_a_target_that_nobody_named(pytester):
    pytester.makepyfile("def test_it(paidonce_target):\n    paidonce_target.explore()\n")
    run = pytester.runpytest_inprocess()
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(["paidonce: *::test_it: paidonce_target: no target: name one by*"])
    run = pytester.runpytest_inprocess("--paidonce-target=gone.toml")
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["paidonce: *target file *gone.toml does not exist"])
    assert "Traceback" not in run.stdout.str()


def test_the_result_is_for_marked_tests(pytester):
    pytester.makepyfile("def test_it(paidonce_result):\n    pass\n")
    run = pytester.runpytest_inprocess()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["*paidonce_result is for tests marked with @pytest.mark.paidonce*"])
