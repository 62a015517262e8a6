//! What we build on: nothing from elsewhere than crates.io, nothing that deny.toml bans, no version left open. With the
//! licences (licences.rs) this is all of deny.toml that needs no network; cargo-deny judges it once more where it is.

use std::process::Command;

use anyhow::{Result, bail, ensure};

use crate::check;
use crate::workspace::{Package, Workspace, run, succeeds};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The check of the whole dependency tree, for all platforms and for tests too.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    let deny = workspace.read("deny.toml")?;
    let banned = banned(&deny);
    ensure!(!banned.is_empty(), "deny.toml: no list `deny = [...]` of bans found");
    let packages = workspace.packages()?;
    let note = format!("{} crates", packages.iter().filter(|package| !package.own).count());
    let note = check::verdict(&faults(&packages, &banned), note)?;
    // Where `cargo xtask test` has put it, or a person.
    let installed = workspace.target()?.join("venv/bin/cargo-deny");
    for program in [installed.into_os_string(), "cargo-deny".into()] {
        if !succeeds(Command::new(&program).arg("--version")) {
            continue;
        }
        let mut deny = Command::new(&program);
        deny.args(["--manifest-path"]).arg(workspace.path("Cargo.toml"));
        deny.args(["--locked", "--log-level", "error", "check", "licenses", "bans", "sources"]);
        if let Err(error) = run(&mut deny) {
            bail!("{error}; its reasons stand above");
        }
        return Ok(format!("{note}; cargo-deny agrees"));
    }
    Ok(format!("{note}; cargo-deny is not installed, so only xtask has judged"))
}

/// The crates that deny.toml bans. Reads the form that file has, not all of TOML.
fn banned(deny: &str) -> Vec<&str> {
    let list = deny.split_once("\ndeny = [").and_then(|(_, rest)| rest.split_once("\n]"));
    let list = list.map_or("", |(list, _)| list);
    let names = list.split("{ crate = \"").skip(1).filter_map(|entry| entry.split('"').next());
    names.collect()
}

fn faults(packages: &[Package], banned: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    for Package { name, version, source, dependencies, own, .. } in packages {
        if banned.contains(&name.as_str()) {
            faults.push(format!("{name} {version} is banned by deny.toml"));
        }
        if let Some(source) = source.as_deref().filter(|source| *source != CRATES_IO) {
            faults.push(format!("{name} {version} comes from {source}, not from crates.io"));
        }
        let open = dependencies.iter().filter(|it| *own && !it.own && it.requirement == "*");
        faults.extend(open.map(|it| format!("{name} asks for any version of {}", it.name)));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, source: Option<&str>, requirement: &str) -> Package {
        let needs = |name: &str, own| Dependency {
            name: name.into(),
            requirement: requirement.into(),
            dev: false,
            own,
        };
        Package {
            name: name.into(),
            version: "1.0.0".into(),
            licence: None,
            source: source.map(str::to_owned),
            own: source.is_none(),
            dependencies: vec![needs("serde", false), needs("domain", true)],
        }
    }

    #[test]
    fn bans_foreign_sources_and_open_versions_are_named() {
        let fork = Some("git+https://example.com/fork");
        let packages = [
            package("fine", Some(CRATES_IO), "*"),
            package("own", None, "^1"),
            package("native-tls", Some(CRATES_IO), "^1"),
            package("forked", fork, "^1"),
            package("open", None, "*"),
        ];
        assert_eq!(
            faults(&packages, &["native-tls"]),
            [
                "native-tls 1.0.0 is banned by deny.toml",
                "forked 1.0.0 comes from git+https://example.com/fork, not from crates.io",
                "open asks for any version of serde",
            ]
        );
    }

    #[test]
    fn the_bans_are_read_from_deny_toml() {
        assert!(banned("[bans]\ndeny = []\n").is_empty());
        let banned = banned(include_str!("../../deny.toml"));
        assert!(banned.contains(&"openssl-sys") && banned.contains(&"native-tls"), "{banned:?}");
    }
}
