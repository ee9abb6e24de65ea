"""The nodes of the asset graph, made from contracts."""
