import os

from sqlalchemy import String, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3), default="usd")
    payment_status: Mapped[str] = mapped_column(String(20), default="unpaid")
    payment_intent_id: Mapped[str | None] = mapped_column(String(255))

    def as_dict(self):
        return {
            "currency": self.currency,
            "id": self.id,
            "amount": self.amount,
            "payment_status": self.payment_status,
            "payment_intent_id": self.payment_intent_id,
        }


engine = create_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1),
    pool_size=10,
    pool_pre_ping=True,
)
Session = sessionmaker(engine)
