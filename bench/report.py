"""Results as a Markdown table: python report.py results.jsonl

The first line of results.jsonl tells of the machine, the versions and the channel; each other one is

    {"engine", "layout", "query", "ms": [one a run], "answer": [lines, sum_x, sum_y, check], "peak_mib",
     "bytes": of the store, "load_s"}

Where an engine has two layouts, the faster one of each query is shown.
"""

import json
import pathlib
import statistics
import sys

QUESTIONS = dict(
    q1="all {inner:,} partners' usage_summary at direct_partners",
    q2="usage_daily all_customers of a 5 % partner",
    q3="usage_current of a partner with 10 customers",
    q4="q1 as reports have it",
    q5="q2 as reports have it",
)
BASELINE = "duckdb"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def cell(best, baseline):
    """Median, spread, layout, and how many times faster than the baseline this is (below 1: slower)."""
    median = statistics.median(best["ms"])
    text = f"{number(median)} ({number(min(best['ms']))} to {number(max(best['ms']))}), by {best['layout']}"
    if baseline and best is not baseline:
        text += f", {number(statistics.median(baseline['ms']) / median)}x"
    return text


def markdown(path):
    head, *results = (json.loads(line) for line in pathlib.Path(path).read_text().splitlines())
    machine, channel = head["machine"], head["channel"]
    engines = list(dict.fromkeys(result["engine"] for result in results))

    def best(engine, query):
        of_it = [result for result in results if (result["engine"], result["query"]) == (engine, query)]
        return min(of_it, key=lambda result: statistics.median(result["ms"]), default=None)

    lines = [
        f"{channel['tenants']:,} tenants, {channel['days']} days, {channel['readings']:,} readings ({channel['values']} values)."
        f" Milliseconds: median (least to most) of {len(results[0]['ms'])} runs; 3x is three times faster than {BASELINE}.",
        "",
        "| | " + " | ".join(text.format(**channel) for text in QUESTIONS.values()) + " | bytes a reading | load, s | peak, MiB |",
        "|---|" + "---|" * (len(QUESTIONS) + 3),
    ]
    for engine in engines:
        cells = [cell(best(engine, query), best(BASELINE, query)) if best(engine, query) else "" for query in QUESTIONS]
        of_it = {result["layout"]: result for result in results if result["engine"] == engine}.values()
        sizes = " / ".join(f"{result['bytes'] / channel['readings']:.2f}" for result in of_it)
        loads = " / ".join(number(result["load_s"]) for result in of_it)
        # Of PostgreSQL the process that was measured is the client alone.
        peak = "" if engine == "postgres" else max(result["peak_mib"] for result in results if result["engine"] == engine)
        lines.append(f"| {engine} | " + " | ".join([*cells, sizes, loads, str(peak)]) + " |")
    versions = ", ".join(f"{name} {version}" for name, version in head["versions"].items())
    lines += ["", f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux {machine['kernel']};"
              f" load {machine['load']} before the run; {machine['date']}; {versions}."]
    if BASELINE not in engines:
        lines.append(f"Without {BASELINE}, so no ratios.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(sys.argv[1]), end="")
