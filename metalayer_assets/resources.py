"""Define what assets, sensors and schedules are given to work with here: the warehouse."""

import os

import dagster as dg
from pydantic import Field, PrivateAttr

from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.writer import SliceWriter, open_writer


class Warehouse(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The warehouse that the environment names.

    Nothing is read and no connection is opened before the first use, so that definitions load anywhere.

    Attributes:
        environment: Variables that stand above those of the process; for tests, never for secrets.
    """

    environment: dict[str, str] = Field(default_factory=dict)
    _settings: Settings | None = PrivateAttr(default=None)
    _writer: SliceWriter | None = PrivateAttr(default=None)

    @property
    def settings(self) -> Settings:
        """The settings, read once."""
        if self._settings is None:
            self._settings = Settings.from_environment({**os.environ, **self.environment})
        return self._settings

    @property
    def database(self) -> Database:
        """The database; the embedded server is started when none is named."""
        return self.writer.database

    @property
    def writer(self) -> SliceWriter:
        """The writer of slices; the first use creates what the catalog declares and the database lacks."""
        if self._writer is None:
            self._writer = open_writer(self.settings)
        return self._writer
