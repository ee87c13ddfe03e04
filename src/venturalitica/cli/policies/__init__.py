"""`venturalitica policy`: a file per thing that it does; `policy` is the command itself."""
