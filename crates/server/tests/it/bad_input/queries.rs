//! Every query parameter and every path of the OpenAPI document, with nonsense: what the document does not
//! allow is refused by name (wire-conventions, 5.1), nothing is a fault, and nothing passes for a filter that it is not.

use std::sync::Arc;

use domain::access::Role;
use serde_json::{Value, json};
use testkit::{Answer, Client};
use tokio::task::JoinSet;
use ureq::http::Method;

use super::world::{World, document};

/// No value of any kind but a text, and no text that anything here has.
const NONSENSE: &[&str] = &[
    "x",
    "yes",
    "-1",
    "1.5",
    "+5",
    "null",
    "1e3",
    "0x1",
    "[]",
    ",",
    ",,,",
    "%20",
    "%0A",
    "%00",
    "a%00b",
    "%",
    "%zz",
    "%F",
    "%FF",
    "%C3%28",
    "%D9%A1",
    "%F0%9F%92%A9",
    "true,false",
    "x'%20OR%201=1--",
    "-9223372036854775809",
    "ede9f834-70b3-476c-83d9-736f9f8c7dae,x",
    "Full",
    "full,basic",
    "e30",
    "bnVsbA",
];

/// What no segment of a path is where an id or a secret is expected.
const NO_SEGMENT: [&str; 8] =
    ["x", "0", "%00", "%FF", "ede9f83470b3476c83d9736f9f8c7dae", "..%2f..", "%F0%9F%92%A9", "'"];

/// One query parameter of one operation.
struct Parameter {
    method: Method,
    path: String,
    name: String,
    required: bool,
    /// What the document says it may be, references followed.
    schema: Value,
    /// The document says that it does nothing.
    is_idle: bool,
}

impl Parameter {
    /// Those of the reading operations, or of the writing ones.
    fn all(document: &Value, reading: bool) -> Vec<Self> {
        let mut all = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let in_query = parameters.into_iter().filter(|parameter| parameter["in"] == "query");
                for parameter in in_query.filter(|_| (method == "get") == reading) {
                    let said = parameter["description"].as_str().unwrap_or_default().to_lowercase();
                    all.push(Self {
                        method: method.to_uppercase().parse().unwrap(),
                        path: path.clone(),
                        name: parameter["name"].as_str().unwrap().to_owned(),
                        required: parameter["required"] == true,
                        schema: resolved(document, &parameter["schema"]).clone(),
                        is_idle: said.starts_with("without effect") || said.starts_with("no effect"),
                    });
                }
            }
        }
        all
    }

    /// Whether any text may be sent.
    fn is_text(&self) -> bool {
        self.schema["type"] == "string"
            && ["format", "pattern", "enum"].iter().all(|narrower| self.schema[narrower].is_null())
    }

    /// Values that the schema does not allow.
    fn nonsense(&self) -> Vec<String> {
        let mut all: Vec<String> = NONSENSE.iter().map(|&text| text.to_owned()).collect();
        all.push("x".repeat(3000));
        let more: &[&str] = match (self.schema["type"].as_str(), self.schema["format"].as_str()) {
            (Some("boolean"), _) => &["2", "yes", "01", "truefalse"],
            (Some("integer"), _) => &["", "٣"],
            (_, Some("uuid")) => {
                &["0", "ede9f83470b3476c83d9736f9f8c7dae", "{ede9f834-70b3-476c-83d9-736f9f8c7dae}"]
            }
            (_, Some("date")) => {
                &["2026-13-01", "2026-02-30", "20260508", "2026-5-8", "2026-05-08T10:00:00Z"]
            }
            (_, Some("date-time")) => {
                &["2026-05-08", "2026-13-08T10:58:53", "2026-05-08T25:00:00Z", "1778237933"]
            }
            _ => &[],
        };
        all.extend(more.iter().map(|&text| text.to_owned()));
        if let (Some(least), Some(most)) = (self.schema["minimum"].as_i64(), self.schema["maximum"].as_i64())
        {
            all.extend([(least - 1).to_string(), (most + 1).to_string(), "9".repeat(30)]);
        }
        all.retain(|value| !value.is_empty());
        all
    }

    /// A value that the schema allows, where one comes to mind.
    fn sense(&self) -> Option<&str> {
        match self.schema["type"].as_str() {
            Some("boolean") => Some("true"),
            Some("integer") => Some("1"),
            _ => self.schema["enum"][0].as_str(),
        }
    }

    /// The call with this value, repeated as often as there are values.
    fn target(&self, world: &World, values: &[&str]) -> String {
        let own = self.path.replace("{tenant_id}", "$north").replace("{user_id}", "$user");
        let own = own.replace('{', "$").replace("_id}", "");
        let beside = beside(&self.path, &self.name);
        let query = values.iter().fold(beside, |query, value| format!("{query}&{}={value}", self.name));
        format!("{}?{}", world.filled(&own), world.filled(query.trim_start_matches('&')))
    }
}

/// What else a call needs in its query, each with `&` before it.
fn beside(path: &str, name: &str) -> String {
    let needed: &[(&str, &str)] = match (path, name) {
        ("/api/2/tenants", "uuids" | "parent_id" | "subtree_root_id" | "after") => &[],
        ("/api/2/tenants", _) => &[("subtree_root_id", "$north")],
        ("/api/2/tenants/offering_items", _) => &[("subtree_root_tenant_id", "$north")],
        ("/api/2/tenants/usages", _) => &[("tenants", "$north,$customer")],
        ("/api/2/users", "external_ids") => &[("tenant_id", "$customer")],
        ("/api/2/users", "inside_organization") => &[("subtree_root_tenant_id", "$customer")],
        ("/api/2/users", "access_policies" | "tenant_kinds" | "target_tenant_id") => {
            &[("subtree_root_tenant_id", "$customer"), ("inside_organization", "1")]
        }
        ("/api/2/infra/{infra_id}", _) => &[("version", "1")],
        ("/api/2/search", _) => &[("tenant", "$north"), ("text", "harbour")],
        (path, _) if path.ends_with("/edition") => {
            &[("target_edition", "standard"), ("application_id", "$backup")]
        }
        _ => &[],
    };
    let needed = needed.iter().filter(|(other, _)| *other != name);
    needed.fold(String::new(), |query, (other, value)| format!("{query}&{other}={value}"))
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// Pages for people, and calls whose errors are those of OAuth: they name no parameter in an envelope.
fn is_for_browsers(path: &str) -> bool {
    path.contains("/idp/") || ["/login", "/device", "/api/1/accounts"].contains(&path)
}

/// How many bytes a list has; `None` of an answer that is none, or is empty.
fn length(answer: &Answer) -> Option<usize> {
    let is_filled = answer.json()["items"].as_array().is_some_and(|items| !items.is_empty());
    is_filled.then_some(answer.body.len())
}

/// Sends the nonsense of one parameter and says what is wrong with the answers.
fn examine(world: &World, client: &Client, token: &str, parameter: &Parameter) -> Vec<String> {
    let ask = |values: &[&str]| client.get(&parameter.target(world, values)).bearer(token).send();
    let mut wrong = Vec::new();
    let mut note = |values: &[&str], answer: &Answer, why: &str| {
        let target = parameter.target(world, values);
        wrong.push(format!("{target:.200}: {} {:.200}: {why}", answer.status, answer.text()));
    };
    let whole = (!parameter.required).then(|| ask(&[])).and_then(|answer| length(&answer));
    for value in parameter.nonsense() {
        let answer = ask(&[&value]);
        if answer.status >= 500 {
            note(&[&value], &answer, "a fault");
            continue;
        }
        if is_for_browsers(&parameter.path) || parameter.is_idle {
            continue;
        }
        let info = answer.json()["error"]["details"]["info"].as_str().unwrap_or_default().to_owned();
        let is_named =
            [400, 406].contains(&answer.status) && info.starts_with(&format!("{}:", parameter.name));
        let taken = answer.status < 300;
        if !parameter.is_text() && !is_named || parameter.is_text() && !is_named && !taken {
            note(&[&value], &answer, "it is not refused by its name");
        }
        // A text that nothing has: as a filter it must leave something out.
        if parameter.is_text() && taken && whole.is_some() && length(&answer) >= whole {
            note(&[&value], &answer, "it did not count");
        }
    }
    let empty = ask(&[""]);
    let asks_for_nothing = empty.status == 200 && empty.json()["items"] == json!([]);
    let is_refused = [400, 406].contains(&empty.status) || asks_for_nothing;
    if parameter.required && !is_for_browsers(&parameter.path) && !is_refused {
        note(&[""], &empty, "it is required");
    }
    if let Some(sense) = parameter.sense().filter(|_| !parameter.is_idle && !is_for_browsers(&parameter.path))
    {
        // The first counts (wire-conventions, 1).
        let (alone, first, last) = (ask(&[sense]), ask(&[sense, "x"]), ask(&["x", sense]));
        if (first.status, length(&first)) != (alone.status, length(&alone)) {
            note(&[sense, "x"], &first, "the second one counted");
        }
        if last.status != 400 {
            note(&["x", sense], &last, "the first one did not count");
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nonsense_in_any_parameter_of_any_get_is_refused_by_its_name() {
    let world = Arc::new(World::new().await);
    let parameters = Parameter::all(&document(), true);
    assert!(parameters.len() > 90, "{} parameters", parameters.len());
    let mut examined = JoinSet::new();
    for parameter in parameters {
        let (world, token) = (world.clone(), world.scene.token.clone());
        examined.spawn_blocking(move || {
            let client = Client::new(world.scene.server.address());
            examine(&world, &client, &token, &parameter)
        });
    }
    let mut wrong: Vec<String> = examined.join_all().await.into_iter().flatten().collect();
    wrong.sort();
    assert!(wrong.is_empty(), "{} answers:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_in_a_parameter_of_a_call_that_writes_is_refused_before_anything_is_written() {
    let world = World::new().await;
    let mut asked = 0;
    // What a reason says is checked with the readings, and what a logo is, with its bytes.
    let narrow = |parameter: &Parameter| !parameter.is_text() && !parameter.path.ends_with("/logo");
    for parameter in Parameter::all(&document(), false).into_iter().filter(narrow) {
        for value in parameter.nonsense() {
            let target = parameter.target(&world, &[&value]);
            let call = world.scene.server.call(parameter.method.clone(), &target).bearer(&world.scene.token);
            let answer = if parameter.method == "DELETE" { call.await } else { call.json(json!({})).await };
            let what = format!("{} {target:.200}: {}", parameter.method, answer.text());
            // A negative number is an integer, but no version that anything has.
            let is_stale = parameter.name == "version" && answer.status == 409;
            let info = answer.json()["error"]["details"]["info"].as_str().unwrap_or_default().to_owned();
            let is_named = answer.status == 400 && info.starts_with(&format!("{}:", parameter.name));
            assert!(is_named || is_stale, "{what}");
            asked += 1;
        }
    }
    assert!(asked > 300, "{asked}");
    for thing in ["tenants/$north", "users/$user", "locations/$location", "infra/$infra", "reports/$report"] {
        assert_eq!(world.read(&format!("/api/2/{thing}")).await.ok()["version"], 1, "{thing}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_of_somebody_else_in_any_parameter_tells_nothing_of_them() {
    let world = World::new().await;
    let token = world.scene.token_of(world.filled("$north").parse().unwrap(), Role::PartnerAdmin).await;
    let mut asked = 0;
    for parameter in Parameter::all(&document(), true) {
        let takes_ids =
            parameter.schema["format"] == "uuid" || ["uuids", "tenants"].contains(&parameter.name.as_str());
        if !takes_ids || is_for_browsers(&parameter.path) {
            continue;
        }
        for foreign in ["$south", "$foreign", "ede9f834-70b3-476c-83d9-736f9f8c7dae"] {
            let target = parameter.target(&world, &[&world.filled(foreign)]);
            let answer = world.scene.server.get(&target).bearer(&token).await;
            let told = answer.text();
            assert!([200, 403, 404].contains(&answer.status), "{target}: {told}");
            assert!(!told.contains("South"), "{target}: {told}");
            asked += 1;
        }
    }
    assert!(asked > 30, "{asked}");
}

/// As many as an address has room for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_very_many_ids_is_taken_or_refused_by_its_name() {
    let world = World::new().await;
    let many = (0..1_700).map(|n| format!("ede9f834-70b3-476c-83d9-{n:012}")).collect::<Vec<_>>().join(",");
    let parameters = Parameter::all(&document(), true);
    let lists = parameters.iter().filter(|parameter| ["uuids", "tenants"].contains(&parameter.name.as_str()));
    let mut asked = 0;
    for parameter in lists {
        let target = parameter.target(&world, &[&many]);
        let answer = world.scene.server.get(&target).bearer(&world.scene.token).await;
        let info = answer.json()["error"]["details"]["info"].as_str().unwrap_or_default().to_owned();
        let is_named = answer.status == 400 && info.starts_with(&parameter.name);
        assert!(answer.status == 200 || is_named, "{}: {}", parameter.path, answer.text());
        asked += 1;
    }
    assert_eq!(asked, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_in_the_path_of_any_call_leads_nowhere() {
    let world = World::new().await;
    let document = document();
    let paths = document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.contains('{'));
    let mut wrong = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            for nonsense in NO_SEGMENT {
                let segments =
                    path.split('/').map(|segment| if segment.starts_with('{') { nonsense } else { segment });
                let target = segments.collect::<Vec<_>>().join("/");
                let method: Method = method.to_uppercase().parse().unwrap();
                let call = world.scene.server.call(method.clone(), &target).bearer(&world.scene.token);
                let kinds = operation["requestBody"]["content"].as_object();
                let kind = kinds.and_then(|kinds| kinds.keys().next()).map(String::as_str);
                let answer = match kind {
                    None => call.try_send(),
                    Some("application/json") => call.json(json!({})).try_send(),
                    Some(kind) => call
                        .raw(kind, "password=an+old+lighthouse&password_again=an+old+lighthouse")
                        .try_send(),
                };
                let Some(answer) = answer else {
                    wrong.push(format!("{method} {target}: no answer"));
                    continue;
                };
                if answer.status != 404 {
                    wrong.push(format!("{method} {target}: {} {}", answer.status, answer.text()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
