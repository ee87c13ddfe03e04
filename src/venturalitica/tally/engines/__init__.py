"""Counting on each kind of table: arrays, and data frames by narwhals."""
