"""Mutation testing: policies changed one small step at a time, to see whether tests notice."""

from extauth.assurance.mutation.campaign import mutate

__all__ = ["mutate"]
