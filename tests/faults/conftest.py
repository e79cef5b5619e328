"""The service as a process."""

from tests.faults.service import practice, running, signed

__all__ = ["practice", "running", "signed"]
