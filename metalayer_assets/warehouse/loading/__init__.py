"""The file loader: one landed file into one stage table by COPY, every unreadable line kept."""

from metalayer_assets.warehouse.loading.loader import keep_file_out, load_file
from metalayer_assets.warehouse.loading.report import Drift, HeaderRefused, LoadReport, SourceColumn
from metalayer_assets.warehouse.loading.source import sha256_of

__all__ = ["Drift", "HeaderRefused", "LoadReport", "SourceColumn", "keep_file_out", "load_file", "sha256_of"]
