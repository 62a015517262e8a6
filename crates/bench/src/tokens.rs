//! `cargo xtask bench tokens`: signatures a second of a server on one core, against what that core can sign at all.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::fresh::{Fresh, on_core};
use crate::oha::{Fixed, Oha};

/// The server's core, and that of the load.
const CORES: [&str; 2] = ["0", "1"];
const ROUNDS: usize = 3;
const SECONDS: u64 = 10;
/// As long as the signed part of an access token.
const MESSAGE: [u8; 900] = [b'x'; 900];

/// Measures in turn; prints a line for each round.
pub fn run(tidemark: &Path, folder: &Path, oha: &Path) -> Result<()> {
    let fresh = Fresh::make(tidemark, folder, None)?;
    let serving = fresh.serve(CORES.first().copied())?;
    let (id, secret) = fresh.client();
    let call = Fixed {
        method: "POST",
        url: format!("http://{}/api/2/idp/token", serving.client.address()),
        authorization: format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))),
        body: Some(("application/x-www-form-urlencoded", "grant_type=client_credentials".to_owned())),
    };
    let oha = Oha(oha.to_owned());
    oha.flood("1", 8, 2, &call)?;
    println!("| raw signatures/s | tokens answered/s | signatures/s in them | share |\n|---|---|---|---|");
    let mut shares = Vec::new();
    for _ in 0..ROUNDS {
        let raw = raw_rate()?;
        let answers = oha.flood("1", 8, SECONDS, &call)?;
        // An access token and an id token.
        let signed = answers * 2.0;
        let share = signed / raw * 100.0;
        println!("| {raw:.0} | {answers:.0} | {signed:.0} | {share:.0} % |");
        shares.push(share);
    }
    shares.sort_by(f64::total_cmp);
    println!("median share: {:.0} %", shares.get(ROUNDS / 2).context("a round")?);
    Ok(())
}

/// What the server's core signs when it does nothing else.
fn raw_rate() -> Result<f64> {
    let mut command = on_core(CORES.first().copied(), &std::env::current_exe()?);
    let output = command.args(["sign", &SECONDS.to_string()]).output()?;
    ensure!(output.status.success(), "sign: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Signs with an RSA key of 2048 bits on one thread; prints the signatures a second.
pub fn sign(seconds: u64) -> Result<()> {
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("no key"))?;
    let (random, mut signature) = (SystemRandom::new(), vec![0; key.public_modulus_len()]);
    let (start, mut signed) = (Instant::now(), 0_u32);
    while start.elapsed() < Duration::from_secs(seconds) {
        key.sign(&RSA_PKCS1_SHA256, &random, &MESSAGE, &mut signature)
            .map_err(|_| anyhow!("no signature"))?;
        signed += 1;
    }
    println!("{:.1}", f64::from(signed) / start.elapsed().as_secs_f64());
    Ok(())
}
