//! Licences: every crate that we build on must offer terms that deny.toml allows.

use std::iter::Peekable;
use std::vec::IntoIter;

use anyhow::{Result, bail, ensure};

use crate::check;
use crate::workspace::{Package, Workspace};

/// The check of the whole dependency tree, for all platforms and for tests too; it needs nothing but cargo.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    let deny = workspace.read("deny.toml")?;
    let allowed = allowed(&deny);
    ensure!(!allowed.is_empty(), "deny.toml: no list `allow = [...]` of licences found");
    let packages = workspace.packages()?;
    let foreign: Vec<&Package> = packages.iter().filter(|package| !package.own).collect();
    let note = format!("{} crates", foreign.len());
    check::verdict(&faults(&foreign, &allowed), note)
}

/// The licences that deny.toml lists, so that there is one list. Reads the form that file has, not all of TOML.
fn allowed(deny: &str) -> Vec<&str> {
    let list = deny.split_once("\nallow = [").and_then(|(_, rest)| rest.split_once(']'));
    let list = list.map_or("", |(list, _)| list);
    list.split('"').skip(1).step_by(2).collect()
}

fn faults(packages: &[&Package], allowed: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    for package in packages {
        let Package { name, version, .. } = package;
        let Some(licence) = &package.licence else {
            faults.push(format!("{name} {version} names no licence"));
            continue;
        };
        match satisfiable(licence, allowed) {
            Ok(true) => {}
            Ok(false) => faults.push(format!("{name} {version}: {licence} is not allowed by deny.toml")),
            Err(error) => faults.push(format!("{name} {version}: cannot read `{licence}`: {error}")),
        }
    }
    faults
}

/// Whether an SPDX expression can be met with the allowed licences alone. An exception (`WITH`) only ever gives more
/// rights, so the licence before it decides; the old form `MIT/Apache-2.0` means a choice.
fn satisfiable(expression: &str, allowed: &[&str]) -> Result<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut words = words.into_iter().peekable();
    let met = any(&mut words, allowed)?;
    match words.next() {
        None => Ok(met),
        Some(word) => bail!("`{word}` is one word too many"),
    }
}

type Words<'a> = Peekable<IntoIter<&'a str>>;

fn any(words: &mut Words<'_>, allowed: &[&str]) -> Result<bool> {
    let mut met = all(words, allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, allowed)?;
    }
    Ok(met)
}

fn all(words: &mut Words<'_>, allowed: &[&str]) -> Result<bool> {
    let mut met = one(words, allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed)?;
    }
    Ok(met)
}

fn one(words: &mut Words<'_>, allowed: &[&str]) -> Result<bool> {
    match words.next() {
        Some("(") => {
            let met = any(words, allowed)?;
            ensure!(words.next() == Some(")"), "a parenthesis stays open");
            Ok(met)
        }
        None | Some(")" | "AND" | "OR" | "WITH") => bail!("a licence is missing"),
        Some(licence) => {
            if words.next_if_eq(&"WITH").is_some() {
                ensure!(words.next().is_some(), "an exception is missing");
            }
            Ok(allowed.contains(&licence))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: [&str; 3] = ["Apache-2.0", "MIT", "ISC"];

    #[test]
    fn a_choice_needs_one_and_a_sum_needs_all() {
        for (expression, met) in [
            ("MIT", true),
            ("GPL-3.0-only", false),
            ("GPL-3.0-only OR MIT", true),
            ("GPL-3.0-only AND MIT", false),
            ("MIT/Apache-2.0", true),
            ("GPL-2.0 / Apache-2.0", true),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("GPL-2.0 WITH Classpath-exception-2.0", false),
            ("ISC AND (Apache-2.0 OR GPL-3.0-only) AND MIT", true),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", false),
            ("((MIT))", true),
            // AND binds before OR.
            ("GPL-3.0-only AND AGPL-3.0 OR MIT", true),
            ("MIT OR GPL-3.0-only AND AGPL-3.0", true),
            ("(MIT OR GPL-3.0-only) AND AGPL-3.0", false),
        ] {
            assert_eq!(satisfiable(expression, &ALLOWED).unwrap(), met, "{expression}");
        }
    }

    #[test]
    fn what_is_no_expression_is_an_error_and_not_a_yes() {
        for expression in
            ["", "MIT OR", "AND MIT", "(MIT", "MIT)", "MIT Apache-2.0", "MIT WITH", "MIT OR OR MIT"]
        {
            assert!(satisfiable(expression, &ALLOWED).is_err(), "{expression}");
        }
    }

    #[test]
    fn crates_without_or_with_a_foreign_licence_are_named() {
        let package = |name: &str, licence: Option<&str>| Package {
            name: name.into(),
            version: "1.0.0".into(),
            licence: licence.map(str::to_owned),
            source: None,
            own: false,
            dependencies: Vec::new(),
        };
        let [fine, bare, copyleft] =
            [package("fine", Some("MIT")), package("bare", None), package("left", Some("AGPL-3.0"))];
        let faults = faults(&[&fine, &bare, &copyleft], &ALLOWED);
        assert!(
            matches!(&faults[..], [one, two] if one.starts_with("bare 1.0.0") && two.starts_with("left 1.0.0"))
        );
    }

    #[test]
    fn the_list_is_read_from_deny_toml() {
        let deny = "[bans]\nwildcards = \"deny\"\n[licenses]\nallow = [\n  \"MIT\",\n  \"ISC\",\n]\nother = [\"X\"]\n";
        assert_eq!(allowed(deny), ["MIT", "ISC"]);
        assert!(allowed(include_str!("../../deny.toml")).contains(&"Apache-2.0"));
    }
}
