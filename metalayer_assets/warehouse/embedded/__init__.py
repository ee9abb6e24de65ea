"""The PostgreSQL server that MetaLayer brings along: the binaries of a wheel, under our own management."""

from metalayer_assets.warehouse.embedded.config import DEFAULT_MAJOR
from metalayer_assets.warehouse.embedded.postmaster import ServerStatus
from metalayer_assets.warehouse.embedded.server import EmbeddedServer

__all__ = ["DEFAULT_MAJOR", "EmbeddedServer", "ServerStatus"]
