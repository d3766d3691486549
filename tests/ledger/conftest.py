"""A real Redis beside the real files."""

from tests.redis_server import private_redis, redis_server

__all__ = ["private_redis", "redis_server"]
