//! Brands as JSON.

use app::brands::BrandChange;
use domain::brand::Members;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::json::Body;
use crate::wire::{lax_bool_option, lax_int_option};

macro_rules! brand {
    ($($text:ident,)*) => {
        /// A brand: the members that are set. `smtp_password` is never shown.
        #[derive(Debug, Serialize, ToSchema)]
        #[schema(example = json!({"company_name": "Coast IT", "color": "#8a2be2", "smtp_override": 0}))]
        pub struct Brand {
            $(#[serde(skip_serializing_if = "Option::is_none")] $text: Option<String>,)*
            #[serde(skip_serializing_if = "Option::is_none")]
            owns_custom_legal_docs: Option<bool>,
            #[serde(skip_serializing_if = "Option::is_none")]
            white_labeled_agent: Option<bool>,
            /// 0 or 1.
            #[serde(skip_serializing_if = "Option::is_none")]
            smtp_override: Option<u8>,
            #[serde(skip_serializing_if = "Option::is_none")]
            smtp_port: Option<i64>,
        }

        impl From<Members> for Brand {
            fn from(members: Members) -> Self {
                Self {
                    $($text: members.$text,)*
                    owns_custom_legal_docs: members.owns_custom_legal_docs,
                    white_labeled_agent: members.white_labeled_agent,
                    smtp_override: members.smtp_override.map(u8::from),
                    smtp_port: members.smtp_port,
                }
            }
        }

        /// Members of a brand: what is not sent stays, and `""` clears a text. Others are ignored.
        #[derive(Debug, Deserialize, ToSchema)]
        #[schema(example = json!({"company_name": "Coast IT", "color": "#8a2be2",
            "smtp_reply_address": "help@coast.example"}))]
        pub struct BrandBody {
            $($text: Option<String>,)*
            #[serde(default, deserialize_with = "lax_bool_option")]
            owns_custom_legal_docs: Option<bool>,
            #[serde(default, deserialize_with = "lax_bool_option")]
            white_labeled_agent: Option<bool>,
            /// 0 or 1.
            #[serde(default, deserialize_with = "zero_or_one")]
            #[schema(value_type = Option<u8>, maximum = 1)]
            smtp_override: Option<bool>,
            #[serde(default, deserialize_with = "lax_int_option")]
            #[schema(minimum = 1, maximum = 65535)]
            smtp_port: Option<i64>,
            smtp_password: Option<String>,
        }

        impl From<BrandBody> for BrandChange {
            fn from(body: BrandBody) -> Self {
                let members = Members {
                    $($text: body.$text,)*
                    owns_custom_legal_docs: body.owns_custom_legal_docs,
                    white_labeled_agent: body.white_labeled_agent,
                    smtp_override: body.smtp_override,
                    smtp_port: body.smtp_port,
                };
                Self { members, smtp_password: body.smtp_password }
            }
        }
    };
}

brand! {
    support_phone,
    account_server_url,
    support_url,
    mobile_app_android_download_url,
    mobile_app_ios_download_url,
    upsell_url,
    backup_console_url,
    terms_url,
    home_url,
    knowledgebase_url,
    platform_terms_url,
    user_guide_url,
    color,
    company_name,
    color_scheme,
    logotype,
    service_name,
    reg_server_url,
    router_url,
    agent_gateway_url,
    help_url,
    privacy_policy_url,
    smtp_reply_address,
    smtp_server,
    smtp_user,
    smtp_encryption,
}

impl Body for BrandBody {}

/// 0 or 1, which careless clients send as a text or a truth value; null counts as absent.
fn zero_or_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "must be 0 or 1")]
    enum Lax {
        Bool(bool),
        Int(i64),
        Text(String),
    }
    match Option::<Lax>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Lax::Bool(value)) => Ok(Some(value)),
        Some(Lax::Int(value @ (0 | 1))) => Ok(Some(value == 1)),
        Some(Lax::Text(text)) if ["0", "1"].contains(&text.as_str()) => Ok(Some(text == "1")),
        Some(_) => Err(serde::de::Error::custom("must be 0 or 1")),
    }
}
