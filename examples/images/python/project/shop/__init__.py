"""Orders of a small shop."""

from pydantic import BaseModel, validator


class Order(BaseModel):
    cents: int
    paid: int = 0

    @validator("cents", "paid")
    def not_negative(cls, value):
        if value < 0:
            raise ValueError("an amount is never negative")
        return value

    def refund(self, cents):
        """Return what is paid back: never more than was paid."""
        self.paid -= cents
        return cents
