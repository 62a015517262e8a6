//! The four numbers that all engines must agree on (bench/queries.py).

use anyhow::Result;
use domain::ids::ItemNo;

const PRIME: i64 = 2_147_483_647;
const BLOCK: i64 = 65_521;

/// An answer being added up.
#[derive(Debug, Default)]
pub struct Answer {
    lines: i64,
    sum_x: i64,
    sum_y: i64,
    check: i64,
}

impl Answer {
    /// Adds a line; one of two zeros is none. Fails over 64 bits, as the SQL engines do.
    pub fn add(&mut self, tenant: u32, item: i64, day: i32, figures: (i128, i128)) -> Result<()> {
        if figures == (0, 0) { Ok(()) } else { self.add_line(tenant, item, day, figures) }
    }

    /// Adds a line, whatever it says.
    pub fn add_line(&mut self, tenant: u32, item: i64, day: i32, (x, y): (i128, i128)) -> Result<()> {
        let (x, y) = (i64::try_from(x)?, i64::try_from(y)?);
        self.lines += 1;
        self.sum_x += x % PRIME;
        self.sum_y += y % PRIME;
        let weight = (i64::from(tenant) * 31 + item * 7_919 + i64::from(day) * 104_729) % BLOCK;
        self.check += weight * ((x * 3 + y) % BLOCK);
        Ok(())
    }

    /// As JSON.
    pub fn json(&self) -> String {
        format!("[{}, {}, {}, {}]", self.lines, self.sum_x, self.sum_y, self.check)
    }
}

impl std::iter::Sum for Answer {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |all, part| Self {
            lines: all.lines + part.lines,
            sum_x: all.sum_x + part.sum_x,
            sum_y: all.sum_y + part.sum_y,
            check: all.check + part.check,
        })
    }
}

/// The channel's numbers of the items.
pub struct ItemsOfChannel(Vec<i64>);

impl ItemsOfChannel {
    /// By the database's numbers.
    pub fn new(numbers: &domain::catalogue::ItemNumbers) -> Self {
        let mut of_channel = Vec::new();
        for (name, number) in super::channel::ITEMS.iter().zip(1..) {
            if let Some(at) = numbers.no(name).and_then(|no| usize::try_from(no.0).ok()) {
                of_channel.resize(of_channel.len().max(at + 1), 0);
                if let Some(place) = of_channel.get_mut(at) {
                    *place = number;
                }
            }
        }
        Self(of_channel)
    }

    /// The channel's number of an item; 0 for those it has not.
    pub fn number(&self, item: ItemNo) -> i64 {
        usize::try_from(item.0).ok().and_then(|at| self.0.get(at)).copied().unwrap_or(0)
    }
}
