"""The processes of the service: each for itself, and several acting as one.

Each has a snapshot, a trial and books of its own and takes orders on a unix socket of its own.
Worker 0 has the admin endpoint and speaks for all of them.
"""

from extauth.workers.control import create_control
from extauth.workers.leader import Leader
from extauth.workers.sibling import Sibling
from extauth.workers.worker import Worker

__all__ = ["Leader", "Sibling", "Worker", "create_control"]
