"""The shared ledger: Redis 6.2 or later, or Valkey, counts for many processes."""

from extauth.ledger.redis.ledger import RedisLedger
from extauth.ledger.redis.lines import lines

__all__ = ["RedisLedger", "lines"]
