"""Measure here how much slower MetaLayer is than the bare PostgreSQL under it; claims of speed come from nowhere else."""
