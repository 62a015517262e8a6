//! What a server answers to every GET of its document, about tenants, users, reports and so on.

use serde_json::Value;
use store::{Conn, args};
use testkit::{Client, TestApp};

/// A question and what came back, without what is drawn anew each time.
pub(super) type Answered = (String, u16, String);

/// So many of the first and of the last ids are asked for.
const ENDS: usize = 6;

/// The tables whose ids stand for the words in paths.
const IDS: [(&str, &str); 6] = [
    ("{tenant_id}", "SELECT id AS value FROM tenants ORDER BY no"),
    ("{user_id}", "SELECT id AS value FROM users ORDER BY id"),
    ("{client_id}", "SELECT id AS value FROM clients ORDER BY id"),
    ("{location_id}", "SELECT id AS value FROM locations ORDER BY id"),
    ("{infra_id}", "SELECT id AS value FROM infras ORDER BY id"),
    ("{report_id}", "SELECT id AS value FROM reports ORDER BY no"),
];

/// Queries that paths need to say anything.
const QUERIES: [(&str, &str); 9] = [
    ("/api/2/clients", "?tenant_id=$top"),
    ("/api/2/search", "?tenant=$top&text=north"),
    ("/api/2/tenants", "?subtree_root_id=$top"),
    ("/api/2/users", "?subtree_root_tenant_id=$top"),
    ("/api/2/tenants/applications", "?tenants=$top"),
    ("/api/2/tenants/offering_items", "?subtree_root_tenant_id=$top"),
    ("/api/2/tenants/usages", "?tenants=$top"),
    ("/api/2/users/check_login", "?username=admin"),
    ("/api/tidemark/1/tenants/{tenant_id}/history", "?from=2026-03-01&to=2026-05-01"),
];

/// All answers of a server over the source or its copy; the ids are those of the source.
pub(super) async fn answers(ids: &Ids, client: &Client, token: &str) -> Vec<Answered> {
    let mut answered = Vec::new();
    for path in paths() {
        let query = QUERIES.iter().find(|(of, _)| *of == path).map_or("", |(_, query)| query);
        for target in ids.filled(&format!("{path}{query}")) {
            let answer = client.get(&target).bearer(token).await;
            answered.push((target, answer.status, without_cursors(&answer.text())));
        }
    }
    answered
}

/// Every path of the document that is asked with GET, but for pages of people.
fn paths() -> Vec<String> {
    let (_, document) = http_api::serve::documented();
    let document: Value = serde_json::to_value(document).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let asked = paths.filter(|(_, item)| !item["get"].is_null());
    asked.map(|(path, _)| path.clone()).filter(|path| path.starts_with("/api/")).collect()
}

/// Cursors are sealed with a number that is drawn anew.
fn without_cursors(body: &str) -> String {
    let Ok(mut json) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    for cursor in ["/after", "/paging/cursors/after"] {
        if let Some(cursor) = json.pointer_mut(cursor) {
            *cursor = Value::Bool(!cursor.is_null());
        }
    }
    json.to_string()
}

/// The ids of an installation by the words of paths.
pub(super) struct Ids {
    top: String,
    of: Vec<(&'static str, Vec<String>)>,
    stored: Vec<(String, String)>,
}

impl Ids {
    pub(super) async fn of(test: &TestApp) -> Self {
        let mut conn = test.app.read().await.unwrap();
        let mut of = Vec::new();
        for (word, sql) in IDS {
            let ids = texts(&mut conn, sql).await;
            let last = ids.iter().skip(ids.len().saturating_sub(ENDS).max(ENDS));
            of.push((word, ids.iter().take(ENDS).chain(last).cloned().collect()));
        }
        let stored =
            "SELECT r.report_id AS first, a.id AS second FROM artefacts a JOIN runs r ON r.id = a.run_id
            ORDER BY a.id";
        let stored = conn.all(stored, args![]).await.unwrap();
        let both = |row: &store::Row| (row.text("first").unwrap(), row.text("second").unwrap());
        Self { top: test.top.to_string(), of, stored: stored.iter().map(both).collect() }
    }

    /// A path with the ids in place of its words; none where it has other words.
    fn filled(&self, path: &str) -> Vec<String> {
        let path = path.replace("$top", &self.top);
        if path.contains("{stored_report_id}") {
            let fill = |(report, stored): &(String, String)| {
                path.replace("{report_id}", report).replace("{stored_report_id}", stored)
            };
            return self.stored.iter().map(fill).collect();
        }
        if !path.contains('{') {
            return vec![path];
        }
        let mut filled = Vec::new();
        for (word, ids) in self.of.iter().filter(|(word, _)| path.contains(word)) {
            filled.extend(ids.iter().map(|id| path.replace(word, id)));
        }
        filled.retain(|path| !path.contains('{'));
        filled
    }
}

async fn texts(conn: &mut Conn, sql: &'static str) -> Vec<String> {
    let rows = conn.all(sql, args![]).await.unwrap();
    rows.iter().map(|row| row.text("value").unwrap()).collect()
}
