"""Runs each case after a statement that names it, and prints what came of it, a line each."""

import inspect
import json
import sys


def twice(run):
    """Make the call a second time: it has to say that another was first."""
    run()
    try:
        run()
    except RuntimeError as error:
        return f"the second: {error}"
    return "the second is told nothing"


def _said(error):
    return f"raises {type(error).__name__}: {str(error).strip().splitlines()[0]}"


def _mark(name):
    return f"UPDATE orders SET status = 'unpaid', version = 1 /* case {name} */"  # noqa: S608


def _tell(name, told):
    sys.stdout.write(json.dumps({"case": name, "told": told or ""}) + "\n")
    sys.stdout.flush()


def cases(raw, runs):
    """Run the cases by their functions' names."""
    for run in runs:
        raw(_mark(run.__name__))
        try:
            told = run()
        except Exception as error:
            told = _said(error)
        _tell(run.__name__, told)
    raw(_mark("end"))


async def cases_async(raw, runs):
    """Run the cases, which may be coroutines, by their functions' names."""
    for run in runs:
        await raw(_mark(run.__name__))
        try:
            told = run()
            told = await told if inspect.isawaitable(told) else told
        except Exception as error:
            told = _said(error)
        _tell(run.__name__, told)
    await raw(_mark("end"))
