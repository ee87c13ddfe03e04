"""Data files as tables: CSV as its text, Parquet and the rest by the engine that is installed."""
