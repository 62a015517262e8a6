"""The command line that every engine of the benchmark has, Tidemark's own among them:

    PROGRAM load CHANNEL STORE LAYOUT    makes the store in the empty folder STORE and prints one line of JSON:

        {"bytes": what the tables, their indexes and the readings' blocks take on disk}

    PROGRAM ask  CHANNEL STORE QUERY     opens it, asks once, and prints one line of JSON:

        {"ms": from before the store is opened to when the answer is here, "answer": [lines, sum_x, sum_y, check],
         "peak_mib": the most memory this process had}

Each call is a process of its own. CHANNEL is a folder of make_channel.py; when asking, only its meta.json may be read.
"""

import json
import pathlib
import resource
import sys
import time

from channel import Channel


def main(load, connect, ask):
    verb, folder, store, what = sys.argv[1:]
    store = pathlib.Path(store)
    if verb == "load":
        print(json.dumps(dict(bytes=load(Channel(folder), store, what))))
        return
    meta = json.loads((pathlib.Path(folder) / "meta.json").read_text())
    start = time.perf_counter()
    db = connect(store)
    answer = ask(db, what, meta)
    ms = (time.perf_counter() - start) * 1000
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(dict(ms=round(ms, 3), answer=answer, peak_mib=peak_mib)))
