//! Rows as the columns of a Parquet file.
//!
//! A row group holds one range of tenants. The format wants its columns one after the other, so that the rows are gone
//! through once for each of them; only pages that are packed already are kept meanwhile.

use std::fmt::Display;
use std::fs::File;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use app::export::{Export, Part, Row};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

/// Ids are text, as in the API: not every reader knows Parquet's UUID.
const SCHEMA: &str = "
    message usage {
        required int32 date (DATE);
        required binary tenant_id (STRING);
        optional binary parent_id (STRING);
        required binary tenant_kind (STRING);
        required binary offering_item (STRING);
        required binary measurement_unit (STRING);
        optional binary infra_id (STRING);
        required int64 value;
        required boolean reported;
    }";

/// Values handed over at once.
const BATCH: usize = 8192;

/// A file being written.
pub struct Columns {
    file: SerializedFileWriter<File>,
    rows: u64,
}

impl Columns {
    /// Begins a file that says what it is an export of.
    pub fn begin(file: File, export: &Export) -> Result<Self> {
        let about = [
            ("tidemark.first_day", export.days.start.to_string()),
            ("tidemark.last_day", export.days.last().to_string()),
            ("tidemark.as_of", export.as_of.to_string()),
        ];
        let about = about.map(|(key, value)| KeyValue::new(key.to_owned(), value));
        let properties = WriterProperties::builder()
            .set_created_by(concat!("tidemark ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(about.into()))
            .build();
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        Ok(Self { file: SerializedFileWriter::new(file, schema, Arc::new(properties))?, rows: 0 })
    }

    /// Writes a range of tenants, in the order of the schema.
    pub fn write(&mut self, part: &Part) -> Result<()> {
        if part.rows().next().is_none() {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        column::<Int32Type>(&mut group, part, |row| Some(row.date.0))?;
        column::<ByteArrayType>(&mut group, part, text(|row| Some(row.tenant)))?;
        column::<ByteArrayType>(&mut group, part, text(|row| row.parent))?;
        column::<ByteArrayType>(&mut group, part, text(|row| Some(row.kind.as_str())))?;
        column::<ByteArrayType>(&mut group, part, text(|row| Some(row.item.name.as_str())))?;
        column::<ByteArrayType>(&mut group, part, text(|row| Some(row.item.unit.as_str())))?;
        column::<ByteArrayType>(&mut group, part, text(|row| row.infra))?;
        column::<Int64Type>(&mut group, part, |row| Some(row.value))?;
        column::<BoolType>(&mut group, part, |row| Some(row.reported))?;
        self.rows += u64::try_from(group.close()?.num_rows())?;
        Ok(())
    }

    /// Ends the file; how many rows it has, and the file, which may not be on the disk yet.
    pub fn finish(self) -> Result<(u64, File)> {
        Ok((self.rows, self.file.into_inner()?))
    }
}

/// Writes the next column of the group.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    part: &Part,
    mut value: impl FnMut(&Row) -> Option<T::T>,
) -> Result<()> {
    let mut column = group.next_column()?.context("more columns are written than the schema has")?;
    let (mut values, mut is_there) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
    let mut rows = part.rows().peekable();
    while rows.peek().is_some() {
        values.clear();
        is_there.clear();
        for row in rows.by_ref().take(BATCH) {
            let value = value(&row);
            is_there.push(i16::from(value.is_some()));
            values.extend(value);
        }
        column.typed::<T>().write_batch(&values, Some(&is_there), None)?;
    }
    Ok(column.close()?)
}

/// The text of a value. Rows that follow each other mostly have equal ones, which share their bytes.
fn text<V: Display + PartialEq>(
    mut value: impl FnMut(&Row) -> Option<V>,
) -> impl FnMut(&Row) -> Option<ByteArray> {
    let mut last: Option<(V, ByteArray)> = None;
    move |row| {
        let value = value(row)?;
        if let Some((_, text)) = last.as_ref().filter(|(known, _)| *known == value) {
            return Some(text.clone());
        }
        let text = ByteArray::from(value.to_string().into_bytes());
        last = Some((value, text.clone()));
        Some(text)
    }
}
