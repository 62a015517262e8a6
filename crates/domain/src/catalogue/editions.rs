//! The edition switch: which item takes another one's place (accounts-api, 2.3).

use super::{Catalogue, Edition, Item, Service};
use crate::tenant::words;

words! {
    /// What somebody should know before a switch. Of the published words those that can be true here: Tidemark knows no
    /// protection plans, and readings stay under the item that they were made for.
    EditionWarning {
        /// An item that is on has no counterpart, and goes off.
        OldFeaturesBecomeUnavailable = "OldFeaturesBecomeUnavailable",
        /// The target has items that the editions left behind do not have.
        NewFeaturesBecomeAvailable = "NewFeaturesBecomeAvailable",
        /// Items of advanced protection go off.
        AdvCyberProtectBecomeUnavailable = "AdvCyberProtectBecomeUnavailable",
    }
}

impl Item {
    /// The edition that a switch knows it by: the unprefixed `fc_` items count as `fss_legacy`. Items without one are
    /// left alone by every switch.
    pub fn switched_by(&self) -> Option<Edition> {
        self.edition.or_else(|| (self.service == Service::FilesCloud).then_some(Edition::FssLegacy))
    }

    /// Whether it belongs to advanced protection.
    pub fn is_advanced_protection(&self) -> bool {
        self.edition == Some(Edition::CyberProtectAdv) || self.name.starts_with("pw_p_adv_")
    }
}

impl Catalogue {
    /// The items that a switch of this service to this edition can turn on.
    pub fn items_of(&self, service: Service, edition: Edition) -> impl Iterator<Item = &Item> {
        self.items().iter().filter(move |item| item.service == service && item.switched_by() == Some(edition))
    }

    /// The item of the target edition that takes this one's place: that of the same usage name. `per_workload` has
    /// several of some names, of which the plain one counts.
    pub fn counterpart(&self, item: &Item, target: Edition) -> Option<&Item> {
        self.items_of(item.service, target)
            .filter(|other| other.usage_name == item.usage_name)
            .min_by_key(|other| other.name.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counterpart(name: &str, target: Edition) -> Option<&'static str> {
        let catalogue = Catalogue::embedded();
        let found = catalogue.counterpart(catalogue.item(name).unwrap(), target);
        found.map(|item| item.name.as_str())
    }

    #[test]
    fn an_item_is_replaced_by_that_of_its_usage_name() {
        assert_eq!(counterpart("adv_vms", Edition::Standard), Some("vms"));
        assert_eq!(counterpart("p_adv_vms", Edition::PerWorkload), Some("pw_vms"));
        assert_eq!(counterpart("fc_seats", Edition::FssPerUser), Some("pu_base_fc_seats"));
        assert_eq!(counterpart("pg_base_fc_seats", Edition::FssLegacy), Some("fc_seats"));
        assert_eq!(counterpart("compute_points", Edition::PckPerWorkload), Some("pw_base_compute_points"));
        assert_eq!(counterpart("vms", Edition::FssPerUser), None, "another service");
    }

    #[test]
    fn a_counterpart_is_of_the_target_and_kept_on_the_same_storages() {
        let catalogue = Catalogue::embedded();
        for item in catalogue.items() {
            for target in Edition::ALL {
                let Some(other) = catalogue.counterpart(item, *target) else { continue };
                assert_eq!(other.switched_by(), Some(*target), "{}", item.name);
                assert_eq!((other.capability, other.unit), (item.capability, item.unit), "{}", item.name);
            }
        }
    }

    #[test]
    fn items_without_an_edition_are_left_alone() {
        let left = Catalogue::embedded().items().iter().filter(|item| item.switched_by().is_none());
        let services: std::collections::BTreeSet<_> = left
            .map(|item| {
                assert!(item.service != Service::FilesCloud, "{}", item.name);
                (item.service, item.usage_name == "local_storage")
            })
            .collect();
        assert!(services.iter().all(|(service, local)| *service != Service::Backup || *local));
    }
}
