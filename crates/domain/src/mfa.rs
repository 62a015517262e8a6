//! Second factors: who must have one, and who has.

use crate::tenant::words;

words! {
    /// Where the second factor of a user or tenant stands (accounts-api, 1.8).
    MfaStatus {
        /// None is there and none is demanded.
        Disabled = "disabled",
        /// The tenant demands one, but not of this user.
        ForciblyDisabled = "forcibly_disabled",
        /// One is demanded and not set up yet: no sign-in until it is.
        SetupRequired = "setup_required",
        /// Of a user: it is there, and every sign-in needs it. Of a tenant: it is demanded.
        Enabled = "enabled",
    }
}

impl MfaStatus {
    /// Of a tenant that demands a second factor of its users, or does not.
    pub const fn of_tenant(demanded: bool) -> Self {
        if demanded { Self::Enabled } else { Self::Disabled }
    }

    /// Of a user: what its tenant demands, what is demanded of this user where that differs, and whether it has set a
    /// factor up. One that is there counts, whatever is demanded: no administrator's switch leaves an account weaker
    /// than its owner made it.
    pub const fn of_user(tenant_demands: bool, of_this_user: Option<bool>, is_set_up: bool) -> Self {
        match (is_set_up, of_this_user) {
            (true, _) => Self::Enabled,
            (false, Some(true)) => Self::SetupRequired,
            (false, Some(false)) if tenant_demands => Self::ForciblyDisabled,
            (false, None) if tenant_demands => Self::SetupRequired,
            (false, _) => Self::Disabled,
        }
    }

    /// Whether a login and password alone do.
    pub const fn password_suffices(self) -> bool {
        matches!(self, Self::Disabled | Self::ForciblyDisabled)
    }
}

#[cfg(test)]
mod tests {
    use super::MfaStatus::{self, Disabled, Enabled, ForciblyDisabled, SetupRequired};

    #[test]
    fn a_users_own_setting_outweighs_its_tenants_and_a_factor_that_is_there_always_counts() {
        let without = |tenant, user| MfaStatus::of_user(tenant, user, false);
        assert_eq!(
            [None, Some(false), Some(true)].map(|user| without(false, user)),
            [Disabled, Disabled, SetupRequired]
        );
        assert_eq!(
            [None, Some(false), Some(true)].map(|user| without(true, user)),
            [SetupRequired, ForciblyDisabled, SetupRequired]
        );
        for (tenant, user) in [(false, None), (false, Some(false)), (true, Some(false)), (true, None)] {
            assert_eq!(MfaStatus::of_user(tenant, user, true), Enabled);
        }
    }
}
