//! An IMAP server that others wrote: Debian's Dovecot, under a configuration of the test and an unprivileged user.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use app::settings::{Imap, Security};
use secrecy::SecretString;
use testkit::Directory;

use crate::process::aiosmtpd::{Certificate, certificate};

/// The server; ends when it is dropped.
pub(crate) struct Dovecot {
    folder: Directory,
    certificate: Certificate,
    server: Child,
    ports: [u16; 2],
}

impl Dovecot {
    /// Starts one with an empty mailbox of `tide`, whose password is `s3cret`.
    pub(crate) fn start() -> Self {
        let folder = Directory::new();
        let certificate = certificate(folder.path());
        let user = unprivileged();
        let ports = [free_port(), free_port()];
        for inner in ["mail", "mail/new", "mail/cur", "mail/tmp", "run"] {
            fs::create_dir(folder.path().join(inner)).unwrap();
        }
        let configuration = folder.path().join("dovecot.conf");
        fs::write(&configuration, configured(folder.path(), &certificate, user.as_ref(), ports)).unwrap();
        if let Some(user) = &user {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
            let status = Command::new("chown").args(["-R", user]).arg(folder.path()).status().unwrap();
            assert!(status.success());
        }
        let mut command = as_user(user.as_deref(), "dovecot");
        command.arg("-F").arg("-c").arg(&configuration).current_dir(folder.path());
        let server = command.stdin(Stdio::null()).spawn().expect("dovecot; cargo xtask test installs it");
        let mut dovecot = Self { folder, certificate, server, ports };
        dovecot.wait();
        dovecot
    }

    fn wait(&mut self) {
        for _ in 0..600 {
            if std::net::TcpStream::connect(("127.0.0.1", self.ports[0])).is_ok() {
                return;
            }
            let ended = self.server.try_wait().unwrap();
            assert!(ended.is_none(), "dovecot ended: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("dovecot does not answer: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// How to read its mailbox.
    pub(crate) fn settings(&self, security: Security) -> Imap {
        let [plain, tls] = self.ports;
        Imap {
            host: "localhost".to_owned(),
            port: if security == Security::Tls { tls } else { plain },
            security,
            user: "tide".to_owned(),
            password: SecretString::from("s3cret"),
            mailbox: "INBOX".to_owned(),
            ca_file: Some(self.certificate.authority.clone()),
        }
    }

    fn maildir(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// Lays a message into the mailbox, as its server's delivery does.
    pub(crate) fn deliver(&self, name: &str, message: impl AsRef<[u8]>) {
        let file = self.maildir().join("tmp").join(name);
        fs::write(&file, message).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        fs::rename(&file, self.maildir().join("new").join(name)).unwrap();
    }

    /// The flags of a message, as Dovecot keeps them; `None` where it is not there.
    pub(crate) fn flags(&self, name: &str) -> Option<String> {
        let entries = fs::read_dir(self.maildir().join("cur")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let found = names.into_iter().find(|found| found.split([':', ',']).next() == Some(name));
        found.map(|found| found.rsplit(',').next().unwrap().to_owned())
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // TERM, so that it takes its own processes with it.
        let _ = Command::new("kill").arg(self.server.id().to_string()).status();
        let _ = self.server.wait();
    }
}

/// Root can become somebody else, as which Dovecot is to run; anybody else already is.
fn unprivileged() -> Option<String> {
    let id = Command::new("id").arg("-u").output().expect("id");
    (id.stdout.trim_ascii() == b"0").then(|| "nobody".to_owned())
}

fn as_user(user: Option<&str>, program: &str) -> Command {
    let Some(user) = user else { return Command::new(program) };
    let group = Command::new("id").args(["-g", user]).output().expect("id").stdout;
    let group = String::from_utf8(group).unwrap();
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).arg(format!("--regid={}", group.trim()));
    // TERM: it ends at once where this process is killed.
    command.args(["--clear-groups", "--pdeathsig=TERM", "--", program]);
    command
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn configured(
    folder: &Path,
    certificate: &Certificate,
    user: Option<&String>,
    [plain, tls]: [u16; 2],
) -> String {
    let name = |flag: &str| {
        let mut id = Command::new("id");
        id.arg(flag).args(user);
        String::from_utf8(id.output().expect("id").stdout).unwrap().trim().to_owned()
    };
    let (user, group) = (name("-un"), name("-gn"));
    let (uid, gid) = (name("-u"), name("-g"));
    let at = folder.display();
    let (leaf, key) = (certificate.leaf.display(), certificate.key.display());
    format!(
        "protocols = imap
listen = 127.0.0.1
base_dir = {at}/run
state_dir = {at}/run
log_path = {at}/log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = {uid}
first_valid_gid = {gid}
mail_location = maildir:{at}/mail
ssl = yes
ssl_cert = <{leaf}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain
passdb {{
  driver = static
  args = password=s3cret
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={at}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"
    )
}
