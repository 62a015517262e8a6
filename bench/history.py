"""`cargo xtask bench history`: the same questions to every engine, side by side in one run, and a table of what it took.

The channel, the stores and the results lie in a folder for each channel and stay there for the next run (--fresh makes them
anew). First every engine answers each query once unmeasured, which warms the page cache and shows that all answer the same;
then they take turns, run by run, so that what else the machine does meets them all. Each run is a new process.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time
from typing import NamedTuple

import in_postgres
import make_channel
import report
from queries import AS_REPORTS, SQL

HERE = pathlib.Path(__file__).parent


class Engine(NamedTuple):
    name: str
    layout: str
    program: tuple

    @property
    def title(self):
        return f"{self.name}-{self.layout}"

    def call(self, verb, channel, store, what):
        """Its line of JSON; see engine.py."""
        done = subprocess.run([*self.program, verb, channel, store, what], stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)


def python(module):
    return sys.executable, "-B", HERE / f"{module}.py"


def engines(tidemark):
    return [Engine("tidemark", "month", (tidemark,)), *BASELINES]


BASELINES = [
    Engine("duckdb", "day", python("in_duckdb")),
    Engine("duckdb", "tenant", python("in_duckdb")),
    Engine("sqlite", "day", python("in_sqlite")),
    Engine("sqlite", "tenant", python("in_sqlite")),
    Engine("postgres", "day", python("in_postgres")),
]


class Bench:
    def __init__(self, folder, engines):
        self.channel, self.engines = folder, engines

    def store(self, engine):
        return self.channel / "stores" / engine.title

    def fill(self):
        """Makes the stores that are not there; loaded.json comes last, so that a store with one is whole."""
        for engine in self.engines:
            store = self.store(engine)
            if not (store / "loaded.json").exists():
                shutil.rmtree(store, ignore_errors=True)
                store.mkdir(parents=True)
                print(f"loading {engine.title}", flush=True)
                start = time.perf_counter()
                loaded = engine.call("load", self.channel, store, engine.layout)
                loaded["load_s"] = round(time.perf_counter() - start, 1)
                (store / "loaded.json").write_text(json.dumps(loaded))

    def ask(self, runs):
        """One result for each engine and query."""
        results = {}
        for query in SQL | AS_REPORTS:
            for engine in self.engines:
                if query in AS_REPORTS and engine.name not in ("tidemark", "duckdb"):
                    continue
                first = engine.call("ask", self.channel, self.store(engine), query)
                result = dict(engine=engine.name, layout=engine.layout, query=query, ms=[], answer=first["answer"])
                results[engine, query] = result | json.loads((self.store(engine) / "loaded.json").read_text())
            same_answers([result for (_, asked), result in results.items() if asked == query])
        for run in range(runs):
            print(f"run {run + 1} of {runs}", flush=True)
            for (engine, query), result in results.items():
                one = engine.call("ask", self.channel, self.store(engine), query)
                if one["answer"] != result["answer"]:
                    sys.exit(f"{engine.title} answers {query} in two ways: {result['answer']}, {one['answer']}")
                result["ms"].append(one["ms"])
                result["peak_mib"] = max(result.get("peak_mib", 0), one["peak_mib"])
        return list(results.values())

    @contextlib.contextmanager
    def servers(self):
        with contextlib.ExitStack() as stack:
            for engine in self.engines:
                if engine.name == "postgres":
                    stack.enter_context(in_postgres.running(self.store(engine)))
            yield


def same_answers(results):
    if len({tuple(result["answer"]) for result in results}) > 1:
        lines = [f"{one['engine']}-{one['layout']} {one['answer']}" for one in results]
        sys.exit("\n".join([f"the engines disagree on {results[0]['query']}:", *lines]))


def machine():
    """What the times were taken on."""
    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return dict(cpu=cpu, cores=os.cpu_count(), memory_gib=round(memory_gib), kernel=platform.release(),
                load=round(os.getloadavg()[0], 2), date=time.strftime("%Y-%m-%d"))


def versions():
    import duckdb
    import sqlite3
    initdb = subprocess.run([in_postgres.programs() / "initdb", "--version"], capture_output=True, text=True, check=True)
    return dict(duckdb=duckdb.__version__, sqlite=sqlite3.sqlite_version, postgres=initdb.stdout.split()[2])


def main():
    parser = argparse.ArgumentParser(prog="cargo xtask bench history", description="Times reports in every engine.")
    parser.add_argument("--out", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--tidemark", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--tenants", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("--values", choices=("small", "bytes"), default="small")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--fill-only", action="store_true", help="make the channel and the stores, and ask nothing")
    parser.add_argument("--quick", action="store_true", help="20,000 tenants, 3 runs: to see that all works")
    parser.add_argument("--fresh", action="store_true", help="make the channel and the stores anew")
    parser.add_argument("--engine", action="append", choices=("tidemark", *sorted({engine.name for engine in BASELINES})),
                        help="only this one (may be repeated)")
    args = parser.parse_args()
    if args.quick:
        args.tenants, args.runs = 20_000, 3

    folder = args.out.resolve() / f"{args.tenants}x{args.days}-{args.values}"
    if args.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    if not (folder / "meta.json").exists():
        print("making the channel", flush=True)
        make_channel.make(folder, args.tenants, args.days, args.values)
    bench = Bench(folder, [one for one in engines(args.tidemark) if not args.engine or one.name in args.engine])
    head = dict(machine=machine(), versions=versions(), channel=json.loads((folder / "meta.json").read_text()))
    bench.fill()
    if args.fill_only:
        return
    with bench.servers():
        results = bench.ask(args.runs)
    lines = [json.dumps(line) + "\n" for line in [head, *results]]
    (folder / "results.jsonl").write_text("".join(lines))
    table = report.markdown(folder / "results.jsonl")
    (folder / "results.md").write_text(table)
    print(f"\n{table}\nwritten to {folder}/results.jsonl and results.md")


if __name__ == "__main__":
    main()
