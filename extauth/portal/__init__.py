"""What the gateway itself tells authenticated clients: the models they may use."""

from extauth.portal.application import create_portal
from extauth.portal.ticket import PortalTicket

__all__ = ["PortalTicket", "create_portal"]
