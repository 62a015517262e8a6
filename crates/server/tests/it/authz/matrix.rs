//! The reviewed file: who may do what.

/// The callers, in the order of the columns.
pub(super) const COLUMNS: [&str; 9] =
    ["anonymous", "root", "partner", "company", "unit", "readonly", "other", "narrowed", "basic"];

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

/// The whole file.
pub(super) fn read() -> Vec<Block> {
    let mut blocks = vec![Block::default()];
    for line in include_str!("../authz_matrix.txt").lines().filter(|line| !line.starts_with('#')) {
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

impl Operation {
    /// Method and path, as the table of requests names it.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
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
