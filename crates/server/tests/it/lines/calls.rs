//! Every operation that changes something, with as much to change as it takes. A word that begins with `$` is filled in.

/// Who calls, and so whose lines they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The first client of the installation.
    Root,
    /// A user of the partner.
    Ann,
    /// Nobody with credentials: the link or token in the call stands for the user `$user_id`.
    Link,
}

pub(super) struct Call {
    /// As the document writes it.
    pub(super) operation: &'static str,
    pub(super) by: By,
    /// `METHOD target` and body of what comes before it.
    pub(super) before: &'static [(&'static str, &'static str)],
    /// Where the document's path does not do; a query goes behind that path.
    pub(super) target: &'static str,
    /// JSON, a form, or `LOGO`.
    pub(super) body: &'static str,
}

const fn call(operation: &'static str, body: &'static str) -> Call {
    Call { operation, by: By::Root, before: &[], target: "", body }
}

const fn at(operation: &'static str, target: &'static str, body: &'static str) -> Call {
    Call { target, ..call(operation, body) }
}

const CONTACT: &str = r#"{"version":$customer_version,"contact":{"email":"a@b","firstname":"A","lastname":"B","address1":"C",
    "address2":"D","country":"E","state":"F","city":"G","zipcode":"H","phone":"I","title":"J","website":"K",
    "industry":"L","organization_size":"M","aan":"N","fax":"O","language":"de","types":["billing"]}}"#;

const TENANT: &str = r#"{"version":$tenant_version,"name":"South","kind":"folder","customer_type":"enterprise",
    "enabled":false,"customer_id":"C-1","internal_tag":"seen","language":"de","ancestral_access":false,
    "default_idp_id":"22222222-2222-2222-2222-222222222222","update_lock":{"enabled":true},
    "external_operation_status":"recovering"}"#;

const USER: &str = r#"{"version":$user_version,"login":"jane-$n","external_id":"E-$n","enabled":false,"language":"de",
    "idp_id":"22222222-2222-2222-2222-222222222222","business_types":["buyer"],"notifications":["quota"],
    "disable_after":"2027-01-01T00:00:00Z","contact":{"email":"jane@b","firstname":"A","lastname":"B","address1":"C",
    "address2":"D","country":"E","state":"F","city":"G","zipcode":"H","phone":"I","title":"J","website":"K",
    "industry":"L","organization_size":"M","aan":"N","fax":"O","language":"de","types":["billing"]}}"#;

const DISABLED: (&str, &str) =
    ("PUT /api/2/tenants/$tenant_id", r#"{"version":$tenant_version,"enabled":false}"#);
const DISABLED_USER: (&str, &str) =
    ("PUT /api/2/users/$user_id", r#"{"version":$user_version,"enabled":false}"#);
const DELETED: (&str, &str) = ("DELETE /api/2/tenants/$tenant_id?version=$tenant_version", "");
const DELETED_USER: (&str, &str) = ("DELETE /api/2/users/$user_id?version=$user_version", "");
const BRANDED: (&str, &str) =
    ("POST /api/2/tenants/$tenant_id/brand?version=$tenant_version", r#"{"company_name":"Coast IT"}"#);
const EUROS: (&str, &str) =
    ("PUT /api/2/tenants/$tenant_id/pricing", r#"{"version":$pricing_version,"currency":"EUR"}"#);
const OTT: (&str, &str) = ("POST /api/2/idp/ott", r#"{"purpose":"user_login","user_id":"$user_id"}"#);
const TOTP: (&str, &str) = ("POST /api/tidemark/1/users/me/totp", "");
const AT_VERSION: &str = "?version=$tenant_version";
const SETTING_OPERATION: &str =
    "PUT /api/2/applications/{application_id}/settings/tenants/{tenant_id}/{name}";
const SETTING: &str = "/api/2/applications/$platform_id/settings/tenants/$tenant_id/tier_level_value";
const SHIPPING: &str = "/api/2/applications/$shipping_id/bindings/tenants/$tenant_id";

/// Those that look for a mail come first: each finds one of its kind.
pub(super) const CALLS: &[Call] = &[
    Call {
        by: By::Link,
        before: &[("POST /api/2/users/$user_id/send-activation-email", "")],
        ..at(
            "POST /api/tidemark/1/activations/{token}",
            "/api/tidemark/1/activations/$activation",
            "password=an+old+lighthouse&password_again=an+old+lighthouse",
        )
    },
    Call {
        by: By::Link,
        before: &[
            ("POST /api/2/users/$user_id/password", r#"{"password":"an old lighthouse"}"#),
            ("PUT /api/2/users/$user_id", r#"{"version":$user_version,"contact":{"email":"new-$n@b"}}"#),
        ],
        ..at("POST /api/tidemark/1/email-changes/{token}", "/api/tidemark/1/email-changes/$email_change", "")
    },
    Call { by: By::Link, before: &[OTT], ..call("POST /api/2/idp/ott/login", r#"{"ott":"$ott"}"#) },
    Call { by: By::Link, before: &[OTT], ..at("GET /api/2/idp/external-login", "?ott=$ott", "") },
    call("POST /api/2/idp/ott", r#"{"purpose":"verify","user_id":"$user_id"}"#),
    Call { by: By::Ann, ..call("POST /api/2/idp/device_authorization/approval", r#"{"code":"$user_code"}"#) },
    Call { by: By::Ann, ..call("POST /api/tidemark/1/users/me/totp", "") },
    Call {
        by: By::Ann,
        before: &[TOTP],
        ..call("PUT /api/tidemark/1/users/me/totp", r#"{"code":"$totp_code"}"#)
    },
    Call { by: By::Ann, before: &[TOTP], ..call("DELETE /api/tidemark/1/users/me/totp", "") },
    // Tenants.
    call(
        "POST /api/2/tenants",
        r#"{"name":"Quay","parent_id":"$customer_id","kind":"unit","contact":{"phone":"1"},"internal_tag":"t",
            "company_billing_contact":{"email":"bills@b"},"update_lock":{"enabled":true},"customer_id":"C-1"}"#,
    ),
    call("PUT /api/2/tenants/{tenant_id}", TENANT),
    at("PUT /api/2/tenants/{tenant_id}", "/api/2/tenants/$customer_id", CONTACT),
    at(
        "PUT /api/2/tenants/{tenant_id}",
        "/api/2/tenants/$customer_id",
        r#"{"version":$customer_version,"parent_id":"$other_partner_id"}"#,
    ),
    Call { before: &[DISABLED], ..at("DELETE /api/2/tenants/{tenant_id}", AT_VERSION, "") },
    Call {
        before: &[DISABLED],
        ..call(
            "POST /api/2/tenants/batch/delete",
            r#"{"items":[{"id":"$tenant_id","version":$tenant_version}]}"#,
        )
    },
    Call { before: &[DISABLED, DELETED], ..call("POST /api/2/tenants/{tenant_id}/restore", "") },
    call(
        "PUT /api/2/tenants/{tenant_id}/default_idp",
        r#"{"version":$tenant_version,"idp_id":"22222222-2222-2222-2222-222222222222","apply_to_children":true}"#,
    ),
    call("PUT /api/2/tenants/{tenant_id}/mfa/status", r#"{"enabled":true}"#),
    at(
        "POST /api/2/tenants/{tenant_id}/brand",
        AT_VERSION,
        r#"{"company_name":"Coast","smtp_password":"s3cret"}"#,
    ),
    Call {
        before: &[BRANDED],
        ..at("PUT /api/2/tenants/{tenant_id}/brand", AT_VERSION, r##"{"color":"#8a2be2"}"##)
    },
    Call { before: &[BRANDED], ..at("POST /api/2/tenants/{tenant_id}/brand/logo", AT_VERSION, "LOGO") },
    Call { before: &[BRANDED], ..at("DELETE /api/2/tenants/{tenant_id}/brand", AT_VERSION, "") },
    // What tenants may use, and what that costs.
    call(
        "PUT /api/2/tenants/{tenant_id}/offering_items",
        r#"{"offering_items":[{"application_id":"$application_id","name":"vms","status":1,
            "quota":{"value":10,"overage":2,"version":0}}]}"#,
    ),
    call(
        "PUT /api/2/tenants/{tenant_id}/edition",
        r#"{"target_edition":"pck_per_workload","application_id":"$application_id"}"#,
    ),
    at("POST /api/2/applications/{application_id}/bindings/tenants/{tenant_id}", SHIPPING, ""),
    call("DELETE /api/2/applications/{application_id}/bindings/tenants/{tenant_id}", ""),
    call(
        "PUT /api/2/tenants/{tenant_id}/pricing",
        r#"{"version":$pricing_version,"mode":"suspended","currency":"EUR"}"#,
    ),
    Call {
        before: &[EUROS],
        ..call(
            "PUT /api/2/tenants/{tenant_id}/offering_items/pricing",
            r#"{"items":[{"application_id":"$application_id","name":"vms","price":"0.05"}]}"#,
        )
    },
    call(
        "PUT /api/2/billing/tenants/{tenant_id}",
        r#"{"version":$billing_version,"mode":"external","usage_calculation_mode":"average"}"#,
    ),
    call(
        "PUT /api/2/billing/tenants/{tenant_id}/periods",
        r#"{"items":[{"offering_item":{"application_id":"$application_id","name":"vms"},
            "current_period":{"start":"2026-05-05","end":"2026-06-04"}}]}"#,
    ),
    call("PUT /api/tidemark/1/tenants/{tenant_id}/billing_period", r#"{"day":15}"#),
    at(SETTING_OPERATION, SETTING, r#"{"value":2,"lock":true,"exclusive":true}"#),
    Call {
        before: &[(
            "PUT /api/2/applications/$platform_id/settings/tenants/$tenant_id/tier_level_value",
            r#"{"value":2}"#,
        )],
        ..at(SETTING_OPERATION, SETTING, r#"{"value":3,"lock":true,"exclusive":true}"#)
    },
    Call {
        before: &[(
            "PUT /api/2/applications/$platform_id/settings/tenants/$tenant_id/tier_level_value",
            r#"{"value":2}"#,
        )],
        ..at("DELETE /api/2/applications/{application_id}/settings/tenants/{tenant_id}/{name}", SETTING, "")
    },
    // Users and clients.
    call(
        "POST /api/2/users",
        r#"{"tenant_id":"$customer_id","login":"new-$n","contact":{"email":"new@b","firstname":"A"},
            "external_id":"E-$n","origin_id":"crm","origin_external_id":"17","business_types":["buyer"],
            "disable_after":"2027-01-01T00:00:00Z"}"#,
    ),
    call("PUT /api/2/users/{user_id}", USER),
    Call { before: &[DISABLED_USER], ..at("DELETE /api/2/users/{user_id}", "?version=$user_version", "") },
    Call {
        before: &[DISABLED_USER, DELETED_USER],
        ..at("POST /api/2/users/{user_id}/restore", "?enable=true", "")
    },
    call(
        "PUT /api/2/users/{user_id}/access_policies",
        r#"{"items":[{"tenant_id":"$customer_id","role_id":"company_admin"}]}"#,
    ),
    call("PUT /api/2/users/{user_id}/mfa/status", r#"{"enabled":true}"#),
    call("POST /api/2/users/{user_id}/password", r#"{"password":"an old lighthouse"}"#),
    call("POST /api/2/users/{user_id}/send-activation-email", ""),
    call(
        "POST /api/2/clients",
        r#"{"type":"api_client","tenant_id":"$tenant_id","token_endpoint_auth_method":"client_secret_basic",
            "data":{"client_name":"Billing job"},"origin_id":"crm"}"#,
    ),
    call(
        "PUT /api/2/clients/{client_id}",
        r#"{"data":{"client_name":"Renamed"},"status":"disabled","redirect_uris":["https://b/back"],"origin_id":"crm"}"#,
    ),
    call("DELETE /api/2/clients/{client_id}", ""),
    // Locations and storages.
    call("POST /api/2/locations", r#"{"owner_tenant_id":"$tenant_id","name":"North Sea"}"#),
    call("PUT /api/2/locations/{location_id}", r#"{"version":$location_version,"name":"Baltic Sea"}"#),
    at("DELETE /api/2/locations/{location_id}", "?version=$location_version", ""),
    call(
        "POST /api/2/infra",
        r#"{"owner_tenant_id":"$tenant_id","name":"S1","url":"abgw://s.example.com:44445","capabilities":["backup"]}"#,
    ),
    call(
        "PUT /api/2/infra/{infra_id}",
        r#"{"version":$infra_version,"name":"S2","url":"abgw://t.example.com:44445","location_id":"$other_location_id",
            "capabilities":["backup","files_cloud"],"content_url":"https://c.example.com",
            "content_mobile_url":"https://m.example.com","backend_type":"azure"}"#,
    ),
    call(
        "PUT /api/2/infra/{infra_id}",
        r#"{"version":$infra_version,"url":"abgw://me:secret@s.example.com:44445"}"#,
    ),
    at("DELETE /api/2/infra/{infra_id}", "?version=$infra_version", ""),
    // Reports. What sends again comes first: the jobs make what it needs, and are to have work left in the end.
    call("POST /api/tidemark/1/deliveries/{delivery_id}/resend", ""),
    at(
        "POST /api/tidemark/1/reports/{report_id}/deliveries/resend",
        "/api/tidemark/1/reports/$bounced_report_id/deliveries/resend",
        "",
    ),
    call("POST /api/tidemark/1/delivery-alerts/{alert_id}/acknowledge", r#"{"reason":"told them"}"#),
    call(
        "POST /api/2/reports",
        r#"{"parameters":{"tenant_id":"$tenant_id","level":"itself","kind":"usage_current"},
            "schedule":{"type":"once"},"result_action":"send","recipients":["$user_id"]}"#,
    ),
    call(
        "POST /api/2/reports/bulk",
        r#"{"parameters":{"tenant_ids":["$tenant_id","$customer_id"],"level":"itself","kind":"usage_current"},
            "schedule":{"type":"monthly"},"result_action":"save"}"#,
    ),
    call(
        "PUT /api/2/reports/{report_id}",
        r#"{"parameters":{"level":"accounts","kind":"usage_summary","hide_zero_usage":true,"show_skus":true},
            "schedule":{"enabled":false}}"#,
    ),
    at("DELETE /api/2/reports/{report_id}", "?version=$report_version", ""),
    call("POST /api/2/users/{user_id}/report-subscriptions", r#"{"report_id":"$mailed_report_id"}"#),
    Call {
        before: &[(
            "POST /api/2/users/$user_id/report-subscriptions",
            r#"{"report_id":"$mailed_report_id"}"#,
        )],
        ..at(
            "DELETE /api/2/users/{user_id}/report-subscriptions/{report_id}",
            "/api/2/users/$user_id/report-subscriptions/$mailed_report_id",
            "",
        )
    },
];
