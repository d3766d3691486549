"""The gateway's own answers to clients: the models they may use, and what they have used."""

from extauth.api.portal.application import create_portal

__all__ = ["create_portal"]
