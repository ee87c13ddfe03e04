"""Numbers of rows that stay where they are: their levels and exact sums, counted by the engine.

The tables are those that the rows in memory would give, bit for bit, on every engine and however
the rows are parted: levels are placed by the same float operations, and sums are of whole numbers.
"""

from venturalitica.tally.on_engine.levels import quantiles, quartiles
from venturalitica.tally.on_engine.scores import score_tables
from venturalitica.tally.on_engine.sums import amount_tables

__all__ = ["amount_tables", "quantiles", "quartiles", "score_tables"]
