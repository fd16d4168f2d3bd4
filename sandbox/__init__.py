"""A server on loopback that answers as Yonyou's page says the U8+ OpenAPI does.

``python -m sandbox`` runs it by itself, ``with Sandbox() as u8:`` inside a test.
"""

from __future__ import annotations

from sandbox.contacts import Row, contact, contacts
from sandbox.fault import Fault
from sandbox.server import Request, Sandbox
from sandbox.u8 import ACCOUNTS, Accounts

__all__ = [
    "ACCOUNTS",
    "Accounts",
    "Fault",
    "Request",
    "Row",
    "Sandbox",
    "contact",
    "contacts",
]
