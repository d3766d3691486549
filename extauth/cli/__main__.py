"""`python -m extauth.cli`: the command, for processes that start one another."""

from extauth.cli import app

app()
