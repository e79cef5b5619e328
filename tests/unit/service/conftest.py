"""A store on each kind of database."""

from tests.doubles.databases import database_url, postgres, postgres_url, store, vault

__all__ = ["database_url", "postgres", "postgres_url", "store", "vault"]
