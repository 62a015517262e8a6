//! The nodes of the installation: for its operator alone.

use app::App;
use app::nodes::{self, Node};
use axum::extract::State;
use domain::ids::NodeId;
use domain::node::NodeStatus;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Can, RootAdmin};
use crate::json::Json;
use crate::problem::{Envelope, Problem};
use crate::schema;
use crate::wire::{Items, Zulu};

/// The routes behind `/api/tidemark/1`.
pub fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A process that serves the installation. Times are of the database's clock.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Node, example = json!({"id": "5f0c9c62-6c1f-4f0e-9d43-5c6d8a1f7b20", "host": "tide1",
    "address": "10.0.0.11:8080", "version": "0.1.0", "status": "alive", "started_at": "2026-05-08T06:00:00Z",
    "seen_at": "2026-05-08T10:58:53Z", "stopped_at": null, "silent_seconds": 1}))]
pub struct NodeBody {
    /// Drawn anew at each start.
    #[schema(value_type = String, format = "uuid")]
    id: NodeId,
    /// The name of its machine.
    host: String,
    /// Where it listens.
    address: Option<String>,
    /// Of Tidemark.
    version: String,
    #[schema(value_type = schema::NodeStatus)]
    status: NodeStatus,
    started_at: Zulu,
    /// When it gave its last sign of life.
    seen_at: Zulu,
    /// When it said goodbye; null of one that did not.
    stopped_at: Option<Zulu>,
    /// How long ago `seen_at` is; null of one that said goodbye.
    silent_seconds: Option<i64>,
}

/// The nodes of the last week, in the order in which they were started.
///
/// Only root administrators of the top tenant may ask.
#[utoipa::path(get, path = "/nodes", tag = "nodes",
    responses(
        (status = 200, description = "The nodes", body = Items<NodeBody>),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn list(caller: Can<RootAdmin>, State(app): State<App>) -> Result<Json<Items<NodeBody>>, Problem> {
    let nodes = nodes::list(&app, &caller.0).await?;
    Ok(Json(Items { items: nodes.into_iter().map(NodeBody::from).collect() }))
}

impl From<Node> for NodeBody {
    fn from(node: Node) -> Self {
        Self {
            id: node.about.id,
            host: node.about.host,
            address: node.about.address,
            version: node.about.version,
            status: node.status,
            started_at: Zulu(node.started_at),
            seen_at: Zulu(node.seen_at),
            stopped_at: node.stopped_at.map(Zulu),
            silent_seconds: node.stopped_at.is_none().then_some(node.silence_micros / 1_000_000),
        }
    }
}
