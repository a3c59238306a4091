"""What is being done is shown on a terminal, and written where there is none."""

from __future__ import annotations

import io
import threading

from rich.console import Console

from paidonce.harness.cli.progress import StatusLine


class Written(io.StringIO):
    """A file that says when a line with a text has been written."""

    def __init__(self):
        super().__init__()
        self.more = threading.Condition()

    def write(self, text):
        with self.more:
            done = super().write(text)
            self.more.notify_all()
        return done

    def wait_for(self, text):
        with self.more:
            assert self.more.wait_for(lambda: text in self.getvalue(), 20), self.getvalue()


def test_without_a_terminal_a_line_is_written_as_something_is_begun():
    file = Written()
    with StatusLine(Console(file=file)) as line:
        line.update("racy: migrating")
        line.update("racy: migrating")
        line.update("racy: explored 1", of="exploring")
        line.update("racy: explored 2", of="exploring")
        line.say("database: kept [bold] from 10:32")
        line.update("racy: bursts")
    assert file.getvalue().splitlines() == [
        "racy: migrating",
        "racy: explored 1",
        "database: kept [bold] from 10:32",
        "racy: bursts",
    ]


def test_without_a_terminal_it_is_said_now_and_then_that_it_lasts():
    file = Written()
    with StatusLine(Console(file=file), every_s=0.01) as line:
        line.update("explored 1", of="exploring")
        line.update("explored 2", of="exploring")
        file.wait_for("explored 2\n")
        file.wait_for("explored 2 (1 s)\n")


def test_a_terminal_shows_the_last_and_keeps_what_is_said():
    file = Written()
    console = Console(file=file, force_terminal=True, width=60)
    with StatusLine(console) as line:
        line.update("racy: migrating")
        file.wait_for("racy: migrating")
        line.say("database: kept")
    assert "database: kept\n" in file.getvalue()
