"""The ledger: reserve a request's worst case, then settle its usage, under every limit."""

from extauth.ledger.embedded import EmbeddedLedger
from extauth.ledger.ledger import Counter, Demand, Ledger, Reservation, Standing

__all__ = ["Counter", "Demand", "EmbeddedLedger", "Ledger", "Reservation", "Standing"]
