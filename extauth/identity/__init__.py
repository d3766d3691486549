"""Who calls: API keys and verified JWT claims become a principal."""

from extauth.identity.identify import Identifier
from extauth.identity.jwt import JwtIdentity
from extauth.identity.keys import ApiKey, KeyStore

__all__ = ["ApiKey", "Identifier", "JwtIdentity", "KeyStore"]
