//! Contacts of tenants and users.

use domain::ids::{ContactId, TenantNo};
use domain::user::{CONTACT_TEXTS, Contact, ContactType};

use crate::arg::list;
use crate::audit::{Change, Object};
use crate::{Arg, Conn, Result, Row, Write, args, dialect, search};

/// The columns of a contact under the alias `o`, as [`from_row`] reads them.
macro_rules! contact_columns {
    () => {
        "o.id AS contact_id, o.created_at AS contact_created_at, o.updated_at AS contact_updated_at, o.types,
         o.email_confirmed, o.email, o.firstname, o.lastname, o.address1, o.address2, o.country, o.state, o.city,
         o.zipcode, o.phone, o.title, o.website, o.industry, o.organization_size, o.aan, o.fax,
         o.language AS contact_language"
    };
}
pub(crate) use contact_columns;

pub(crate) fn from_row(row: &Row) -> Result<Contact> {
    let column = |member: &'static str| if member == "language" { "contact_language" } else { member };
    Ok(Contact {
        id: row.parsed("contact_id")?,
        created_at: row.instant("contact_created_at")?,
        updated_at: row.instant("contact_updated_at")?,
        types: row.parsed_list("types")?,
        texts: CONTACT_TEXTS.iter().map(|member| row.opt_text(column(member))).collect::<Result<_>>()?,
        email_confirmed: row.opt_flag("email_confirmed")?,
    })
}

/// What a new contact starts with.
#[derive(Debug, Clone)]
pub struct NewContact {
    /// Its id.
    pub id: ContactId,
    /// What it is for.
    pub types: Vec<ContactType>,
    /// Its texts, in the order of [`CONTACT_TEXTS`].
    pub texts: Vec<Option<String>>,
}

impl NewContact {
    /// A contact of which nothing is known yet.
    pub fn empty(id: ContactId, types: Vec<ContactType>) -> Self {
        Self { id, types, texts: vec![None; CONTACT_TEXTS.len()] }
    }
}

/// Whose a contact is, and as what: how the change log names its texts.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    object: Object,
    id: &'a str,
    tenant: TenantNo,
    member: &'static str,
}

impl<'a> Owner<'a> {
    /// A tenant, by id and number: its legal contact.
    pub const fn tenant(id: &'a str, tenant: TenantNo) -> Self {
        Self { object: Object::Tenant, id, tenant, member: "contact" }
    }

    /// A tenant: its further contact for the company's invoices.
    pub const fn company_billing(id: &'a str, tenant: TenantNo) -> Self {
        Self { object: Object::Tenant, id, tenant, member: "company_billing_contact" }
    }

    /// A user of this tenant.
    pub const fn user(id: &'a str, home: TenantNo) -> Self {
        Self { object: Object::User, id, tenant: home, member: "contact" }
    }

    fn fields(&self) -> Vec<String> {
        let members = CONTACT_TEXTS.iter().chain(&["types", "email_confirmed"]);
        members.map(|member| format!("{}.{member}", self.member)).collect()
    }

    fn change<'f>(&'f self, field: &'f str, old: Option<String>, new: Option<String>) -> Change<'f> {
        Change { object: self.object, id: self.id, tenant: self.tenant, field, old, new }
    }
}

/// The values of [`Owner::fields`].
fn logged(contact: &Contact) -> Vec<Option<String>> {
    let confirmed = contact.email_confirmed.map(|confirmed| confirmed.to_string());
    contact.texts.iter().cloned().chain([Some(list(&contact.types)), confirmed]).collect()
}

/// Inserts a contact. The change log gets the texts that say something.
pub async fn insert(tx: &mut Write, of: Owner<'_>, new: &NewContact) -> Result<()> {
    let now = tx.now();
    let tenant = (of.object == Object::Tenant).then_some(of.tenant);
    let mut args = args![new.id, tenant, now, list(&new.types)];
    args.extend(texts(&new.texts));
    tx.run(
        "INSERT INTO contacts (id, tenant_no, created_at, updated_at, types, email_confirmed, email, firstname, lastname,
         address1, address2, country, state, city, zipcode, phone, title, website, industry, organization_size, aan, fax,
         language) VALUES ($1, $2, $3, $3, $4, 0, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
         $20, $21)",
        args,
    )
    .await?;
    let (fields, texts) =
        (of.fields(), new.texts.iter().map(|text| text.clone().filter(|text| !text.is_empty())));
    let said = fields.iter().zip(texts).filter(|(_, text)| text.is_some());
    tx.log_all_first(said.map(|(field, text)| of.change(field, None, text)).collect()).await
}

/// Saves a contact's types and texts, and the words of the tenant whose legal contact it is; logs what has changed.
pub async fn update(tx: &mut Write, of: Owner<'_>, old: &Contact, contact: &Contact) -> Result<()> {
    let now = tx.now();
    let mut args = args![contact.id, now, list(&contact.types), contact.email_confirmed];
    args.extend(texts(&contact.texts));
    tx.run(
        "UPDATE contacts SET updated_at = $2, types = $3, email_confirmed = $4, email = $5, firstname = $6, lastname = $7,
         address1 = $8, address2 = $9, country = $10, state = $11, city = $12, zipcode = $13, phone = $14, title = $15,
         website = $16, industry = $17, organization_size = $18, aan = $19, fax = $20, language = $21 WHERE id = $1",
        args,
    )
    .await?;
    search::contact_changed(tx, contact).await?;
    let (fields, values) = (of.fields(), logged(old).into_iter().zip(logged(contact)));
    tx.log_all(fields.iter().zip(values).map(|(field, (old, new))| of.change(field, old, new)).collect())
        .await
}

const OF_TENANTS: &str = concat!(
    "SELECT o.tenant_no, ",
    contact_columns!(),
    " FROM contacts o JOIN tenants t ON t.no = o.tenant_no WHERE o.tenant_no IN ("
);

const LEGAL_FIRST: &str = "ORDER BY CASE WHEN t.contact_id = o.id THEN 0 ELSE 1 END, o.created_at, o.id";

/// The contacts of these tenants: each one's legal contact, then the others, the oldest first.
pub async fn of_tenants(conn: &mut Conn, tenants: &[TenantNo]) -> Result<Vec<(TenantNo, Contact)>> {
    let mut found = Vec::new();
    for batch in tenants.chunks(dialect::MAX_LIST) {
        let list = dialect::placeholders(1, batch.len());
        let sql = format!("{OF_TENANTS}{list}) {LEGAL_FIRST}");
        for row in conn.all_of(sql, batch.iter().map(|no| (*no).into()).collect()).await? {
            found.push((TenantNo(row.int("tenant_no")?), from_row(&row)?));
        }
    }
    Ok(found)
}

fn texts(texts: &[Option<String>]) -> impl Iterator<Item = Arg> {
    CONTACT_TEXTS.iter().enumerate().map(|(at, _)| Arg::Text(texts.get(at).cloned().flatten()))
}
