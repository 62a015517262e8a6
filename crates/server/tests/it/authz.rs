//! Who may do what: every cell of `authz_matrix.txt` over real HTTP.
//!
//! Each column has a caller and a tree of its own, so that the columns run side by side; within a column one cell follows
//! the other, and each finds what it needs as root made it.

mod matrix;
mod places;
mod requests;
mod world;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use matrix::{Block, COLUMNS, Operation, shape};
use places::Place;
use serde_json::{Value, json};
use testkit::Answer;
use tokio::task::JoinSet;
use world::{Persona, World, code};

const BACKUP: &str = "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb";
const LOGO: &[u8] = include_bytes!("../../../render/tests/logo.png");
const SHIPPING: &str = "b71b2c18-590a-303c-9d5a-8444fbe713ac";
const PLATFORM: &str = "7459244f-68f3-3bf4-9f53-5f63ecc1d91f";

#[test]
fn every_operation_is_in_the_matrix_and_no_other() {
    let (_, document) = http_api::serve::documented();
    let document: Value = serde_json::to_value(document).unwrap();
    let methods = ["get", "post", "put", "delete", "patch"];
    let paths = document["paths"].as_object().unwrap().iter();
    let exist: BTreeSet<String> = paths
        .flat_map(|(path, item)| {
            let there = methods.iter().filter(|method| !item[**method].is_null());
            there.map(move |method| shape(&method.to_uppercase(), path))
        })
        .collect();
    let written: BTreeSet<String> =
        matrix::read().iter().flat_map(|block| &block.operations).map(Operation::shape).collect();
    let missing: Vec<_> = exist.difference(&written).collect();
    let surplus: Vec<_> = written.difference(&exist).collect();
    assert!(missing.is_empty(), "these need their rows in authz_matrix.txt: {missing:#?}");
    assert!(surplus.is_empty(), "nothing answers to these of authz_matrix.txt: {surplus:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_is_answered_as_the_matrix_says() {
    let world = Arc::new(World::new().await);
    let blocks = Arc::new(matrix::read());
    let mut personas = JoinSet::new();
    for (n, column) in COLUMNS.into_iter().enumerate() {
        let world = world.clone();
        personas.spawn(async move { (n, world.persona(column).await) });
    }
    let personas = personas.join_all().await;
    app::jobs::drain(&world.test.app).await.unwrap();
    let mut columns = JoinSet::new();
    for (n, persona) in personas {
        let (world, blocks) = (world.clone(), blocks.clone());
        columns.spawn(async move { Column { world, persona, n, places: HashMap::new() }.run(&blocks).await });
    }
    let mut differences: Vec<String> = columns.join_all().await.into_iter().flatten().collect();
    differences.sort();
    assert!(differences.is_empty(), "{} cells differ:\n{}", differences.len(), differences.join("\n"));
}

struct Column {
    world: Arc<World>,
    persona: Persona,
    n: usize,
    places: HashMap<String, Place>,
}

impl Column {
    async fn run(mut self, blocks: &[Block]) -> Vec<String> {
        let mut differences = Vec::new();
        for block in blocks {
            for row in &block.rows {
                let cell = row.cells[self.n];
                for operation in block.operations.iter().filter(|_| cell != "-") {
                    differences.extend(self.cell(operation, row.relation, cell).await);
                }
                self.unlock().await;
            }
        }
        differences
    }

    /// Ends the lock of a row, which would keep the tenants above from being deleted.
    async fn unlock(&mut self) {
        if let Some(place) = self.places.remove("locked") {
            self.world.change(&place.tenant, json!({"update_lock": {"enabled": false}})).await;
        }
    }

    /// Executes a cell and says what is wrong with the answer.
    async fn cell(
        &mut self,
        operation: &Operation,
        relation: &'static str,
        expected: &str,
    ) -> Option<String> {
        let of_partners = operation.path.contains("/settings/") || operation.path.contains("/brand");
        let partner = of_partners && matches!(relation, "child" | "foreign");
        let name = if partner { format!("partner {relation}") } else { relation.to_owned() };
        let mut place = match self.places.remove(&name) {
            Some(place) => place,
            None => Place::new(&self.world, &self.persona, &name).await,
        };
        // What is to be deleted is made for this cell, and nobody asks for it again. A binding or a brand is no thing of the
        // place.
        let is_thing = !operation.path.contains("/bindings/") && !operation.path.ends_with("/brand");
        let removes = operation.method == "DELETE" && expected == "ok" && is_thing;
        if removes && relation != "self" {
            place.keep_reports_with_files();
        }
        let called = self.call(operation, relation, expected, &mut place).await;
        if removes && relation != "self" {
            place.keep_reports_with_files();
        }
        let restores = operation.path.ends_with("/restore") && relation == "deleted";
        let deletes_tenant = matches!(
            (operation.method, operation.path),
            ("DELETE", "/api/2/tenants/{tenant_id}") | ("POST", "/api/2/tenants/batch/delete")
        );
        if !(restores || deletes_tenant && expected == "ok") {
            self.places.insert(name, place);
        }
        let wrong = match called {
            Ok((answer, asked)) => {
                let wrong = judge(operation, expected, &answer, &asked)?;
                format!("{expected} expected, {wrong}: {}", answer.text())
            }
            Err(step) => format!("root could not {step}"),
        };
        Some(format!("{}  {relation}, {}: {wrong}", operation.name(), COLUMNS[self.n]))
    }

    /// Sends the request of a cell; also gives what the last word of its path and query stood for.
    async fn call(
        &self,
        operation: &Operation,
        relation: &str,
        expected: &str,
        place: &mut Place,
    ) -> Result<(Answer, String), String> {
        let (world, persona) = (&*self.world, &self.persona);
        let request = requests::request(&operation.name());
        if expected == "ok" {
            for (step, body) in request.before {
                let (step, _) = place.filled(world, persona, step).await;
                let (body, _) = place.filled(world, persona, body).await;
                world.try_as_root(&step, serde_json::from_str(&body).unwrap()).await?;
            }
        }
        let own_path = operation.path.replace('{', "$").replace('}', "");
        let target = if request.target.is_empty() { own_path.as_str() } else { request.target };
        let (target, asked) = place.filled(world, persona, target).await;
        let (body, _) = place.filled(world, persona, request.body).await;
        let call = world.server.call(operation.method.parse().unwrap(), &target);
        let credentials = persona.origin.as_ref().filter(|_| relation == "origin");
        let call = credentials.unwrap_or(&persona.credentials).put_on(call);
        let call = match body.as_bytes() {
            [] => call,
            b"LOGO" => call.raw("image/png", LOGO),
            [b'{', ..] => call.json(serde_json::from_str(&body).unwrap()),
            _ => call.raw("application/x-www-form-urlencoded", body),
        };
        Ok((call.await, asked))
    }
}

/// What is wrong with an answer.
fn judge(operation: &Operation, expected: &str, answer: &Answer, asked: &str) -> Option<String> {
    let (status, rest) = expected.split_once('/').unwrap_or((expected, ""));
    let status = if status == "ok" { operation.success } else { status };
    let (got, got_code) = (answer.status, code(answer));
    let right_status = if status == "2xx" { got / 100 == 2 } else { got.to_string() == status };
    let listed = answer.text().contains(asked);
    let flat = operation.path.contains("/idp/");
    let wanted = match (status, rest) {
        (_, "in") if !listed => return Some(format!("{got} without {asked}")),
        (_, "out") if listed => return Some(format!("{got} with {asked}")),
        ("401", "") if !flat => "401",
        ("403", "") if !flat => "1002",
        ("400", "") => return (!right_status).then(|| got.to_string()),
        (_, "in" | "out") => "",
        _ if flat => return (!right_status).then(|| got.to_string()),
        (_, code) => code,
    };
    (!right_status || got_code != wanted).then(|| format!("{got}/{got_code}"))
}
