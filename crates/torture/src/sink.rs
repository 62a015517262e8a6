//! A mail relay that stalls, refuses, drops and delays, as its seed says, and remembers every mail that it took.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::random::Random;

/// How long a node waits for an answer of the relay, in seconds.
pub const PATIENCE_SECONDS: u64 = 5;

/// How much time the relay takes before DATA where it is slow.
const SLOWNESS: Duration = Duration::from_millis(2_500);

/// How one conversation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Friendly,
    /// Greets with 421.
    Closed,
    /// Never says a word.
    Silent,
    /// Answers this command with this.
    Refuses(&'static str, &'static str),
    /// Waits before it answers this command.
    Slow(&'static str, u64),
    /// Hangs up in the middle of the mail.
    DropsInMail,
    /// Takes the mail and hangs up without a word.
    DropsAfterMail,
    /// Takes the mail and answers when nobody waits any more.
    Late,
}

/// The command that the end of a mail counts as.
const END: &str = ".";

impl Manner {
    fn of(random: &mut Random) -> Self {
        let wait = random.of_range(100..2_000);
        match random.of_range(0..1_000) {
            0..15 => Self::Closed,
            15..20 => Self::Silent,
            20..30 => Self::Refuses("MAIL", "451 not now"),
            30..60 => Self::Refuses("RCPT", "450 busy"),
            60..75 => Self::Refuses("RCPT", "550 nobody here"),
            75..95 => Self::Refuses("DATA", "451 not now"),
            95..105 => Self::Refuses("DATA", "554 never"),
            105..125 => Self::Refuses(END, "452 no room"),
            125..135 => Self::Refuses(END, "554 too odd"),
            135..160 => Self::DropsInMail,
            160..190 => Self::DropsAfterMail,
            190..200 => Self::Late,
            200..500 => Self::Slow("RCPT", wait),
            500..600 => Self::Slow(END, wait),
            _ => Self::Friendly,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Friendly => "friendly",
            Self::Closed => "421",
            Self::Silent => "silent",
            Self::Refuses(..) => "refused",
            Self::Slow(..) => "delayed",
            Self::DropsInMail => "dropped in DATA",
            Self::DropsAfterMail => "dropped after DATA",
            Self::Late => "answered too late",
        }
    }
}

/// A mail that the relay took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its Message-ID, without angle brackets.
    pub message_id: String,
    /// The address of RCPT.
    pub to: String,
    /// The node that brought it.
    pub node: usize,
    /// When.
    pub at: Instant,
    /// Whether the relay said 250 while the node waited for it, and the words could be sent.
    pub answered: bool,
    /// The mail without its dots.
    text: String,
}

impl Taken {
    /// A mail without a text, for tests.
    #[cfg(test)]
    pub fn of(message_id: &str, to: &str, node: usize, at: Instant, answered: bool) -> Self {
        let (message_id, to) = (message_id.to_owned(), to.to_owned());
        Self { message_id, to, node, at, answered, text: String::new() }
    }

    /// Whether it is byte by byte the same mail.
    pub fn is_as(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// What a relay remembers.
#[derive(Debug, Default)]
pub struct Memory {
    /// What it took, in this order.
    pub taken: Vec<Taken>,
    /// Addresses of mails that it refused for good.
    pub refused: Vec<String>,
    /// How conversations went.
    pub manners: Vec<&'static str>,
}

/// The relay, with an entrance for each node.
#[derive(Debug, Clone, Default)]
pub struct Sink {
    memory: Arc<Mutex<Memory>>,
    is_friendly: Arc<AtomicBool>,
    is_slow: Arc<AtomicBool>,
}

impl Sink {
    /// Listens on a socket for the mails of a node.
    pub fn listen(&self, socket: &Path, node: usize, seed: u64) -> Result<()> {
        let listener = UnixListener::bind(socket)?;
        let (sink, stream) = (self.clone(), 1_000 + u64::try_from(node)?);
        thread::spawn(move || {
            let mut random = Random::of(seed, stream);
            for client in listener.incoming().filter_map(Result::ok) {
                let drawn = Manner::of(&mut random);
                let manner = if sink.is_friendly.load(Ordering::Relaxed) { Manner::Friendly } else { drawn };
                let sink = sink.clone();
                // A client that hangs up is part of the game.
                thread::spawn(move || sink.converse(client, node, manner));
            }
        });
        Ok(())
    }

    /// Has no faults from now on.
    pub fn be_friendly(&self) {
        self.is_friendly.store(true, Ordering::Relaxed);
    }

    /// Takes its time with every mail from now on, or no longer.
    pub fn be_slow(&self, is_slow: bool) {
        self.is_slow.store(is_slow, Ordering::Relaxed);
    }

    /// What it remembers.
    pub fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn converse(&self, stream: UnixStream, node: usize, manner: Manner) -> Result<()> {
        self.memory().manners.push(manner.word());
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let mut out = stream;
        let mut say = move |words: &str| out.write_all(format!("{words}\r\n").as_bytes());
        match manner {
            Manner::Silent => {
                while lines.next().is_some_and(|line| line.is_ok()) {}
                return Ok(());
            }
            Manner::Closed => return Ok(say("421 come back later")?),
            _ => say("220 sink ESMTP")?,
        }
        let mut to = String::new();
        while let Some(line) = lines.next().transpose()? {
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            if let Manner::Slow(_, millis) = manner
                && manner == Manner::Slow(known(&verb), millis)
            {
                thread::sleep(Duration::from_millis(millis));
            }
            if verb == "RCPT" {
                if self.is_slow.load(Ordering::Relaxed) {
                    thread::sleep(SLOWNESS);
                }
                between(&line, '<', '>').unwrap_or_default().clone_into(&mut to);
            }
            if let Manner::Refuses(command, words) = manner
                && command == verb
            {
                self.refuse(words, &to);
                say(words)?;
                continue;
            }
            match verb.as_str() {
                "EHLO" => say("250-sink\r\n250 8BITMIME")?,
                "MAIL" | "RCPT" => say("250 ok")?,
                "QUIT" => return Ok(say("221 bye")?),
                "DATA" => {
                    say("354 go on")?;
                    let Some(text) = mail(&mut lines, manner)? else { return Ok(()) };
                    self.take(text, &to, node, manner, &mut say)?;
                }
                _ => say("500 what?")?,
            }
        }
        Ok(())
    }

    /// Takes a mail that has come to its end, or refuses it after all.
    fn take(
        &self,
        text: String,
        to: &str,
        node: usize,
        manner: Manner,
        say: &mut impl FnMut(&str) -> std::io::Result<()>,
    ) -> Result<()> {
        if let Manner::Refuses(END, words) = manner {
            self.refuse(words, to);
            return Ok(say(words)?);
        }
        let message_id = text.lines().find_map(|line| between(line.strip_prefix("Message-ID: ")?, '<', '>'));
        let message_id = message_id.unwrap_or_default().to_owned();
        let taken = Taken { message_id, to: to.to_owned(), node, at: Instant::now(), answered: false, text };
        // Remembered before it is answered, and where: others take mails meanwhile.
        let place = {
            let mut memory = self.memory();
            memory.taken.push(taken);
            memory.taken.len() - 1
        };
        match manner {
            Manner::DropsAfterMail => anyhow::bail!("hung up"),
            Manner::Late => thread::sleep(Duration::from_millis(PATIENCE_SECONDS * 1_000 + 700)),
            Manner::Slow(END, millis) => thread::sleep(Duration::from_millis(millis)),
            _ => {}
        }
        say("250 2.0.0 taken")?;
        if manner != Manner::Late
            && let Some(taken) = self.memory().taken.get_mut(place)
        {
            taken.answered = true;
        }
        Ok(())
    }

    fn refuse(&self, words: &str, to: &str) {
        if words.starts_with('5') {
            self.memory().refused.push(to.to_owned());
        }
    }
}

/// The verb as it is written in manners.
fn known(verb: &str) -> &'static str {
    ["MAIL", "RCPT", "DATA"].into_iter().find(|known| *known == verb).unwrap_or_default()
}

fn between(text: &str, from: char, to: char) -> Option<&str> {
    text.split_once(from)?.1.split_once(to).map(|(between, _)| between)
}

/// The mail up to the lonely dot; `None` where one side hangs up before.
fn mail(lines: &mut impl Iterator<Item = std::io::Result<String>>, manner: Manner) -> Result<Option<String>> {
    let mut text = String::new();
    while let Some(line) = lines.next().transpose()? {
        if manner == Manner::DropsInMail {
            return Ok(None);
        }
        if line == "." {
            return Ok(Some(text));
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
        text.push('\n');
    }
    Ok(None)
}
