//! The pages of docs/guide that begin with a demo: every `sh` block runs, in order and in one shell, and prints what stands
//! below it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::Directory;

use super::harness::tidemark;

/// Stands before the output of a block, in the output of all.
const MARK: char = '\u{1e}';

/// A step of the page.
struct Block {
    /// Where its commands begin.
    line: usize,
    commands: String,
    /// The lines that it prints; `…` stands for anything.
    prints: Vec<String>,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The blocks of commands, each with the text that follows it.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fence: Option<&str> = None;
    for (n, line) in page.lines().enumerate() {
        match (fence, line.strip_prefix("```")) {
            (None, Some(language)) => {
                if language == "sh" {
                    blocks.push(Block { line: n + 2, commands: String::new(), prints: Vec::new() });
                }
                fence = Some(language);
            }
            (Some(_), Some(_)) => fence = None,
            (Some("sh"), None) => writeln!(blocks.last_mut().unwrap().commands, "{line}").unwrap(),
            (Some("text"), None) => blocks.last_mut().unwrap().prints.push(line.to_owned()),
            _ => {}
        }
    }
    blocks
}

/// One shell: the demo on a free port, then every block. It stops at the first command that fails.
fn script(blocks: &[Block]) -> String {
    let mut script = "set -eu -o pipefail\n\
        PATH=\"$TIDEMARK:$PATH\"\n\
        unset TIDEMARK\n\
        tidemark demo --serve --json --port 0 > demo.json 2> demo.log &\n\
        trap 'kill $(jobs -p) 2> /dev/null' EXIT\n\
        until [ -s demo.json ]; do kill -0 $!; sleep 0.1; done\n"
        .to_owned();
    for Block { line, commands, .. } in blocks {
        write!(script, "printf '{MARK}%s\\n' {line}\n{commands}").unwrap();
    }
    script
}

/// Whether a line is what the page says.
fn fits(line: &str, said: &str) -> bool {
    let mut parts = said.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.is_empty()
}

#[test]
fn three_dots_stand_for_anything() {
    for (line, said) in [("abc", "abc"), ("abc", "a…"), ("abc", "…"), ("a, b, c", "…, …, c"), ("aa", "a…a")]
    {
        assert!(fits(line, said), "{line} {said}");
    }
    for (line, said) in [("abcd", "abc"), ("abc", "b…"), ("abc", "…b"), ("a", "a…a"), ("", "a"), ("a", "")]
    {
        assert!(!fits(line, said), "{line} {said}");
    }
}

#[test]
fn the_walks_of_the_guide_print_what_the_guide_says() {
    walk("walks.md", 11);
}

#[test]
fn what_did_not_go_out_is_found_and_sent_as_the_guide_says() {
    walk("deliveries.md", 7);
}

/// Runs a page of the guide with at least so many blocks.
fn walk(page: &str, least: usize) {
    let text = std::fs::read_to_string(repository().join("docs/guide").join(page)).unwrap();
    let blocks = blocks(&text);
    assert!(blocks.len() >= least, "{} blocks", blocks.len());
    let directory = Directory::new();
    std::os::unix::fs::symlink(repository().join("docs"), directory.path().join("docs")).unwrap();
    let binary = PathBuf::from(tidemark("").get_program());
    let mut shell = Command::new("bash");
    shell.current_dir(directory.path()).arg("-c").arg(script(&blocks));
    shell.env("TIDEMARK", binary.parent().unwrap());
    let output = shell.output().expect("bash");
    let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut ran = printed.split(MARK).skip(1);
    for block in &blocks {
        let line = block.line;
        let ran = ran.next().unwrap_or_else(|| panic!("the block in line {line} was not reached\n{said}"));
        let lines: Vec<&str> = ran.lines().skip(1).collect();
        let as_said = lines.len() == block.prints.len()
            && lines.iter().zip(&block.prints).all(|(line, said)| fits(line, said));
        assert!(
            as_said,
            "{page}, line {line}, printed\n{}\nand not\n{}\n{said}",
            lines.join("\n"),
            block.prints.join("\n")
        );
    }
    assert!(output.status.success(), "the last block failed\n{said}");
}
