"""The benchmarks: each prints a table, in which every figure stands beside a floor measured in the same run."""
