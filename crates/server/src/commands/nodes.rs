//! `tidemark nodes`: which processes serve the installation, beside them or without one.

use std::io::Write as _;

use anyhow::Result;
use http_api::api::nodes::NodeBody;

use crate::cli;
use crate::say::with_causes;
use crate::settings::Settings;

/// Prints the nodes of the last week, by start.
pub async fn run(options: &cli::Nodes) -> Result<()> {
    let settings = Settings::read(&options.common, &[])?;
    let db = settings.database.join().await?;
    let nodes = app::nodes::list_for_operator(&db).await.map_err(with_causes);
    db.close().await;
    let mut out = std::io::stdout().lock();
    if options.json {
        for node in nodes? {
            writeln!(out, "{}", serde_json::to_string(&NodeBody::from(node))?)?;
        }
        return Ok(());
    }
    let nodes = nodes?;
    writeln!(
        out,
        "{:<36}  {:<8}  {:<20}  {:>8}  {:<10}  place",
        "id", "status", "started", "silent", "version"
    )?;
    for node in nodes {
        let (id, started) = (node.about.id.to_string(), node.started_at.to_string());
        let (status, silent) = (node.status.as_str(), format!("{} s", node.silence_micros / 1_000_000));
        let (version, host) = (node.about.version, node.about.host);
        let place = node.about.address.map_or_else(|| host.clone(), |address| format!("{host} {address}"));
        writeln!(out, "{id:<36}  {status:<8}  {started:<20}  {silent:>8}  {version:<10}  {place}")?;
    }
    Ok(())
}
