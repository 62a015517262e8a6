#!/usr/bin/env bash
# The life of a report: ordered, changed, made, listed, downloaded, deleted. Needs curl and jq.
# Usage: report_life_cycle.sh FILE, where FILE is what `tidemark demo --serve --json` printed.
set -euo pipefail

of() { jq -r ".$1" "$credentials"; }
call() { curl -sS --fail-with-body -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"; }

credentials=$1
api=$(of base_url)
token=$(curl -sS --fail-with-body "$api/idp/token" -u "$(of client_id):$(of client_secret)" \
  -d grant_type=client_credentials | jq -r .access_token)

# Every month, kept on the server.
order='{"parameters": {"tenant_id": "'$(of tenant_id)'", "level": "accounts", "kind": "usage_summary", "formats": ["csv_v2_0"]},
  "schedule": {"type": "monthly"}, "result_action": "save"}'
monthly=$(call "$api/reports" -d "$order" | jq -r .id)
call "$api/reports/$monthly" | jq -r '"ordered: version \(.version), \(.parameters.kind), \(.parameters.level)"'

# A PUT names what changes.
call -X PUT "$api/reports/$monthly" -d '{"parameters": {"kind": "usage_current", "level": "direct_partners"}}' |
  jq -r '"changed: version \(.version), \(.parameters.kind), \(.parameters.level)"'

# The same once, now: asked for until it is there, or has failed.
once=$(call "$api/reports" -d "$(jq -c '.schedule.type = "once"' <<< "$order")" | jq -r .id)
for _ in $(seq 120); do
  stored=$(call "$api/reports/$once/stored" | jq -c '.items[0]')
  [ "$(jq -r .status <<< "$stored")" = in_progress ] || break
  sleep 0.5
done
[ "$(jq -r .status <<< "$stored")" = saved ]
file=$(mktemp --suffix .csv)
trap 'rm -f "$file"' EXIT
call --compressed "$api/reports/$once/stored/$(jq -r .id <<< "$stored")" > "$file"
echo "made: $file, $(tail -n +2 "$file" | grep -c .) rows"

# With the version that is known, so that nothing is deleted that somebody else has changed.
call -X DELETE "$api/reports/$monthly?version=2"
call -X DELETE "$api/reports/$once?version=1"
curl -sS -o "$file" -w 'deleted: %{http_code}\n' -H "Authorization: Bearer $token" "$api/reports/$once"
