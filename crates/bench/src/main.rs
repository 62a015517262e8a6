//! Tidemark's side of `cargo xtask bench`: the command line of bench/engine.py.

#![expect(clippy::disallowed_methods, reason = "what is measured here is the machine's time")]

mod answer;
mod ask;
mod batch;
mod calls;
mod channel;
mod fresh;
mod growth;
mod idle;
mod installation;
mod load;
mod nodes;
mod oha;
mod server;
mod serving;
mod tokens;
mod updates;

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
        ["tokens", tidemark, folder, oha] => {
            tokens::run(Path::new(tidemark), Path::new(folder), Path::new(oha))
        }
        ["sign", seconds] => tokens::sign(seconds.parse()?),
        ["updates", tidemark, folder] => updates::run(Path::new(tidemark), Path::new(folder), None),
        ["updates", tidemark, folder, url, programs] => {
            updates::run(Path::new(tidemark), Path::new(folder), Some((url, Path::new(programs))))
        }
        ["bare", database, reports @ ..] => updates::bare(Path::new(database), reports).await,
        ["nodes", tidemark, folder, url] => nodes::run(Path::new(tidemark), Path::new(folder), url),
        ["idle", tidemark, folder, url @ ..] => {
            idle::run(Path::new(tidemark), Path::new(folder), url.first().copied())
        }
        _ => bail!(
            "usage: bench load CHANNEL STORE LAYOUT | ask CHANNEL STORE QUERY | server TIDEMARK CHANNEL STORE | \
             calls TIDEMARK CHANNEL STORE OHA | batch CHANNEL STORE | growth CHANNEL STORE MONTHS | tokens TIDEMARK FOLDER \
             OHA | sign SECONDS | updates TIDEMARK FOLDER [URL PROGRAMS] | bare DATABASE REPORT... | nodes TIDEMARK FOLDER URL | \
             idle TIDEMARK FOLDER [URL]"
        ),
    }
}
