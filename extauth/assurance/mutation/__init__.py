"""Would the tests notice a mistake? Policies changed one small step at a time, and tested."""

from extauth.assurance.mutation.campaign import mutate

__all__ = ["mutate"]
