"""The made-up practice on each kind of database, its engine doubled at the HTTP border; and the service as a process."""

from tests.doubles.databases import database_url, postgres, postgres_url, store, vault
from tests.doubles.house import each_house, empty_house, engine, house
from tests.faults.service import practice, running, signed

__all__ = [
    "database_url",
    "each_house",
    "empty_house",
    "engine",
    "house",
    "postgres",
    "postgres_url",
    "practice",
    "running",
    "signed",
    "store",
    "vault",
]
