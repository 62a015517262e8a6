//! The files and mails of `render`, from outside.
#[cfg(test)]
mod data_files;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod people_files;
