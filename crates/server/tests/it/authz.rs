//! Who may do what: every cell of `authz_matrix.txt` over real HTTP.
//!
//! Each column has a caller and a tree of its own, so that the columns run side by side; within a column one cell follows
//! the other, and each finds what it needs as root made it. Whoever is answered as the caller of a column is comes along.

mod gone;
mod matrix;
mod places;
mod requests;
mod world;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use domain::access::Role;
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
        personas.spawn(async move {
            let persona = world.persona(column).await;
            let alike = alike(&world, column, &persona).await;
            Column { world, persona, alike, n, places: HashMap::new() }
        });
    }
    let mut columns = JoinSet::new();
    for column in personas.join_all().await {
        let blocks = blocks.clone();
        columns.spawn(async move { column.run(&blocks).await });
    }
    let mut differences: Vec<String> = columns.join_all().await.into_iter().flatten().collect();
    differences.sort();
    assert!(differences.is_empty(), "{} cells differ:\n{}", differences.len(), differences.join("\n"));
}

#[tokio::test]
async fn every_role_can_be_given_where_the_table_says_and_nowhere_else() {
    let roles = matrix::table("role");
    let written: BTreeSet<&str> = roles.iter().map(|role| role.name).collect();
    let exist: BTreeSet<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    assert_eq!(written, exist, "the roles of authz_matrix.txt and those there are");
    let world = World::new().await;
    let partner = world.tenant(&world.top, "partner").await;
    let folder = world.tenant(&partner, "folder").await;
    let customer = world.tenant(&partner, "customer").await;
    let unit = world.tenant(&customer, "unit").await;
    for tenant in [&world.top, &partner, &folder, &customer, &unit] {
        let path = format!("PUT /api/2/users/{}/access_policies", world.user(tenant).await.0);
        for role in &roles {
            let policies = json!({"items": [{"tenant_id": tenant.id, "role_id": role.name}]});
            let given = world.try_as_root(&path, policies).await;
            let right = match &given {
                Ok(_) => role.kinds.contains(&tenant.kind),
                Err(refused) => !role.kinds.contains(&tenant.kind) && refused.contains("\"code\":1027"),
            };
            assert!(right, "{} on a {}: {given:?}", role.name, tenant.kind);
        }
    }
}

/// Who asks beside the caller of a column.
struct Alike {
    name: &'static str,
    persona: Persona,
    /// Reads what the caller of the column does, and no more: a readonly_admin of the same tenant.
    reads: bool,
}

/// Those of the tables who are answered as the caller of this column is.
async fn alike(world: &World, column: &str, persona: &Persona) -> Vec<Alike> {
    let mut found = Vec::new();
    let reads = matches!(column, "company" | "unit");
    let mut roles = matrix::table("role");
    roles.retain(|role| match column {
        "other" | "powerless" => role.column == column,
        _ => reads && role.column == "readonly",
    });
    for role in roles {
        let holder = world.holder(&persona.tenants["own"], role.name).await;
        let persona = Persona { tenants: persona.tenants.clone(), ..holder };
        found.push(Alike { name: role.name, persona, reads });
    }
    for gone in matrix::table("gone").iter().filter(|gone| gone.column == column) {
        let persona = world.gone(gone.name, persona).await;
        found.push(Alike { name: gone.name, persona, reads: false });
    }
    found
}

struct Column {
    world: Arc<World>,
    persona: Persona,
    /// Who is answered alike.
    alike: Vec<Alike>,
    n: usize,
    places: HashMap<String, Place>,
}

impl Column {
    async fn run(mut self, blocks: &[Block]) -> Vec<String> {
        let mut differences = Vec::new();
        let alike = std::mem::take(&mut self.alike);
        for block in blocks {
            let mut asked = HashSet::new();
            for row in &block.rows {
                let cell = row.cells[self.n];
                for operation in block.operations.iter().filter(|_| cell != "-") {
                    differences.extend(self.cell(operation, row.relation, cell, None).await);
                    for other in &alike {
                        let cell = if other.reads { row.of_reader(self.n) } else { cell };
                        if cell != "-" && asked.insert((operation.name(), cell, other.name)) {
                            differences.extend(self.cell(operation, row.relation, cell, Some(other)).await);
                        }
                    }
                }
                self.unlock().await;
            }
        }
        differences
    }

    /// Ends the lock of a row, which would keep the tenants above from being deleted.
    async fn unlock(&mut self) {
        for name in ["locked", "partner locked"] {
            if let Some(place) = self.places.remove(name) {
                self.world.change(&place.tenant, json!({"update_lock": {"enabled": false}})).await;
            }
        }
    }

    /// Executes a cell, for its own caller or one who is answered alike, and says what is wrong with the answer.
    async fn cell(
        &mut self,
        operation: &Operation,
        relation: &'static str,
        expected: &str,
        other: Option<&Alike>,
    ) -> Option<String> {
        let partner = operation.path.contains("/settings/")
            || operation.path.contains("/brand") && matches!(relation, "child" | "foreign");
        let persona = other.map_or(&self.persona, |other| &other.persona);
        let whose = other.map_or(COLUMNS[self.n], |other| other.name);
        let name = match relation {
            "self" | "outside" => format!("{relation} of {whose}"),
            _ if partner => format!("partner {relation}"),
            _ => relation.to_owned(),
        };
        let mut place = match self.places.remove(&name) {
            Some(place) => place,
            None => Place::new(&self.world, persona, relation, partner).await,
        };
        // What is to be deleted or used up is made for this cell, and nobody asks for it again.
        let gone = operation.uses_up().filter(|_| expected == "ok" && relation != "self");
        place.things.retain(|thing, _| Some(thing.as_str()) != gone);
        let at_top = place.tenant.id == self.world.top.id;
        let turn = if at_top { Some(self.world.turn_at_top.lock().await) } else { None };
        let called = self.call(operation, relation, expected, &mut place, persona).await;
        drop(turn);
        place.things.retain(|thing, _| Some(thing.as_str()) != gone);
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
        Some(format!("{}  {relation}, {whose}: {wrong}", operation.name()))
    }

    /// Sends the request of a cell; also gives what the last word of its path and query stood for.
    async fn call(
        &self,
        operation: &Operation,
        relation: &str,
        expected: &str,
        place: &mut Place,
        persona: &Persona,
    ) -> Result<(Answer, String), String> {
        let world = &*self.world;
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
