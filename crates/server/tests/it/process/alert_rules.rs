//! The alerts that operators are told to set.

use std::collections::BTreeSet;

use serde_json::json;

use super::harness::Place;

const RULES: &str = include_str!("../../../../../packaging/prometheus/tidemark.rules.yml");
const GUIDE: &str = include_str!("../../../../../docs/guide/alerts.md");

/// The words of a text that begin like this.
fn words<'t>(text: &'t str, begin: &str) -> BTreeSet<&'t str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with(begin)).collect()
}

fn alerts() -> BTreeSet<&'static str> {
    RULES.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect()
}

#[test]
fn every_metric_that_an_alert_looks_at_is_there() {
    let place = Place::new();
    let serving = place.serve();
    let reading = json!({"tenant_id": place.first.tenant_id, "offering_item": "vms", "usage_value": 1});
    serving.put("/tenants/usages", &json!({"items": [reading]}));
    let figures = serving.client.get("/metrics").bearer(&serving.token).send().text();
    let there: BTreeSet<&str> = figures
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let expressions =
        RULES.lines().filter(|line| !line.trim().starts_with('#')).collect::<Vec<_>>().join("\n");
    let looked_at: BTreeSet<&str> =
        words(&expressions, "tidemark_").into_iter().filter(|name| !name.is_empty()).collect();
    assert!(looked_at.len() > 5, "{looked_at:?}");
    let missing: Vec<_> = looked_at.difference(&there).collect();
    assert!(missing.is_empty(), "{missing:?} in {figures}");
}

#[test]
fn the_guide_says_of_every_alert_what_to_do_and_of_no_other() {
    let said: BTreeSet<&str> = GUIDE.lines().filter_map(|line| line.strip_prefix("## Tidemark")).collect();
    let set: BTreeSet<&str> = alerts().into_iter().filter_map(|name| name.strip_prefix("Tidemark")).collect();
    assert!(!set.is_empty());
    assert_eq!(said, set);
}
