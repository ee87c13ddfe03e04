"""Metrics: what each one means (`catalog`), how it is counted and computed, and how certain it is.

`catalog` describes every metric without numpy, so that a policy can be read, checked and listed
without it. A family is a file there and a file here: `agreement`, `rates`, `scores` and `data` say
in which `statistic.Shape` they take their counts and compute from them. `registry` joins names to
statistics; `intervals` resamples. All are pure functions of counts with any leading batch
dimensions: the same code gives the value and its 2,000 replicates.
"""
