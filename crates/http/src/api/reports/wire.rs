//! Reports as JSON.

use app::Error;
use app::reports::{Change, NewReport, Shown};
use domain::ids::{ReportId, TenantId, UserId};
use domain::report::{Format, Kind, Level, Parameters, ResultAction};
use domain::schedule::ScheduleType;
use domain::time::Day;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::Body;
use crate::schema;
use crate::wire::{lax_bool, lax_bool_option, lax_int_option};

/// A report (reports-api, section 2).
#[derive(Debug, Serialize, ToSchema)]
pub struct Report {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub id: ReportId,
    /// 1 at creation, +1 per PUT.
    pub version: i64,
    /// Whether its files are kept or sent.
    #[schema(value_type = schema::ResultAction)]
    pub result_action: ResultAction,
    /// Users who get the mail.
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub recipients: Vec<UserId>,
    /// What it shows.
    pub parameters: ReportParameters,
    /// When it runs.
    pub schedule: ReportSchedule,
    /// The date of its next, or only, generation.
    #[schema(value_type = String, format = "date")]
    pub generation_date: Day,
}

/// What a report shows.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportParameters {
    /// The subject tenant.
    #[schema(value_type = String, format = "uuid")]
    pub tenant_id: TenantId,
    /// Which descendants have rows.
    #[schema(value_type = schema::ReportLevel)]
    pub level: Level,
    /// What is counted.
    #[schema(value_type = schema::ReportKind)]
    pub kind: Kind,
    /// The files.
    #[schema(value_type = Vec<schema::ReportFormat>)]
    pub formats: Vec<Format>,
    /// The days reported.
    pub period: PeriodDates,
    /// Whether rows of zeros are dropped; only where it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hide_zero_usage: Option<bool>,
    /// Whether rows show SKUs; only where it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub show_skus: Option<bool>,
}

/// The first and the last day.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct PeriodDates {
    /// The first.
    #[schema(value_type = String, format = "date")]
    pub start: Day,
    /// The last, which belongs to the period.
    #[schema(value_type = String, format = "date")]
    pub end: Day,
}

/// When a report runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportSchedule {
    /// How often.
    #[serde(rename = "type")]
    #[schema(value_type = schema::ScheduleType)]
    pub kind: ScheduleType,
    /// Whether it runs when due.
    pub enabled: bool,
}

impl From<Shown> for Report {
    fn from(Shown { report, period, generation_on }: Shown) -> Self {
        let parameters = report.parameters;
        Self {
            id: report.id,
            version: report.version,
            result_action: report.result_action,
            recipients: report.recipients,
            parameters: ReportParameters {
                tenant_id: report.subject_id,
                level: parameters.level,
                kind: parameters.kind,
                formats: parameters.formats,
                period: PeriodDates { start: period.start, end: period.last() },
                hide_zero_usage: parameters.hide_zero_usage,
                show_skus: parameters.show_skus,
            },
            schedule: ReportSchedule { kind: report.schedule, enabled: report.enabled },
            generation_date: generation_on,
        }
    }
}

/// The most tenants that reports are made on by one call: as many items as other bodies take.
const MOST_SUBJECTS: usize = 1_000;

/// A new report: closed at the top, open inside (reports-api, 3.1).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PostReport<P: ToSchema> {
    #[schema(value_type = Option<Vec<uuid::Uuid>>)]
    recipients: Option<Vec<UserId>>,
    #[schema(value_type = schema::ResultAction)]
    result_action: ResultAction,
    parameters: P,
    schedule: PostSchedule,
    #[schema(value_type = Option<String>, format = "date")]
    generation_date: Option<Day>,
}

impl<P: ToSchema + DeserializeOwned> Body for PostReport<P> {}

impl PostReport<OnOne> {
    /// The subject, and what is to be made on it.
    pub(super) fn into_new(self) -> Result<(TenantId, NewReport), Error> {
        Ok((self.parameters.tenant_id, self.on_each()?))
    }
}

impl PostReport<OnMany> {
    /// The subjects without repeats, and what is to be made on each.
    pub(super) fn into_new(self) -> Result<(Vec<TenantId>, NewReport), Error> {
        let subjects = without_repeats(&self.parameters.tenant_ids);
        if subjects.is_empty() {
            return Err(Error::invalid("parameters.tenant_ids", "must not be empty"));
        }
        app::lists::check_count("parameters.tenant_ids", &subjects, MOST_SUBJECTS)?;
        Ok((subjects, self.on_each()?))
    }
}

impl<P: ToSchema + Shows> PostReport<P> {
    fn on_each(self) -> Result<NewReport, Error> {
        let (parameters, period) = self.parameters.shows()?;
        Ok(NewReport {
            parameters,
            period,
            result_action: self.result_action,
            recipients: self.recipients.unwrap_or_default(),
            schedule: self.schedule.kind,
            enabled: self.schedule.enabled.unwrap_or(true),
            generation_on: self.generation_date,
        })
    }
}

/// What a report is to show, apart from its subject.
pub(super) trait Shows {
    fn shows(self) -> Result<(Parameters, Option<(Day, Day)>), Error>;
}

macro_rules! post_parameters {
    ($(#[$doc:meta])* $name:ident, $subject:ident: $of:ty as $schema:ty) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, ToSchema)]
        pub(super) struct $name {
            #[schema(value_type = $schema)]
            $subject: $of,
            #[schema(value_type = schema::ReportLevel)]
            level: Level,
            #[schema(value_type = schema::ReportKind)]
            kind: Kind,
            #[schema(value_type = Option<Vec<schema::ReportFormat>>)]
            formats: Option<Vec<Format>>,
            period: Option<PeriodDates>,
            #[serde(default, deserialize_with = "lax_bool_option")]
            #[schema(value_type = Option<bool>)]
            hide_zero_usage: Option<bool>,
            #[serde(default, deserialize_with = "lax_bool_option")]
            #[schema(value_type = Option<bool>)]
            show_skus: Option<bool>,
        }

        impl Shows for $name {
            fn shows(self) -> Result<(Parameters, Option<(Day, Day)>), Error> {
                let formats = without_repeats(self.formats.as_deref().unwrap_or(&[Format::CsvV2]));
                let parameters = Parameters {
                    level: self.level,
                    kind: self.kind,
                    formats: some_formats(formats)?,
                    hide_zero_usage: self.hide_zero_usage,
                    show_skus: self.show_skus,
                };
                Ok((parameters, self.period.map(|period| (period.start, period.end))))
            }
        }
    };
}

post_parameters! {
    /// The subject of a new report and what it is to show.
    OnOne, tenant_id: TenantId as uuid::Uuid
}
post_parameters! {
    /// The subjects of new reports, at most 1,000, and what they are to show.
    OnMany, tenant_ids: Vec<TenantId> as Vec<uuid::Uuid>
}

/// When a new report is to run.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct PostSchedule {
    #[serde(rename = "type")]
    #[schema(value_type = schema::ScheduleType)]
    kind: ScheduleType,
    #[serde(default, deserialize_with = "lax_bool_option")]
    #[schema(value_type = Option<bool>)]
    enabled: Option<bool>,
}

/// A change of a report (reports-api, 5.2): closed at the top, open inside; what cannot change may be repeated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutReport {
    #[schema(value_type = Option<Vec<uuid::Uuid>>)]
    recipients: Option<Vec<UserId>>,
    #[serde(default)]
    parameters: Option<PutParameters>,
    schedule: Option<PutSchedule>,
    #[schema(value_type = Option<String>, format = "uuid")]
    id: Option<ReportId>,
    #[serde(default, deserialize_with = "lax_int_option")]
    #[schema(value_type = Option<i64>)]
    version: Option<i64>,
    #[schema(value_type = Option<schema::ResultAction>)]
    result_action: Option<ResultAction>,
    #[schema(value_type = Option<String>, format = "date")]
    generation_date: Option<Day>,
}

impl Body for PutReport {}

/// What a report is to show from now on.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct PutParameters {
    #[schema(value_type = Option<schema::ReportLevel>)]
    level: Option<Level>,
    #[schema(value_type = Option<schema::ReportKind>)]
    kind: Option<Kind>,
    #[serde(default, deserialize_with = "lax_bool_option")]
    #[schema(value_type = Option<bool>)]
    hide_zero_usage: Option<bool>,
    #[serde(default, deserialize_with = "lax_bool_option")]
    #[schema(value_type = Option<bool>)]
    show_skus: Option<bool>,
    #[schema(value_type = Option<String>, format = "uuid")]
    tenant_id: Option<TenantId>,
    #[schema(value_type = Option<Vec<schema::ReportFormat>>)]
    formats: Option<Vec<Format>>,
    period: Option<PeriodDates>,
}

/// Whether a report is to run.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct PutSchedule {
    #[serde(deserialize_with = "lax_bool")]
    #[schema(value_type = bool)]
    enabled: bool,
    #[serde(rename = "type")]
    #[schema(value_type = Option<schema::ScheduleType>)]
    kind: Option<ScheduleType>,
}

impl From<PutReport> for Change {
    fn from(body: PutReport) -> Self {
        let parameters = body.parameters.unwrap_or_default();
        Self {
            recipients: body.recipients,
            level: parameters.level,
            kind: parameters.kind,
            hide_zero_usage: parameters.hide_zero_usage,
            show_skus: parameters.show_skus,
            enabled: body.schedule.as_ref().map(|schedule| schedule.enabled),
            id: body.id,
            version: body.version,
            tenant_id: parameters.tenant_id,
            formats: parameters.formats,
            period: parameters.period.map(|period| (period.start, period.end)),
            schedule: body.schedule.and_then(|schedule| schedule.kind),
            result_action: body.result_action,
            generation_on: body.generation_date,
        }
    }
}

fn some_formats(formats: Vec<Format>) -> Result<Vec<Format>, Error> {
    if formats.is_empty() {
        return Err(Error::invalid("parameters.formats", "must not be empty"));
    }
    Ok(formats)
}

fn without_repeats<T: Copy + PartialEq>(values: &[T]) -> Vec<T> {
    let mut kept = Vec::with_capacity(values.len());
    for value in values {
        if !kept.contains(value) {
            kept.push(*value);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::decode;

    const SMALLEST: &str = r#"{"parameters":{"tenant_id":"53b471e1-50dd-4557-ae6d-f687946821d4","level":"accounts",
        "kind":"usage_current"},"schedule":{"type":"once"},"result_action":"save"}"#;

    fn read(body: &str) -> Result<NewReport, Error> {
        Ok(decode::<PostReport<OnOne>>(body.as_bytes())?.into_new()?.1)
    }

    #[test]
    fn the_smallest_published_body_gets_the_published_defaults() {
        let new = read(SMALLEST).unwrap();
        assert_eq!(new.parameters.formats, [Format::CsvV2]);
        assert_eq!((new.enabled, new.period, new.generation_on), (true, None, None));
        assert_eq!((new.parameters.hide_zero_usage, new.parameters.show_skus), (None, None));
        assert!(new.recipients.is_empty());
    }

    #[test]
    fn members_are_as_tolerant_as_published() {
        let body = SMALLEST
            .replace("\"kind\"", r#""surprise":1,"show_skus":"true","hide_zero_usage":null,"formats":["csv","html","csv"],"kind""#)
            .replace(r#""type""#, r#""enabled":"false","x":[],"type""#)
            .replace("53b471e1", "53B471E1")
            .replace("\"result_action\"", r#""recipients":null,"generation_date":null,"result_action""#);
        let new = read(&body).unwrap();
        assert_eq!(new.parameters.formats, [Format::Csv, Format::Html]);
        assert_eq!(
            (new.parameters.show_skus, new.parameters.hide_zero_usage, new.enabled),
            (Some(true), None, false)
        );
    }

    #[test]
    fn a_refusal_names_the_member() {
        for (from, to, said) in [
            ("accounts", "all", "parameters.level: value not allowed"),
            ("usage_current", "usage", "parameters.kind: value not allowed"),
            ("\"once\"", "\"daily\"", "schedule.type: value not allowed"),
            ("\"save\"", "\"keep\"", "result_action: value not allowed"),
            ("53b471e1-", "", "parameters.tenant_id: not a UUID"),
            ("\"kind\"", r#""formats":[],"kind""#, "parameters.formats: must not be empty"),
            ("\"kind\"", r#""formats":["xlsx"],"kind""#, "parameters.formats[0]: value not allowed"),
            ("\"kind\"", r#""period":{"start":"2017-05-01"},"kind""#, "parameters.period.end: required"),
            (
                "\"kind\"",
                r#""period":{"start":"1.5.2017","end":"2017-05-07"},"kind""#,
                "parameters.period.start: not a date of the form YYYY-MM-DD",
            ),
            ("\"schedule\":{\"type\":\"once\"},", "", "schedule: required"),
            ("\"result_action\"", r#""period":{},"result_action""#, "period: unknown member"),
            ("\"once\"", "\"once\",\"enabled\":1", "schedule.enabled: must be true or false"),
        ] {
            assert_eq!(read(&SMALLEST.replace(from, to)).unwrap_err().to_string(), said);
        }
    }

    #[test]
    fn a_change_needs_nothing_but_enabled_inside_schedule() {
        assert!(decode::<PutReport>(b"{}").is_ok());
        assert!(
            decode::<PutReport>(br#"{"schedule":{"enabled":"false"},"parameters":null,"version":"2"}"#)
                .is_ok()
        );
        let refusal = |body: &str| decode::<PutReport>(body.as_bytes()).unwrap_err().to_string();
        assert_eq!(refusal(r#"{"schedule":{"type":"once"}}"#), "schedule.enabled: required");
        assert_eq!(refusal(r#"{"period":{}}"#), "period: unknown member");
    }
}
