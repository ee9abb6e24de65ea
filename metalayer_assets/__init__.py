"""MetaLayer: a medallion warehouse on PostgreSQL, built as a Dagster asset graph."""
