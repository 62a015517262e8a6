//! `html`: the page to forward (reports-api, section 13).
//!
//! One self-contained page: a head with the subject's own figures, then the table of csv, line by line, then a foot.

use std::io::{self, Write};

use askama::Template;
use domain::catalogue::Unit;
use domain::report::{Heading, Kind, Rows};

use super::amount::{amount, unit_name};
use super::columns::Columns;
use super::csv::change_of;
use super::lines::{Line, Lines, Survey};
use super::summary::Summary;
use super::terms;
use crate::RENDERER_VERSION;
use crate::language::Words;
use crate::look::{Shades, inlined};

/// The most lines a page has.
const LINES_MAX: usize = 2000;

#[derive(Template)]
#[template(path = "report_head.html")]
struct Head<'a> {
    words: Words,
    heading: &'a Heading,
    kind: &'static str,
    level: &'static str,
    summary: &'a Summary,
    cost_of_days: bool,
    columns: Vec<ColumnHead>,
    /// What to say where lines are left out.
    cut: Option<String>,
    lines: usize,
    shades: Shades,
    /// The logo as an address that holds the file.
    logo: Option<String>,
}

struct ColumnHead {
    text: String,
    unit: &'static str,
}

#[derive(Template)]
#[template(path = "report_line.html")]
struct TableLine<'a> {
    words: Words,
    line: &'a Line,
    is_subject: bool,
    cells: Vec<CellText>,
}

struct CellText {
    text: String,
    is_zero: bool,
}

#[derive(Template)]
#[template(path = "report_foot.html")]
struct Foot<'a> {
    words: Words,
    heading: &'a Heading,
    renderer_version: u32,
    cut: Option<String>,
    carried: Option<String>,
}

/// Writes the file.
pub(crate) fn write(heading: &Heading, rows: &dyn Rows, out: &mut dyn Write) -> io::Result<()> {
    let words = Words(heading.language);
    let Survey { columns, lines } = Survey::of(heading, rows);
    let with_changes = heading.kind == Kind::UsageBreakdown;
    let cut = (lines > LINES_MAX).then(|| {
        words.fill(
            "Only the first {} of {} rows are shown here: the csv file of this report has them all.",
            &[&LINES_MAX, &lines],
        )
    });
    let head = Head {
        words,
        heading,
        kind: words.tr(terms::kind(heading.kind)),
        level: words.tr(terms::level(heading.level)),
        summary: &Summary::of(heading, rows, &columns, heading.language),
        cost_of_days: heading.kind.is_per_day(),
        columns: column_heads(&columns, with_changes, words),
        cut: cut.clone(),
        lines,
        shades: Shades::of(heading.look.color),
        logo: heading.look.logo.as_deref().map(inlined),
    };
    head.write_into(out)?;
    for line in Lines::of(rows, &columns).take(LINES_MAX) {
        let is_subject = line.tenant.id == heading.subject.id;
        let cells = cells(&line, &columns, with_changes);
        TableLine { words, line: &line, is_subject, cells }.write_into(out)?;
    }
    let carried = terms::carried(heading, words);
    Foot { words, heading, renderer_version: RENDERER_VERSION, cut, carried }.write_into(out)
}

fn column_heads(columns: &Columns, with_changes: bool, words: Words) -> Vec<ColumnHead> {
    let mut heads = Vec::new();
    for column in columns.iter() {
        let unit = words.tr(unit_name(column.unit));
        heads.push(ColumnHead { text: column.text.clone(), unit });
        if with_changes {
            heads.push(ColumnHead { text: change_of(&column.text, words.0), unit });
        }
    }
    heads
}

fn cells(line: &Line, columns: &Columns, with_changes: bool) -> Vec<CellText> {
    let mut cells = Vec::new();
    for (cell, column) in line.cells.iter().zip(columns.iter()) {
        cells.push(cell_text(column.unit, cell.map(|cell| cell.value)));
        if with_changes {
            cells.push(cell_text(column.unit, cell.map(|cell| cell.change)));
        }
    }
    cells
}

fn cell_text(unit: Unit, figure: Option<i128>) -> CellText {
    CellText { text: figure.map_or(String::new(), |figure| amount(unit, figure)), is_zero: figure == Some(0) }
}
