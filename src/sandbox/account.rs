//! What each of the sandbox's accounts is allowed and how it is set: the things that AWS Support, Service
//! Quotas and account settings decide, and no call of EC2's own.
//!
//! It is plain data. What counts against a quota is counted where instances are launched.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Most live instances of a Region, unless the account says otherwise.
const INSTANCES_DEFAULT: usize = 20_000;

/// One account. The default is a generous one: a default VPC, no vCPU quota.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// Whether each Region has a default VPC with default subnets. Without one, RunInstances
    /// without a subnet answers `VPCIdNotSpecified`.
    pub default_vpc: bool,
    /// `HttpTokensEnforced`: a launch that resolves to `HttpTokens=optional` is refused.
    pub http_tokens_enforced: bool,
    /// Whether the trust policies of roles allow `sts:SetSourceIdentity`. Where they do not, AssumeRole with a
    /// source identity answers `AccessDenied`.
    pub source_identity: bool,
    /// The external id that the trust policies of roles ask for, if they ask for one. AssumeRole without it
    /// answers `AccessDenied`.
    pub external_id: Option<String>,
    /// Most instances per Region that are not terminated: `InstanceLimitExceeded`.
    pub instances: usize,
    /// vCPUs per Region that pending and running instances of a family group may have. A group
    /// that is absent is not limited.
    pub vcpus: BTreeMap<VcpuQuota, u32>,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            default_vpc: true,
            http_tokens_enforced: false,
            source_identity: true,
            external_id: None,
            instances: INSTANCES_DEFAULT,
            vcpus: BTreeMap::new(),
        }
    }
}

/// A pool of vCPUs (EC2 User Guide, "Amazon EC2 instance type quotas"): one per family group, for
/// On-Demand Instances and for Spot requests apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VcpuQuota {
    /// A, C, D, H, I, M, R, T and Z.
    Standard,
    /// F.
    F,
    /// G and VT.
    G,
    /// Hpc.
    Hpc,
    /// Inf.
    Inf,
    /// P.
    P,
    /// Trn.
    Trn,
    /// DL.
    Dl,
    /// X.
    X,
    /// High memory, `u-` and `u7`.
    U,
    /// Spot: A, C, D, H, I, M, R, T and Z.
    SpotStandard,
    /// Spot: F.
    SpotF,
    /// Spot: G and VT.
    SpotG,
    /// Spot: Hpc.
    SpotHpc,
    /// Spot: Inf.
    SpotInf,
    /// Spot: P.
    SpotP,
    /// Spot: Trn.
    SpotTrn,
    /// Spot: DL.
    SpotDl,
    /// Spot: X.
    SpotX,
    /// Spot: high memory.
    SpotU,
}

impl VcpuQuota {
    /// The pool that an instance type counts against.
    pub(crate) fn of(instance_type: &str, spot: bool) -> Self {
        let letters: String = instance_type.chars().take_while(char::is_ascii_alphabetic).collect();
        let (on_demand, of_spot) = match letters.as_str() {
            "f" => (Self::F, Self::SpotF),
            "g" | "gr" | "vt" => (Self::G, Self::SpotG),
            "hpc" => (Self::Hpc, Self::SpotHpc),
            "inf" => (Self::Inf, Self::SpotInf),
            "p" => (Self::P, Self::SpotP),
            "trn" => (Self::Trn, Self::SpotTrn),
            "dl" => (Self::Dl, Self::SpotDl),
            "x" => (Self::X, Self::SpotX),
            "u" => (Self::U, Self::SpotU),
            _ => (Self::Standard, Self::SpotStandard),
        };
        if spot { of_spot } else { on_demand }
    }

    /// Whether it is of Spot requests.
    pub(crate) fn is_spot(self) -> bool {
        self >= Self::SpotStandard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_written_as_toml() {
        let account: Account =
            toml::from_str("default_vpc = false\n[vcpus]\nstandard = 5\nspot_trn = 0\nhpc = 192\n").unwrap();
        assert!(!account.default_vpc && !account.http_tokens_enforced);
        assert_eq!(account.instances, INSTANCES_DEFAULT);
        assert_eq!(account.vcpus[&VcpuQuota::SpotTrn], 0);
        assert_eq!(toml::from_str::<Account>("").unwrap(), Account::default());
        for wrong in ["vpc = true", "[vcpus]\nq = 1", "instances = -1", "[vcpus]\nstandard = \"5\""] {
            assert!(toml::from_str::<Account>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_type_has_its_group() {
        for (name, spot, quota) in [
            ("m7i.large", false, VcpuQuota::Standard),
            ("t1.micro", true, VcpuQuota::SpotStandard),
            ("im4gn.large", false, VcpuQuota::Standard),
            ("dl1.24xlarge", false, VcpuQuota::Dl),
            ("d3.xlarge", false, VcpuQuota::Standard),
            ("u-6tb1.metal", false, VcpuQuota::U),
            ("u7i-12tb.224xlarge", false, VcpuQuota::U),
            ("vt1.3xlarge", true, VcpuQuota::SpotG),
            ("x2iedn.xlarge", false, VcpuQuota::X),
            ("hpc7a.12xlarge", false, VcpuQuota::Hpc),
            ("g4dn.xlarge", false, VcpuQuota::G),
        ] {
            assert_eq!(VcpuQuota::of(name, spot), quota, "{name}");
        }
    }
}
