"""Identity: API keys and verified JWT claims become a principal."""

from extauth.identity.identify import Identifier
from extauth.identity.jwt import JwtIdentity
from extauth.identity.ring import KeyRing
from extauth.identity.sqlite import SqliteKeys
from extauth.identity.store import ApiKey, KeyStore

__all__ = ["ApiKey", "Identifier", "JwtIdentity", "KeyRing", "KeyStore", "SqliteKeys"]
