//! The reviewed file: who may do what.

const FILE: &str = include_str!("../authz_matrix.txt");

/// The callers, in the order of the columns.
pub(super) const COLUMNS: [&str; 11] = [
    "anonymous",
    "root",
    "partner",
    "company",
    "unit",
    "readonly",
    "other",
    "powerless",
    "narrowed",
    "basic",
    "person",
];

/// A method and a path of the OpenAPI document.
pub(super) struct Operation {
    pub(super) method: &'static str,
    /// With its parameters in braces; `{name=value}` where the cell asks for one value.
    pub(super) path: &'static str,
    /// What it answers to who may: a status, or `2xx`.
    pub(super) success: &'static str,
}

/// What the operation is aimed at, and the expected answer per column.
pub(super) struct Row {
    pub(super) relation: &'static str,
    pub(super) cells: Vec<&'static str>,
}

/// Operations with the same rows.
#[derive(Default)]
pub(super) struct Block {
    pub(super) operations: Vec<Operation>,
    pub(super) rows: Vec<Row>,
}

/// A role, or a caller who may sign in no more.
pub(super) struct Alike {
    pub(super) name: &'static str,
    /// The column whose answers it gets.
    pub(super) column: &'static str,
    /// Of a role, the kinds of tenants that it can be given on.
    pub(super) kinds: Vec<&'static str>,
}

/// The lines of one of the tables at the end: `role` or `gone`.
pub(super) fn table(name: &str) -> Vec<Alike> {
    let lines = FILE.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    lines
        .map(|line| {
            let words: Vec<&'static str> = line.split_whitespace().collect();
            assert!(COLUMNS.contains(&words[1]), "no such column: {line}");
            Alike { name: words[0], column: words[1], kinds: words[2..].to_vec() }
        })
        .collect()
}

/// The operations with their rows.
pub(super) fn read() -> Vec<Block> {
    let mut blocks = vec![Block::default()];
    let of_tables = |line: &&str| line.starts_with("role ") || line.starts_with("gone ");
    for line in FILE.lines().filter(|line| !line.starts_with('#') && !of_tables(line)) {
        let words: Vec<&'static str> = line.split_whitespace().collect();
        let block = blocks.last_mut().unwrap();
        match words[..] {
            [] if block.rows.is_empty() => {}
            [] => blocks.push(Block::default()),
            [relation, ref cells @ ..] if line.starts_with(' ') => {
                assert_eq!(cells.len(), COLUMNS.len(), "a cell too few or too many: {line}");
                block.rows.push(Row { relation, cells: cells.to_vec() });
            }
            [method, path, success] => block.operations.push(Operation { method, path, success }),
            _ => panic!("neither an operation nor a row: {line}"),
        }
    }
    blocks.retain(|block| !block.operations.is_empty());
    blocks
}

impl Row {
    /// The cell of a readonly_admin of the tenant whose administrator column `n` has: it reads what that one reads, and is
    /// refused what the column `readonly` is. What is aimed at nothing is about the caller alone.
    pub(super) fn of_reader(&self, n: usize) -> &'static str {
        let readonly = COLUMNS.iter().position(|column| *column == "readonly").unwrap();
        match (self.relation, self.cells[readonly]) {
            ("any", cell) => cell,
            (_, cell @ ("403" | "-")) if self.cells[n] != "-" => cell,
            _ => self.cells[n],
        }
    }
}

impl Operation {
    /// Method and path, as the table of requests names it.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The thing that is no more once this has succeeded: what the last word of the path of a DELETE names, and the code of a
    /// device that was decided on.
    pub(super) fn uses_up(&self) -> Option<&'static str> {
        match (self.method, self.path.rsplit_once('/')?.1) {
            ("DELETE", last) => last.strip_prefix('{')?.strip_suffix('}'),
            ("POST", "approval") => Some("user_code"),
            _ => None,
        }
    }

    /// Method and path with nothing in the braces: parameters may bear other names in the document.
    pub(super) fn shape(&self) -> String {
        shape(self.method, self.path)
    }
}

/// Method and path with nothing in the braces.
pub(super) fn shape(method: &str, path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    format!("{method} {}", segments.collect::<Vec<_>>().join("/"))
}
