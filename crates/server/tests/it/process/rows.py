"""Reads a Parquet file with DuckDB: prints its columns with their types and the number of its row groups, then its rows, each as
a line of JSON."""

import json
import sys

import duckdb

usage = duckdb.read_parquet(sys.argv[1])
groups = duckdb.execute("SELECT count(DISTINCT row_group_id) FROM parquet_metadata(?)", sys.argv[1:]).fetchall()[0][0]
print(json.dumps({"columns": [[name, str(kind)] for name, kind in zip(usage.columns, usage.types)], "groups": groups}))
for row in usage.order("ALL").fetchall():
    print(json.dumps(row, default=str))
