"""The standards' formats, without I/O: DSSE, Merkle trees, checkpoints, keys, bundles."""
