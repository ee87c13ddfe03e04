"""Are a record's verdicts what its policy and its counts give?"""
