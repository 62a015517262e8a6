//! What a token request asks for (accounts-api, 1.2).

use std::fmt;

use domain::ids::TenantId;

use super::Refusal;

const OPENID: &str = "openid";
const OFFLINE_ACCESS: &str = "offline_access";
const TENANT: &str = "urn:acronis.com:tenant-id:";

/// The words of a scope that mean something; others are ignored. Its text is the scope as granted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scope {
    /// Asks for an id_token, which every answer has.
    pub openid: bool,
    /// Asks for a refresh token.
    pub offline_access: bool,
    /// Narrows the token to this tenant and what is below.
    pub narrowed_to: Option<TenantId>,
}

impl Scope {
    /// Reads words separated by spaces.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let mut scope = Self::default();
        for word in text.split_ascii_whitespace() {
            if let Some(tenant) = word.strip_prefix(TENANT) {
                let tenant =
                    tenant.parse().map_err(|_| Refusal::malformed("scope: the tenant's id is not a UUID"))?;
                if scope.narrowed_to.is_some_and(|other| other != tenant) {
                    return Err(Refusal::malformed("scope: one tenant at most"));
                }
                scope.narrowed_to = Some(tenant);
            }
            scope.openid |= word == OPENID;
            scope.offline_access |= word == OFFLINE_ACCESS;
        }
        Ok(scope)
    }

    /// The word that narrows to a tenant, as tokens carry it.
    pub fn tenant_word(tenant: TenantId) -> String {
        format!("{TENANT}{tenant}")
    }

    /// The tenant of such a word.
    pub fn tenant_of_word(word: &str) -> Option<TenantId> {
        word.strip_prefix(TENANT)?.parse().ok()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            self.openid.then(|| OPENID.to_owned()),
            self.offline_access.then(|| OFFLINE_ACCESS.to_owned()),
            self.narrowed_to.map(Self::tenant_word),
        ];
        f.write_str(&words.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_are_granted_and_others_dropped() {
        let text =
            "offline_access urn:acronis.com:tenant-id:7FCE5F09-2E4B-4C26-8311-31A361C13190 root openid";
        let scope = Scope::read(text).unwrap();
        let granted = "openid offline_access urn:acronis.com:tenant-id:7fce5f09-2e4b-4c26-8311-31a361c13190";
        assert_eq!(scope.to_string(), granted);
        assert_eq!(Scope::read(granted).unwrap(), scope);
        assert_eq!(Scope::read("").unwrap().to_string(), "");
        assert!(matches!(Scope::read("urn:acronis.com:tenant-id:7"), Err(Refusal::Malformed(_))));
    }
}
