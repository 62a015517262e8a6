//! Search: the words of tenants and users, kept in the transaction that changes the values they stand in.
//!
//! A word is found by its beginning, that is as a range of the index. The values themselves stay where they are.

mod find;

use domain::ids::{TenantNo, UserId};
use domain::tenant::Tenant;
use domain::user::{CONTACT_TEXTS, Contact};
use domain::words::words;

use crate::tenants::NewTenant;
use crate::{Arg, Db, Result, Write, args};

pub use find::{Found, Hit, Question, names_above};

/// A value that is searched: all words of a search must begin words of the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    /// A tenant's name or a user's login.
    Name = 1,
    /// A tenant's `customer_id`.
    CustomerId = 2,
    /// First and last name of the contact.
    Person = 3,
    /// Its e-mail address.
    Email = 4,
}

/// First and last name as one value, and the address, of a contact's texts.
fn contact_values(texts: &[Option<String>]) -> [(Field, String); 2] {
    let text = |member: &str| {
        let at = CONTACT_TEXTS.iter().position(|known| *known == member);
        at.and_then(|at| texts.get(at)?.as_deref()).unwrap_or_default()
    };
    let person = format!("{} {}", text("firstname"), text("lastname"));
    [(Field::Person, person), (Field::Email, text("email").to_owned())]
}

fn rows<'a>(of: &'a Arg, values: impl IntoIterator<Item = (Field, String)> + 'a) -> Vec<Vec<Arg>> {
    let row = move |field: Field, word: String| vec![of.clone(), Arg::from(field as i64), Arg::from(word)];
    let values = values.into_iter();
    values.flat_map(|(field, value)| words(&value).into_iter().map(move |word| row(field, word))).collect()
}

async fn insert_tenant_words(
    tx: &mut Write,
    no: TenantNo,
    values: impl IntoIterator<Item = (Field, String)>,
) -> Result<()> {
    let rows = rows(&no.into(), values);
    tx.insert_many("INSERT INTO tenant_words (tenant_no, field, word)", "", rows).await
}

/// The words of a new tenant; a personal one has none.
pub(crate) async fn insert_tenant(tx: &mut Write, no: TenantNo, new: &NewTenant) -> Result<()> {
    if new.owner_id.is_some() {
        return Ok(());
    }
    let own =
        [(Field::Name, new.name.clone()), (Field::CustomerId, new.customer_id.clone().unwrap_or_default())];
    insert_tenant_words(tx, no, own.into_iter().chain(contact_values(&new.contact.texts))).await
}

/// The words of a changed tenant's own values.
pub(crate) async fn tenant_renamed(tx: &mut Write, old: &Tenant, new: &Tenant) -> Result<()> {
    if new.owner_id.is_some() || (&old.name, &old.customer_id) == (&new.name, &new.customer_id) {
        return Ok(());
    }
    let values =
        [(Field::Name, new.name.clone()), (Field::CustomerId, new.customer_id.clone().unwrap_or_default())];
    replace_tenant_words(tx, old.no, values).await
}

/// The words of a changed contact, where it is a tenant's legal one.
pub(crate) async fn contact_changed(tx: &mut Write, contact: &Contact) -> Result<()> {
    let row = tx
        .one(
            "SELECT t.no FROM contacts o JOIN tenants t ON t.no = o.tenant_no AND t.contact_id = o.id
             WHERE o.id = $1 AND t.owner_id IS NULL",
            args![contact.id],
        )
        .await?;
    match row {
        Some(row) => replace_tenant_words(tx, TenantNo(row.int("no")?), contact_values(&contact.texts)).await,
        None => Ok(()),
    }
}

async fn replace_tenant_words(tx: &mut Write, no: TenantNo, values: [(Field, String); 2]) -> Result<()> {
    for (field, _) in &values {
        tx.run("DELETE FROM tenant_words WHERE tenant_no = $1 AND field = $2", args![no, *field as i64])
            .await?;
    }
    insert_tenant_words(tx, no, values).await
}

/// The words of a new or changed user.
pub(crate) async fn put_user(
    tx: &mut Write,
    id: UserId,
    login: &str,
    contact: &[Option<String>],
) -> Result<()> {
    tx.run("DELETE FROM user_words WHERE user_id = $1", args![id]).await?;
    let values = [(Field::Name, login.to_owned())].into_iter().chain(contact_values(contact));
    let rows = rows(&id.into(), values);
    tx.insert_many("INSERT INTO user_words (user_id, field, word)", "", rows).await
}

/// Fills the words of a database that was made before there were any.
pub(crate) async fn fill(db: &Db) -> Result<()> {
    let empty = "SELECT EXISTS (SELECT 1 FROM tenants) AND NOT EXISTS (SELECT 1 FROM tenant_words) AS n";
    if db.read().await?.count(empty, Vec::new()).await? == 0 {
        return Ok(());
    }
    let mut tx = db.write(domain::access::Actor::System, || domain::time::Instant(0)).await?;
    let texts = |row: &crate::Row| {
        let mut texts = vec![None; CONTACT_TEXTS.len()];
        for member in ["email", "firstname", "lastname"] {
            let value = row.opt_text(member)?.unwrap_or_default();
            domain::user::set_contact_text(&mut texts, member, &value);
        }
        Ok::<_, crate::Error>(texts)
    };
    let mut tenants = Vec::new();
    let take = |row: &crate::Row| {
        let own = [
            (Field::Name, row.text("name")?),
            (Field::CustomerId, row.opt_text("customer_id")?.unwrap_or_default()),
        ];
        let values = own.into_iter().chain(contact_values(&texts(row)?));
        tenants.extend(rows(&TenantNo(row.int("no")?).into(), values));
        Ok(())
    };
    let sql = "SELECT t.no, t.name, t.customer_id, o.email, o.firstname, o.lastname
               FROM tenants t JOIN contacts o ON o.id = t.contact_id WHERE t.owner_id IS NULL";
    tx.each(sql, Vec::new(), take).await?;
    tx.insert_many("INSERT INTO tenant_words (tenant_no, field, word)", "", tenants).await?;
    let mut users = Vec::new();
    let take = |row: &crate::Row| {
        let login = [(Field::Name, row.text("login")?)];
        let values = login.into_iter().chain(contact_values(&texts(row)?));
        users.extend(rows(&Arg::from(row.text("id")?), values));
        Ok(())
    };
    let sql = "SELECT u.id, u.login, o.email, o.firstname, o.lastname
               FROM users u JOIN contacts o ON o.id = u.contact_id";
    tx.each(sql, Vec::new(), take).await?;
    tx.insert_many("INSERT INTO user_words (user_id, field, word)", "", users).await?;
    tx.commit().await
}

#[cfg(test)]
pub(crate) use find::statements;
