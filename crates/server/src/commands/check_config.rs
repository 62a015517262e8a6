//! `tidemark check-config`: what would be used, and what is wrong with it.

use anyhow::Result;
use app::settings::Transport;

use crate::cli::Common;
use crate::settings::Settings;

/// Checks and prints.
pub fn run(common: &Common) -> Result<()> {
    let settings = Settings::read(common, &[])?;
    let known = |path: &std::path::Path| if path.exists() { "" } else { "  (not there yet)" };
    let database = settings.data_dir.join("tidemark.db");
    println!("data_dir         {}{}", settings.data_dir.display(), known(&database));
    println!("secret_key_file  {}{}", settings.secret_key_file.display(), known(&settings.secret_key_file));
    println!("listen           {}", settings.listen);
    println!("public_url       {}", settings.public_url.as_deref().unwrap_or("from the port that is got"));
    match &settings.mail.transport {
        Transport::Folder(folder) => println!("mail             as files in {}", folder.display()),
        Transport::Smtp(smtp) => {
            let who = smtp.credentials.as_ref().map_or_else(String::new, |(user, _)| format!(", as {user}"));
            println!("mail             by {}:{}, {:?}{who}", smtp.host, smtp.port, smtp.security);
        }
    }
    println!("mail.from        {}", settings.mail.from);
    if let Some(start) = settings.clock_start {
        println!("clock_start      {start}: A REHEARSAL, the clock is not the real one");
    }
    println!("ok");
    Ok(())
}
