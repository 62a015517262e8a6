//! `tidemark health`: whether a server is ready, where there is no curl to ask it with.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use ureq::Agent;

use crate::cli::Common;
use crate::settings::Settings;

/// How long an answer may take; who asks has a patience of its own, and a longer one.
const PATIENCE: Duration = Duration::from_secs(5);

/// Options of `health`.
#[derive(Debug, Args)]
pub struct Options {
    /// Which one.
    #[command(flatten)]
    pub common: Common,
    /// Another server, such as <http://10.0.0.7:8080>
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// Asks once.
pub fn run(options: &Options) -> Result<()> {
    let url = match &options.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", from_here(Settings::read(&options.common, &[])?.listen)),
    };
    let agent = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
    let answer = Agent::from(agent).get(format!("{url}/readyz")).call();
    let status = answer.with_context(|| format!("{url} does not answer"))?.status().as_u16();
    ensure!(status == 200, "{url} is not ready: it answers {status}");
    Ok(())
}

/// Where a server that listens on this address is found on its own machine.
fn from_here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen {
        SocketAddr::V4(address) if address.ip().is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(address) if address.ip().is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        _ => listen.ip(),
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_all_interfaces_is_asked_on_loopback() {
        let asked = |listen: &str| from_here(listen.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(asked("[::]:8080"), "[::1]:8080");
        assert_eq!(asked("10.0.0.7:80"), "10.0.0.7:80");
    }
}
