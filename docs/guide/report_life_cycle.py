#!/usr/bin/env python3
"""The life of a report: ordered, changed, made, listed, downloaded, deleted. Needs the standard library alone.

Usage: report_life_cycle.py FILE, where FILE is what `tidemark demo --serve --json` printed.
"""

import base64
import csv
import gzip
import io
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

with open(sys.argv[1], encoding="utf-8") as file:
    credentials = json.load(file)
API = credentials["base_url"]


def ask(method, path, body=None, authorization=None):
    """The body of the answer, as bytes; any status from 400 up is an HTTPError."""
    request = urllib.request.Request(API + path, method=method)
    request.add_header("Authorization", authorization or "Bearer " + token)
    if isinstance(body, str):
        request.data = body.encode()
    elif body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:
        content = answer.read()
        return gzip.decompress(content) if answer.headers["Content-Encoding"] == "gzip" else content


def call(method, path, body=None):
    """The answer, read as JSON."""
    return json.loads(ask(method, path, body) or "null")


def say(what, report):
    parameters = report["parameters"]
    print(f"{what}: version {report['version']}, {parameters['kind']}, {parameters['level']}")


basic = base64.b64encode(f"{credentials['client_id']}:{credentials['client_secret']}".encode()).decode()
form = urllib.parse.urlencode({"grant_type": "client_credentials"})
token = json.loads(ask("POST", "/idp/token", form, "Basic " + basic))["access_token"]

# Every month, kept on the server.
order = {
    "parameters": {
        "tenant_id": credentials["tenant_id"],
        "level": "accounts",
        "kind": "usage_summary",
        "formats": ["csv_v2_0"],
    },
    "schedule": {"type": "monthly"},
    "result_action": "save",
}
monthly = call("POST", "/reports", order)["id"]
say("ordered", call("GET", f"/reports/{monthly}"))

# A PUT names what changes.
change = {"parameters": {"kind": "usage_current", "level": "direct_partners"}}
changed = call("PUT", f"/reports/{monthly}", change)
say("changed", changed)

# The same once, now: asked for until it is there, or has failed.
once = call("POST", "/reports", {**order, "schedule": {"type": "once"}})
for _ in range(120):
    stored = call("GET", f"/reports/{once['id']}/stored")["items"][0]
    if stored["status"] != "in_progress":
        break
    time.sleep(0.5)
assert stored["status"] == "saved", stored
text = ask("GET", f"/reports/{once['id']}/stored/{stored['id']}").decode()
print(f"made: {stored['id']}.csv, {len(list(csv.DictReader(io.StringIO(text))))} rows")

# With the version that is known, so that nothing is deleted that somebody else has changed.
call("DELETE", f"/reports/{monthly}?version={changed['version']}")
call("DELETE", f"/reports/{once['id']}?version={once['version']}")
try:
    call("GET", f"/reports/{once['id']}")
except urllib.error.HTTPError as gone:
    print("deleted:", gone.code)
