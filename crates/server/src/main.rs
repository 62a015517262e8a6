//! Tidemark: usage metering and reporting for service providers, as one binary.

mod cli;
mod commands;
mod connections;
mod data_dir;
mod database;
mod progress;
mod say;
mod settings;
mod stop_at;
mod systemd;
mod telemetry;
mod traces;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tidemark: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("the cryptographic provider was installed twice"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        match command {
            Command::Init(options) => commands::init::run(&options).await,
            Command::Serve(options) => commands::serve::run(&options).await,
            Command::Backup(options) => commands::backup::run(&options).await,
            Command::Changes(options) => commands::changes::run(&options).await,
            Command::CheckConfig(options) => commands::check_config::run(&options).await,
            Command::Nodes(options) => commands::nodes::run(&options).await,
            Command::Deliveries(options) => commands::deliveries::run(&options).await,
            Command::Export(options) => commands::export::run(&options).await,
            Command::Import(options) => commands::import::run(&options).await,
            Command::MigrateStore(options) => commands::migrate_store::run(&options).await,
            Command::Restore(options) => commands::restore::run(&options).await,
            Command::HeldMails(options) => commands::held_mails::run(&options).await,
            Command::MoveArtefacts(options) => commands::move_artefacts::run(&options).await,
            Command::Verify(options) => commands::verify::run(&options).await,
            Command::Demo(options) => commands::demo::run(&options).await,
            Command::Health(options) => commands::health::run(&options),
            Command::Openapi => commands::openapi::run(),
            Command::Pages(options) => commands::pages::run(&options),
        }
    });
    // Dropped, it would wait for every thread that is at something, however long: the patience of a shutdown is over.
    runtime.shutdown_background();
    done
}
