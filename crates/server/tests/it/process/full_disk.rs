//! A full disk: what cannot be kept is refused, what was accepted stays, and with room again the server goes on.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use testkit::Directory;
use ureq::http::Method;

use super::channel::{Channel, VMS, id, saved_files};
use super::harness::{First, Serving, tidemark};

/// A small file system in a mount namespace of its own: it is gone with the process that holds it.
pub(crate) struct SmallDisk {
    holder: Child,
    folder: Directory,
}

impl SmallDisk {
    pub(crate) fn new(mebibytes: u32) -> Self {
        let folder = Directory::new();
        let script = "mount -t tmpfs -o \"size=$1m\" none \"$0\" && echo mounted && read -r _";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).arg(folder.path()).arg(mebibytes.to_string());
        let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("unshare");
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(
            said.trim(),
            "mounted",
            "this test mounts a tmpfs in a mount namespace: run it as root, or with CAP_SYS_ADMIN"
        );
        Self { holder, folder }
    }

    /// The binary under test, where the disk can be seen.
    fn tidemark(&self, subcommand: &str) -> Command {
        let inner = tidemark(subcommand);
        let mut command = Command::new("nsenter");
        command
            .arg("--mount")
            .arg("--target")
            .arg(self.holder.id().to_string())
            .arg("--")
            .arg(inner.get_program());
        command.args(inner.get_args()).arg("--data-dir").arg(self.folder.path().join("data"));
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// A file on the disk, as it is seen from here.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.folder.path().strip_prefix("/").unwrap()).join(name)
    }

    /// Takes what room there is.
    pub(crate) fn fill(&self) {
        let mut filler = fs::File::create(self.file("filler")).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
    }

    /// Gives it back.
    pub(crate) fn make_room(&self) {
        fs::remove_file(self.file("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[test]
fn what_a_full_disk_cannot_keep_is_refused_and_nothing_accepted_is_lost() {
    let disk = SmallDisk::new(24);
    let init = disk.tidemark("init").arg("--json").output().unwrap();
    assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
    let first: First = serde_json::from_slice(&init.stdout).unwrap();
    let serve = || {
        let mut command = disk.tidemark("serve");
        command.args(["--listen", "127.0.0.1:0"]);
        Serving::start(command, &first)
    };
    let serving = serve();
    let channel = Channel::make(&serving, &first.tenant_id.to_string());
    disk.fill();

    let mut accepted = VMS;
    let refused = (VMS + 1..10_000).find_map(|value| {
        let answer = channel.try_read(&serving, "vms", value);
        if answer.status == 200 {
            accepted = value;
            return None;
        }
        Some(answer)
    });
    let refused = refused.expect("a disk that is full at some time");
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("Retry-After").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    assert_eq!(refused.json()["error"]["code"], 503);
    assert_eq!(
        channel.current(&serving, "vms"),
        accepted,
        "what is there can be read, and nothing half done"
    );
    let report = serving.ask(Method::POST, "/reports", Some(&channel.order("save")));
    assert_eq!(report.status, 503, "{}", report.text());
    let listed = serving.get(&format!("/tenants/{}/reports", channel.partner));
    assert_eq!(listed, json!({"items": []}));

    disk.make_room();
    channel.read(&serving, "workstations", 41);
    assert_eq!(channel.current(&serving, "vms"), accepted);
    let report = id(&serving.post("/reports", &channel.order("save")));
    assert_eq!(saved_files(&serving, &report).len(), 2);
    serving.kill();
    let serving = serve();
    assert_eq!(channel.current(&serving, "vms"), accepted);
    assert_eq!(channel.current(&serving, "workstations"), 41);
    assert_eq!(saved_files(&serving, &report).len(), 2);
}
