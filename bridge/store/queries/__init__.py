"""SQL of the hot roads, one module per family of tables. Functions run inside a unit or a read."""
