"""Define the error of customer value here; keep handling of it out."""

from metalayer_assets.warehouse.errors import MetaLayerError


class CustomerValueError(MetaLayerError):
    """Purchases, summaries or parameters are not what the models of customer value are defined for."""
