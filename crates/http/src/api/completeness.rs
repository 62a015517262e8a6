//! Which readings are missing: Tidemark's own, beside the reports.

use app::completeness::{self, Asked, Survey};
use app::{App, Error};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use domain::ids::{InfraId, TenantId};
use domain::time::{Day, Period};
use futures_util::{TryStreamExt as _, stream};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Can, ReportReader};
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::wire::Zulu;

/// The routes behind `/api/tidemark/1`.
pub fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get))
}

/// The readings that are missing.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"tenant_id": "53b471e1-50dd-4557-ae6d-f687946821d4", "from": "2026-05-01",
    "to": "2026-05-07", "as_of": 4711, "meters": [{"tenant_id": "dbcacdd4-17f5-4678-8175-f6c35c23fb2d",
    "offering_item": "vms", "first_heard": "2026-05-02", "last_day": "2026-05-07",
    "last_heard": "2026-05-08T00:10:00Z", "silent": false, "gaps": [{"from": "2026-05-04", "to": "2026-05-05"}]}],
    "totals": {"meters": 31, "silent": 0, "never_heard": 0, "cells": 217, "reported": 215, "carried": 2}}))]
#[expect(dead_code, reason = "describes what is written part by part")]
struct Completeness {
    #[schema(format = Uuid)]
    tenant_id: String,
    /// The first day.
    #[schema(format = Date)]
    from: String,
    /// The last day.
    #[schema(format = Date)]
    to: String,
    /// The newest acceptance number when the answer began: what came later is not in it.
    as_of: i64,
    /// The meters with something missing.
    meters: Vec<MeterBody>,
    totals: TotalsBody,
}

/// A meter with something missing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IncompleteMeter)]
struct MeterBody {
    #[schema(value_type = String, format = "uuid")]
    tenant_id: TenantId,
    /// Full name, with edition prefix.
    offering_item: &'static str,
    /// The storage; absent of items that are bound to none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid", nullable = false)]
    infra_id: Option<InfraId>,
    /// The day of its first reading; null where that is not one of the tenant's days in the period.
    #[schema(value_type = Option<String>, format = "date")]
    first_heard: Option<Day>,
    /// The day of its last reading up to the end of the period; null where nothing had been heard by then.
    #[schema(value_type = Option<String>, format = "date")]
    last_day: Option<Day>,
    /// When something of it came in last, whatever day it was for; null of what was never heard, and of a tenant that
    /// has left or been hidden since.
    last_heard: Option<Zulu>,
    /// Nothing was heard on any day that counts.
    silent: bool,
    /// The days that count and have no reading, from the first reading on.
    gaps: Vec<GapBody>,
}

/// Days in a row.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Gap)]
struct GapBody {
    /// The first of them.
    #[schema(value_type = String, format = "date")]
    from: Day,
    /// The last of them.
    #[schema(value_type = String, format = "date")]
    to: Day,
}

/// Of all meters, those that miss nothing too.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompletenessTotals)]
struct TotalsBody {
    /// How many there are.
    meters: u64,
    /// Of those: nothing was heard on any day that counts.
    silent: u64,
    /// Of those: nothing had ever been heard.
    never_heard: u64,
    /// A cell is a meter on a day that counts, from its first reading on.
    cells: u64,
    /// Cells with a reading.
    reported: u64,
    /// Cells without: the level of an earlier day stands for them.
    carried: u64,
}

/// The readings that are missing for a tenant and all below it.
///
/// A day counts for a meter if at its end the tenant was below the one asked for, with no tenant between the two that hid
/// its inside, and the item was on. Whoever may read reports that show the inside of the tenant may ask.
#[utoipa::path(get, path = "/tenants/{tenant_id}/completeness", tag = "usages",
    params(
        ("tenant_id" = String, Path, format = "uuid", example = "53b471e1-50dd-4557-ae6d-f687946821d4"),
        ("from" = Option<String>, Query, format = "date", example = "2026-05-01",
            description = "The first day; where it is absent the 1st of the month of `to`"),
        ("to" = Option<String>, Query, format = "date", example = "2026-05-07",
            description = "The last day, at most the last one that is closed, which it is where it is absent; at most \
                400 days are answered at a time"),
        ("never_heard" = Option<bool>, Query, example = false,
            description = "Whether to list items that are on and of whose meter nothing was ever heard; true where it \
                is absent"),
    ),
    responses(
        (status = 200, description = "What is missing, by tenant number", body = Completeness),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn get(
    caller: Can<ReportReader>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["from", "to", "never_heard"])?;
    let asked = Asked {
        from: params.parsed("from")?,
        to: params.parsed("to")?,
        never_heard: params.flag("never_heard")?.unwrap_or(true),
    };
    let survey = completeness::survey(&app, &caller.0, tenant, &asked).await?;
    // The first part comes before the status: most faults show there.
    let (begin, rest) = Writing::begin(survey).await?;
    let parts = stream::try_unfold(rest, Writing::next);
    let rest = parts.inspect_err(|error| {
        tracing::error!(error = error as &dyn std::error::Error, "an answer broke off");
    });
    let body = Body::from_stream(futures_util::StreamExt::chain(stream::iter([Ok(begin)]), rest));
    let headers =
        [(header::CONTENT_TYPE, "application/json; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, body).into_response())
}

/// The answer on its way, part by part: no channel's list of meters is ever held whole.
struct Writing {
    survey: Survey,
    is_first: bool,
    is_done: bool,
}

impl Writing {
    async fn begin(survey: Survey) -> Result<(Bytes, Self), Error> {
        let Survey { subject, period, .. } = &survey;
        let (from, to, as_of) = (period.start, period.last(), survey.as_of());
        let mut text = format!(
            "{{\"tenant_id\":\"{subject}\",\"from\":\"{from}\",\"to\":\"{to}\",\"as_of\":{as_of},\"meters\":["
        );
        let writing = Self { survey, is_first: true, is_done: false };
        let rest = writing.write_part(&mut text).await?;
        Ok((text.into(), rest))
    }

    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        let mut text = String::new();
        while !self.is_done && text.is_empty() {
            self = self.write_part(&mut text).await?;
        }
        Ok((!text.is_empty()).then(|| (text.into(), self)))
    }

    /// Adds the next meters, or the end.
    async fn write_part(mut self, text: &mut String) -> Result<Self, Error> {
        let (meters, survey) = self.survey.next().await?;
        self.survey = survey;
        let Some(meters) = meters else {
            let totals = json(&TotalsBody::from(self.survey.totals()))?;
            text.extend(["],\"totals\":", &totals, "}"]);
            self.is_done = true;
            return Ok(self);
        };
        for meter in meters {
            if !std::mem::take(&mut self.is_first) {
                text.push(',');
            }
            text.push_str(&json(&MeterBody::from(meter))?);
        }
        Ok(self)
    }
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(Error::internal)
}

impl From<completeness::Meter> for MeterBody {
    fn from(meter: completeness::Meter) -> Self {
        let completeness::Meter { tenant, offering_item, infra, first_heard, last_day, last_heard, .. } =
            meter;
        Self {
            tenant_id: tenant,
            offering_item,
            infra_id: infra,
            first_heard,
            last_day,
            last_heard: last_heard.map(Zulu),
            silent: meter.silent,
            gaps: meter.gaps.into_iter().map(GapBody::from).collect(),
        }
    }
}

impl From<Period> for GapBody {
    fn from(days: Period) -> Self {
        Self { from: days.start, to: days.last() }
    }
}

impl From<completeness::Totals> for TotalsBody {
    fn from(totals: completeness::Totals) -> Self {
        let completeness::Totals { meters, silent, never_heard, cells } = totals;
        let reported = cells.all - cells.carried;
        Self { meters, silent, never_heard, cells: cells.all, reported, carried: cells.carried }
    }
}
