//! How much one caller may ask for, and whose word on a caller's address counts.

use std::num::NonZero;

use anyhow::{Context as _, Result, bail, ensure};
use app::settings::{Proxies, ProxyHeader, Requests};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    requests_per_second: u32,
    request_burst: u32,
    proxies: String,
    proxy_header: String,
}

impl RawLimits {
    pub(super) fn check_requests(&self) -> Result<Option<Requests>> {
        let Some(per_second) = NonZero::new(self.requests_per_second) else { return Ok(None) };
        ensure!(
            per_second.get() <= 1_000_000,
            "limits.requests_per_second: a million at most, 0 for no limit"
        );
        let burst = NonZero::new(self.request_burst).context("limits.request_burst: 1 at least")?;
        Ok(Some(Requests { per_second, burst }))
    }

    pub(super) fn check_proxies(&self) -> Result<Proxies> {
        let networks = self.proxies.split(',').map(str::trim).filter(|network| !network.is_empty());
        let networks = networks.map(|network| {
            network.parse().map_err(|why| anyhow::anyhow!("limits.proxies: {network:?} {why}"))
        });
        let header = match self.proxy_header.as_str() {
            "x-forwarded-for" => ProxyHeader::XForwardedFor,
            "forwarded" => ProxyHeader::Forwarded,
            other => bail!("limits.proxy_header: {other:?} is none of x-forwarded-for, forwarded"),
        };
        Ok(Proxies { networks: networks.collect::<Result<_>>()?, header })
    }
}
