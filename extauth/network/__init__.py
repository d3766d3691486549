"""Sockets that the processes of the gateway listen on, and HTTP served on them."""
