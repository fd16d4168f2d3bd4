"""A server on loopback that answers as Yonyou's page says the U8+ OpenAPI does.

``python -m sandbox`` runs it by itself, ``with Sandbox() as u8:`` inside a test.
"""

from __future__ import annotations

from sandbox.fault import Fault
from sandbox.filters import Row
from sandbox.invented import touch
from sandbox.samples import RESOURCES, Sample, rows, sample
from sandbox.samples.customercontacts import contact, contacts
from sandbox.server import Request, Sandbox
from sandbox.u8 import ACCOUNTS, NOT_GRANTED, Accounts

__all__ = [
    "ACCOUNTS",
    "NOT_GRANTED",
    "RESOURCES",
    "Accounts",
    "Fault",
    "Request",
    "Row",
    "Sample",
    "Sandbox",
    "contact",
    "contacts",
    "rows",
    "sample",
    "touch",
]
