"""POST /do/N runs statement N of $STMTS, by itself (autocommit)."""

import json
import os
from pathlib import Path

from kit import app, jsonify, pool, serve

S = json.loads(Path(os.environ["STMTS"]).read_text())


@app.post("/do/<int:n>")
def do(n):
    with pool.connection() as c:
        cur = c.execute(S[n - 1] if n <= len(S) else S[-1])
        return (jsonify(ok=True), 200) if cur.rowcount > 0 else (jsonify(error="no"), 409)


serve()
