//! `tidemark changes`: the audit log, beside a server or without one.

use std::io::{self, BufWriter, ErrorKind, Write};

use anyhow::Result;
use app::changes::{self, Asked, Change, File, Form, Position};
use store::Db;

use crate::cli::{self, ChangesFormat};
use crate::say::with_causes;
use crate::settings::Settings;

/// Changes read at once.
const PAGE: i64 = 1_000;

/// Prints what is asked for, newest first.
pub async fn run(options: &cli::Changes) -> Result<()> {
    let settings = Settings::read(&options.common, &[])?;
    let db = settings.database.join().await?;
    let done = print(&db, options).await;
    db.close().await;
    match done {
        // A reader that has gone, as in `| head`, is no fault of ours.
        Err(error) if kind(&error) == Some(ErrorKind::BrokenPipe) => Ok(()),
        done => done,
    }
}

fn kind(error: &anyhow::Error) -> Option<ErrorKind> {
    error.downcast_ref::<io::Error>().map(io::Error::kind)
}

async fn print(db: &Db, options: &cli::Changes) -> Result<()> {
    let asked = Asked {
        object: options.object,
        object_id: options.object_id.clone(),
        field: options.field.clone(),
        actor: options.actor,
        since: options.from,
        until: options.to,
    };
    let mut left = if options.all { i64::MAX } else { i64::from(options.limit) };
    // A snapshot for each page: none is held while whoever reads takes its time.
    let read = |behind: Option<Position>, limit| {
        let asked = &asked;
        async move {
            changes::page_for_operator(db, options.tenant, asked, behind, limit).await.map_err(with_causes)
        }
    };
    let mut page = read(None, left.min(PAGE)).await?;
    let mut out = Out::begin(options.format)?;
    loop {
        for change in &page.changes {
            out.write(change)?;
            left -= 1;
        }
        match page.next.filter(|_| left > 0) {
            None => return Ok(out.end()?),
            behind => page = read(behind, left.min(PAGE)).await?,
        }
    }
}

type Stdout = BufWriter<io::Stdout>;

/// Standard output in one of the forms.
enum Out {
    Table(Stdout),
    Lines(File<Stdout>),
}

impl Out {
    fn begin(format: ChangesFormat) -> io::Result<Self> {
        let mut out = BufWriter::new(io::stdout());
        let lines = |form, out| File::begin(form, out).map(Self::Lines);
        match format {
            ChangesFormat::Table => {
                row(&mut out, "seq", ["when", "who", "tenant", "what"], "field: old -> new")?;
                Ok(Self::Table(out))
            }
            ChangesFormat::Ndjson => lines(Form::Ndjson, out),
            ChangesFormat::Csv => lines(Form::Csv, out),
        }
    }

    fn write(&mut self, change: &Change) -> io::Result<()> {
        match self {
            Self::Lines(file) => file.line(&change.line()),
            Self::Table(out) => {
                let id = change.who.id();
                let who = change.who.name().or(id.as_deref()).unwrap_or(change.who.kind());
                let (when, tenant) = (change.recorded_at.to_string(), change.tenant.to_string());
                let what = format!("{} {}", change.object, change.object_id);
                let [old, new] = [&change.old, &change.new].map(|value| value.as_deref().unwrap_or("-"));
                let became = format!("{}: {old} -> {new}", change.field);
                row(out, &change.seq.to_string(), [&when, who, &tenant, &what], &became)
            }
        }
    }

    fn end(self) -> io::Result<()> {
        match self {
            Self::Table(mut out) => out.flush(),
            Self::Lines(file) => file.end(),
        }
    }
}

/// What a terminal would take for a command is not shown.
fn row(out: &mut Stdout, seq: &str, cells: [&str; 4], last: &str) -> io::Result<()> {
    let [when, who, tenant, what] = cells.map(plain);
    writeln!(out, "{seq:>8}  {when:<20}  {who:<36}  {tenant:<36}  {what:<43}  {}", plain(last))
}

fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}
