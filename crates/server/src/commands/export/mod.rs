//! `tidemark export`: a month of the history as a Parquet file.

#[cfg(feature = "parquet")]
mod columns;
#[cfg(feature = "parquet")]
mod file;

#[cfg(feature = "parquet")]
pub use file::run;

/// Says how to get a tidemark that can.
#[cfg(not(feature = "parquet"))]
pub fn run(_: &crate::cli::Export) -> std::future::Ready<anyhow::Result<()>> {
    std::future::ready(Err(anyhow::anyhow!(
        "this tidemark was built without Parquet; build one with: cargo build --release --features parquet"
    )))
}
