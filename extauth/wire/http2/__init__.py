"""gRPC over HTTP/2 for one known peer, Envoy: no more of RFC 9113 than that takes.

docs/http2.md says what it does and what it leaves out.
"""

from extauth.wire.http2.listener import Listener
from extauth.wire.http2.stream import CutError, Stream

__all__ = ["CutError", "Listener", "Stream"]
