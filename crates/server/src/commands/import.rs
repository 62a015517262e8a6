//! `tidemark import`: readings from a file into a data directory that nobody serves.

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use app::usage::upload::{self, Encoding, Form, Format, Source, Summary};
use app::{App, Clock, Ids};

use super::init::use_case_settings;
use crate::cli::{self, ImportFormat};
use crate::data_dir::DataDir;
use crate::progress::bar;
use crate::say::say;
use crate::settings::Settings;

/// Reads the file, writes its readings and says what became of them; fails where any was refused.
pub async fn run(options: &cli::Import) -> Result<()> {
    let settings = Settings::read(&options.common, &[])?;
    let form = form(options)?;
    let directory = DataDir::of(&settings)?;
    let (db, sealing) = directory.open(&settings).await?;
    let clock = settings.clock_start.map_or(Clock::System, Clock::running_from);
    let parts = use_case_settings(&settings, settings.listen);
    let app = App::new(db, clock, Ids::default(), parts, sealing);
    app::setup::start(&app).await?;
    let imported = import(&app, &options.file, form).await;
    app.db.close().await;
    let summary = imported?;
    report(&summary);
    match summary.refused_count {
        0 => Ok(()),
        1 => bail!("1 reading was refused"),
        count => bail!("{count} readings were refused"),
    }
}

async fn import(app: &App, path: &Path, form: Form) -> Result<Summary> {
    let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let reading = bar(file.metadata()?.len(), "reading {wide_bar} {bytes} of {total_bytes}")?;
    let received = upload::receive(app, form, reading.wrap_read(file)).await;
    reading.finish_and_clear();
    let received = received.map_err(|error| anyhow!("{}: {error}; nothing was stored", path.display()))?;
    let storing = bar(received.readings(), "storing {wide_bar} {human_pos} of {human_len}, {eta} left")?;
    let summary = upload::store(app, &Source::system(), received, |done| storing.set_position(done)).await;
    storing.finish_and_clear();
    summary.context("not all readings were stored; import the file again, nothing counts twice")
}

fn form(options: &cli::Import) -> Result<Form> {
    let name = options.file.file_name().and_then(|name| name.to_str()).unwrap_or("").to_ascii_lowercase();
    let (plain, encoding) = match (name.strip_suffix(".gz"), name.strip_suffix(".zst")) {
        (Some(plain), _) => (plain, Encoding::Gzip),
        (_, Some(plain)) => (plain, Encoding::Zstd),
        (None, None) => (name.as_str(), Encoding::Identity),
    };
    let format = match (options.format, plain.rsplit_once('.').map(|(_, extension)| extension)) {
        (Some(ImportFormat::Json), _) | (None, Some("json")) => Format::Json,
        (Some(ImportFormat::Ndjson), _) | (None, Some("ndjson" | "jsonl")) => Format::Ndjson,
        (Some(ImportFormat::Csv), _) | (None, Some("csv")) => Format::Csv,
        (None, _) => {
            bail!("--format: required, as {} does not end in .json, .ndjson or .csv", options.file.display())
        }
    };
    Ok(Form { format, encoding, reason: options.reason.clone() })
}

fn report(summary: &Summary) {
    for refusal in &summary.refused {
        let field = if refusal.field.is_empty() { "reading" } else { &refusal.field };
        say(format_args!("line {}: {field}: {}", refusal.line, refusal.error));
    }
    let not_shown = summary.refused_count - summary.refused.len() as u64;
    if not_shown > 0 {
        say(format_args!("and {not_shown} more"));
    }
    let Summary { accepted, absorbed, refused_count, .. } = summary;
    let seq = summary.seq.map_or_else(String::new, |seq| format!(", seq {seq}"));
    say(format_args!("accepted {accepted}, absorbed {absorbed}, refused {refused_count}{seq}"));
}
