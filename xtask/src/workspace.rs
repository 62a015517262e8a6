//! The workspace: where it is, what it is made of, and how its commands are run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The workspace around the current directory.
pub(crate) struct Workspace {
    root: PathBuf,
}

/// A crate as `cargo metadata` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The SPDX expression of its manifest.
    pub(crate) licence: Option<String>,
    /// Where a library of somebody else comes from, as cargo names it.
    pub(crate) source: Option<String>,
    /// A member of this workspace rather than a library of somebody else.
    pub(crate) own: bool,
    pub(crate) dependencies: Vec<Dependency>,
}

/// What a manifest asks for; the name is the package's own, also where the manifest renames it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The versions that would do.
    pub(crate) requirement: String,
    pub(crate) dev: bool,
    /// Named by a path, so a member of this workspace.
    pub(crate) own: bool,
}

impl Workspace {
    pub(crate) fn here() -> Result<Self> {
        let mut locate = Command::new(cargo_program());
        let manifest = output(locate.args(["locate-project", "--workspace", "--message-format", "plain"]))?;
        let root = Path::new(manifest.trim()).parent().context("the workspace's manifest lies nowhere")?;
        Ok(Self { root: root.to_owned() })
    }

    /// A path inside the workspace.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// The text of a file of the workspace.
    pub(crate) fn read(&self, inside: &str) -> Result<String> {
        let path = self.path(inside);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// A cargo command at the root. The alias already holds a cargo; this is the same one, not a second lock on it.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut command = Command::new(cargo_program());
        command.args(args).current_dir(&self.root);
        command
    }

    /// Every crate that takes part: the members and all they depend on. Fails where Cargo.lock is out of date.
    pub(crate) fn packages(&self) -> Result<Vec<Package>> {
        packages(&self.metadata(&["--locked"])?)
    }

    /// The members alone; works without a network.
    pub(crate) fn members(&self) -> Result<Vec<Package>> {
        packages(&self.metadata(&["--no-deps", "--offline"])?)
    }

    /// The folder cargo builds into.
    pub(crate) fn target(&self) -> Result<PathBuf> {
        let metadata = self.metadata(&["--no-deps", "--offline"])?;
        let target = metadata.get("target_directory").and_then(Value::as_str);
        Ok(PathBuf::from(target.context("cargo names no target folder")?))
    }

    fn metadata(&self, args: &[&str]) -> Result<Value> {
        let printed = output(self.cargo(&["metadata", "--format-version", "1"]).args(args))?;
        serde_json::from_str(&printed).context("cargo metadata printed no JSON")
    }

    /// Paths from the root of all files that are, or could be, committed: what git ignores is left out.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut list = Command::new("git");
        list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(&self.root);
        let listed = output(&mut list)?;
        let paths = listed.split('\0').filter(|path| !path.is_empty() && self.path(path).is_file());
        Ok(paths.map(str::to_owned).collect())
    }
}

fn cargo_program() -> OsString {
    variable("CARGO").unwrap_or_else(|| "cargo".into())
}

/// A variable of the environment, if it is set and not empty. Chores have no settings file to read instead.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Runs a command and shows what it prints.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", line(command));
    }
    Ok(())
}

/// Runs a command and takes its standard output; its standard error is shown.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stderr(std::process::Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start `{}`", line(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({})", line(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` did not print UTF-8", line(command)))
}

/// Whether a command can be started and succeeds; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn packages(metadata: &Value) -> Result<Vec<Package>> {
    let packages = metadata.get("packages").and_then(Value::as_array);
    packages.context("cargo metadata lists no packages")?.iter().map(package).collect()
}

fn package(value: &Value) -> Result<Package> {
    let text = |member: &str| value.get(member).and_then(Value::as_str).map(str::to_owned);
    let dependencies = value.get("dependencies").and_then(Value::as_array);
    Ok(Package {
        name: text("name").context("a package without a name")?,
        version: text("version").context("a package without a version")?,
        licence: text("license"),
        source: text("source"),
        own: text("source").is_none(),
        dependencies: dependencies
            .context("a package without dependencies")?
            .iter()
            .map(dependency)
            .collect::<Result<_>>()?,
    })
}

fn dependency(value: &Value) -> Result<Dependency> {
    let text = |member: &str| value.get(member).and_then(Value::as_str);
    Ok(Dependency {
        name: text("name").context("a dependency without a name")?.to_owned(),
        requirement: text("req").unwrap_or("*").to_owned(),
        dev: text("kind") == Some("dev"),
        own: text("path").is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read_by_the_packages_own_names() {
        let metadata = serde_json::from_str(
            r#"{"packages":[{"name":"tidemark","version":"0.1.0","license":"Apache-2.0","source":null,"dependencies":[
                {"name":"http-api","rename":"http","kind":null,"req":"*","path":"/x/crates/http"},
                {"name":"insta","rename":null,"kind":"dev","req":"^1.4"}]}]}"#,
        );
        let read = packages(&metadata.unwrap()).unwrap();
        let http = Dependency { name: "http-api".into(), requirement: "*".into(), dev: false, own: true };
        let insta = Dependency { name: "insta".into(), requirement: "^1.4".into(), dev: true, own: false };
        assert_eq!(
            read,
            [Package {
                name: "tidemark".into(),
                version: "0.1.0".into(),
                licence: Some("Apache-2.0".into()),
                source: None,
                own: true,
                dependencies: vec![http, insta],
            }]
        );
    }
}
