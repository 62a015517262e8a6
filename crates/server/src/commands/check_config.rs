//! `tidemark check-config`: what would be used, and what is wrong with it.

use anyhow::{Context as _, Result, bail};
use app::Clock;
use app::settings::{Imap, Mailbox, Storage, Transport};
use domain::report::Place;

use crate::cli;
use crate::database::Database;
use crate::say::say;
use crate::settings::Settings;

/// Checks and prints.
pub async fn run(options: &cli::CheckConfig) -> Result<()> {
    let settings = Settings::read(&options.common, &[])?;
    let tls = of_tls(&settings)?;
    let known = |path: &std::path::Path| if path.exists() { "" } else { "  (not there yet)" };
    say(format_args!("data_dir         {}{}", settings.data_dir.display(), known(&settings.data_dir)));
    let is_there = match &settings.database {
        Database::File(file) => known(file),
        Database::Server(_) => "",
    };
    say(format_args!("database         {}{is_there}", settings.database));
    say(format_args!(
        "secret_key_file  {}{}",
        settings.secret_key_file.display(),
        known(&settings.secret_key_file)
    ));
    say(format_args!("listen           {}", settings.listen));
    say(format_args!(
        "public_url       {}",
        settings.public_url.as_deref().unwrap_or("from the port that is got")
    ));
    match &settings.mail.transport {
        Transport::Folder(folder) => say(format_args!("mail             as files in {}", folder.display())),
        Transport::Smtp(smtp) => {
            let who = smtp.credentials.as_ref().map_or_else(String::new, |(user, _)| format!(", as {user}"));
            say(format_args!("mail             by {}:{}, {:?}{who}", smtp.host, smtp.port, smtp.security));
        }
    }
    say(format_args!("mail.from        {}", settings.mail.from));
    if let Some(bounces) = &settings.mail.bounces {
        match &bounces.mailbox {
            None => say("bounces          come back, and are not read"),
            Some(Mailbox::Maildir(folder)) => {
                say(format_args!("bounces          from {}{}", folder.display(), known(folder)));
            }
            Some(Mailbox::Imap(Imap { host, port, security, user, mailbox, .. })) => {
                say(format_args!(
                    "bounces          from {mailbox} at {host}:{port}, {security:?}, as {user}"
                ));
            }
        }
    }
    storage(&settings.storage, options.try_storage).await?;
    say(format_args!("metrics          {}", settings.metrics));
    say(format_args!("tls              {tls}"));
    if let Some(start) = settings.clock_start {
        say(format_args!("clock_start      {start}: A REHEARSAL, the clock is not the real one"));
    }
    for warning in &settings.warnings {
        say(format_args!("WARNING          {warning}"));
    }
    say("ok");
    Ok(())
}

/// Fails where clients would refuse the certificate at once, whatever they call the server.
fn of_tls(settings: &Settings) -> Result<String> {
    let Some(files) = &settings.tls else { return Ok("none: plain HTTP".to_owned()) };
    let identity = files.read()?;
    let file = files.certificate.display();
    identity.check_time(Clock::System.now()).with_context(|| format!("tls.certificate_file: {file}"))?;
    let host = settings.public_url.as_deref().map(app::settings::host_of);
    let unnamed = host.filter(|host| !identity.names(host));
    let warning = unnamed.map(|host| format!("\nWARNING          it is not made out for {host}"));
    Ok(format!("{file}, good until {}{}", identity.until, warning.unwrap_or_default()))
}

/// Says where files are kept; with `tried` the object store must take, give and delete one.
async fn storage(storage: &Storage, tried: bool) -> Result<()> {
    let kept_in = match (storage.new_in, &storage.objects) {
        (Place::S3, Some(objects)) => objects.to_string(),
        (_, Some(objects)) => format!("the database; older files also in {objects}"),
        (_, None) => "the database".to_owned(),
    };
    say(format_args!("storage          {kept_in}"));
    if let Some(days) = storage.kept_days {
        say(format_args!("retention        stored files go after {days} days"));
    }
    if tried {
        let Some(objects) = &storage.objects else {
            bail!("storage.bucket: there is no object store to try")
        };
        objects.try_out().await.with_context(|| format!("storage: {objects}"))?;
        say("storage.bucket   takes, gives and deletes objects");
    }
    Ok(())
}
