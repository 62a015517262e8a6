//! The arrows between crates (ARCHITECTURE.md): who may use whom, and which libraries a layer never touches.
//!
//! Only what a manifest asks for directly is judged: a library that a permitted library brings along is its own affair.

use std::collections::HashSet;

use anyhow::Result;

use crate::check;
use crate::workspace::{Package, Workspace};

/// What one crate may and may never depend on.
struct Layer {
    name: &'static str,
    /// Members of the workspace it may use.
    uses: &'static [&'static str],
    /// Members that its tests may use besides.
    tests_use: &'static [&'static str],
    /// Libraries it must not name, not even for its tests.
    never: &'static [&'static str],
}

const LAYERS: [Layer; 10] = [
    Layer {
        name: "domain",
        uses: &[],
        tests_use: &[],
        never: &["tokio", "sqlx", "axum", "rand", "getrandom"],
    },
    Layer { name: "store", uses: &["domain"], tests_use: &[], never: &["axum", "lettre"] },
    Layer { name: "render", uses: &["domain"], tests_use: &[], never: &["tokio", "sqlx", "axum"] },
    Layer {
        name: "app",
        uses: &["domain", "store", "render"],
        tests_use: &[],
        never: &["axum", "clap", "sqlx"],
    },
    Layer { name: "http-api", uses: &["domain", "app"], tests_use: &[], never: &["sqlx", "lettre"] },
    Layer {
        name: "tidemark",
        uses: &["domain", "store", "render", "app", "http-api"],
        tests_use: &["testkit"],
        never: &[],
    },
    Layer {
        name: "testkit",
        uses: &["domain", "store", "render", "app", "http-api"],
        tests_use: &[],
        never: &[],
    },
    Layer { name: "bench", uses: &["domain", "store", "app", "testkit"], tests_use: &[], never: &["sqlx"] },
    Layer {
        name: "torture",
        uses: &["domain", "store", "testkit"],
        tests_use: &[],
        never: &["sqlx", "axum"],
    },
    Layer { name: "xtask", uses: &[], tests_use: &[], never: &[] },
];

/// The check: every arrow between the members is one that is drawn above.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    let members = workspace.members()?;
    check::verdict(&faults(&members), format!("{} crates", members.len()))
}

fn faults(members: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for member in members {
        match LAYERS.iter().find(|layer| layer.name == member.name) {
            Some(layer) => faults.extend(wrong_arrows(layer, member)),
            None => {
                faults.push(format!(
                    "{}: not a known crate; give it a place in xtask/src/arrows.rs",
                    member.name
                ));
            }
        }
    }
    let present: HashSet<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let gone = LAYERS.iter().filter(|layer| !present.contains(layer.name));
    faults.extend(
        gone.map(|layer| format!("{}: no such crate; take it out of xtask/src/arrows.rs", layer.name)),
    );
    faults
}

fn wrong_arrows(layer: &Layer, member: &Package) -> Vec<String> {
    let mut faults = Vec::new();
    for dependency in &member.dependencies {
        let name = dependency.name.as_str();
        let drawn = layer.uses.contains(&name) || (dependency.dev && layer.tests_use.contains(&name));
        if dependency.own && !drawn {
            let may = if layer.uses.is_empty() { "no other crate".to_owned() } else { layer.uses.join(", ") };
            faults.push(format!("{} -> {name}: {} may use {may}", layer.name, layer.name));
        }
        if layer.never.contains(&name) {
            faults.push(format!(
                "{} -> {name}: this layer never names {}",
                layer.name,
                layer.never.join(", ")
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    /// The crates, one of them with a dependency more.
    fn members_with(from: &str, name: &str, dev: bool, own: bool) -> Vec<Package> {
        let member = |layer: &Layer| Package {
            name: layer.name.into(),
            version: "0.1.0".into(),
            licence: None,
            source: None,
            own: true,
            dependencies: if layer.name == from {
                vec![Dependency { name: name.into(), requirement: "^1".into(), dev, own }]
            } else {
                Vec::new()
            },
        };
        LAYERS.iter().map(member).collect()
    }

    #[test]
    fn drawn_arrows_pass() {
        for (from, to) in [("store", "domain"), ("app", "render"), ("http-api", "app"), ("tidemark", "store")]
        {
            assert_eq!(faults(&members_with(from, to, false, true)), Vec::<String>::new(), "{from} -> {to}");
        }
        assert_eq!(faults(&members_with("tidemark", "testkit", true, true)), Vec::<String>::new());
        assert_eq!(faults(&members_with("store", "sqlx", false, false)), Vec::<String>::new());
    }

    #[test]
    fn other_arrows_fail() {
        for (from, to) in [
            ("domain", "store"),
            ("store", "render"),
            ("render", "store"),
            ("app", "http-api"),
            ("http-api", "store"),
            ("http-api", "render"),
            ("testkit", "tidemark"),
            ("tidemark", "testkit"),
            ("xtask", "domain"),
        ] {
            let faults = faults(&members_with(from, to, false, true));
            assert!(
                matches!(&faults[..], [one] if one.starts_with(&format!("{from} -> {to}:"))),
                "{faults:?}"
            );
        }
    }

    #[test]
    fn only_the_server_tests_with_the_testkit() {
        assert_eq!(faults(&members_with("app", "testkit", true, true)).len(), 1);
        assert_eq!(faults(&members_with("domain", "store", true, true)).len(), 1);
    }

    #[test]
    fn libraries_of_another_layer_fail_also_in_tests() {
        for (from, library) in [("domain", "tokio"), ("store", "axum"), ("render", "tokio"), ("app", "sqlx")]
        {
            assert_eq!(faults(&members_with(from, library, false, false)).len(), 1, "{from} -> {library}");
            assert_eq!(faults(&members_with(from, library, true, false)).len(), 1, "{from} -> {library}");
        }
    }

    #[test]
    fn a_crate_without_a_place_fails_and_so_does_a_place_without_a_crate() {
        let mut members = members_with("", "", false, false);
        members[0].name = "util".into();
        let faults = faults(&members);
        assert!(
            matches!(&faults[..], [new, gone] if new.starts_with("util:") && gone.starts_with("domain:"))
        );
    }
}
