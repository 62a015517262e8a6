//! Usages (accounts-api, 1.12).

use std::collections::HashSet;
use std::str::FromStr;

use app::access::Granted;
use app::usage::{self, Entry, Fault, Usage, UsageFilter};
use app::{App, Error};
use axum::extract::{FromRequest as _, Request, State};
use domain::ids::TenantId;
use domain::usage::Reading;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{AnyToken, Can, TenantViewer};
use crate::json::{Body, Json};
use crate::params::{Params, PathId};
use crate::problem::{Envelope, ErrorBody, Problem};
use crate::schema;
use crate::wire::Items;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(of_tenant)).routes(routes!(of_tenants, put))
}

/// What a tenant and all below it use of one item, on one storage.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Usage)]
struct UsageBody {
    #[schema(format = Uuid)]
    tenant_uuid: String,
    /// Numeric v1 id.
    tenant_id: i64,
    #[schema(format = Uuid)]
    application_id: String,
    /// Offering item name, with edition prefix.
    name: &'static str,
    #[schema(value_type = Option<schema::Edition>)]
    edition: Option<&'static str>,
    usage_name: &'static str,
    /// How it is measured.
    #[schema(value_type = schema::ItemType)]
    r#type: &'static str,
    /// The unit of its usage.
    #[schema(value_type = schema::MeasurementUnit)]
    measurement_unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Uuid)]
    infra_id: Option<String>,
    /// When value last began at 0, UTC.
    #[schema(example = "2026-05-01T00:00:00")]
    range_start: String,
    /// Since range_start; exact, may pass 2^63.
    #[schema(value_type = i64)]
    value: i128,
    /// Since the item was switched on; exact, may pass 2^63.
    #[schema(value_type = i64)]
    absolute_value: i128,
    #[serde(skip_serializing_if = "Option::is_none")]
    offering_item: Option<ItemBody>,
}

/// The item at the tenant itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageOfferingItem)]
struct ItemBody {
    /// 1: on.
    #[schema(minimum = 0, maximum = 1)]
    status: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<QuotaBody>,
}

/// Its quota; both null: unlimited.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageQuota)]
struct QuotaBody {
    value: Option<i64>,
    overage: Option<i64>,
    version: i64,
}

/// The usages of one tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TenantUsages)]
struct TenantUsagesBody {
    #[schema(format = Uuid)]
    tenant: String,
    usages: Vec<UsageBody>,
}

impl UsageBody {
    fn new(granted: &Granted, usage: &Usage) -> Self {
        let (tenant, item) = (granted.tenant(), usage.item);
        Self {
            tenant_uuid: tenant.id.to_string(),
            tenant_id: tenant.no.0,
            application_id: usage.application_id().to_string(),
            name: &item.name,
            edition: item.edition.map(domain::catalogue::Edition::as_str),
            usage_name: &item.usage_name,
            r#type: item.item_type().as_str(),
            measurement_unit: item.unit.as_str(),
            infra_id: usage.infra.map(|infra| infra.to_string()),
            range_start: usage.range_start.start().without_zone(),
            value: usage.value,
            absolute_value: usage.absolute_value,
            offering_item: usage.state.map(|state| ItemBody {
                status: u8::from(state.enabled),
                quota: state.quota.map(|quota| QuotaBody {
                    value: quota.value,
                    overage: quota.overage,
                    version: quota.version,
                }),
            }),
        }
    }
}

fn bodies((granted, usages): &(Granted, Vec<Usage>)) -> Vec<UsageBody> {
    usages.iter().map(|usage| UsageBody::new(granted, usage)).collect()
}

/// The filter of the query; an empty list is none.
fn filter(params: &Params) -> Result<UsageFilter, Error> {
    let names = |name| -> Result<Option<HashSet<String>>, Error> {
        let names: Option<Vec<String>> = params.list(name)?;
        Ok(names.filter(|names| !names.is_empty()).map(HashSet::from_iter))
    };
    Ok(UsageFilter { usage_names: names("usage_names")?, editions: names("editions")? })
}

/// The usages of a tenant and all below it, in the billing period that runs now.
#[utoipa::path(get, path = "/tenants/{tenant_id}/usages", tag = "usages",
    params(
        ("tenant_id" = String, Path, format = Uuid),
        ("usage_names" = Option<String>, Query,
            description = "Usage names without edition prefix, comma separated"),
        ("editions" = Option<String>, Query,
            description = "Editions, comma separated; those without one are always shown"),
    ),
    responses((status = 200, description = "The usages", body = Items<UsageBody>),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope)))]
async fn of_tenant(
    State(app): State<App>,
    caller: Can<TenantViewer>,
    PathId(tenant): PathId<TenantId>,
    params: Params,
) -> Result<Json<Items<UsageBody>>, Problem> {
    let found = usage::of_tenant(&app, &caller.0, tenant, &filter(&params)?).await?;
    Ok(Json(Items { items: bodies(&found) }))
}

/// The usages of several tenants; unknown ones are left out.
#[utoipa::path(get, path = "/tenants/usages", tag = "usages",
    params(
        ("tenants" = String, Query, pattern = r"^[0-9A-Fa-f-]{36}(,[0-9A-Fa-f-]{36})*$",
        description = "UUIDs, comma separated"),
        ("usage_names" = Option<String>, Query,
            description = "Usage names without edition prefix, comma separated"),
        ("editions" = Option<String>, Query,
            description = "Editions, comma separated; those without one are always shown"),
    ),
    responses((status = 200, description = "The usages, tenant by tenant", body = Items<TenantUsagesBody>),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope)))]
async fn of_tenants(
    State(app): State<App>,
    caller: Can<TenantViewer>,
    params: Params,
) -> Result<Json<Items<TenantUsagesBody>>, Problem> {
    let tenants: Vec<TenantId> = params
        .list("tenants")?
        .filter(|tenants: &Vec<_>| !tenants.is_empty())
        .ok_or_else(|| Error::invalid("tenants", "required"))?;
    let found = usage::of_tenants(&app, &caller.0, &tenants, &filter(&params)?).await?;
    let body = |of: &(Granted, Vec<Usage>)| TenantUsagesBody {
        tenant: of.0.tenant().id.to_string(),
        usages: bodies(of),
    };
    Ok(Json(Items { items: found.iter().map(body).collect() }))
}

/// Readings.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PutUsages)]
struct Readings {
    /// At most 1,000, each with `usage_value` (integer, 0 to 2^53 - 1), and `tenant_id`, `offering_item`, `infra_id`,
    /// `usage_type` or `resource_id`.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Value>,
}

impl Body for Readings {}

/// What became of one reading: the members that name it, and the fault where there is one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PutUsage)]
struct Verdict {
    tenant_id: String,
    resource_id: String,
    usage_type: String,
    offering_item: String,
    infra_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<FaultBody>,
}

/// A fault, flat for readers of the flat form, and once more as a member for those of the nested one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PutUsageError)]
struct FaultBody {
    #[serde(flatten)]
    flat: ErrorBody,
    error: ErrorBody,
}

/// Sets current values. Faulty items do not hinder the others: each has its own verdict, in the order of the call.
#[utoipa::path(put, path = "/tenants/usages", tag = "usages", request_body = Readings,
    responses((status = 200, description = "A verdict on each reading, in the order of the call",
            body = Items<Verdict>),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 413, body = Envelope)))]
async fn put(
    State(app): State<App>,
    caller: Can<AnyToken>,
    request: Request,
) -> Result<Json<Items<Verdict>>, Problem> {
    // Before the body is looked at (wire-conventions, 5.2).
    caller.0.reports_usage_below()?;
    let Json(Readings { items }) = Json::from_request(request, &app).await?;
    let outcomes = usage::accept(&app, &caller.0, items.iter().map(entry).collect()).await?;
    let verdicts = items.iter().zip(outcomes).map(|(item, outcome)| verdict(item, outcome.err().as_ref()));
    Ok(Json(Items { items: verdicts.collect() }))
}

/// Reads one reading. Unknown members are ignored; null and the empty string count as absent.
fn entry(item: &Value) -> Result<Entry, Fault> {
    let item = item.as_object().ok_or_else(|| Fault::invalid("items", "must be objects"))?;
    let value = item.get("usage_value").filter(|value| !value.is_null());
    let value = value.ok_or_else(|| Fault::invalid("usage_value", "required"))?;
    let bad = || Fault::invalid("usage_value", domain::usage::BadReading.to_string());
    Ok(Entry {
        tenant: id(item, "tenant_id")?,
        resource: id::<domain::ids::TenantId>(item, "resource_id")?.map(|id| id.0),
        offering_item: text(item, "offering_item")?.map(str::to_owned),
        usage_type: text(item, "usage_type")?.map(str::to_owned),
        infra: id(item, "infra_id")?,
        value: value.as_i64().and_then(|value| Reading::new(value).ok()).ok_or_else(bad)?,
    })
}

fn text<'a>(item: &'a Map<String, Value>, field: &'static str) -> Result<Option<&'a str>, Fault> {
    match item.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(Fault::invalid(field, "must be a string")),
    }
}

fn id<T: FromStr<Err: ToString>>(item: &Map<String, Value>, field: &'static str) -> Result<Option<T>, Fault> {
    let read = |text: &str| text.parse().map_err(|error: T::Err| Fault::invalid(field, error.to_string()));
    text(item, field)?.map(read).transpose()
}

fn verdict(item: &Value, fault: Option<&Fault>) -> Verdict {
    let member = |name| item.get(name).and_then(Value::as_str).unwrap_or("");
    Verdict {
        tenant_id: member("tenant_id").to_ascii_lowercase(),
        resource_id: member("resource_id").to_ascii_lowercase(),
        usage_type: member("usage_type").to_owned(),
        offering_item: member("offering_item").to_owned(),
        infra_id: member("infra_id").to_ascii_lowercase(),
        error: fault.map(|fault| FaultBody { flat: fault_body(fault), error: fault_body(fault) }),
    }
}

/// The codes of accounts-api 1.12, strings here and nowhere else.
fn fault_body(fault: &Fault) -> ErrorBody {
    let (code, message) = match fault {
        Fault::Invalid { .. } => ("400", "Bad Request"),
        Fault::UnknownResource(_) => ("404", "Not Found"),
        Fault::Forbidden(_) => ("1002", "Access denied"),
        Fault::UnknownTenant(_) => ("1005", "Tenant not found"),
        Fault::ItemUnavailable(_) => ("1021", app::Rule::ItemUnavailable.message()),
        Fault::Business(_) => ("1027", app::Rule::Business.message()),
    };
    ErrorBody::new(code, message, Some(fault.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_that_is_no_integer_in_bounds_is_that_readings_fault_alone() {
        for bad in
            [json!("5"), json!(5.5), json!(5.0), json!(-1), json!(9_007_199_254_740_992_i64), json!(null)]
        {
            let fault = entry(&json!({ "usage_value": bad })).unwrap_err();
            assert!(matches!(fault, Fault::Invalid { field: "usage_value", .. }), "{bad}");
        }
        assert_eq!(
            entry(&json!({ "usage_value": 9_007_199_254_740_991_i64, "more": 1 })).unwrap().value.get(),
            9_007_199_254_740_991
        );
        assert!(entry(&json!({ "usage_value": 1, "tenant_id": "x" })).is_err());
        assert!(entry(&json!([])).is_err());
    }

    #[test]
    fn sums_are_written_exactly_and_absent_members_left_out() {
        let usage = UsageBody {
            tenant_uuid: "d8515984-648a-4a38-9aeb-c91ec704ccda".to_owned(),
            tenant_id: 7,
            application_id: String::new(),
            name: "vms",
            edition: None,
            usage_name: "vms",
            r#type: "count",
            measurement_unit: "quantity",
            infra_id: None,
            range_start: "2026-05-01T00:00:00".to_owned(),
            value: i128::from(u64::MAX) + 1,
            absolute_value: 0,
            offering_item: None,
        };
        let text = serde_json::to_string(&usage).unwrap();
        assert!(
            text.contains(r#""edition":null"#)
                && text.ends_with(r#""value":18446744073709551616,"absolute_value":0}"#)
        );
    }

    #[test]
    fn a_fault_is_flat_and_nested_at_once_and_its_code_a_string() {
        let item =
            json!({ "tenant_id": "DBCACDD4-17f5-4678-8175-f6c35c23fb2d", "offering_item": "pw_nothing" });
        let fault = Fault::ItemUnavailable("pw_nothing".to_owned());
        let error = json!({ "code": "1021", "domain": "PlatformAccountServer",
            "message": "Offering item not available", "details": { "info": "pw_nothing" }, "context": {} });
        let mut flat = error.clone();
        flat["error"] = error;
        let expected = json!({ "tenant_id": "dbcacdd4-17f5-4678-8175-f6c35c23fb2d", "resource_id": "", "usage_type": "",
            "offering_item": "pw_nothing", "infra_id": "", "error": flat });
        assert_eq!(serde_json::to_value(verdict(&item, Some(&fault))).unwrap(), expected);
    }
}
