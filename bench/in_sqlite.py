"""SQLite: readings are rows of one B-tree without row ids, whose key begins as the layout says. Its C code does all the work;
Python's sqlite3 hands it the statement."""

import sqlite3

from engine import main
from queries import SQL

SCHEMA = """
    PRAGMA page_size = 8192;
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE tenants (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, partner INTEGER NOT NULL);
    CREATE TABLE above (ancestor INTEGER NOT NULL, partner INTEGER NOT NULL, PRIMARY KEY (ancestor, partner)) WITHOUT ROWID;
    CREATE TABLE readings (day INTEGER NOT NULL, tenant INTEGER NOT NULL, item INTEGER NOT NULL, value INTEGER NOT NULL,
        PRIMARY KEY ({key})) WITHOUT ROWID;"""
INDEXES = """
    CREATE INDEX tenants_by_partner ON tenants (partner, id, customer);
    CREATE INDEX above_by_partner ON above (partner, ancestor);
    ANALYZE;"""
KEY = dict(day="day, tenant, item", tenant="tenant, item, day")
FAST = ("mmap_size = 8589934592", "cache_size = -1000000", "temp_store = MEMORY", "threads = 2")


def load(channel, store, layout):
    tables = dict(tenants=channel.tenants(), above=channel.above(), readings=channel.readings(layout))
    db = sqlite3.connect(store / "readings.sqlite")
    db.executescript(SCHEMA.format(key=KEY[layout]))
    # In the order of the key, so that every insert is an append; in parts, as Python's own numbers need memory.
    for name, columns in tables.items():
        places = ", ".join("?" * len(columns))
        rows = len(next(iter(columns.values())))
        for start in range(0, rows, 1_000_000):
            part = zip(*(column[start : start + 1_000_000].tolist() for column in columns.values()))
            db.executemany(f"INSERT INTO {name} VALUES ({places})", part)
    db.executescript(INDEXES)
    db.commit()
    db.close()
    return (store / "readings.sqlite").stat().st_size


def connect(store):
    db = sqlite3.connect(store / "readings.sqlite")
    for setting in FAST:
        db.execute(f"PRAGMA {setting}")
    return db


def ask(db, query, meta):
    return db.execute(SQL[query].substitute(meta)).fetchone()


if __name__ == "__main__":
    main(load, connect, ask)
