"""Reads a Parquet file with DuckDB: prints its columns with their types, then its rows, each as a line of JSON."""

import json
import sys

import duckdb

usage = duckdb.read_parquet(sys.argv[1])
print(json.dumps([[name, str(kind)] for name, kind in zip(usage.columns, usage.types)]))
for row in usage.order("ALL").fetchall():
    print(json.dumps(row, default=str))
