//! schemathesis, which others wrote, holds a running server to its own OpenAPI document.

use std::path::Path;
use std::process::Command;

use super::harness::Place;
use super::python::python;

/// How many in a hundred of the operations must be seen to succeed.
const SHARE: usize = 80;

/// The numbers of `2xx: 100 of 107 operations`.
fn share(said: &str) -> Option<(usize, usize)> {
    let (reached, all) =
        said.lines().last()?.strip_prefix("2xx: ")?.strip_suffix(" operations")?.split_once(" of ")?;
    Some((reached.parse().ok()?, all.parse().ok()?))
}

#[test]
fn the_server_does_what_its_document_says() {
    let place = Place::new();
    let serving = place.serve();
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/process");
    let api = format!("http://{}", serving.client.address());
    let mut command = Command::new(python());
    command.args(["-m", "schemathesis.cli", "--config-file"]).arg(beside.join("schemathesis.toml"));
    command.args(["run", &format!("{api}/api/2/openapi.json"), "--no-color", "--warnings", "off"]);
    command.current_dir(place.beside()).env("PYTHONPATH", &beside).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("TIDEMARK_API", &api).env("TIDEMARK_TOKEN", &serving.token);
    command.env("TIDEMARK_CLIENT", place.first.client_id.to_string());
    command.env("TIDEMARK_SECRET", &place.first.client_secret);
    let output = command.output().expect("an interpreter");

    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "schemathesis found something, see above\n{errors}");
    let (reached, all) = share(&said).expect("the share, as the last line");
    assert!(all > 0 && reached * 100 >= all * SHARE, "too few operations succeed: {reached} of {all}");
}
