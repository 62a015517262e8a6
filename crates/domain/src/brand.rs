//! Brands: how a tenant looks to itself and to those below it (accounts-api, tier 3).
//!
//! A tenant without a brand of its own has that of the nearest tenant above which has one; above all stands the platform's
//! own look.

mod address;
mod color;
mod png;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::text::check_text;
pub use address::is_inner;
pub use color::{BadColor, Color};
pub use png::{BadPng, LOGO_MAX_BYTES, LOGO_MAX_PIXELS, check_png};

/// The brand that a tenant shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrandRef {
    /// Its number.
    pub id: i64,
    /// Its UUID.
    pub uuid: Uuid,
    /// Whether it is the tenant's own.
    pub is_own: bool,
}

impl BrandRef {
    /// The platform's own look, as in the published example of accounts-api 1.8.
    pub const PLATFORM: Self =
        Self { id: 1, uuid: Uuid::from_u128(0x03fa_8bf4_28f2_11e7_ba28_cbe9_9c3c_450a), is_own: false };
}

/// What files and mails show of a brand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// Who sends.
    pub name: Option<String>,
    /// Bars and titles.
    pub color: Option<Color>,
    /// A PNG file that [`check_png`] let pass.
    pub logo: Option<Arc<[u8]>>,
}

/// A value that a member can be cleared with.
trait Blank {
    fn is_blank(&self) -> bool;
}

impl Blank for String {
    fn is_blank(&self) -> bool {
        self.is_empty()
    }
}

impl Blank for i64 {
    fn is_blank(&self) -> bool {
        false
    }
}

impl Blank for bool {
    fn is_blank(&self) -> bool {
        false
    }
}

macro_rules! members {
    ($($name:ident: $type:ty,)*) => {
        /// The published members of a brand, less `smtp_password`, which is kept apart. All are optional; texts without
        /// a comment are shown by other programs and kept as they come.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        #[expect(missing_docs, reason = "they bear the published names")]
        pub struct Members {
            $(#[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<$type>,)*
        }

        impl Members {
            /// These over older ones: what is not given stays, and an empty text clears.
            #[must_use]
            pub fn over(self, old: Self) -> Self {
                Self { $($name: self.$name.or(old.$name).filter(|value| !value.is_blank()),)* }
            }
        }
    };
}

members! {
    support_phone: String,
    account_server_url: String,
    support_url: String,
    mobile_app_android_download_url: String,
    mobile_app_ios_download_url: String,
    upsell_url: String,
    backup_console_url: String,
    terms_url: String,
    home_url: String,
    knowledgebase_url: String,
    platform_terms_url: String,
    user_guide_url: String,
    color: String,
    company_name: String,
    color_scheme: String,
    logotype: String,
    service_name: String,
    reg_server_url: String,
    router_url: String,
    agent_gateway_url: String,
    help_url: String,
    privacy_policy_url: String,
    owns_custom_legal_docs: bool,
    white_labeled_agent: bool,
    smtp_override: bool,
    smtp_reply_address: String,
    smtp_server: String,
    smtp_port: i64,
    smtp_user: String,
    smtp_encryption: String,
}

/// A member whose value is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadMember {
    /// Its name.
    pub name: &'static str,
    /// What is wrong with it.
    pub why: String,
}

/// The longest link.
const LINK_MAX_CHARS: usize = 2048;

impl Members {
    /// Who sends: the company, or else the service.
    pub fn sender(&self) -> Option<&str> {
        self.company_name.as_deref().or(self.service_name.as_deref())
    }

    /// The colour; none that is not one gets past [`Members::check`].
    pub fn shown_color(&self) -> Option<Color> {
        self.color.as_deref().and_then(|color| color.parse().ok())
    }

    /// The first member whose value is not allowed. What another host's name resolves to is not asked here.
    pub fn check(&self) -> Result<(), BadMember> {
        let bad = |name, why: String| Err(BadMember { name, why });
        for (name, text) in self.texts() {
            if let Err(why) = text.map_or(Ok(()), check_text) {
                return bad(name, why.to_string());
            }
        }
        for (name, link) in self.links() {
            if !link.is_none_or(is_link) {
                return bad(name, "must be an address that begins with https:// or http://".to_owned());
            }
        }
        if let Some(Err(why)) = given(self.color.as_ref()).map(str::parse::<Color>) {
            return bad("color", why.to_string());
        }
        if self.smtp_port.is_some_and(|port| !(1..=65_535).contains(&port)) {
            return bad("smtp_port", "must be a port, 1 to 65535".to_owned());
        }
        let encryption = self.smtp_encryption.as_deref().unwrap_or_default();
        if !["", "SSL", "TLS"].contains(&encryption) {
            return bad("smtp_encryption", "must be \"\", SSL or TLS".to_owned());
        }
        Ok(())
    }

    fn texts(&self) -> [(&'static str, Option<&str>); 12] {
        [
            ("support_phone", self.support_phone.as_deref()),
            ("company_name", self.company_name.as_deref()),
            ("color_scheme", self.color_scheme.as_deref()),
            ("logotype", self.logotype.as_deref()),
            ("service_name", self.service_name.as_deref()),
            ("reg_server_url", self.reg_server_url.as_deref()),
            ("router_url", self.router_url.as_deref()),
            ("agent_gateway_url", self.agent_gateway_url.as_deref()),
            ("smtp_reply_address", self.smtp_reply_address.as_deref()),
            ("smtp_server", self.smtp_server.as_deref()),
            ("smtp_user", self.smtp_user.as_deref()),
            ("smtp_encryption", self.smtp_encryption.as_deref()),
        ]
    }

    /// What people click on; the addresses among the texts are for programs, which know forms without a scheme.
    fn links(&self) -> [(&'static str, Option<&str>); 13] {
        let link = given;
        [
            ("account_server_url", link(self.account_server_url.as_ref())),
            ("support_url", link(self.support_url.as_ref())),
            ("mobile_app_android_download_url", link(self.mobile_app_android_download_url.as_ref())),
            ("mobile_app_ios_download_url", link(self.mobile_app_ios_download_url.as_ref())),
            ("upsell_url", link(self.upsell_url.as_ref())),
            ("backup_console_url", link(self.backup_console_url.as_ref())),
            ("terms_url", link(self.terms_url.as_ref())),
            ("home_url", link(self.home_url.as_ref())),
            ("knowledgebase_url", link(self.knowledgebase_url.as_ref())),
            ("platform_terms_url", link(self.platform_terms_url.as_ref())),
            ("user_guide_url", link(self.user_guide_url.as_ref())),
            ("help_url", link(self.help_url.as_ref())),
            ("privacy_policy_url", link(self.privacy_policy_url.as_ref())),
        ]
    }
}

/// A text that is not sent in order to clear.
fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

fn is_link(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    is_plain && text.chars().count() <= LINK_MAX_CHARS && rest.is_some_and(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(members: &Members) -> Option<&'static str> {
        members.check().err().map(|bad| bad.name)
    }

    #[test]
    fn given_members_replace_and_empty_texts_clear() {
        let text = |text: &str| Some(text.to_owned());
        let old = Members { color: text("#fff"), company_name: text("Old"), ..Members::default() };
        let new = Members { color: text(""), smtp_override: Some(false), ..Members::default() };
        let over = new.over(old);
        assert_eq!((over.color, over.company_name), (None, text("Old")));
        assert_eq!(over.smtp_override, Some(false));
    }

    #[test]
    fn links_that_are_none_and_values_beyond_their_range_are_refused() {
        for link in ["javascript:alert(1)", "https://", "https://a b", "//x", "data:text/html,x"] {
            let members = Members { home_url: Some(link.to_owned()), ..Members::default() };
            assert_eq!(refused(&members), Some("home_url"), "{link}");
        }
        let members =
            Members { home_url: Some("https://north.example/?a=b".to_owned()), ..Members::default() };
        assert_eq!(refused(&members), None);
        assert_eq!(refused(&Members { smtp_port: Some(65_536), ..Members::default() }), Some("smtp_port"));
        let members = Members { smtp_encryption: Some("tls".to_owned()), ..Members::default() };
        assert_eq!(refused(&members), Some("smtp_encryption"));
        let members = Members { color: Some("red;} body{".to_owned()), ..Members::default() };
        assert_eq!(refused(&members), Some("color"));
        let members = Members { company_name: Some("a\r\nBcc: b".to_owned()), ..Members::default() };
        assert_eq!(refused(&members), Some("company_name"));
    }
}
