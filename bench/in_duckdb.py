"""DuckDB: the readings are sorted as the layout says, which decides what its zone maps skip."""

import duckdb

from engine import main
from queries import AS_REPORTS, SQL


def load(channel, store, layout):
    tables = dict(tenants=channel.tenants(), above=channel.above(), readings=channel.readings(layout))
    with duckdb.connect(store / "readings.duckdb") as db:
        for name, columns in tables.items():
            db.register("columns", columns)
            db.execute(f"CREATE TABLE {name} AS FROM columns")
            db.unregister("columns")
        db.execute("CHECKPOINT")
    return (store / "readings.duckdb").stat().st_size


def connect(store):
    return duckdb.connect(store / "readings.duckdb", read_only=True)


def ask(db, query, meta):
    return db.execute((SQL | AS_REPORTS)[query].substitute(meta)).fetchone()


if __name__ == "__main__":
    main(load, connect, ask)
