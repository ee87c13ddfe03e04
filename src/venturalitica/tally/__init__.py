"""Tallies out of data: one pass over exactly the columns that a policy needs.

    tally = build_tally(table, needs=needs(policy.controls), binding=binding, roles=policy.roles)

A `Need` is data: roles to count by, and perhaps a number to make of each row. `binding` says from
which columns each is read, `values` what a value of the data is as a label, `engines` ask data
frames and arrays, `groups` turns values into levels, `spelling` refuses values that mislead, and
`build` puts them together. Nothing here opens a file or knows a metric.
"""
