"""Metrics: what each one means (`catalog`), how it is computed, and how certain it is.

`catalog` describes every metric without numpy, so that a policy can be read, checked and listed
without it. The families compute: `rates`, `agreement`, `averages`, `scores`, `comparisons`,
`contents`; `registry` joins names to functions; `intervals` resamples. All are pure functions of
counts with any leading batch dimensions: the same code gives the value and its 2,000 replicates.
"""
