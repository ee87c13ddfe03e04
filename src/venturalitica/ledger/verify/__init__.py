"""Read everything, believe nothing: a log or a bundle is held against itself."""
