//! Tidemark's side of `cargo xtask bench`: the command line of bench/engine.py.

#![expect(clippy::disallowed_methods, reason = "what is measured here is the machine's time")]

mod answer;
mod ask;
mod batch;
mod calls;
mod channel;
mod growth;
mod installation;
mod load;
mod oha;
mod server;
mod serving;

use std::path::Path;

use anyhow::{Result, bail};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["load", channel, store, _layout] => load::load(Path::new(channel), Path::new(store)).await,
        ["ask", channel, store, query] => ask::ask(Path::new(channel), Path::new(store), query).await,
        ["server", tidemark, channel, store] => {
            server::run(Path::new(tidemark), Path::new(channel), Path::new(store))
        }
        ["calls", tidemark, channel, store, oha] => {
            calls::run(Path::new(tidemark), Path::new(channel), Path::new(store), Path::new(oha))
        }
        ["batch", channel, store] => batch::run(Path::new(channel), Path::new(store)).await,
        ["growth", channel, store, months] => {
            growth::run(Path::new(channel), Path::new(store), months.parse()?).await
        }
        _ => bail!(
            "usage: bench load CHANNEL STORE LAYOUT | ask CHANNEL STORE QUERY | server TIDEMARK CHANNEL STORE | \
             calls TIDEMARK CHANNEL STORE OHA | batch CHANNEL STORE | growth CHANNEL STORE MONTHS"
        ),
    }
}
