"""The only code that knows grpc and protobuf."""

from extauth.wire.server import WireServer

__all__ = ["WireServer"]
