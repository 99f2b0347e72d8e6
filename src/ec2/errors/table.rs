//! The one table from EC2 error code to what it means and what to do about it.
//!
//! Exact codes come first, then families of codes by prefix and suffix, because EC2 coins new ones
//! after the same patterns. A code that fits neither is [`ErrorClass::Unknown`] and stays so.
//! Messages are never looked at: EC2 rewords them. Sources: EC2 API Reference, "Error codes for
//! the Amazon EC2 API", and answers seen in public reports.

use super::ErrorClass::{
    self, Capacity, DryRunOk, Idempotency, Incompatible, Invalid, NotFound, OptIn, Permission, Quota, Throttled,
    Transient,
};
use super::remedy::*;

/// What a code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// Its class.
    pub class: ErrorClass,
    /// What to do about it.
    pub remedy: &'static str,
}

/// What `code` means. EC2 writes the same code with `Client.` or `Server.` before it in state
/// reasons and in its older documentation; both forms are understood.
pub fn meaning_of(code: &str) -> Meaning {
    let code = code.strip_prefix("Client.").or_else(|| code.strip_prefix("Server.")).unwrap_or(code);
    let (class, remedy) = match CODES.binary_search_by(|row| row.0.cmp(code)) {
        Ok(at) => (CODES[at].1, CODES[at].2),
        Err(_) => FAMILIES
            .iter()
            .find(|(prefix, suffix, ..)| {
                code.len() >= prefix.len() + suffix.len() && code.starts_with(prefix) && code.ends_with(suffix)
            })
            .map_or((ErrorClass::Unknown, UNKNOWN), |&(_, _, class, remedy)| (class, remedy)),
    };
    Meaning { class, remedy }
}

/// Code, class, remedy; in the order of bytes, so that it can be searched.
pub(super) const CODES: &[(&str, ErrorClass, &str)] = &[
    ("AccessDenied", Permission, GRANT),
    ("AccessDeniedException", Permission, GRANT),
    ("AccountDisabled", Permission, ASK_AWS),
    ("AddressLimitExceeded", Quota, RAISE_QUOTA),
    ("AttachmentLimitExceeded", Quota, FEWER),
    ("AuthFailure", Permission, CREDENTIALS),
    ("BandwidthLimitExceeded", Throttled, SLOW_DOWN),
    ("Blocked", Permission, ASK_AWS),
    ("BootForVolumeTypeUnsupported", Incompatible, ROOT_VOLUME),
    ("ConcurrentTagAccess", Throttled, SLOW_DOWN),
    ("CustomerKeyHasBeenRevoked", Permission, KEY),
    ("DryRunOperation", DryRunOk, NONE_NEEDED),
    ("EC2ThrottledException", Throttled, SLOW_DOWN),
    ("EncryptedVolumesNotSupported", Incompatible, NO_ENCRYPTION),
    ("ExpiredToken", Permission, CREDENTIALS),
    ("ExpiredTokenException", Permission, CREDENTIALS),
    ("FilterLimitExceeded", Invalid, CORRECT_FILTER),
    ("HostLimitExceeded", Quota, RAISE_QUOTA),
    ("IdempotentInstanceTerminated", Idempotency, TOKEN_GONE),
    ("IdempotentParameterMismatch", Idempotency, NEW_TOKEN),
    ("IncompatibleHostRequirements", Capacity, OTHER_HOST),
    ("IncompleteSignature", Permission, CREDENTIALS),
    ("IncorrectInstanceState", Invalid, WAIT_STATE),
    ("IncorrectState", Invalid, WAIT_STATE),
    ("InstanceCreditSpecification.NotSupported", Incompatible, NO_CREDITS),
    ("InstanceLimitExceeded", Quota, RAISE_QUOTA),
    ("InsufficientAddressCapacity", Capacity, OTHER_PLACE),
    ("InsufficientCapacity", Capacity, OTHER_PLACE),
    ("InsufficientCapacityOnHost", Capacity, OTHER_HOST),
    // A limit of the subnet and not of the account: another subnet will do.
    ("InsufficientFreeAddressesInSubnet", Capacity, OTHER_SUBNET),
    ("InsufficientHostCapacity", Capacity, OTHER_HOST),
    ("InsufficientInstanceCapacity", Capacity, OTHER_PLACE),
    ("InsufficientReservedInstanceCapacity", Capacity, OTHER_RESERVATION),
    ("InsufficientVolumeCapacity", Capacity, OTHER_PLACE),
    ("InternalError", Transient, REPEAT),
    ("InternalFailure", Transient, REPEAT),
    ("InvalidAMIID.Malformed", Invalid, CORRECT),
    ("InvalidAMIID.NotFound", NotFound, IMAGE_MISSING),
    ("InvalidAMIID.Unavailable", Incompatible, IMAGE_UNAVAILABLE),
    ("InvalidAction", Invalid, CORRECT),
    ("InvalidAvailabilityZone", Invalid, CORRECT),
    ("InvalidBlockDeviceMapping", Invalid, CORRECT),
    ("InvalidClientToken", Idempotency, TOKEN_FORM),
    ("InvalidClientTokenId", Permission, CREDENTIALS),
    ("InvalidCpuCredits", Incompatible, NO_CREDITS),
    ("InvalidFilter", Invalid, CORRECT_FILTER),
    ("InvalidIPAddress.InUse", Invalid, IN_USE),
    ("InvalidInput", Invalid, CORRECT),
    ("InvalidInstanceID.Malformed", Invalid, CORRECT),
    ("InvalidInstanceID.NotFound", NotFound, INSTANCE_MISSING),
    ("InvalidInstanceType", Invalid, CORRECT),
    ("InvalidInterface.IpAddressLimitExceeded", Quota, FEWER),
    ("InvalidKernelId.Malformed", Invalid, CORRECT),
    ("InvalidManifest", Incompatible, IMAGE_UNAVAILABLE),
    ("InvalidMaxResults", Invalid, CORRECT),
    ("InvalidNetworkInterface.InUse", Invalid, IN_USE),
    ("InvalidNextToken", Invalid, RESTART_PAGES),
    ("InvalidPaginationToken", Invalid, RESTART_PAGES),
    ("InvalidParameter", Invalid, CORRECT),
    ("InvalidParameterCombination", Incompatible, CHECK_FIT),
    ("InvalidParameterDependency", Invalid, CORRECT),
    ("InvalidParameterValue", Invalid, CORRECT_VALUE),
    ("InvalidProductInfo", Invalid, CORRECT),
    ("InvalidRamDiskId.Malformed", Invalid, CORRECT),
    ("InvalidRequest", Invalid, CORRECT),
    ("InvalidSecurity", Permission, CREDENTIALS),
    ("InvalidSubnet", NotFound, NAME_EXISTING),
    ("InvalidTenancy", Invalid, CORRECT),
    ("InvalidUserID.Malformed", Invalid, CORRECT),
    ("MaxIOPSLimitExceeded", Quota, RAISE_QUOTA),
    ("MaxSpotInstanceCountExceeded", Quota, RAISE_VCPU_QUOTA),
    ("MissingAuthenticationToken", Permission, CREDENTIALS),
    ("MissingInput", Invalid, CORRECT),
    ("MissingParameter", Invalid, CORRECT),
    ("NetworkInterfaceLimitExceeded", Quota, RAISE_QUOTA),
    ("NonEBSInstance", Incompatible, CHECK_FIT),
    ("OperationNotPermitted", Permission, UNPROTECT),
    ("OptInRequired", OptIn, SUBSCRIBE),
    ("ParameterNotFound", NotFound, NAME_EXISTING),
    ("PendingVerification", Permission, ASK_AWS),
    ("PrivateIpAddressLimitExceeded", Quota, FEWER),
    ("RegionDisabledException", OptIn, ENABLE_STS),
    ("RequestExpired", Permission, CREDENTIALS),
    ("RequestLimitExceeded", Throttled, SLOW_DOWN),
    ("RequestResourceCountExceeded", Quota, FEWER),
    ("RequestThrottled", Throttled, SLOW_DOWN),
    ("RequestTimeout", Transient, REPEAT),
    ("RequestTimeoutException", Transient, REPEAT),
    ("ReservationCapacityExceeded", Capacity, OTHER_RESERVATION),
    ("ResourceCountExceeded", Quota, FEWER),
    ("ResourceLimitExceeded", Quota, RAISE_QUOTA),
    ("RetryableError", Transient, REPEAT),
    ("SecurityGroupsPerInstanceLimitExceeded", Quota, FEWER),
    ("SecurityGroupsPerInterfaceLimitExceeded", Quota, FEWER),
    ("ServerInternal", Transient, REPEAT),
    ("ServiceUnavailable", Transient, REPEAT),
    ("SignatureDoesNotMatch", Permission, CREDENTIALS),
    ("SlowDown", Throttled, SLOW_DOWN),
    ("SpotMaxPriceTooLow", Capacity, SPOT_PRICE),
    ("SubscriptionRequiredException", OptIn, SUBSCRIBE),
    ("TagLimitExceeded", Quota, FEWER),
    ("TagPolicyViolation", Permission, TAG_POLICY),
    ("Throttling", Throttled, SLOW_DOWN),
    ("ThrottlingException", Throttled, SLOW_DOWN),
    ("TooManyRequestsException", Throttled, SLOW_DOWN),
    ("UnauthorizedOperation", Permission, GRANT),
    ("Unavailable", Transient, REPEAT),
    ("UnavailableHostRequirements", Capacity, OTHER_HOST),
    ("UnfulfillableCapacity", Capacity, OTHER_PLACE),
    ("UnknownParameter", Invalid, CORRECT),
    ("UnrecognizedClientException", Permission, CREDENTIALS),
    ("Unsupported", Incompatible, OTHER_ZONE_OR_TYPE),
    ("UnsupportedHibernationConfiguration", Incompatible, NO_HIBERNATION),
    ("UnsupportedHostConfiguration", Incompatible, OTHER_HOST),
    ("UnsupportedInstanceTypeOnHost", Incompatible, OTHER_HOST),
    ("UnsupportedOperation", Incompatible, CHECK_FIT),
    ("UnsupportedTenancy", Incompatible, OTHER_ZONE_OR_TYPE),
    ("VPCIdNotSpecified", Invalid, NAME_SUBNET),
    ("VPCResourceNotSpecified", Invalid, NAME_SUBNET),
    ("ValidationError", Invalid, CORRECT),
    ("VcpuLimitExceeded", Quota, RAISE_VCPU_QUOTA),
    ("VolumeLimitExceeded", Quota, RAISE_QUOTA),
    ("VolumeTypeNotAvailableInZone", Capacity, OTHER_PLACE),
    ("ZonesMismatched", Invalid, CORRECT),
];

/// Prefix, suffix, class, remedy; the first that fits wins.
pub(super) const FAMILIES: &[(&str, &str, ErrorClass, &str)] = &[
    ("", ".Malformed", Invalid, CORRECT),
    ("", ".NotFound", NotFound, NAME_EXISTING),
    ("", ".NotFoundException", NotFound, NAME_EXISTING),
    ("", ".VersionNotFound", NotFound, NAME_EXISTING),
    ("", ".Unknown", NotFound, NAME_EXISTING),
    ("", ".InUse", Invalid, IN_USE),
    ("", "LimitExceeded", Quota, RAISE_QUOTA),
    ("Insufficient", "", Capacity, OTHER_PLACE),
    ("", ".NotSupported", Incompatible, CHECK_FIT),
    ("Unsupported", "", Incompatible, CHECK_FIT),
    ("", "NotSupported", Incompatible, CHECK_FIT),
    ("Incorrect", "State", Invalid, WAIT_STATE),
    ("Invalid", "", Invalid, CORRECT),
    ("Missing", "", Invalid, CORRECT),
];
