"""The four external systems as local HTTP servers that keep the contracts, for tests, demo and benchmarks."""

from include.sandbox.client import SandboxClient
from include.sandbox.server import Sandbox

__all__ = ["Sandbox", "SandboxClient"]
