//! Isolation as a property: whatever the tree and whoever asks, no GET that lists or gathers tells of what lies outside.

use std::collections::BTreeSet;

use domain::access::Role;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Scene, text};

/// A tenant to make: the numbers choose among what there is then.
#[derive(Debug, Clone)]
struct Node {
    below: usize,
    kind: usize,
    closed: bool,
    deleted: bool,
}

/// Who asks: at which tenant, as a reader or as its administrator, and what the token is to be narrowed to.
#[derive(Debug, Clone)]
struct Asker {
    at: usize,
    reader: bool,
    narrowed_to: Option<usize>,
}

fn node() -> impl Strategy<Value = Node> {
    let chosen = (0..64_usize, 0..3_usize, prop::bool::weighted(0.3), prop::bool::weighted(0.1));
    chosen.prop_map(|(below, kind, closed, deleted)| Node { below, kind, closed, deleted })
}

fn asker() -> impl Strategy<Value = Asker> {
    let chosen = (0..64_usize, any::<bool>(), prop::option::of(0..64_usize));
    chosen.prop_map(|(at, reader, narrowed_to)| Asker { at, reader, narrowed_to })
}

/// A tenant as the test knows it, whatever the server makes of it.
struct Known {
    id: String,
    kind: &'static str,
    parent: usize,
    closed: bool,
    deleted: bool,
}

/// How far a word gives away the tenant it lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// A property of the tenant.
    Own,
    /// A user or client, which a closed tenant hides.
    Inside,
    /// A storage or location, which the tenants below may read.
    Offered,
}

/// The tree, and every word that must not turn up where its tenant is out of reach.
struct Tree {
    tenants: Vec<Known>,
    words: Vec<(String, usize, Sort)>,
}

impl Tree {
    /// The tenants from this one up to the top, itself first.
    fn upwards(&self, tenant: usize) -> Vec<usize> {
        let mut line = vec![tenant];
        while *line.last().unwrap() != 0 {
            line.push(self.tenants[*line.last().unwrap()].parent);
        }
        line
    }

    /// Whether whoever holds a role at `root` sees the tenant: it is below, and nothing closed stands between.
    fn sees(&self, root: usize, tenant: usize) -> bool {
        let line = self.upwards(tenant);
        let Some(depth) = line.iter().position(|above| *above == root) else { return false };
        line[..depth].iter().skip(1).all(|between| !self.tenants[*between].closed)
    }

    /// As [`Tree::sees`], and looks inside.
    fn sees_inside(&self, root: usize, tenant: usize) -> bool {
        self.sees(root, tenant) && (tenant == root || !self.tenants[tenant].closed)
    }

    fn may_know(&self, root: usize, tenant: usize, sort: Sort) -> bool {
        match sort {
            Sort::Own => self.sees(root, tenant),
            Sort::Inside => self.sees_inside(root, tenant),
            Sort::Offered => self.sees(root, tenant) || self.upwards(root).contains(&tenant),
        }
    }
}

const PATHS: &[&str] = &[
    "tenants?subtree_root_id=$t&with_contacts=1&with_offering_items=1&allow_deleted=1",
    "tenants?parent_id=$t&lod=basic",
    "tenants?uuids=$all&include_relative_path=1&allow_deleted=1",
    "tenants/$t?allow_deleted=1",
    "tenants/$t/children?include_details=1&allow_deleted=1",
    "tenants/$t/users?include_grand_children=1&include_hidden=1&allow_deleted=1",
    "tenants/$t/clients",
    "tenants/$t/locations",
    "tenants/$t/infra",
    "tenants/$t/reports",
    "tenants/$t/usages",
    "tenants/$t/offering_items?edition=*",
    "tenants/$t/mfa/status",
    "tenants/offering_items?subtree_root_tenant_id=$t&allow_deleted=1",
    "tenants/applications?tenants=$t",
    "tenants/usages?tenants=$t",
    "search?tenant=$t&text=pier&limit=300&allow_deleted=1",
    "search?tenant=$t&text=pilot&limit=300&allow_deleted=1",
    "users?subtree_root_tenant_id=$t&with_access_policies=1&allow_deleted=1",
    "users?subtree_root_tenant_id=$t&inside_organization=1",
    "users?tenant_id=$t",
    "users?uuids=$words&allow_deleted=1",
    "users",
    "clients",
    "clients?uuids=$words&allow_deleted=1",
    "clients?origin_id=crm&allow_deleted=1",
    "locations?uuids=$words",
    "infra?uuids=$words",
    "../tidemark/1/tenants/$t/changes",
    "../tidemark/1/tenants/$t/completeness?never_heard=1",
    "../tidemark/1/tenants/$t/history?from=2026-05-10&to=2026-05-10",
    "../tidemark/1/tenants/$t/history/changes?from=2026-05-10&to=2026-05-10",
    "../tidemark/1/tenants/$t/report?kind=usage_summary&level=itself&start=2026-05-10&end=2026-05-10",
    "../tidemark/1/tenants/$t/report?kind=usage_summary&level=accounts&start=2026-05-10&end=2026-05-10",
    "../tidemark/1/tenants/$t/report?kind=usage_daily&level=all_customers&start=2026-05-10&end=2026-05-10",
];

/// The members in which a tenant names the one above it, who offers it something or holds its lock, and the change of
/// such a member.
const UPWARDS: [&str; 5] = ["parent_id", "owner_tenant_id", "owner_id", "old", "new"];

const BACKUP: &str = "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb";

async fn put(scene: &Scene, path: &str, body: Value) {
    scene.server.put(&format!("/api/2/{path}")).bearer(&scene.token).json(body).await.ok();
}

async fn post(scene: &Scene, path: &str, body: Value) -> Value {
    let answer = scene.server.post(&format!("/api/2/{path}")).bearer(&scene.token).json(body).await;
    assert!(answer.status < 300, "{path}: {} {}", answer.status, answer.text());
    answer.json()
}

/// Plants the tree with something of everything in each tenant, and only then deletes and closes.
async fn planted(scene: &Scene, nodes: &[Node]) -> Tree {
    let top =
        Known { id: scene.test.top.to_string(), kind: "root", parent: 0, closed: false, deleted: false };
    let mut tree = Tree { tenants: vec![top], words: Vec::new() };
    for node in nodes {
        let (n, parent) = (tree.tenants.len(), node.below % tree.tenants.len());
        let kind = match tree.tenants[parent].kind {
            "root" | "partner" | "folder" => ["partner", "folder", "customer"][node.kind],
            _ => "unit",
        };
        let body = json!({"name": format!("Pier{n}x"), "parent_id": tree.tenants[parent].id, "kind": kind});
        let id = text(&post(scene, "tenants", body).await, "id");
        let (closed, deleted) = (node.closed && kind != "unit", node.deleted);
        tree.tenants.push(Known { id, kind, parent, closed, deleted });
    }
    for n in 1..tree.tenants.len() {
        furnish(scene, &mut tree, n).await;
    }
    for n in (1..tree.tenants.len()).rev() {
        let deleted = tree.upwards(n).iter().any(|above| tree.tenants[*above].deleted);
        tree.tenants[n].deleted = deleted;
        let id = tree.tenants[n].id.parse().unwrap();
        if deleted {
            scene.delete(id).await;
        }
    }
    // From below, as nobody above looks through a wall that stands.
    for n in (1..tree.tenants.len()).rev() {
        let id = tree.tenants[n].id.parse().unwrap();
        tree.tenants[n].closed &= !tree.tenants[n].deleted;
        if tree.tenants[n].closed {
            scene.change(id, json!({"ancestral_access": false})).await;
        }
    }
    tree
}

async fn furnish(scene: &Scene, tree: &mut Tree, n: usize) {
    let tenant = tree.tenants[n].id.clone();
    let login = format!("pilot{n}x");
    let contact = json!({"email": format!("{login}@example.com")});
    let user = post(scene, "users", json!({"tenant_id": tenant, "login": login, "contact": contact})).await;
    let client = json!({"type": "api_client", "tenant_id": tenant, "origin_id": "crm",
        "token_endpoint_auth_method": "none"});
    let client = post(scene, "clients", client).await;
    let name = format!("Storage{n}x");
    let storage = json!({"owner_tenant_id": tenant, "name": name, "url": format!("abgw://s{n}.example.com:44445"),
        "capabilities": ["backup"]});
    let storage = post(scene, "infra", storage).await;
    let report = json!({"parameters": {"tenant_id": tenant, "level": "itself", "kind": "usage_current"},
        "schedule": {"type": "monthly"}, "result_action": "save"});
    let report = post(scene, "reports", report).await;
    let item = json!({"application_id": BACKUP, "name": "vms", "status": 1});
    put(scene, &format!("tenants/{tenant}/offering_items"), json!({"offering_items": [item]})).await;
    let usage = json!({"tenant_id": tenant, "offering_item": "vms", "usage_value": n});
    put(scene, "tenants/usages", json!({"items": [usage]})).await;
    let words = [
        (tenant, Sort::Own),
        (format!("Pier{n}x"), Sort::Own),
        (text(&report, "id"), Sort::Own),
        (text(&user, "id"), Sort::Inside),
        (login, Sort::Inside),
        (text(&client, "client_id"), Sort::Inside),
        (text(&storage, "id"), Sort::Offered),
        (text(&storage, "location_id"), Sort::Offered),
        (name, Sort::Offered),
    ];
    tree.words.extend(words.map(|(word, sort)| (word, n, sort)));
    if let Some(personal) = user["personal_tenant_id"].as_str() {
        tree.words.push((personal.to_owned(), n, Sort::Inside));
    }
}

/// The asker's token and the tenant it reaches from.
async fn token(scene: &Scene, tree: &Tree, asker: &Asker) -> (String, usize) {
    let live: Vec<usize> = (0..tree.tenants.len()).filter(|n| !tree.tenants[*n].deleted).collect();
    let at = live[asker.at % live.len()];
    let role = match tree.tenants[at].kind {
        "root" => Role::RootAdmin,
        "partner" | "customer" | "unit" if asker.reader => Role::ReadonlyAdmin,
        "partner" | "folder" => Role::PartnerAdmin,
        "customer" => Role::CompanyAdmin,
        _ => Role::UnitAdmin,
    };
    let token = scene.token_of(tree.tenants[at].id.parse().unwrap(), role).await;
    let Some(to) = asker.narrowed_to.map(|to| live[to % live.len()]) else { return (token, at) };
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", token.as_str()),
        ("scope", &format!("urn:acronis.com:tenant-id:{}", tree.tenants[to].id)),
    ];
    let answer = scene.server.post("/api/2/idp/token").form(&form).await;
    let may = tree.sees_inside(at, to);
    assert_eq!(answer.status, if may { 200 } else { 403 }, "{}", answer.text());
    if may { (text(&answer.json(), "access_token"), to) } else { (token, at) }
}

/// What an answer tells that the asker must not know.
fn leaks<'a>(tree: &'a Tree, root: usize, body: &str) -> Vec<&'a (String, usize, Sort)> {
    let mut body = body.to_owned();
    for above in tree.upwards(root) {
        for member in UPWARDS {
            body = body.replace(&format!("\"{member}\":\"{}\"", tree.tenants[above].id), "");
        }
    }
    let unknown = |(_, tenant, sort): &&(String, usize, Sort)| !tree.may_know(root, *tenant, *sort);
    tree.words.iter().filter(unknown).filter(|(word, ..)| body.contains(word.as_str())).collect()
}

async fn check(nodes: Vec<Node>, askers: Vec<Asker>) {
    let scene = Scene::new().await;
    let tree = planted(&scene, &nodes).await;
    // Figures show the tree of their days: what was open on a day is told of that day.
    scene.test.clock.set(testkit::at("2026-05-11T08:00:00Z"));
    app::jobs::drain(&scene.test.app).await.unwrap();
    let all: Vec<&str> = tree.tenants.iter().map(|tenant| tenant.id.as_str()).collect();
    let ids = tree.words.iter().map(|(word, ..)| word.as_str()).filter(|word| word.len() == 36);
    let words: Vec<&str> = ids.take(100).collect();
    for asker in askers {
        let (token, root) = token(&scene, &tree, &asker).await;
        for path in PATHS {
            let filled = path.replace("$all", &all.join(",")).replace("$words", &words.join(","));
            let aims = if path.contains("$t") { &all[..] } else { &all[..1] };
            for aim in aims {
                let path = format!("/api/2/{}", filled.replace("$t", aim)).replace("2/../", "");
                let answer = scene.server.get(&path).bearer(&token).await;
                assert!(answer.status < 500, "{path}: {}", answer.text());
                let leaks = leaks(&tree, root, &answer.text());
                assert!(leaks.is_empty(), "{path} tells {leaks:?}: {}", answer.text());
            }
        }
        // Not by silence alone: the whole reach is there.
        let path = format!("tenants?subtree_root_id={}&lod=stamps", tree.tenants[root].id);
        let listed: BTreeSet<String> = scene.ids(&token, &path).await.into_iter().collect();
        let reach = (0..tree.tenants.len()).filter(|n| !tree.tenants[*n].deleted && tree.sees(root, *n));
        assert_eq!(listed, reach.map(|n| tree.tenants[n].id.clone()).collect());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn no_list_tells_of_what_lies_outside_the_reach_of_whoever_asks(
        nodes in prop::collection::vec(node(), 4..12),
        askers in prop::collection::vec(asker(), 3),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(check(nodes, askers));
    }
}
