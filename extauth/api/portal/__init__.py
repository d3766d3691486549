"""What the gateway itself tells clients: the models they may use, and what they have used."""

from extauth.api.portal.application import create_portal
from extauth.api.portal.ticket import PortalTicket

__all__ = ["PortalTicket", "create_portal"]
