"""Measure here how much slower MetaLayer is than bare PostgreSQL; no claim of speed comes from elsewhere."""
