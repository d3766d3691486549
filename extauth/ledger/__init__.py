"""Reserve, then settle: what every limit counts, and what `sluice usage` reports."""

from extauth.ledger.embedded import EmbeddedLedger
from extauth.ledger.ledger import Charge, Ledger, Reservation

__all__ = ["Charge", "EmbeddedLedger", "Ledger", "Reservation"]
