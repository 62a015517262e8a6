//! What is read from each form, and what is said about single readings.

use std::io::Write as _;

use domain::access::Role;
use domain::ids::TenantId;
use domain::tenant::TenantKind;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Bulk, PATH, counts};
use crate::metering::Metering as _;

pub(super) fn gzip(plain: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn every_form_says_the_same() {
    let bulk = Bulk::new().await;
    let backup = bulk.test.storage(bulk.test.top, "eu1", "backup").await;
    bulk.test.switch(bulk.customer, "storage", Some(backup), true).await;
    let (partner, customer) = (bulk.partner, bulk.customer);
    let readings = |n: i64| {
        vec![
            json!({"tenant_id": customer, "offering_item": "vms", "value": n}),
            json!({"tenant_id": partner, "offering_item": "vms", "value": n + 1, "date": "2026-05-08"}),
            json!({"tenant_id": customer, "offering_item": "storage", "infra_id": backup, "value": n + 2,
                "retract": false, "key": null}),
        ]
    };
    let ndjson = |n| {
        let lines: Vec<String> = readings(n).iter().map(Value::to_string).collect();
        lines.join("\r\n\r\n")
    };
    let csv = |n: i64| {
        format!(
            "\u{feff}value,tenant_id,\"offering_item\",infra_id,date,key\r\n{n},{customer},vms,,,\r\n\
             {},{partner},\"vms\",,2026-05-08,\r\n\n{},{customer},storage,{backup},,",
            n + 1,
            n + 2
        )
    };
    let ready = async |call: testkit::Call| {
        let summary = call.await.ok();
        assert_eq!(counts(&summary), [3, 0, 0], "{summary}");
        summary["seq"].as_i64().unwrap()
    };
    let mut last = 0;
    for (at, call) in [
        bulk.post("application/json", Value::from(readings(10)).to_string()),
        bulk.post("application/json", json!({"reason": "as asked", "readings": readings(20)}).to_string()),
        bulk.post("application/x-ndjson", ndjson(30)),
        bulk.post("application/jsonl; charset=utf-8", ndjson(40)),
        bulk.post("text/csv", csv(50)),
        bulk.post("text/csv", gzip(&csv(60))).header("Content-Encoding", "gzip"),
        bulk.post("application/x-ndjson", zstd::encode_all(ndjson(70).as_bytes(), 3).unwrap())
            .header("Content-Encoding", "zstd"),
    ]
    .into_iter()
    .enumerate()
    {
        let (seq, n) = (ready(call).await, 10 * (i64::try_from(at).unwrap() + 1));
        assert!(seq > last, "{seq} after {last}");
        last = seq;
        assert_eq!(bulk.level(customer, "vms").await, Some(n));
        assert_eq!(bulk.level(partner, "vms").await, Some(n + 1));
    }
    assert_eq!(bulk.stored().await, 21);
    let again = bulk.post("application/x-ndjson", ndjson(70)).await.ok();
    assert_eq!(again, json!({"accepted": 0, "absorbed": 3, "refused_count": 0, "refused": [], "seq": null}));
}

/// Readings of `tenant` as JSON, each with the member it is refused for and why; `south` has nothing on.
fn cases(
    tenant: TenantId,
    south: TenantId,
    unknown: Uuid,
) -> Vec<(String, Option<(&'static str, &'static str)>)> {
    let bounds = "must be an integer from 0 to 9007199254740991";
    let with = |more: Value| {
        let mut reading = json!({"tenant_id": tenant, "offering_item": "vms"});
        reading.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        reading.to_string()
    };
    vec![
        (with(json!({"value": 1})), None),
        (with(json!({"value": -1})), Some(("value", bounds))),
        (with(json!({"value": 1.5})), Some(("value", bounds))),
        (with(json!({"value": 1.0})), Some(("value", bounds))),
        (with(json!({"value": 9_007_199_254_740_992_u64})), Some(("value", bounds))),
        (with(json!({"value": u64::MAX})), Some(("value", bounds))),
        (with(json!({"value": "1"})), Some(("value", bounds))),
        (with(json!({})), Some(("value", "required, unless retract is true"))),
        (with(json!({"value": 1, "retract": true})), Some(("retract", "does not go with a value"))),
        (with(json!({"retract": 1})), Some(("retract", "must be true or false"))),
        (with(json!({"value": 1, "surprise": {"a": [1]}})), Some(("surprise", "unknown member"))),
        (with(json!({"value": 1, "tenant_id": 7})), Some(("tenant_id", "must be a string"))),
        (with(json!({"value": 1, "tenant_id": "7"})), Some(("tenant_id", "not a UUID"))),
        (with(json!({"value": 1, "tenant_id": null})), Some(("tenant_id", "required"))),
        (
            with(json!({"value": 1, "tenant_id": unknown})),
            Some(("tenant_id", "there is no such tenant within reach")),
        ),
        (
            with(json!({"value": 1, "offering_item": "pw_nothing"})),
            Some(("offering_item", "there is no such item")),
        ),
        (with(json!({"value": 1, "offering_item": "storage"})), Some(("infra_id", "required for this item"))),
        (
            with(json!({"value": 1, "infra_id": unknown})),
            Some(("offering_item", "is off for the tenant, or is not metered on this storage")),
        ),
        (with(json!({"value": 1, "date": "2026-5-8"})), Some(("date", "not a date of the form YYYY-MM-DD"))),
        (with(json!({"value": 1, "date": "2026-05-09"})), Some(("date", "lies in the future"))),
        (
            with(json!({"value": 1, "date": "2025-04-02"})),
            Some(("date", "lies before 2025-04-03: the upload needs a reason")),
        ),
        (with(json!({"value": 1, "key": ""})), Some(("key", "must have 1 to 256 characters"))),
        (with(json!({"value": 1, "key": "k".repeat(257)})), Some(("key", "must have 1 to 256 characters"))),
        ("[{\"value\": 1}]".to_owned(), Some(("", "must be an object"))),
        ("7".to_owned(), Some(("", "must be an object"))),
        (r#"{"value": 1, "value": 1}"#.to_owned(), Some(("value", "given twice"))),
        (
            with(json!({"value": 2, "tenant_id": south, "offering_item": "vms"})),
            Some(("offering_item", "is off for the tenant, or is not metered on this storage")),
        ),
        (with(json!({"value": 3, "key": "k".repeat(256)})), None),
    ]
}

#[tokio::test]
async fn each_faulty_reading_is_refused_by_its_line_and_member_and_the_others_are_taken() {
    let bulk = Bulk::new().await;
    let south = bulk.test.tenant(bulk.test.top, TenantKind::Partner, "South").await;
    let cases = cases(bulk.customer, south, bulk.test.app.ids.other().unwrap());
    let mut expected = Vec::new();
    for (at, (_, refused)) in cases.iter().enumerate() {
        expected
            .extend(refused.map(|(field, error)| json!({"line": at + 1, "field": field, "error": error})));
    }
    let expected = Value::from(expected);
    let bodies: Vec<&str> = cases.iter().map(|(body, _)| body.as_str()).collect();
    let ndjson = bulk.post("application/x-ndjson", bodies.join("\n")).await.ok();
    assert_eq!(ndjson["refused"], expected);
    assert_eq!(counts(&ndjson), [2, 0, 26]);
    assert_eq!(bulk.level(bulk.customer, "vms").await, Some(3));
    let array = bulk.post("application/json", format!("[{}]", bodies.join(","))).await.ok();
    assert_eq!(array["refused"], expected);
}

#[tokio::test]
async fn csv_lines_are_those_of_the_file_also_where_a_cell_goes_over_several() {
    let bulk = Bulk::new().await;
    let tenant = bulk.customer;
    let csv = format!(
        "tenant_id,offering_item,value,retract,key\n\
         {tenant},vms,x,,\n\
         {tenant},vms,1,,\"a \"\"key\"\"\nof, two lines\"\n\
         \n\
         {tenant},vms,-7,,\n\
         {tenant},vms,,no,\n\
         {tenant},vms,99999999999999999999,,\n"
    );
    let bounds = "must be an integer from 0 to 9007199254740991";
    let refused = |line: u64, field: &str, error: &str| json!({"line": line, "field": field, "error": error});
    for csv in [csv.clone(), csv.replace('\n', "\r\n")] {
        let summary = bulk.post("text/csv", csv).await.ok();
        let expected = json!([
            refused(2, "value", bounds),
            refused(6, "value", bounds),
            refused(7, "retract", "must be true or false"),
            refused(8, "value", bounds)
        ]);
        assert_eq!(summary["refused"], expected);
    }
    assert_eq!(bulk.stored().await, 1);
    let misspelt = bulk.server.post(&format!("{PATH}?reson=late")).bearer(&bulk.token).raw("text/csv", csv);
    assert!(misspelt.await.expect(400).to_string().contains("reson"));
}

#[tokio::test]
async fn the_first_thousand_refusals_are_named_and_the_others_counted() {
    let bulk = Bulk::new().await;
    let off = bulk.lines("notarizations", (0..501).map(|_| 1));
    let bad = bulk.lines("vms", (0..500).map(|_| -1));
    // Those refused by form stand between those that are refused when they are to be written.
    let both: String = off.lines().zip(bad.lines()).flat_map(|(off, bad)| [bad, "\n", off, "\n"]).collect();
    let summary = bulk.post("application/x-ndjson", both + off.lines().next().unwrap()).await.ok();
    assert_eq!(counts(&summary), [0, 0, 1001]);
    let lines: Vec<u64> = summary["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refusal| refusal["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, (1..=1000).collect::<Vec<u64>>());
}

#[tokio::test]
async fn what_a_file_says_of_several_days_holds_whatever_its_order() {
    let bulk = Bulk::new().await;
    bulk.test.switch(bulk.customer, "notarizations", None, true).await;
    let file = |early: i64, late: i64| {
        let id = bulk.customer;
        format!(
            "tenant_id,offering_item,value,date\n{id},notarizations,{late},2026-05-06\n\
             {id},notarizations,{early},2026-05-03\n"
        )
    };
    for (early, late, taken) in [(5, 9, [2, 0, 0]), (5, 9, [0, 2, 0]), (7, 11, [1, 1, 0]), (2, 30, [2, 0, 0])]
    {
        let summary = bulk.post("text/csv", file(early, late)).await.ok();
        assert_eq!(counts(&summary), taken, "{early} and {late}: {summary}");
        assert_eq!(bulk.level(bulk.customer, "notarizations").await, Some(late));
    }
}

#[tokio::test]
async fn whether_a_tenant_is_unknown_or_somebody_elses_is_not_told() {
    let bulk = Bulk::new().await;
    let mut caller = bulk.test.caller(bulk.customer, Role::CompanyAdmin).await;
    caller.reports_usage = true;
    let unknown = bulk.test.app.ids.other().unwrap();
    let body = format!(
        "tenant_id,offering_item,value\n{},vms,1\n{unknown},vms,1\n{},vms,1\n",
        bulk.partner, bulk.customer
    );
    let summary = upload(&bulk, &caller, body, None).await;
    let said: Vec<_> = summary.refused.iter().map(|refusal| (refusal.line, &*refusal.error)).collect();
    let why = "there is no such tenant within reach";
    assert_eq!(said, [(2, why), (3, why)]);
    assert_eq!(summary.accepted, 1);
}

#[tokio::test]
async fn days_that_are_over_are_corrected_and_taken_back() {
    let bulk = Bulk::new().await;
    let tenant = bulk.customer;
    let csv = |rows: &str| {
        format!("tenant_id,offering_item,date,value,retract\n{}", rows.replace('$', &tenant.to_string()))
    };
    let taken = async |rows: &str| counts(&bulk.post("text/csv", csv(rows)).await.ok());
    assert_eq!(taken("$,vms,2026-05-07,5,\n$,vms,2026-05-06,4,\n").await, [2, 0, 0]);
    assert_eq!(taken("$,vms,2026-05-07,5,\n$,vms,2026-05-06,3,\n").await, [1, 1, 0]);
    assert_eq!(bulk.level(tenant, "vms").await, Some(5));
    assert_eq!(taken("$,vms,2026-05-07,,true\n").await, [1, 0, 0]);
    assert_eq!(bulk.level(tenant, "vms").await, Some(3));
    let again = bulk.post("text/csv", csv("$,vms,2026-05-07,,true\n")).await.ok();
    let refusal = json!({"line": 2, "field": "retract", "error": "nothing was reported for that day"});
    assert_eq!((counts(&again), &again["refused"][0]), ([0, 0, 1], &refusal));
}

#[tokio::test]
async fn a_key_counts_once_and_stands_for_one_content() {
    let bulk = Bulk::new().await;
    let (customer, partner) = (bulk.customer, bulk.partner);
    let line = |tenant: TenantId, value: i64, key: &str| {
        json!({"tenant_id": tenant, "offering_item": "vms", "value": value, "key": key}).to_string()
    };
    let send = async |lines: &[String]| bulk.post("application/x-ndjson", lines.join("\n")).await.ok();
    assert_eq!(counts(&send(&[line(customer, 5, "a"), line(customer, 6, "b")]).await), [2, 0, 0]);
    // Absorbed, though the meter has said something else since.
    assert_eq!(counts(&send(&[line(customer, 5, "a")]).await), [0, 1, 0]);
    assert_eq!(bulk.level(customer, "vms").await, Some(6));
    let conflicts = send(&[line(customer, 7, "a"), line(partner, 5, "a"), line(partner, 5, "c")]).await;
    assert_eq!(counts(&conflicts), [1, 0, 2]);
    for (at, number) in [(0, 1), (1, 2)] {
        let refusal = &conflicts["refused"][at];
        assert_eq!((&refusal["line"], &refusal["field"]), (&json!(number), &json!("key")));
    }
    assert_eq!(bulk.level(customer, "vms").await, Some(6));
    // Another caller's keys are its own.
    let mut other = bulk.test.caller(partner, Role::PartnerAdmin).await;
    other.reports_usage = true;
    let body = format!("tenant_id,offering_item,value,key\n{customer},vms,8,a\n");
    assert_eq!(upload(&bulk, &other, body, None).await.accepted, 1);
}

#[tokio::test]
async fn days_before_the_window_need_a_reason_and_an_administrator_above() {
    let bulk = Bulk::new().await;
    let mut above = bulk.test.caller(bulk.partner, Role::PartnerAdmin).await;
    let mut own = bulk.test.caller(bulk.customer, Role::CompanyAdmin).await;
    (above.reports_usage, own.reports_usage) = (true, true);
    let body = format!("tenant_id,offering_item,value,date\n{},vms,1,2025-04-02\n", bulk.customer);
    let refused = async |caller: &app::Caller, reason: Option<&str>| {
        let summary = upload(&bulk, caller, body.clone(), reason).await;
        summary.refused.first().map(|refusal| refusal.error.clone().into_owned()).unwrap_or_default()
    };
    assert!(refused(&above, None).await.ends_with("the upload needs a reason"));
    assert!(
        refused(&own, Some("found late"))
            .await
            .ends_with("only an administrator of a tenant above may go back that far")
    );
    assert_eq!(refused(&above, Some("found late")).await, "");
    assert_eq!(bulk.stored().await, 1);
}

/// An upload of CSV in the name of somebody made up below sign-in.
async fn upload(
    bulk: &Bulk,
    caller: &app::Caller,
    body: String,
    reason: Option<&str>,
) -> app::usage::upload::Summary {
    use app::usage::upload::{Encoding, Form, Format, Source, receive, store};
    let app = &bulk.test.app;
    let form = Form { format: Format::Csv, encoding: Encoding::Identity, reason: reason.map(str::to_owned) };
    let received = receive(app, form, std::io::Cursor::new(body)).await.unwrap();
    store(app, &Source::caller(caller).unwrap(), received, |_| ()).await.unwrap()
}
