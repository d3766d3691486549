"""Reserve, then settle: what every limit counts, and what `sluice usage` reports."""

from extauth.ledger.embedded import EmbeddedLedger
from extauth.ledger.ledger import Counter, Demand, Ledger, Reservation, Standing

__all__ = ["Counter", "Demand", "EmbeddedLedger", "Ledger", "Reservation", "Standing"]
