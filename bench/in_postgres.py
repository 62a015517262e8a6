"""PostgreSQL: a cluster of its own, reachable by a socket in its folder alone. Readings stay in the order in which they came;
a B-tree that holds the value serves what asks for tenants, a BRIN index what asks for days."""

import contextlib
import os
import pathlib
import pwd
import shutil
import subprocess
import sys

import numpy as np
import psycopg

from engine import main
from queries import SQL

SCHEMA = """
    CREATE TABLE tenants (id integer NOT NULL, customer integer NOT NULL, partner integer NOT NULL);
    CREATE TABLE above (ancestor integer NOT NULL, partner integer NOT NULL);
    CREATE TABLE readings (value bigint NOT NULL, tenant integer NOT NULL, day smallint NOT NULL, item smallint NOT NULL)"""
INDEXES = """
    ALTER TABLE tenants ADD PRIMARY KEY (id);
    CREATE INDEX ON tenants (partner) INCLUDE (id, customer);
    ALTER TABLE above ADD PRIMARY KEY (ancestor, partner);
    ALTER TABLE readings ADD PRIMARY KEY (tenant, day, item) INCLUDE (value);
    CREATE INDEX ON readings USING brin (day) WITH (pages_per_range = 32)"""
SETTINGS = """
    listen_addresses = ''
    shared_buffers = 4GB
    effective_cache_size = 12GB
    work_mem = 512MB
    maintenance_work_mem = 2GB
    hash_mem_multiplier = 2
    random_page_cost = 1.1
    max_wal_size = 16GB
    wal_level = minimal
    max_wal_senders = 0
    synchronous_commit = off
    autovacuum = off
"""


def programs():
    """The folder of initdb and pg_ctl: of the newest PostgreSQL that Debian installed, else of the one on the path."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    initdb = found[-1] if found else shutil.which("initdb")
    if not initdb:
        sys.exit("no PostgreSQL here; as root: apt-get install postgresql")
    return pathlib.Path(initdb).parent


def call(store, program, *args):
    """Runs one of its programs; not as root, which the server refuses."""
    command = dict(cwd=store, stdout=subprocess.DEVNULL, check=True)
    if os.geteuid() == 0:
        owner = owner_of_server()
        command |= dict(user=owner.pw_uid, group=owner.pw_gid, extra_groups=[])
    subprocess.run([programs() / program, "-D", store / "cluster", *args], **command)


def owner_of_server():
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


@contextlib.contextmanager
def running(store):
    options = f"-k {store}"
    call(store, "pg_ctl", "-w", "-s", "-l", store / "log", "-o", options, "start")
    try:
        yield
    finally:
        call(store, "pg_ctl", "-w", "-s", "-m", "fast", "stop")


def connect(store):
    return psycopg.connect(host=str(store), user="postgres", dbname="postgres", autocommit=True)


def binary(columns):
    """Rows as COPY's binary format has them: the number of fields, then each one's length and bytes, big-endian."""
    layout = [("fields", ">i2")]
    for name, column in columns.items():
        layout += [(f"{name}_bytes", ">i4"), (name, column.dtype.newbyteorder(">"))]
    rows = np.empty(len(column), np.dtype(layout))
    rows["fields"] = len(columns)
    for name, column in columns.items():
        rows[f"{name}_bytes"] = column.dtype.itemsize
        rows[name] = column
    return rows


def load(channel, store, _layout):
    if os.geteuid() == 0:
        shutil.chown(store, owner_of_server().pw_uid, owner_of_server().pw_gid)
    call(store, "initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
    with open(store / "cluster" / "postgresql.conf", "a") as conf:
        conf.write(SETTINGS)
    tables = dict(tenants=channel.tenants(), above=channel.above(), readings=channel.readings("day"))
    with running(store), connect(store) as db:
        db.execute(SCHEMA)
        for name, columns in tables.items():
            rows = binary(columns)
            with db.cursor().copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN (FORMAT binary)") as copy:
                copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
                for start in range(0, len(rows), 100_000):
                    copy.write(rows[start : start + 100_000].tobytes())
                copy.write(b"\xff\xff")
        db.execute(INDEXES)
        db.execute("VACUUM (ANALYZE, FREEZE)")
        db.execute("CHECKPOINT")
        return sum(db.execute("SELECT pg_total_relation_size(%s)", [name]).fetchone()[0] for name in tables)


def ask(db, query, meta):
    return db.execute(SQL[query].substitute(meta)).fetchone()


if __name__ == "__main__":
    main(load, connect, ask)
