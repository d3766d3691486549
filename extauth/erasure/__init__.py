"""Removing a person's identifiers from everything that the gateway keeps."""

from extauth.erasure.erasure import Erased, Store, erase
from extauth.erasure.person import Person, find

__all__ = ["Erased", "Person", "Store", "erase", "find"]
