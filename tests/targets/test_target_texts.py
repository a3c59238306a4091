"""Texts that no command and no environment can hold are told with file and place."""

from __future__ import annotations

import pytest
from small_services import HERE

from paidonce.harness.errors import UsageError
from paidonce.harness.targets.file.loading import load_target
from paidonce.harness.targets.run.launch import argv_of, environment


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"A": "b\0c"}, "'A': 'b.*' holds a NUL character"),
        ({"A\0": "b"}, "holds a NUL character"),
        ({"A=B": "c"}, "'A=B': expected a name that is not empty and holds no ="),
        ({"": "c"}, "expected a name that is not empty"),
    ],
)
def test_a_variable_that_no_process_can_be_given(own, said):
    loaded = load_target(HERE / "polling" / "target.toml")
    with pytest.raises(UsageError, match=said) as refused:
        environment(loaded, "waits", {}, own, controlled=False)
    assert "target.toml, env" in str(refused.value)


def test_a_command_that_no_process_can_be_given():
    with pytest.raises(UsageError, match=r"x\.toml, command: 'a.*' holds a NUL character"):
        argv_of(["a\0b"], {}, "x.toml, command")
