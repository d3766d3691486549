"""What the gateway itself tells clients: the models they may use, and what they have used."""

from extauth.portal.application import create_portal
from extauth.portal.ticket import PortalTicket

__all__ = ["PortalTicket", "create_portal"]
