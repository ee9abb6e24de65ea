"""The half of MetaLayer that knows PostgreSQL. Nothing below this package imports Dagster."""
