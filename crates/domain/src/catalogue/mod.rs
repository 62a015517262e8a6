//! The catalogue of services and offering items, embedded in the binary.
//!
//! The tables are those of the published set of 2020 (`data/*.tsv`); the rows of the current editions are derived from
//! them by the rules of accounts-api 1.11. An item's edition and usage name are looked up by its full name, never
//! guessed from it.

mod editions;
mod numbers;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use editions::EditionWarning;
pub use numbers::ItemNumbers;

use crate::ids::ApplicationId;
use crate::infra::Capability;
use crate::tenant::words;

words! {
    /// The editions of accounts-api 1.11.
    Edition {
        /// No prefix.
        Standard = "standard",
        /// `adv_`
        Advanced = "advanced",
        /// `dre_`
        DisasterRecovery = "disaster_recovery",
        /// `p_`
        CyberProtectStd = "cyber_protect_std",
        /// `p_adv_`
        CyberProtectAdv = "cyber_protect_adv",
        /// `p_dre_`
        CyberProtectDre = "cyber_protect_dre",
        /// `pw_p_ess_`, `pw_p_adv_`, `pw_p_`, `pw_`
        PerWorkload = "per_workload",
        /// `pg_`
        PerGigabyte = "per_gigabyte",
        /// `pg_base_`
        PckPerGigabyte = "pck_per_gigabyte",
        /// `pw_base_`
        PckPerWorkload = "pck_per_workload",
        /// Names the unprefixed `fc_` items in `GET /editions` and the edition switch; never stands in an item.
        FssLegacy = "fss_legacy",
        /// `pg_base_` before `fc_` items
        FssPerGigabyte = "fss_per_gigabyte",
        /// `pu_base_` before `fc_` items
        FssPerUser = "fss_per_user",
    }
}

impl Edition {
    /// Its name prefixes, the longest first.
    const fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Standard | Self::FssLegacy => &[],
            Self::Advanced => &["adv_"],
            Self::DisasterRecovery => &["dre_"],
            Self::CyberProtectStd => &["p_"],
            Self::CyberProtectAdv => &["p_adv_"],
            Self::CyberProtectDre => &["p_dre_"],
            Self::PerWorkload => &["pw_p_ess_", "pw_p_adv_", "pw_p_", "pw_"],
            Self::PerGigabyte => &["pg_"],
            Self::PckPerGigabyte | Self::FssPerGigabyte => &["pg_base_"],
            Self::PckPerWorkload => &["pw_base_"],
            Self::FssPerUser => &["pu_base_"],
        }
    }
}

words! {
    /// The services, in the order of `applications.tsv`, which is the order of report rows.
    Service {
        /// The management portal itself; always on.
        Platform = "platform",
        /// Backup and disaster recovery.
        Backup = "backup",
        /// Drives sent by mail.
        PhysicalDataShipping = "physical_data_shipping",
        /// File sync and share.
        FilesCloud = "files_cloud",
        /// Notary.
        Notary = "notary",
        /// Hyper-converged infrastructure.
        Hci = "hci",
    }
}

words! {
    /// What an item counts.
    Unit {
        /// Bytes; files for people show GB of 1024^3.
        Bytes = "bytes",
        /// Pieces.
        Quantity = "quantity",
        /// Seconds; files for people show hours.
        Seconds = "seconds",
        /// A feature: on or off, never counted.
        Feature = "n/a",
    }
}

impl Unit {
    /// The column `measurement_unit` of data files: empty for counts and features (reports-api, section 11).
    pub const fn in_reports(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
            Self::Quantity | Self::Feature => "",
        }
    }
}

words! {
    /// The `type` of an offering item.
    ItemType {
        /// Counted per tenant.
        Count = "count",
        /// On or off.
        Feature = "feature",
        /// Counted per tenant and storage.
        Infra = "infra",
    }
}

/// A service.
#[derive(Debug)]
pub struct Application {
    /// Its id, the same in every installation.
    pub id: ApplicationId,
    /// What it is.
    pub service: Service,
    /// Its name for people.
    pub name: &'static str,
    /// Where its own API would be.
    pub api_base_url: &'static str,
    /// The usage names it knows, sorted.
    pub usages: Vec<&'static str>,
}

/// An offering item of the catalogue.
#[derive(Debug)]
pub struct Item {
    /// Full name, with edition prefix: what identifies it.
    pub name: String,
    /// Name without the prefix.
    pub usage_name: String,
    /// The service it belongs to.
    pub service: Service,
    /// Its edition, if it has one.
    pub edition: Option<Edition>,
    /// What it counts.
    pub unit: Unit,
    /// The capability of the storages it is bound to.
    pub capability: Option<Capability>,
    /// Names of the features that belong to it.
    pub child_items: Vec<String>,
    /// English name for people; printed through the language boundary.
    pub label: &'static str,
}

impl Item {
    /// Count, feature or infra (accounts-api, 1.11).
    pub const fn item_type(&self) -> ItemType {
        match (self.unit, self.capability) {
            (Unit::Feature, _) => ItemType::Feature,
            (_, Some(_)) => ItemType::Infra,
            (_, None) => ItemType::Count,
        }
    }

    /// Whether there is one such item per storage: true for infra items and for features with a capability.
    pub const fn per_infra(&self) -> bool {
        self.capability.is_some()
    }

    /// Whether readings of it are taken.
    pub const fn is_countable(&self) -> bool {
        !matches!(self.unit, Unit::Feature)
    }

    /// Whether it accumulates: the figure to bill is then the growth, not the level (reports-api, section 10).
    pub fn is_range(&self) -> bool {
        matches!(
            self.usage_name.as_str(),
            "compute_points"
                | "notarizations"
                | "esignatures"
                | "drives_shipped_to_cloud"
                | "drives_shipped_from_cloud"
        )
    }
}

/// The whole catalogue.
#[derive(Debug)]
pub struct Catalogue {
    applications: Vec<Application>,
    items: Vec<Item>,
    by_name: HashMap<String, usize>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::read);

impl Catalogue {
    /// The catalogue of this binary.
    pub fn embedded() -> &'static Self {
        &CATALOGUE
    }

    /// Every service, in the order of report rows.
    pub fn applications(&self) -> &[Application] {
        &self.applications
    }

    /// Every item, those of the published table first, then the derived ones.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The item with this full name.
    pub fn item(&self, name: &str) -> Option<&Item> {
        self.by_name.get(name).and_then(|at| self.items.get(*at))
    }

    /// The service with this id.
    pub fn application(&self, id: ApplicationId) -> Option<&Application> {
        self.applications.iter().find(|application| application.id == id)
    }

    /// The row of this service.
    pub fn service(&self, service: Service) -> &Application {
        self.applications
            .iter()
            .find(|application| application.service == service)
            .unwrap_or_else(|| unreachable!("every service has a row: see the test"))
    }

    /// The id of this service.
    pub fn application_id(&self, service: Service) -> ApplicationId {
        self.service(service).id
    }

    fn read() -> Self {
        let mut items: Vec<Item> =
            rows(include_str!("../../data/offering-items.tsv")).filter_map(|row| published(&row)).collect();
        let derived: Vec<Item> = items.iter().flat_map(derive).collect();
        items.extend(derived);
        let by_name = items.iter().enumerate().map(|(at, item)| (item.name.clone(), at)).collect();
        let applications = rows(include_str!("../../data/applications.tsv"))
            .filter_map(|row| application(&row, &items))
            .collect();
        Self { applications, items, by_name }
    }
}

/// The rows of an embedded table as cells, without the header.
fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().skip(1).map(|line| line.split('\t').collect())
}

fn application(row: &[&'static str], items: &[Item]) -> Option<Application> {
    let [id, service, name, api_base_url, usages] = row else { return None };
    let service = Service::from_word(service)?;
    let mut usages: Vec<&'static str> = usages.split(',').filter(|usage| !usage.is_empty()).collect();
    // Every usage name of the items is added to its service; those of derived rows are among the published ones.
    let named = rows(include_str!("../../data/offering-items.tsv"));
    for name in named.filter_map(|row| row.first().copied()) {
        if items.iter().any(|item| item.service == service && item.name == name && item.usage_name == name) {
            usages.push(name);
        }
    }
    usages.sort_unstable();
    usages.dedup();
    Some(Application { id: id.parse().ok()?, service, name, api_base_url, usages })
}

fn published(row: &[&'static str]) -> Option<Item> {
    let [name, service, edition, unit, _resource, capability, children, label] = row else { return None };
    let edition = Edition::from_word(edition);
    Some(Item {
        name: (*name).to_owned(),
        usage_name: strip(name, edition).to_owned(),
        service: Service::from_word(service)?,
        edition,
        unit: if *unit == "feature" { Unit::Feature } else { Unit::from_word(unit)? },
        capability: Capability::from_word(capability),
        child_items: children.split(',').filter(|child| !child.is_empty()).map(str::to_owned).collect(),
        label,
    })
}

/// The name less the longest prefix of its own edition.
fn strip(name: &str, edition: Option<Edition>) -> &str {
    let prefixes = edition.map_or(&[][..], Edition::prefixes);
    prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}

/// The rows of the current editions that come from a published one.
fn derive(item: &Item) -> Vec<Item> {
    let with = |old: &str, new: &str, edition: Edition| Item {
        name: format!("{new}{}", item.name.strip_prefix(old).unwrap_or(&item.name)),
        usage_name: item.usage_name.clone(),
        edition: Some(edition),
        child_items: item
            .child_items
            .iter()
            .map(|child| format!("{new}{}", child.strip_prefix(old).unwrap_or(child)))
            .collect(),
        ..*item
    };
    match item.edition {
        Some(Edition::PerGigabyte) => vec![with("pg_", "pg_base_", Edition::PckPerGigabyte)],
        Some(Edition::PerWorkload) if !item.name.starts_with("pw_p_") => {
            vec![with("pw_", "pw_base_", Edition::PckPerWorkload)]
        }
        None if item.service == Service::FilesCloud => {
            vec![with("", "pg_base_", Edition::FssPerGigabyte), with("", "pu_base_", Edition::FssPerUser)]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn item(name: &str) -> &'static Item {
        Catalogue::embedded().item(name).unwrap()
    }

    #[test]
    fn the_published_set_is_whole_and_names_are_unique() {
        let catalogue = Catalogue::embedded();
        let published = include_str!("../../data/offering-items.tsv").lines().count() - 1;
        assert_eq!(published, 213);
        assert!(catalogue.items().len() > published);
        let names: HashSet<_> = catalogue.items().iter().map(|item| &item.name).collect();
        assert_eq!(names.len(), catalogue.items().len());
        assert_eq!(catalogue.applications().len(), Service::ALL.len());
        for (application, service) in catalogue.applications().iter().zip(Service::ALL) {
            assert_eq!(application.service, *service);
        }
    }

    #[test]
    fn names_are_read_in_one_way_only() {
        for (name, usage_name, edition) in [
            ("pw_public_ips", "public_ips", Some(Edition::PerWorkload)),
            ("pw_p_ess_vms", "vms", Some(Edition::PerWorkload)),
            ("pw_base_public_ips", "public_ips", Some(Edition::PckPerWorkload)),
            ("pg_base_storage", "storage", Some(Edition::PckPerGigabyte)),
            ("pg_base_fc_seats", "fc_seats", Some(Edition::FssPerGigabyte)),
            ("pu_base_fc_seats", "fc_seats", Some(Edition::FssPerUser)),
            ("fc_seats", "fc_seats", None),
            ("local_storage", "local_storage", None),
            ("p_dre_compute_points", "compute_points", Some(Edition::CyberProtectDre)),
            ("vms", "vms", Some(Edition::Standard)),
        ] {
            assert_eq!((item(name).usage_name.as_str(), item(name).edition), (usage_name, edition), "{name}");
        }
        assert!(Catalogue::embedded().item("pw_base_p_vms").is_none());
        assert!(Catalogue::embedded().item("pw_base_ess_vms").is_none());
    }

    #[test]
    fn types_follow_capability_and_unit() {
        assert_eq!(item("storage").item_type(), ItemType::Infra);
        assert_eq!(item("dr_internet_access").item_type(), ItemType::Feature);
        assert!(item("pw_base_dr_internet_access").per_infra());
        assert!(!item("dre_dr_child_storages").per_infra());
        assert_eq!(item("local_storage").item_type(), ItemType::Count);
        assert_eq!(item("local_storage").unit, Unit::Bytes);
        assert!(item("pw_base_compute_points").is_range() && !item("storage").is_range());
    }

    #[test]
    fn derived_children_carry_the_prefix() {
        assert_eq!(
            item("pw_base_o365_seats").child_items,
            ["pw_base_o365_mailboxes", "pw_base_o365_onedrive"]
        );
    }
}
