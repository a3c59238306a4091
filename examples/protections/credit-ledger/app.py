"""A payment in credits, which credit-ledger 0.3.0 is to take once for one key."""

import os

import sqlalchemy as sa
import uvicorn
from credit_ledger import metering
from fastapi import FastAPI, Header, Response

engine = sa.create_engine(os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"))
app = FastAPI()


@app.post("/orders/{order_id}/pay")
def pay(order_id: int, idempotency_key: str = Header()):
    taken = metering.decrement(
        "ann", 10, reason=f"order {order_id}", idempotency_key=idempotency_key, engine=engine
    )
    return Response(status_code=201 if taken.ok else 402)


@app.get("/health")
def health():
    return {}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
