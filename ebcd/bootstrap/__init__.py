"""The stack of `ebcd.permissions`, brought to an account."""

from ebcd.bootstrap.bring import Brought, bring

__all__ = ["Brought", "bring"]
