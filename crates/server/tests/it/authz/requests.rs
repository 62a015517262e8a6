//! What is sent for each operation of the matrix. A word that begins with `$` is filled in by the driver.

/// Steps made by root before the call, the call itself and its body.
pub(super) struct Request {
    /// `METHOD path` and body, each.
    pub(super) before: &'static [(&'static str, &'static str)],
    /// Path and query; empty: the operation's own path.
    pub(super) target: &'static str,
    /// JSON, or a form where it does not begin with a brace; empty: none.
    pub(super) body: &'static str,
}

const PLAIN: Request = Request { before: &[], target: "", body: "" };

const fn query(target: &'static str) -> Request {
    Request { target, ..PLAIN }
}

const fn body(body: &'static str) -> Request {
    Request { body, ..PLAIN }
}

const NARROWING: Request = body(
    "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=$token\
     &scope=urn:acronis.com:tenant-id:$tenant_id",
);

/// The body of a report that keeps its files, every month.
pub(super) const MONTHLY_REPORT: &str = r#"{"parameters":{"tenant_id":"$tenant_id","level":"itself","kind":"usage_current"},
    "schedule":{"type":"monthly"},"result_action":"save"}"#;

/// The body of a report that is mailed to one reader, every month.
pub(super) const MAILED_REPORT: &str = r#"{"parameters":{"tenant_id":"$tenant_id","level":"itself","kind":"usage_current"},
    "schedule":{"type":"monthly"},"result_action":"send","recipients":["$reader"]}"#;

const TIER_LEVEL: &str = "/api/2/applications/$platform_id/settings/tenants/$tenant_id/tier_level_value";

const PRICING_INFO: &str = "/api/2/applications/$platform_id/settings/tenants/$tenant_id/pricing_info";

const BRAND: &str = "/api/2/tenants/$tenant_id/brand?version=$tenant_version";

const NO_LINK: &str = "/api/tidemark/1/email-changes/nobody-knows-this-one";

const NO_ACTIVATION: &str = "/api/tidemark/1/activations/nobody-knows-this-one";

const NO_REPORT_LINK: &str = "/api/tidemark/1/report-links/nobody-knows-this-one";

const NO_LINKED_FILE: &str = "/api/tidemark/1/report-links/nobody-knows-this-one/files/$stored_report_id";

const PRICE_LIST: &str = r#"{"value":{"currency":"USD","licensing_mode":"per_gb","tier_level":"1",
    "pricing":[{"description":"Virtual machines","price":0.09,"sku":"ABC"}]}}"#;

/// The request of an operation; those that need no body and no query are not listed.
pub(super) fn request(operation: &str) -> Request {
    let (method, path) = operation.split_once(' ').unwrap();
    let path = path.strip_prefix("/api/2").unwrap_or(path);
    match method {
        "GET" => get(path),
        "POST" => post(path),
        "PUT" => put(path),
        _ => delete(path),
    }
}

fn get(path: &str) -> Request {
    match path {
        "/api/tidemark/1/email-changes/{token}" => query(NO_LINK),
        "/api/tidemark/1/activations/{token}" => query(NO_ACTIVATION),
        "/api/tidemark/1/report-links/{token}" => query(NO_REPORT_LINK),
        "/api/tidemark/1/report-links/{token}/files/{stored_report_id}" => query(NO_LINKED_FILE),
        "/api/1/accounts" => query("/api/1/accounts?login=jdoe"),
        "/users/check_login" => query("/api/2/users/check_login?username=nobody-$n"),
        "/idp/authorize" => query(
            "/api/2/idp/authorize?response_type=code&client_id=$app_id&redirect_uri=https://crm.example.com/back\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
        ),
        "/idp/external-login" => query("/api/2/idp/external-login?ott=nobody-knows-this-one"),
        "/idp/device_authorization/approval" => {
            query("/api/2/idp/device_authorization/approval?code=$user_code")
        }
        "/clients" => query("/api/2/clients?uuids=$client_id"),
        "/tenants/usages" => query("/api/2/tenants/usages?tenants=$tenant_id"),
        "/tenants" => query("/api/2/tenants?uuids=$tenant_id"),
        "/users" => query("/api/2/users?uuids=$user_id"),
        "/tenants/offering_items" => query("/api/2/tenants/offering_items?subtree_root_tenant_id=$tenant_id"),
        "/tenants/applications" => query("/api/2/tenants/applications?tenants=$tenant_id"),
        "/search" => query("/api/2/search?text=harbour&tenant=$tenant_id"),
        "/tenants/{tenant_id}/edition" => {
            query("/api/2/tenants/$tenant_id/edition?target_edition=standard&application_id=$application_id")
        }
        "/locations" => query("/api/2/locations?uuids=$location_id"),
        "/infra" => query("/api/2/infra?uuids=$infra_id"),
        "/tenants/{tenant_id}/brand" => query("/api/2/tenants/$tenant_id/brand?effective=1"),
        "/reports/{report_id}/stored/{stored_report_id}" => {
            query("/api/2/reports/$finished_report_id/stored/$stored_report_id")
        }
        "/applications/{application_id}/settings/tenants/{tenant_id}/{name=tier_level_value}" => {
            query(TIER_LEVEL)
        }
        "/applications/{application_id}/settings/tenants/{tenant_id}/{name=pricing_info}" => {
            query(PRICING_INFO)
        }
        _ => PLAIN,
    }
}

fn post(path: &str) -> Request {
    match path {
        "/idp/token" | "/bc/idp/token" => NARROWING,
        "/idp/revoke_token" | "/idp/introspect_token" => body("token=nobody-knows-this-one"),
        "/api/tidemark/1/email-changes/{token}" => query(NO_LINK),
        "/api/tidemark/1/activations/{token}" => Request {
            target: NO_ACTIVATION,
            body: "password=an+old+lighthouse&password_again=an+old+lighthouse",
            ..PLAIN
        },
        "/users/check_password" => body(r#"{"password":"5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8"}"#),
        "/users/{user_id}/password" => body(r#"{"password":"an old lighthouse $n"}"#),
        "/users/{user_id}/restore" => Request {
            before: &[
                ("PUT /api/2/users/$user_id", r#"{"version":$user_version,"enabled":false}"#),
                ("DELETE /api/2/users/$user_id?version=$user_version", "null"),
            ],
            ..PLAIN
        },
        "/login" | "/device" => body("form=nobody-was-given-this-one"),
        "/idp/ott" => body(r#"{"purpose":"verify","user_id":"$user_id"}"#),
        "/idp/ott/login" => body(r#"{"ott":"nobody-knows-this-one"}"#),
        "/idp/device_authorization" => body("client_id=$app_id&scope=openid"),
        "/idp/device_authorization/approval" => body(r#"{"code":"$user_code"}"#),
        "/api/tidemark/1/readings" => {
            body(r#"{"readings":[{"tenant_id":"$tenant_id","offering_item":"vms","value":3}]}"#)
        }
        "/clients" => body(
            r#"{"type":"api_client","tenant_id":"$tenant_id","token_endpoint_auth_method":"client_secret_basic"}"#,
        ),
        "/tenants" => body(r#"{"name":"New $n","parent_id":"$tenant_id","kind":"$child_kind"}"#),
        "/tenants/batch/delete" => body(r#"{"items":[{"id":"$tenant_id","version":$tenant_version}]}"#),
        "/users" => {
            body(r#"{"tenant_id":"$tenant_id","login":"new-$n","contact":{"email":"new-$n@example.com"}}"#)
        }
        "/locations" => body(r#"{"owner_tenant_id":"$tenant_id","name":"Location $n"}"#),
        "/infra" => body(
            r#"{"owner_tenant_id":"$tenant_id","name":"Storage $n","url":"abgw://s$n.example.com:44445",
                "capabilities":["backup"]}"#,
        ),
        "/reports" => body(MONTHLY_REPORT),
        "/reports/bulk" => body(
            r#"{"parameters":{"tenant_ids":["$tenant_id"],"level":"itself","kind":"usage_current"},
                "schedule":{"type":"monthly"},"result_action":"save"}"#,
        ),
        "/users/{user_id}/report-subscriptions" => body(r#"{"report_id":"$mailed_report_id"}"#),
        "/tenants/{tenant_id}/brand" => Request { body: r#"{"company_name":"Coast IT"}"#, ..query(BRAND) },
        "/tenants/{tenant_id}/brand/logo" => {
            Request { body: "LOGO", ..query("/api/2/tenants/$tenant_id/brand/logo?version=$tenant_version") }
        }
        _ => PLAIN,
    }
}

fn put(path: &str) -> Request {
    match path {
        "/clients/{client_id}" => body(r#"{"data":{"client_name":"Renamed"}}"#),
        "/tenants/{tenant_id}" => body(r#"{"version":$tenant_version,"internal_tag":"seen $n"}"#),
        "/users/{user_id}" => body(r#"{"version":$user_version,"contact":{"firstname":"Ann"}}"#),
        "/tenants/{tenant_id}/default_idp" => body(
            r#"{"version":$tenant_version,"idp_id":"22222222-2222-2222-2222-222222222222",
                "apply_to_children":false}"#,
        ),
        "/tenants/{tenant_id}/mfa/status" | "/users/{user_id}/mfa/status" => body(r#"{"enabled":false}"#),
        "/api/tidemark/1/users/me/totp" => body(r#"{"code":"000000"}"#),
        "/users/{user_id}/access_policies" => {
            body(r#"{"items":[{"tenant_id":"$policy_tenant_id","role_id":"$role"}]}"#)
        }
        "/tenants/{tenant_id}/offering_items" => {
            body(r#"{"offering_items":[{"application_id":"$application_id","name":"vms","status":1}]}"#)
        }
        "/tenants/{tenant_id}/edition" => {
            body(r#"{"target_edition":"standard","application_id":"$application_id"}"#)
        }
        "/tenants/{tenant_id}/pricing" => body(r#"{"version":$pricing_version,"currency":"EUR"}"#),
        "/tenants/{tenant_id}/offering_items/pricing" => Request {
            before: &[(
                "PUT /api/2/tenants/$payer_id/pricing",
                r#"{"version":$pricing_version,"currency":"EUR"}"#,
            )],
            ..body(r#"{"items":[{"application_id":"$application_id","name":"vms","price":"0.05"}]}"#)
        },
        "/tenants/usages" => {
            body(r#"{"items":[{"tenant_id":"$tenant_id","offering_item":"vms","usage_value":3}]}"#)
        }
        "/locations/{location_id}" => body(r#"{"version":$location_version,"name":"Renamed $n"}"#),
        "/infra/{infra_id}" => body(r#"{"version":$infra_version,"name":"Renamed $n"}"#),
        "/billing/tenants/{tenant_id}" => body(r#"{"version":$billing_version,"mode":"external"}"#),
        "/billing/tenants/{tenant_id}/periods" => body(
            r#"{"items":[{"offering_item":{"application_id":"$application_id","name":"vms"},
                "current_period":{"start":"2026-05-01","end":"2026-05-31"}}]}"#,
        ),
        "/api/tidemark/1/tenants/{tenant_id}/billing_period" => body(r#"{"day":15}"#),
        "/applications/{application_id}/settings/tenants/{tenant_id}/{name=tier_level_value}" => {
            Request { target: TIER_LEVEL, body: r#"{"value":2}"#, ..PLAIN }
        }
        "/applications/{application_id}/settings/tenants/{tenant_id}/{name=pricing_info}" => {
            Request { target: PRICING_INFO, body: PRICE_LIST, ..PLAIN }
        }
        "/reports/{report_id}" => body("{}"),
        "/tenants/{tenant_id}/brand" => Request { body: r##"{"color":"#8a2be2"}"##, ..query(BRAND) },
        _ => PLAIN,
    }
}

fn delete(path: &str) -> Request {
    match path {
        "/tenants/{tenant_id}" => query("/api/2/tenants/$tenant_id?version=$tenant_version"),
        "/tenants/{tenant_id}/brand" => query(BRAND),
        "/users/{user_id}" => Request {
            before: &[("PUT /api/2/users/$user_id", r#"{"version":$user_version,"enabled":false}"#)],
            ..query("/api/2/users/$user_id?version=$user_version")
        },
        "/locations/{location_id}" => query("/api/2/locations/$location_id?version=$location_version"),
        "/infra/{infra_id}" => query("/api/2/infra/$infra_id?version=$infra_version"),
        "/applications/{application_id}/settings/tenants/{tenant_id}/{name=tier_level_value}" => Request {
            before: &[(
                "PUT /api/2/applications/$platform_id/settings/tenants/$tenant_id/tier_level_value",
                r#"{"value":2}"#,
            )],
            ..query(TIER_LEVEL)
        },
        "/applications/{application_id}/settings/tenants/{tenant_id}/{name=pricing_info}" => Request {
            before: &[(
                "PUT /api/2/applications/$platform_id/settings/tenants/$tenant_id/pricing_info",
                PRICE_LIST,
            )],
            ..query(PRICING_INFO)
        },
        // A service that nobody has but the top tenant, so that nothing goes off that other cells need.
        "/applications/{application_id}/bindings/tenants/{tenant_id}" => {
            query("/api/2/applications/$shipping_id/bindings/tenants/$tenant_id")
        }
        "/reports/{report_id}" => query("/api/2/reports/$report_id?version=$report_version"),
        "/users/{user_id}/report-subscriptions/{report_id}" => Request {
            before: &[(
                "POST /api/2/users/$user_id/report-subscriptions",
                r#"{"report_id":"$mailed_report_id"}"#,
            )],
            ..query("/api/2/users/$user_id/report-subscriptions/$mailed_report_id")
        },
        _ => PLAIN,
    }
}
