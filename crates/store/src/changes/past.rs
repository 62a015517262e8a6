//! Where tenants stood at the time of a change, and whether they were open.

use std::collections::HashMap;

use domain::ids::{Seq, TenantNo};
use domain::time::Day;

use crate::audit::Object;
use crate::{Arg, Conn, Result, args, dialect};

/// A tenant's parent and `ancestral_access`, now and before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    parent: TenantNo,
    is_open: bool,
    /// What they were until a change, by its number, oldest first.
    parents: Vec<(Seq, TenantNo)>,
    opens: Vec<(Seq, bool)>,
}

impl Past {
    /// The parent behind the changes of this number; of the top tenant itself.
    pub fn parent_at(&self, seq: Seq) -> TenantNo {
        at(&self.parents, seq).unwrap_or(self.parent)
    }

    /// Whether the tenant was open to those above then.
    pub fn is_open_at(&self, seq: Seq) -> bool {
        at(&self.opens, seq).unwrap_or(self.is_open)
    }

    /// Every parent that it has or had.
    pub fn all_parents(&self) -> impl Iterator<Item = TenantNo> {
        self.parents.iter().map(|(_, parent)| *parent).chain([self.parent])
    }
}

/// What a change later than this number took the place of.
fn at<T: Copy>(until: &[(Seq, T)], seq: Seq) -> Option<T> {
    until.iter().find(|(changed, _)| *changed > seq).map(|(_, was)| *was)
}

/// The past of each of these tenants.
pub async fn pasts(conn: &mut Conn, tenants: &[TenantNo]) -> Result<HashMap<TenantNo, Past>> {
    let mut pasts = HashMap::new();
    for tenants in tenants.chunks(dialect::MAX_LIST) {
        let nos: Vec<Arg> = tenants.iter().copied().map(Arg::from).collect();
        let list = dialect::placeholders(1, tenants.len());
        let sql = format!("SELECT no, parent_no, ancestral_access FROM tenants WHERE no IN ({list})");
        for row in conn.all_of(sql, nos.clone()).await? {
            let parent = TenantNo(row.int("parent_no")?);
            let is_open = row.flag("ancestral_access")?;
            let past = Past { parent, is_open, parents: Vec::new(), opens: Vec::new() };
            pasts.insert(TenantNo(row.int("no")?), past);
        }
        let list = dialect::placeholders(3, tenants.len());
        let sql = format!(
            "SELECT tenant_no, seq, field, old_value FROM changes
             WHERE tenant_no IN ({list}) AND valid_from > $1 AND object = $2
               AND field IN ('parent', 'ancestral_access') ORDER BY seq, ordinal"
        );
        let first = args![Day::FOREVER_AGO, Object::Tenant.as_str()];
        for row in conn.all_of(sql, first.into_iter().chain(nos).collect()).await? {
            let Some(past) = pasts.get_mut(&TenantNo(row.int("tenant_no")?)) else { continue };
            let seq = Seq(row.int("seq")?);
            if row.text("field")? == "parent" {
                past.parents.push((seq, TenantNo(row.parsed::<i64>("old_value")?)));
            } else {
                past.opens.push((seq, row.parsed("old_value")?));
            }
        }
    }
    Ok(pasts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_judged_by_what_it_left_behind() {
        let (a, b, c) = (TenantNo(2), TenantNo(3), TenantNo(4));
        let past = Past {
            parent: c,
            is_open: true,
            parents: vec![(Seq(5), a), (Seq(9), b)],
            opens: vec![(Seq(5), true), (Seq(7), false)],
        };
        let parents = [1, 4, 5, 8, 9, 10].map(|seq| past.parent_at(Seq(seq)));
        assert_eq!(parents, [a, a, b, b, c, c]);
        let opens = [4, 5, 6, 7, 9].map(|seq| past.is_open_at(Seq(seq)));
        assert_eq!(opens, [true, false, false, true, true]);
    }
}
